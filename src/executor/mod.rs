//! Executing a plan: that plan and nothing else, level by level, each batch checked again right before it.
//!
//! Outcomes are what ECR answered, for each distinct digest.

use std::collections::{BTreeSet, HashMap};

use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::planner::Ready;
use crate::registry::{DeleteImages, MAX_IDS, ReadRepository, StoredManifest, TagImages};
use crate::report::outcome::{Cause, Outcome, Outcomes};
use crate::report::plan::{Artifact, Deletion, ImageFacts, RepositoryPlan, StepIndex};
use crate::util::deadline::Deadline;

mod delete;
mod order;
mod rate_limit;
mod recheck;
pub mod run;
mod tag;

pub use rate_limit::RateLimiter;

use order::{Next, Order};

/// Carries out the plan of one repository. What has an outcome already is not done.
pub async fn execute<R: ReadRepository + DeleteImages + TagImages>(
    registry: &R,
    ready: Ready,
    outcomes: Outcomes,
    deadline: &Deadline,
    rate_limiter: &RateLimiter,
) -> (RepositoryPlan, Outcomes) {
    let Ready { plan, mut manifests } = ready;
    let mut work = Work { registry, plan: &plan, deadline, order: Order::new(&plan), outcomes };
    work.delete_superseded().await;
    work.delete_orphans().await;
    work.delete_waiting().await;
    work.write_tags(&mut manifests, rate_limiter).await;
    work.conclude_rest();
    let outcomes = work.outcomes;
    (plan, outcomes)
}

/// The execution of one repository's plan.
struct Work<'a, R> {
    registry: &'a R,
    plan: &'a RepositoryPlan,
    deadline: &'a Deadline,
    order: Order,
    outcomes: Outcomes,
}

impl<R: ReadRepository + DeleteImages + TagImages> Work<'_, R> {
    /// Deletes indexes first, outermost level first, at most 100 at a time; then at once what they alone listed, so
    /// that a run that is cut leaves little behind.
    async fn delete_superseded(&mut self) {
        for level in order::levels(self.plan) {
            for batch in level.chunks(MAX_IDS) {
                if !self.deadline.may_start_work() {
                    return self.give_up_deletions();
                }
                self.delete_ready(batch, Kind::Index).await;
                let children = self.order.children(self.plan, batch);
                self.delete_ready(&children, Kind::Attestation).await;
                self.delete_ready(&children, Kind::Image).await;
            }
        }
    }

    async fn delete_orphans(&mut self) {
        let is_orphan =
            |deletion: &Deletion| kind(deletion) == Kind::Attestation && deletion.image.parents.is_empty();
        let orphans = self.pending_deletions(is_orphan);
        for batch in orphans.chunks(MAX_IDS) {
            if !self.deadline.may_start_work() {
                return self.give_up_deletions();
            }
            self.delete_batch(batch).await;
        }
    }

    /// Deletes what waited for something outside its own batch: an image whose last referrer was an orphan, say.
    async fn delete_waiting(&mut self) {
        if !self.deadline.may_start_work() {
            return self.give_up_deletions();
        }
        for kind in [Kind::Attestation, Kind::Image] {
            let waiting = self.pending_deletions(|_| true);
            self.delete_ready(&waiting, kind).await;
        }
        self.delete_followers().await;
    }

    /// Deletes what goes after its subject or its indexes, level by level.
    async fn delete_followers(&mut self) {
        loop {
            let waiting = self.pending_deletions(|deletion| deletion.target.is_follower());
            let kinds: BTreeSet<Kind> =
                waiting.iter().filter_map(|step| self.plan.step(*step).deletion()).map(kind).collect();
            if !self.deadline.may_start_work() {
                return self.give_up_deletions();
            }
            for kind in kinds {
                self.delete_ready(&waiting, kind).await;
            }
            if self.pending_deletions(|deletion| deletion.target.is_follower()).len() == waiting.len() {
                return;
            }
        }
    }

    /// Deletes those that nothing holds back any more. What was held back for good shares the outcome of what
    /// holds it.
    async fn delete_ready(&mut self, candidates: &[StepIndex], wanted: Kind) {
        let mut ready = Vec::new();
        for step in candidates.iter().copied() {
            match self.plan.step(step).deletion() {
                Some(deletion) if kind(deletion) == wanted && self.outcomes.get(step).is_none() => {
                    match self.order.next(self.plan, &self.outcomes, deletion) {
                        Next::Ready => ready.push(step),
                        Next::Waits => {}
                        Next::Blocked(outcome) => self.outcomes.set(step, outcome),
                    }
                }
                _ => {}
            }
        }
        for batch in ready.chunks(MAX_IDS) {
            self.delete_batch(batch).await;
        }
    }

    async fn write_tags(
        &mut self,
        manifests: &mut HashMap<Digest, StoredManifest>,
        rate_limiter: &RateLimiter,
    ) {
        let wanted = self.pending(|step| self.plan.step(step).tagging().is_some());
        for batch in wanted.chunks(MAX_IDS) {
            if !self.deadline.may_start_work() {
                let left = self.pending(|_| true);
                return self.conclude(&left, &Outcome::OutOfTime);
            }
            self.tag_batch(batch, manifests, rate_limiter).await;
        }
    }

    /// The steps without an outcome for which something holds.
    fn pending(&self, wanted: impl Fn(StepIndex) -> bool) -> Vec<StepIndex> {
        let steps = self.plan.numbered().map(|(step, _)| step);
        steps.filter(|step| self.outcomes.get(*step).is_none() && wanted(*step)).collect()
    }

    fn pending_deletions(&self, wanted: impl Fn(&Deletion) -> bool) -> Vec<StepIndex> {
        self.pending(|step| self.plan.step(step).deletion().is_some_and(&wanted))
    }

    fn image(&self, step: StepIndex) -> &ImageFacts {
        self.plan.step(step).image()
    }

    fn digests(&self, steps: &[StepIndex]) -> Vec<Digest> {
        steps.iter().map(|step| self.image(*step).digest).collect()
    }

    fn conclude(&mut self, steps: &[StepIndex], outcome: &Outcome) {
        for step in steps {
            self.outcomes.set(*step, outcome.clone());
        }
    }

    fn give_up_deletions(&mut self) {
        let left = self.pending_deletions(|_| true);
        self.conclude(&left, &Outcome::OutOfTime);
    }

    /// Fails what is left: a plan that cannot be ordered (no planner makes one) must not look as if it were still to be
    /// done.
    fn conclude_rest(&mut self) {
        let left = self.pending(|_| true);
        let cause = Cause::new("not-attempted", "the plan gives no order in which it can be deleted");
        self.conclude(&left, &Outcome::Failed(cause));
    }
}

fn kind(deletion: &Deletion) -> Kind {
    Artifact::from(deletion.target).kind()
}

#[cfg(test)]
mod tests;
