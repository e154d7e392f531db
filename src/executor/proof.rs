//! The proof of a deletion: the image's own bytes, read and hashed right before it, and its backup.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt as _;

use super::{Work, kind};
use crate::memory::{BackUpImages, BackupImage};
use crate::oci::attestation::{Classified, Form, classify};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::planner::collect::verified;
use crate::registry::{
    BatchResponse, CallError, DeleteImages, ManifestPart, ReadRepository, StoredManifest, TagImages,
};
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::{Deletion, StepIndex};

/// The code of an image whose bytes do not prove what the plan takes it for.
pub(super) const NOT_PROVEN: &str = "not-proven";
const BACKUP_FAILED: &str = "backup-failed";

/// A batch after its proof. What is in neither list has its outcome.
#[derive(Debug, Default)]
pub(super) struct Proven {
    /// Proven and backed up.
    pub(super) steps: Vec<StepIndex>,
    /// Not given by BatchGetImage, with its reason. A look may tell more: that it is gone, or archived.
    pub(super) not_given: Vec<(StepIndex, Cause)>,
}

impl<R, B> Work<'_, R, B>
where
    R: ReadRepository + DeleteImages + TagImages,
    B: BackUpImages,
{
    /// Proves a batch by its bytes and backs it up, one part of the response after the other: a batch of large
    /// manifests would not fit in memory.
    pub(super) async fn prove_and_back_up(&self, batch: &[StepIndex]) -> Proven {
        let registry = self.registry;
        let mut steps: HashMap<Digest, StepIndex> =
            batch.iter().map(|step| (self.image(*step).digest, *step)).collect();
        let mut proven = Proven::default();
        let mut parts = registry.manifests(&self.plan.name, self.digests(batch));
        while !steps.is_empty() {
            let part = self.run.deadline.call(async { Ok::<_, CallError>(parts.next().await) }).await;
            let ManifestPart { digests, response } = match part {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(error) => {
                    let left: Vec<StepIndex> = steps.into_values().collect();
                    self.fail(&left, &error);
                    return proven;
                }
            };
            let part: Vec<StepIndex> = digests.iter().filter_map(|digest| steps.remove(digest)).collect();
            match response {
                Ok(response) => self.take_part(&part, response, &mut proven).await,
                Err(error) => self.fail(&part, &error),
            }
        }
        let silence = |step| (step, Cause::new("no-answer", "BatchGetImage did not mention it"));
        proven.not_given.extend(steps.into_values().map(silence));
        proven.steps.sort_unstable();
        proven
    }

    async fn take_part(
        &self,
        part: &[StepIndex],
        response: BatchResponse<StoredManifest>,
        proven: &mut Proven,
    ) {
        let mut given: HashMap<Digest, StoredManifest> =
            response.done.into_iter().map(|manifest| (manifest.digest, manifest)).collect();
        let mut refused: HashMap<Digest, Cause> = response
            .refused
            .into_iter()
            .map(|refusal| (refusal.digest, Cause::new(refusal.code, refusal.reason)))
            .collect();
        let mut stored = Vec::with_capacity(part.len());
        for step in part.iter().copied() {
            let Some(deletion) = self.plan.step(step).deletion() else { continue };
            let digest = deletion.image.digest;
            match given.remove(&digest).map(|manifest| prove(deletion, manifest)) {
                Some(Ok(manifest)) => stored.push((step, manifest)),
                Some(Err(cause)) => self.settle(step, Outcome::Failed(cause)),
                None => {
                    let silence = || Cause::new("no-answer", "BatchGetImage did not mention it");
                    proven.not_given.push((step, refused.remove(&digest).unwrap_or_else(silence)));
                }
            }
        }
        proven.steps.extend(self.back_up(&stored).await);
    }

    /// Stores images, and returns those that are stored. The others are not deleted.
    async fn back_up<'i>(&self, images: &'i [(StepIndex, StoredManifest)]) -> Vec<StepIndex> {
        if images.is_empty() {
            return Vec::new();
        }
        let (plan, order) = (self.plan, &self.order);
        let backup = |(step, manifest): &'i (StepIndex, StoredManifest)| {
            let deletion = plan.step(*step).deletion()?;
            let (tags, pushed_at) = (deletion.image.tags.as_slice(), deletion.image.pushed_at);
            let loses_images = order.loses_images(plan, deletion.image.digest);
            Some(BackupImage { manifest, kind: kind(deletion), tags, pushed_at, loses_images })
        };
        let wanted: Vec<BackupImage<'_>> = images.iter().filter_map(backup).collect();
        let steps: Vec<StepIndex> = images.iter().map(|(step, _)| *step).collect();
        let call = self.backups.back_up(&plan.name, &wanted);
        let failed = self.run.deadline.call(async { Ok::<_, CallError>(call.await) }).await;
        let mut failed: BTreeMap<Digest, String> = match failed {
            Ok(failed) => failed,
            Err(error) => {
                self.fail(&steps, &error);
                return Vec::new();
            }
        };
        let mut stored = Vec::with_capacity(steps.len());
        for step in steps {
            match failed.remove(&self.image(step).digest) {
                None => stored.push(step),
                Some(reason) => {
                    let detail = format!("it was not deleted because it could not be backed up: {reason}");
                    self.settle(step, Outcome::Failed(Cause::new(BACKUP_FAILED, detail)));
                }
            }
        }
        stored
    }
}

/// The manifest, if it hashes to its digest and proves what the plan deletes.
fn prove(deletion: &Deletion, manifest: StoredManifest) -> Result<StoredManifest, Cause> {
    let manifest = verified(manifest).map_err(|problem| Cause::new(problem.code, problem.detail))?;
    let proves = classified(&manifest).is_some_and(|it| deletion.target.is_proven_by(&it));
    if proves { Ok(manifest) } else { Err(not_proven()) }
}

/// The failure of an image whose bytes prove something else than the plan says.
pub(super) fn not_proven() -> Cause {
    Cause::new(NOT_PROVEN, "its bytes do not prove what the plan says")
}

/// Whether bytes prove an attestation of this form, or leave it to a parent's descriptor.
pub(super) fn is_form_proven(form: Form, read: Classified) -> bool {
    match form {
        Form::ByParent => read.by_parent,
        form => read.form == Some(form),
    }
}

/// The class of a manifest; none if it cannot be understood.
pub(super) fn classified(manifest: &StoredManifest) -> Option<Classified> {
    Manifest::parse(manifest.bytes.as_bytes()).ok().map(|parsed| classify(&parsed))
}
