//! Writing tags: verbatim bytes, and never a tag that another image holds.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt as _;

use super::{RateLimiter, Work};
use crate::oci::attestation::{Form, classify};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::planner::collect::verified;
use crate::registry::{
    CallError, CallErrorKind, DeleteImages, ReadRepository, StoredManifest, TagImages, TagWritten,
};
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::{StepIndex, Tagging};
use crate::rules::verdict::{TAG_IN_USE, tag_in_use};

impl<R: ReadRepository + DeleteImages + TagImages> Work<'_, R> {
    /// Tags at most 100 images.
    pub(super) async fn tag_batch(
        &mut self,
        batch: &[StepIndex],
        manifests: &mut HashMap<Digest, StoredManifest>,
        rate_limiter: &RateLimiter,
    ) {
        let unchanged = self.unchanged(batch).await;
        let free = self.with_free_tags(&unchanged).await;
        self.read_missing(&free, manifests).await;
        for step in free.into_iter().filter(|step| self.outcomes.get(*step).is_none()).collect::<Vec<_>>() {
            let Some(tagging) = self.plan.step(step).tagging() else { continue };
            let outcome = if self.deadline.may_start_work() {
                self.write_tag(tagging, manifests.remove(&tagging.image.digest), rate_limiter).await
            } else {
                Outcome::OutOfTime
            };
            self.outcomes.set(step, outcome);
        }
    }

    /// The steps whose tags are free. PutImage would silently move a tag off another image, and no API call is
    /// conditional, so the tags are looked up right before.
    async fn with_free_tags(&mut self, batch: &[StepIndex]) -> Vec<StepIndex> {
        let tags: Vec<String> =
            batch.iter().filter_map(|step| Some(self.plan.step(*step).tagging()?.new_tag.clone())).collect();
        if tags.is_empty() {
            return Vec::new();
        }
        match self.deadline.call(self.registry.tag_holders(&self.plan.name, &tags)).await {
            Err(error) => {
                self.fail(batch, &error);
                Vec::new()
            }
            Ok(holders) => {
                let mut free = Vec::with_capacity(batch.len());
                for step in batch {
                    match self.plan.step(*step).tagging().map(|tagging| obstacle(tagging, &holders)) {
                        Some(None) => free.push(*step),
                        Some(Some(outcome)) => self.outcomes.set(*step, outcome),
                        None => {}
                    }
                }
                free
            }
        }
    }

    /// Reads the bytes of a saved plan's images, or of more than a run keeps in memory.
    async fn read_missing(&mut self, batch: &[StepIndex], manifests: &mut HashMap<Digest, StoredManifest>) {
        let missing: Vec<StepIndex> =
            batch.iter().copied().filter(|step| !manifests.contains_key(&self.image(*step).digest)).collect();
        if missing.is_empty() {
            return;
        }
        let steps: HashMap<Digest, StepIndex> =
            missing.iter().map(|step| (self.image(*step).digest, *step)).collect();
        let mut parts = self.registry.manifests(&self.plan.name, self.digests(&missing));
        loop {
            let part = match self.deadline.call(async { Ok::<_, CallError>(parts.next().await) }).await {
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

    async fn write_tag(
        &self,
        tagging: &Tagging,
        manifest: Option<StoredManifest>,
        rate_limiter: &RateLimiter,
    ) -> Outcome {
        let Some(manifest) = manifest.filter(|manifest| proves(manifest, tagging.form)) else {
            let detail = "its bytes do not prove what the plan says";
            return Outcome::Failed(Cause::new("not-proven", detail));
        };
        let turn = async {
            rate_limiter.acquire().await;
            Ok::<_, CallError>(())
        };
        let turn = self.deadline.call(turn).await;
        if turn.is_err() || !self.deadline.may_start_work() {
            return Outcome::OutOfTime;
        }
        let write = self.registry.put_tag(&self.plan.name, &manifest, &tagging.new_tag);
        match self.deadline.call(write).await {
            Ok(TagWritten::Done) => Outcome::Tagged,
            Ok(TagWritten::InUse) => self.settle_in_use(tagging).await,
            Err(error) if error.kind == CallErrorKind::ImageNotFound => {
                Outcome::AlreadyGone(Cause::new(error.code, "it was deleted before this run came to it"))
            }
            Err(error) => Self::failed_write(&error, "it may have the tag"),
        }
    }

    /// The outcome where ECR says that the tag is in use. If tags cannot be moved, it also says so of a tag that this
    /// very image has since a first attempt whose response was lost.
    async fn settle_in_use(&self, tagging: &Tagging) -> Outcome {
        let tags = [tagging.new_tag.clone()];
        let holders = self.deadline.call(self.registry.tag_holders(&self.plan.name, &tags)).await;
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

/// Whether the very bytes that go back prove the attestation once more.
fn proves(manifest: &StoredManifest, form: Form) -> bool {
    let Ok(parsed) = Manifest::parse(manifest.bytes.as_bytes()) else { return false };
    let classified = classify(&parsed);
    match form {
        Form::ByParent => classified.by_parent,
        form => classified.form == Some(form),
    }
}
