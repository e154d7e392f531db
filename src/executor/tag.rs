//! Writing tags: verbatim bytes, and never a tag that another image holds.

use std::collections::{BTreeMap, HashMap};

use super::{At, Pace, Work};
use crate::oci::attestation::{Class, Form, classify};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::planner::collect::verified;
use crate::registry::{CallError, Delete, Read, StoredManifest, Tag, TagWritten};
use crate::report::decision::{Decision, Outcome};
use crate::rules::verdict::TAG_IN_USE;

impl<R: Read + Delete + Tag> Work<'_, R> {
    /// Tags at most 100 images. Where an answer about them is too large to be read, half of them at a time.
    pub(super) async fn tag_batch(
        &mut self,
        batch: &[At],
        manifests: &mut HashMap<Digest, StoredManifest>,
        pace: &Pace,
    ) {
        let mut parts = vec![batch.to_vec()];
        while let Some(part) = parts.pop() {
            match self.ready_for_tags(&part, manifests).await {
                Err(error) => parts.extend(self.halves_or_failures(part, &error)),
                Ok(ready) => {
                    for at in ready {
                        if self.deadline.is_near() {
                            self.out_of_time(&[at]);
                        } else {
                            self.write_tag(at, manifests, pace).await;
                        }
                    }
                }
            }
        }
    }

    /// What a failed call leaves to be tried again: two halves, the first one last, if its answer was too large.
    fn halves_or_failures(&mut self, part: Vec<At>, error: &CallError) -> Vec<Vec<At>> {
        let left: Vec<At> = part.into_iter().filter(|at| self.is_planned(*at)).collect();
        if error.is_answer_too_large() && left.len() > 1 {
            let (one, two) = left.split_at(left.len() / 2);
            return vec![two.to_vec(), one.to_vec()];
        }
        self.fail_all(&left, error);
        Vec::new()
    }

    /// Those that did not change, whose tag is free, and whose bytes are at hand or do not exist.
    async fn ready_for_tags(
        &mut self,
        part: &[At],
        manifests: &mut HashMap<Digest, StoredManifest>,
    ) -> Result<Vec<At>, CallError> {
        let unchanged = self.unchanged(part).await;
        let free = self.with_free_tags(&unchanged).await?;
        self.read_missing(&free, manifests).await?;
        Ok(free.into_iter().filter(|at| self.is_planned(*at)).collect())
    }

    fn is_planned(&self, at: At) -> bool {
        self.decisions[at].outcome == Outcome::Planned
    }

    /// PutImage would silently move a tag off another image. No API call is conditional, so the tags are looked up
    /// right before; one lookup for them all.
    async fn with_free_tags(&mut self, batch: &[At]) -> Result<Vec<At>, CallError> {
        let tags: Vec<String> = batch.iter().filter_map(|at| self.decisions[*at].new_tag.clone()).collect();
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let Ok(holders) = self.deadline.wait(self.registry.tag_holders(self.repository, &tags)).await else {
            self.out_of_time(batch);
            return Ok(Vec::new());
        };
        let holders = holders?;
        Ok(batch.iter().copied().filter(|at| is_free(&mut self.decisions[*at], &holders)).collect())
    }

    /// The bytes of a saved plan's images, or of more than a run keeps in memory.
    async fn read_missing(
        &mut self,
        batch: &[At],
        manifests: &mut HashMap<Digest, StoredManifest>,
    ) -> Result<(), CallError> {
        let digest = |at: &At| self.decisions[*at].digest;
        let missing: Vec<At> =
            batch.iter().copied().filter(|at| !manifests.contains_key(&digest(at))).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let digests: Vec<Digest> = missing.iter().map(digest).collect();
        let Ok(answer) = self.deadline.wait(self.registry.manifests(self.repository, &digests)).await else {
            self.out_of_time(&missing);
            return Ok(());
        };
        let sound = answer?.done.into_iter().filter_map(|manifest| verified(manifest).ok());
        manifests.extend(sound.map(|manifest| (manifest.digest, manifest)));
        Ok(())
    }

    async fn write_tag(&mut self, at: At, manifests: &mut HashMap<Digest, StoredManifest>, pace: &Pace) {
        let decision = &self.decisions[at];
        let (digest, form) = (decision.digest, decision.form);
        let Some(tag) = decision.new_tag.clone() else { return };
        let Some(manifest) = manifests.remove(&digest).filter(|manifest| is_proven(manifest, form)) else {
            return self.conclude_all(
                &[at],
                Outcome::Failed,
                "NotProven",
                "its bytes do not prove what the plan says",
            );
        };
        if self.deadline.wait(pace.turn()).await.is_err() || self.deadline.is_near() {
            return self.out_of_time(&[at]);
        }
        match self.deadline.wait(self.registry.put_tag(self.repository, &manifest, &tag)).await {
            Err(_) => self.conclude_all(
                &[at],
                Outcome::Failed,
                "NoAnswer",
                "time ran out before ECR answered; it may have the tag",
            ),
            Ok(Ok(TagWritten::Done)) => self.decisions[at].conclude(Outcome::Tagged, None, None),
            Ok(Ok(TagWritten::InUse)) => self.settle_in_use(at, tag).await,
            Ok(Err(error)) => self.fail_tag(at, &error),
        }
    }

    /// Where tags cannot be moved, ECR refuses a tag that names another image, but also one that this image has since
    /// a first try whose answer was lost.
    async fn settle_in_use(&mut self, at: At, tag: String) {
        let tags = [tag];
        let holders = self.deadline.wait(self.registry.tag_holders(self.repository, &tags)).await;
        let holder =
            holders.ok().and_then(Result::ok).and_then(|holders| holders.get(&tags[0]).copied().flatten());
        if holder == Some(self.decisions[at].digest) {
            self.decisions[at].conclude(Outcome::Tagged, None, None);
        } else {
            in_use(&mut self.decisions[at], &tags[0]);
        }
    }

    fn fail_tag(&mut self, at: At, error: &CallError) {
        if error.is_image_gone() {
            self.conclude_all(&[at], Outcome::AlreadyGone, &error.code, "somebody else deleted it");
        } else {
            self.fail_write(&[at], error, "it may have the tag all the same");
        }
    }
}

fn is_free(decision: &mut Decision, holders: &BTreeMap<String, Option<Digest>>) -> bool {
    let Some(tag) = decision.new_tag.clone() else { return false };
    match holders.get(&tag) {
        Some(None) => return true,
        Some(Some(holder)) if *holder == decision.digest => {
            decision.conclude(Outcome::Kept, None, Some("it has the tag already".into()));
        }
        Some(Some(_)) => in_use(decision, &tag),
        None => decision.conclude(
            Outcome::Failed,
            Some("NoAnswer"),
            Some(format!("ECR did not say who holds the tag {tag:?}, so it was not written")),
        ),
    }
    false
}

fn in_use(decision: &mut Decision, tag: &str) {
    let detail = format!("the tag {tag:?} names another image; change tag_template, or remove that tag");
    decision.conclude(Outcome::Failed, Some(TAG_IN_USE), Some(detail));
}

/// The proof once more, from the very bytes that go back.
fn is_proven(manifest: &StoredManifest, form: Option<Form>) -> bool {
    let class = Manifest::parse(manifest.bytes.as_bytes()).map(|manifest| classify(&manifest));
    match (class, form) {
        (Ok(Class::Attestation(own)), Some(form)) => own == form,
        (Ok(Class::Suspect { by_parent: true }), Some(Form::ByParent)) => true,
        _ => false,
    }
}
