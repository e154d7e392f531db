//! One batch: ask again, delete, and believe the answer.

use std::collections::{HashMap, HashSet};

use super::{At, Work};
use crate::executor::recheck;
use crate::oci::digest::Digest;
use crate::registry::{BatchAnswer, CallError, Delete, Read, Tag};
use crate::report::decision::Outcome;

impl<R: Read + Delete + Tag> Work<'_, R> {
    /// Deletes at most 100 images, none of which lists another.
    pub(super) async fn delete_batch(&mut self, batch: &[At]) {
        let unchanged = self.unchanged(batch).await;
        if unchanged.is_empty() {
            return;
        }
        let digests: Vec<Digest> = unchanged.iter().map(|at| self.decisions[*at].digest).collect();
        match self.deadline.wait(self.registry.delete(self.repository, &digests)).await {
            Err(_) => self.conclude_all(
                &unchanged,
                Outcome::Failed,
                "NoAnswer",
                "time ran out before ECR answered; it may be deleted",
            ),
            Ok(Err(error)) => self.fail_write(&unchanged, &error, "it may be deleted all the same"),
            Ok(Ok(answer)) => self.take_answer(&unchanged, answer),
        }
    }

    /// Looks at the images again and takes out what is gone or changed since the plan.
    pub(super) async fn unchanged(&mut self, batch: &[At]) -> Vec<At> {
        let digests: Vec<Digest> = batch.iter().map(|at| self.decisions[*at].digest).collect();
        let presence = match self.deadline.wait(recheck::look(self.registry, self.repository, &digests)).await
        {
            Err(_) => {
                self.out_of_time(batch);
                return Vec::new();
            }
            Ok(Err(error)) => {
                self.fail_all(batch, &error);
                return Vec::new();
            }
            Ok(Ok(presence)) => presence,
        };
        let mut unchanged = Vec::with_capacity(batch.len());
        for at in batch {
            match presence.change(&self.decisions[*at]) {
                None => unchanged.push(*at),
                Some((outcome, code, detail)) => {
                    self.decisions[*at].conclude(outcome, code, Some(detail.into()))
                }
            }
        }
        unchanged
    }

    fn take_answer(&mut self, batch: &[At], answer: BatchAnswer<Digest>) {
        let refused: HashMap<Digest, (String, String)> =
            answer.refused.into_iter().map(|r| (r.digest, (r.code, r.reason))).collect();
        let done: HashSet<Digest> = answer.done.into_iter().collect();
        for at in batch {
            let decision = &mut self.decisions[*at];
            if done.contains(&decision.digest) {
                decision.conclude(Outcome::Deleted, None, None);
            } else if let Some((code, reason)) = refused.get(&decision.digest) {
                let outcome = match code.as_str() {
                    "ImageNotFound" => Outcome::AlreadyGone,
                    "ImageReferencedByManifestList" => Outcome::ProtectedByEcr,
                    _ => Outcome::Failed,
                };
                decision.conclude(outcome, Some(code), Some(reason.clone()));
            } else {
                let detail = "BatchDeleteImage said nothing of it; it may be deleted";
                decision.conclude(Outcome::Failed, Some("NoAnswer"), Some(detail.into()));
            }
        }
    }

    /// A write that failed. Where its answer was lost, nobody knows what became of it, and the report says so.
    pub(super) fn fail_write(&mut self, batch: &[At], error: &CallError, doubt: &str) {
        if error.is_in_doubt() {
            self.conclude_all(batch, Outcome::Failed, &error.code, &format!("{error}; {doubt}"));
        } else {
            self.fail_all(batch, error);
        }
    }

    pub(super) fn fail_all(&mut self, batch: &[At], error: &CallError) {
        if error.is_repository_gone() {
            return self.conclude_all(
                batch,
                Outcome::AlreadyGone,
                &error.code,
                "its repository was deleted meanwhile",
            );
        }
        let remedy =
            if error.is_access_denied() { "; the role needs this permission in apply mode" } else { "" };
        self.conclude_all(batch, Outcome::Failed, &error.code, &format!("{error}{remedy}"));
    }

    pub(super) fn out_of_time(&mut self, batch: &[At]) {
        for at in batch {
            self.decisions[*at].conclude(
                Outcome::Deadline,
                None,
                Some("there was no time left for it".into()),
            );
        }
    }

    pub(super) fn conclude_all(&mut self, batch: &[At], outcome: Outcome, code: &str, detail: &str) {
        for at in batch {
            self.decisions[*at].conclude(outcome, Some(code), Some(detail.to_owned()));
        }
    }
}
