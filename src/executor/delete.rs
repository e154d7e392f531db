//! One batch of deletions: look again, delete, and take ECR's answer.

use std::collections::{HashMap, HashSet};

use super::{Work, recheck};
use crate::oci::digest::Digest;
use crate::registry::{
    BatchResponse, CallError, CallErrorKind, DeleteImages, ReadRepository, Refusal, RefusalKind, TagImages,
    presence,
};
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::StepIndex;

impl<R: ReadRepository + DeleteImages + TagImages> Work<'_, R> {
    /// Deletes at most 100 images, none of which lists another.
    pub(super) async fn delete_batch(&mut self, batch: &[StepIndex]) {
        let unchanged = self.unchanged(batch).await;
        if unchanged.is_empty() {
            return;
        }
        let digests = self.digests(&unchanged);
        match self.deadline.call(self.registry.delete(&self.plan.name, &digests)).await {
            Ok(response) => self.take_response(&unchanged, response),
            Err(error) => self.conclude(&unchanged, &Self::failed_write(&error, "it may be deleted")),
        }
    }

    /// Looks at the images again and takes out what is gone or changed since the plan.
    pub(super) async fn unchanged(&mut self, batch: &[StepIndex]) -> Vec<StepIndex> {
        let digests = self.digests(batch);
        let look = presence::look(self.registry, &self.plan.name, &digests);
        let presence = match self.deadline.call(look).await {
            Ok(presence) => presence,
            Err(error) => {
                self.fail(batch, &error);
                return Vec::new();
            }
        };
        let mut unchanged = Vec::with_capacity(batch.len());
        for step in batch {
            match recheck::change(&presence, self.plan.step(*step)) {
                None => unchanged.push(*step),
                Some(outcome) => self.outcomes.set(*step, outcome),
            }
        }
        unchanged
    }

    fn take_response(&mut self, batch: &[StepIndex], response: BatchResponse<Digest>) {
        let mut refused: HashMap<Digest, Refusal> =
            response.refused.into_iter().map(|refusal| (refusal.digest, refusal)).collect();
        let done: HashSet<Digest> = response.done.into_iter().collect();
        for step in batch {
            let digest = self.image(*step).digest;
            let outcome = if done.contains(&digest) {
                Outcome::Deleted
            } else if let Some(refusal) = refused.remove(&digest) {
                refusal_outcome(refusal)
            } else {
                let detail = "BatchDeleteImage did not mention it; it may be deleted";
                Outcome::Failed(Cause::new("no-answer", detail))
            };
            self.outcomes.set(*step, outcome);
        }
    }

    /// The outcome of a write that failed. If its response was lost nobody knows whether it was carried out, and the
    /// report says so.
    pub(super) fn failed_write(error: &CallError, doubt: &str) -> Outcome {
        if error.is_in_doubt() {
            Outcome::Failed(Cause::new(error.code.as_str(), format!("{error}; {doubt}")))
        } else {
            failed_call(error)
        }
    }

    /// Concludes steps after a failed call that changed nothing.
    pub(super) fn fail(&mut self, batch: &[StepIndex], error: &CallError) {
        self.conclude(batch, &failed_call(error));
    }
}

/// The outcome after a failed call that changed nothing.
fn failed_call(error: &CallError) -> Outcome {
    let cause = |detail: String| Cause::new(error.code.as_str(), detail);
    match error.kind {
        CallErrorKind::DeadlineExceeded => Outcome::OutOfTime,
        CallErrorKind::RepositoryNotFound => {
            Outcome::AlreadyGone(cause("its repository was deleted meanwhile".into()))
        }
        CallErrorKind::AccessDenied => {
            Outcome::Failed(cause(format!("{error}; the role needs this permission in apply mode")))
        }
        _ => Outcome::Failed(cause(error.to_string())),
    }
}

fn refusal_outcome(refusal: Refusal) -> Outcome {
    let cause = Cause::new(refusal.code, refusal.reason);
    match refusal.kind {
        RefusalKind::NotFound => Outcome::AlreadyGone(cause),
        RefusalKind::Referenced => Outcome::Protected(cause),
        RefusalKind::Inaccessible | RefusalKind::Other => Outcome::Failed(cause),
    }
}
