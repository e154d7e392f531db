//! Writing tags: verbatim bytes, and never a tag that another image holds.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt as _;

use super::Work;
use super::delete::{Doubt, failed_call};
use super::proof::{classified, is_form_proven, not_proven};
use crate::memory::BackUpImages;
use crate::oci::digest::Digest;
use crate::planner::collect::verified;
use crate::registry::{
    CallError, CallErrorKind, DeleteImages, ReadRepository, StoredManifest, TagImages, TagWritten,
};
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::{StepIndex, Tagging};
use crate::rules::verdict::{TAG_IN_USE, tag_in_use};

/// What ECR may have done, for the outcomes of tags whose response was lost.
const MAY_HAVE_THE_TAG: &str = "it may have the tag";

impl<R, B> Work<'_, R, B>
where
    R: ReadRepository + DeleteImages + TagImages,
    B: BackUpImages,
{
    /// Tags at most 100 images.
    pub(super) async fn tag_batch(
        &self,
        batch: &[StepIndex],
        manifests: &mut HashMap<Digest, StoredManifest>,
    ) {
        let unchanged = self.unchanged(batch, self.run.own_reads(), &Doubt::none()).await;
        let free = self.with_free_tags(&unchanged, &Doubt::none()).await;
        self.read_missing(&free, manifests).await;
        for step in free.into_iter().filter(|step| !self.has_outcome(*step)).collect::<Vec<_>>() {
            let manifest = manifests.remove(&self.image(step).digest);
            if let Some(outcome) = self.write_tag(step, manifest).await {
                self.settle(step, outcome);
            }
        }
    }

    /// The steps whose tags are free. PutImage would silently move a tag off another image, and no API call is
    /// conditional, so the tags are looked up right before.
    async fn with_free_tags(&self, batch: &[StepIndex], doubt: &Doubt) -> Vec<StepIndex> {
        let tags: Vec<String> =
            batch.iter().filter_map(|step| Some(self.plan.step(*step).tagging()?.new_tag.clone())).collect();
        if tags.is_empty() {
            return Vec::new();
        }
        match self.run.deadline.call(self.registry.tag_holders(&self.plan.name, &tags)).await {
            Err(error) => {
                self.conclude(batch, &doubt.of(failed_call(&error)));
                Vec::new()
            }
            Ok(holders) => {
                let mut free = Vec::with_capacity(batch.len());
                for step in batch {
                    match self.plan.step(*step).tagging().map(|tagging| obstacle(tagging, &holders)) {
                        Some(None) => free.push(*step),
                        Some(Some(outcome)) => self.settle(*step, doubt.of(outcome)),
                        None => {}
                    }
                }
                free
            }
        }
    }

    /// Reads the bytes of a saved plan's images, or of more than a run keeps in memory.
    async fn read_missing(&self, batch: &[StepIndex], manifests: &mut HashMap<Digest, StoredManifest>) {
        let missing: Vec<StepIndex> =
            batch.iter().copied().filter(|step| !manifests.contains_key(&self.image(*step).digest)).collect();
        if missing.is_empty() {
            return;
        }
        let steps: HashMap<Digest, StepIndex> =
            missing.iter().map(|step| (self.image(*step).digest, *step)).collect();
        let mut parts = self.registry.manifests(&self.plan.name, self.digests(&missing));
        loop {
            let part = match self.run.deadline.call(async { Ok::<_, CallError>(parts.next().await) }).await {
                Ok(None) => return,
                Ok(Some(part)) => part,
                Err(error) => {
                    let left: Vec<StepIndex> = missing
                        .into_iter()
                        .filter(|step| !manifests.contains_key(&self.image(*step).digest))
                        .collect();
                    return self.fail(&left, &error);
                }
            };
            match part.response {
                Ok(response) => {
                    let sound = response.done.into_iter().filter_map(|manifest| verified(manifest).ok());
                    manifests.extend(sound.map(|manifest| (manifest.digest, manifest)));
                }
                Err(error) => {
                    let failed: Vec<StepIndex> =
                        part.digests.iter().filter_map(|digest| steps.get(digest).copied()).collect();
                    self.fail(&failed, &error);
                }
            }
        }
    }

    /// Writes a tag. As with deletions, a call is sent once, and trying again means looking again. Returns the outcome,
    /// unless a look has settled it.
    async fn write_tag(&self, step: StepIndex, manifest: Option<StoredManifest>) -> Option<Outcome> {
        let tagging = self.plan.step(step).tagging()?;
        let Some(manifest) = manifest.filter(|it| proves(it, tagging)) else {
            return Some(Outcome::Failed(not_proven()));
        };
        let mut doubt = Doubt::about(MAY_HAVE_THE_TAG);
        for attempt in 1.. {
            if attempt > 1 {
                let unchanged = self.unchanged(&[step], self.run.own_reads(), &doubt).await;
                if self.with_free_tags(&unchanged, &doubt).await.is_empty() {
                    return None;
                }
            }
            if !self.has_turn().await {
                return Some(doubt.of(Outcome::OutOfTime));
            }
            let write = self.registry.put_tag(&self.plan.name, &manifest, &tagging.new_tag);
            match self.run.deadline.call(write).await {
                Ok(TagWritten::Done) => return Some(Outcome::Tagged),
                Ok(TagWritten::InUse) => return Some(doubt.of(self.settle_in_use(tagging).await)),
                Err(error) => {
                    doubt.note(&error);
                    if !self.may_try_again(&error, attempt).await {
                        return Some(doubt.of(failed_put(&error)));
                    }
                }
            }
        }
        None
    }

    /// Waits for the turn of a PutImage; `false` if there is no time for it.
    async fn has_turn(&self) -> bool {
        let turn = async {
            self.run.rate_limiter.acquire().await;
            Ok::<_, CallError>(())
        };
        self.run.deadline.may_start_work()
            && self.run.deadline.call(turn).await.is_ok()
            && self.run.deadline.may_start_work()
    }

    /// The outcome where ECR says that the tag is in use. If tags cannot be moved, it also says so of a tag that this
    /// very image has since a first attempt whose response was lost.
    async fn settle_in_use(&self, tagging: &Tagging) -> Outcome {
        let tags = [tagging.new_tag.clone()];
        let holders = self.run.deadline.call(self.registry.tag_holders(&self.plan.name, &tags)).await;
        let holder = holders.ok().and_then(|holders| holders.get(&tags[0]).copied().flatten());
        if holder == Some(tagging.image.digest) { Outcome::Tagged } else { in_use(&tags[0]) }
    }
}

/// What keeps a tag from being written; none if it is free.
fn obstacle(tagging: &Tagging, holders: &BTreeMap<String, Option<Digest>>) -> Option<Outcome> {
    let tag = &tagging.new_tag;
    match holders.get(tag) {
        Some(None) => None,
        Some(Some(holder)) if *holder == tagging.image.digest => Some(Outcome::HadTag),
        Some(Some(_)) => Some(in_use(tag)),
        None => {
            let detail = format!("ECR did not say which image has the tag {tag:?}, so it was not written");
            Some(Outcome::Failed(Cause::new("no-answer", detail)))
        }
    }
}

fn in_use(tag: &str) -> Outcome {
    Outcome::Failed(Cause::new(TAG_IN_USE, tag_in_use(tag)))
}

/// The outcome of a PutImage that failed.
fn failed_put(error: &CallError) -> Outcome {
    match error.kind {
        CallErrorKind::ImageNotFound => {
            Outcome::AlreadyGone(Cause::new(error.code.as_str(), "it was deleted before this run came to it"))
        }
        _ => failed_call(error),
    }
}

/// Whether the very bytes that go back prove the attestation once more.
fn proves(manifest: &StoredManifest, tagging: &Tagging) -> bool {
    classified(manifest).is_some_and(|read| is_form_proven(tagging.form, read))
}
