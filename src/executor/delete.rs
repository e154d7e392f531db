//! One batch of deletions: prove, back up, look again, delete, and take ECR's answer.

use std::collections::{HashMap, HashSet};

use super::Work;
use super::proof::Proven;
use super::recheck::{OwnReads, change};
use crate::memory::BackUpImages;
use crate::oci::digest::Digest;
use crate::registry::{
    BatchResponse, CallError, CallErrorKind, DeleteImages, ReadRepository, Refusal, RefusalKind, TagImages,
    presence,
};
use crate::report::outcome::{Cause, MAY_BE_DELETED, Outcome};
use crate::report::plan::StepIndex;
use crate::util::backoff;
use crate::util::deadline::DeadlineExceeded;

impl<R, B> Work<'_, R, B>
where
    R: ReadRepository + DeleteImages + TagImages,
    B: BackUpImages,
{
    /// Deletes at most 100 images, none of which lists another.
    pub(super) async fn delete_batch(&self, batch: &[StepIndex]) {
        let is_again = |step: &StepIndex| self.progress().lagging.contains_key(step);
        let (again, mut batch): (Vec<_>, Vec<_>) = batch.iter().copied().partition(is_again);
        if self.run.is_plan_old() && !batch.is_empty() {
            // The read that comes next hides who pulled until then.
            let Ok(_turn) = self.turn(&batch).await else {
                return self.conclude(&batch, &Outcome::OutOfTime);
            };
            batch = self.unchanged(&batch, self.run.planning_reads(), &Doubt::none()).await;
        }
        let mut proven = self.prove_and_back_up(&batch).await;
        proven.steps.extend(again);
        self.delete_proven(proven).await;
    }

    /// Deletes what is unchanged. A call is sent once: after one that was throttled or got no answer, ECR is asked
    /// again how things are, and only then to delete.
    async fn delete_proven(&self, proven: Proven) {
        let Proven { steps: mut left, not_given } = proven;
        left.extend(not_given.iter().map(|(step, _)| *step));
        let mut doubt = Doubt::about(MAY_BE_DELETED);
        for attempt in 1.. {
            // Before the look: nothing is waited for between it and the deletion.
            let turn = match self.turn(&left).await {
                Ok(turn) => turn,
                Err(error) => return self.conclude(&left, &doubt.of(failed_call(&error))),
            };
            left = self.unchanged(&left, self.run.own_reads(), &doubt).await;
            left = self.fail_unproven(left, &not_given);
            if left.is_empty() {
                return;
            }
            let digests = self.digests(&left);
            match self.run.deadline.call(self.registry.delete(turn, &self.plan.name, &digests)).await {
                Ok(response) => return self.take_response(&left, response, &doubt),
                Err(error) => {
                    doubt.note(&error);
                    if !self.may_try_again(&error, attempt).await {
                        return self.conclude(&left, &doubt.of(failed_call(&error)));
                    }
                }
            }
        }
    }

    /// Waits for the right to send a deletion. What hangs below an index that this run deleted follows it; nothing else
    /// is begun once the time is up.
    async fn turn(&self, batch: &[StepIndex]) -> Result<R::Turn, CallError> {
        let turn = self.run.deadline.call(async { Ok::<_, CallError>(self.registry.turn().await) }).await?;
        let is_begun =
            || batch.iter().any(|step| self.image(*step).parents.iter().any(|it| self.deleted(*it)));
        if self.run.deadline.may_start_work() || is_begun() { Ok(turn) } else { Err(DeadlineExceeded.into()) }
    }

    /// Waits before the next attempt at a write, if there is to be one.
    pub(super) async fn may_try_again(&self, error: &CallError, attempt: u32) -> bool {
        error.is_transient()
            && attempt < self.registry.max_attempts()
            && self.run.deadline.wait(backoff::after(attempt)).await
    }

    /// Looks at the images again, and at what is to follow them, and takes out what is gone or changed since the plan: a
    /// signature that somebody tagged since then holds what it is of.
    pub(super) async fn unchanged(
        &self,
        batch: &[StepIndex],
        own_reads: OwnReads,
        doubt: &Doubt,
    ) -> Vec<StepIndex> {
        let followers = self.order.followers(self.plan, batch);
        let followers = || followers.iter().filter(|(_, follower)| !self.has_outcome(*follower));
        let mut digests = self.digests(batch);
        digests.extend(followers().map(|(_, follower)| self.image(*follower).digest));
        digests.sort_unstable();
        digests.dedup();
        let look = presence::look(self.registry, &self.plan.name, &digests);
        let presence = match self.run.deadline.call(look).await {
            Ok(presence) => presence,
            Err(error) => {
                self.conclude(batch, &doubt.of(failed_call(&error)));
                return Vec::new();
            }
        };
        let changed = |step: StepIndex| change(&presence, self.plan.step(step), own_reads);
        let held: HashMap<StepIndex, Digest> = followers()
            .filter(|(_, follower)| matches!(changed(*follower), Some(Outcome::Changed(_))))
            .map(|(step, follower)| (*step, self.image(*follower).digest))
            .collect();
        let mut unchanged = Vec::with_capacity(batch.len());
        for step in batch {
            let outcome = changed(*step).or_else(|| {
                let by = held.get(step)?;
                Some(Outcome::Changed(Cause::of(format!("{by}, which was to follow it, has changed"))))
            });
            match outcome {
                None => unchanged.push(*step),
                Some(outcome) => self.settle(*step, doubt.of(outcome)),
            }
        }
        unchanged
    }

    /// Fails what BatchGetImage did not give although it is there, unchanged.
    fn fail_unproven(&self, left: Vec<StepIndex>, not_given: &[(StepIndex, Cause)]) -> Vec<StepIndex> {
        for (step, cause) in not_given {
            if left.contains(step) {
                self.settle(*step, Outcome::Failed(cause.clone()));
            }
        }
        left.into_iter().filter(|step| !self.has_outcome(*step)).collect()
    }

    fn take_response(&self, batch: &[StepIndex], response: BatchResponse<Digest>, doubt: &Doubt) {
        let mut refused: HashMap<Digest, Refusal> =
            response.refused.into_iter().map(|refusal| (refusal.digest, refusal)).collect();
        let done: HashSet<Digest> = response.done.into_iter().collect();
        // Indexes come before what they list, so that it is known of all whether they are deleted.
        for step in batch {
            let digest = self.image(*step).digest;
            let outcome = if done.contains(&digest) {
                Outcome::Deleted
            } else if let Some(refusal) = refused.remove(&digest) {
                if self.is_first_lag(*step, &refusal) {
                    self.note_lag(*step, refusal);
                    continue;
                }
                refusal_outcome(refusal)
            } else {
                let detail = format!("BatchDeleteImage did not mention it; {MAY_BE_DELETED}");
                Outcome::Failed(Cause::new("no-answer", detail))
            };
            self.settle(*step, doubt.of(outcome));
        }
    }

    /// Concludes steps after a failed call that changed nothing.
    pub(super) fn fail(&self, batch: &[StepIndex], error: &CallError) {
        self.conclude(batch, &failed_call(error));
    }
}

/// The doubt about a write whose response was lost: whatever comes later, nobody knows whether it was carried out.
#[derive(Debug)]
pub(super) struct Doubt {
    what: &'static str,
    lost: Option<CallError>,
}

impl Doubt {
    /// No doubt yet. `what` says what a lost write may have done.
    pub(super) fn about(what: &'static str) -> Self {
        Self { what, lost: None }
    }

    /// Never a doubt: nothing was written.
    pub(super) fn none() -> Self {
        Self::about("")
    }

    /// Takes note of a failed write.
    pub(super) fn note(&mut self, error: &CallError) {
        if error.is_in_doubt() && self.lost.is_none() {
            self.lost = Some(error.clone());
        }
    }

    /// The outcome with the doubt about it.
    pub(super) fn of(&self, outcome: Outcome) -> Outcome {
        let Some(lost) = &self.lost else { return outcome };
        let lost_text = lost.to_string();
        let doubted = |cause: Cause| {
            let detail = if *cause.detail == lost_text {
                format!("{lost_text}; {}", self.what)
            } else {
                format!("{}; before that {lost_text}: {}", cause.detail, self.what)
            };
            Cause { detail: detail.into(), ..cause }
        };
        match outcome {
            Outcome::OutOfTime => {
                Outcome::Failed(Cause::new(lost.code.as_str(), format!("{lost_text}; {}", self.what)))
            }
            // Whose tag it is cannot be known, but the image has it.
            Outcome::HadTag => Outcome::Tagged,
            Outcome::AlreadyGone(cause) => Outcome::AlreadyGone(doubted(cause)),
            Outcome::Protected(cause) => Outcome::Protected(doubted(cause)),
            Outcome::Changed(cause) => Outcome::Changed(doubted(cause)),
            Outcome::Failed(cause) => Outcome::Failed(doubted(cause)),
            certain => certain,
        }
    }
}

/// The outcome after a failed call that changed nothing.
pub(super) fn failed_call(error: &CallError) -> Outcome {
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
