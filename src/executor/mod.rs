//! Executing a plan: that plan and nothing else, level by level, each batch proven and checked again right before it.
//!
//! Outcomes are what ECR answered, for each distinct digest.

use std::collections::HashMap;

use jiff::SignedDuration;
use tokio::time::Instant;

use crate::memory::BackUpImages;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::planner::{ReadTime, Ready};
use crate::registry::{DeleteImages, MAX_IDS, ReadRepository, StoredManifest, TagImages};
use crate::report::observer::Observer;
use crate::report::outcome::{Cause, Outcome};
use crate::report::outcomes::Outcomes;
use crate::report::plan::{Artifact, Deletion, ImageFacts, RepositoryPlan, StepIndex};
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;

mod delete;
mod lag;
mod order;
mod proof;
mod rate_limit;
mod recheck;
pub mod run;
pub mod run_log;
pub mod saved;
mod tag;

pub use rate_limit::RateLimiter;

use order::{Next, Order};
use recheck::OwnReads;

/// A plan younger than this is not looked at before its images are read: ECR's own record of pulls is no more exact.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// The conditions of an execution, shared by all repositories of a run.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    /// When to stop.
    pub deadline: &'a Deadline,
    /// Who is told of outcomes.
    pub observer: &'a dyn Observer,
    /// The rate of PutImage.
    pub rate_limiter: &'a RateLimiter,
    /// When the plan's facts were read.
    pub read: ReadTime,
    /// The clock.
    pub clock: Clock,
}

impl Execution<'_> {
    fn is_plan_old(&self) -> bool {
        self.clock.now().duration_since(self.read.until) > FRESH
    }

    fn planning_reads(&self) -> OwnReads {
        OwnReads::of_planning(self.read)
    }

    fn own_reads(&self) -> OwnReads {
        OwnReads::until_now(self.read.from, self.clock.now())
    }
}

/// Carries out the plan of one repository. A step that has an outcome already is not done.
pub async fn execute<R, B>(
    registry: &R,
    backups: &B,
    ready: Ready,
    outcomes: Outcomes,
    run: &Execution<'_>,
) -> (RepositoryPlan, Outcomes)
where
    R: ReadRepository + DeleteImages + TagImages,
    B: BackUpImages,
{
    let Ready { plan, mut manifests, .. } = ready;
    let mut work = Work {
        registry,
        backups,
        run,
        plan: &plan,
        order: Order::new(&plan),
        outcomes,
        lagging: HashMap::new(),
        lagging_since: None,
    };
    work.delete_superseded().await;
    work.delete_orphans().await;
    work.delete_waiting().await;
    work.write_tags(&mut manifests).await;
    work.conclude_rest();
    let outcomes = work.outcomes;
    (plan, outcomes)
}

/// The execution of one repository's plan.
struct Work<'a, R, B> {
    registry: &'a R,
    backups: &'a B,
    run: &'a Execution<'a>,
    plan: &'a RepositoryPlan,
    order: Order,
    outcomes: Outcomes,
    /// What ECR refused because of an index that this run deleted, with its refusal.
    lagging: HashMap<StepIndex, Cause>,
    /// The last such refusal that was not waited for.
    lagging_since: Option<Instant>,
}

impl<R, B> Work<'_, R, B>
where
    R: ReadRepository + DeleteImages + TagImages,
    B: BackUpImages,
{
    /// Deletes indexes first, outermost level first, at most 100 at a time; then at once what they alone listed, so
    /// that a run that is cut leaves little behind.
    async fn delete_superseded(&mut self) {
        for level in order::levels(self.plan) {
            for batch in level.chunks(MAX_IDS) {
                if !self.run.deadline.may_start_work() {
                    return self.give_up_deletions();
                }
                self.delete_ready(batch, |kind| kind == Kind::Index).await;
                let children = self.order.children(self.plan, batch);
                self.delete_ready(&children, |kind| kind == Kind::Attestation).await;
                self.delete_ready(&children, |kind| !matches!(kind, Kind::Index | Kind::Attestation)).await;
            }
        }
    }

    async fn delete_orphans(&mut self) {
        let is_orphan =
            |deletion: &Deletion| kind(deletion) == Kind::Attestation && deletion.image.parents.is_empty();
        let orphans = self.pending_deletions(is_orphan);
        for batch in orphans.chunks(MAX_IDS) {
            if !self.run.deadline.may_start_work() {
                return self.give_up_deletions();
            }
            self.delete_batch(batch).await;
        }
    }

    /// Deletes what waited for something outside its own batch, wave by wave: an image whose last referrer was an
    /// orphan, say, or what ECR did not yet let go.
    async fn delete_waiting(&mut self) {
        loop {
            self.wait_for_references().await;
            let before = self.pending_deletions(|_| true);
            if before.is_empty() {
                return;
            }
            if !self.run.deadline.may_start_work() {
                return self.give_up_deletions();
            }
            self.delete_ready(&before, |_| true).await;
            let is_stuck =
                self.lagging_since.is_none() && self.pending_deletions(|_| true).len() == before.len();
            if is_stuck {
                return;
            }
        }
    }

    /// Deletes those that nothing holds back any more. What was held back for good gets that outcome; what ECR does not
    /// let go yet is left for the end.
    async fn delete_ready(&mut self, candidates: &[StepIndex], wanted: impl Fn(Kind) -> bool) {
        let mut ready = Vec::new();
        let is_open = |step: &StepIndex| self.outcomes.get(*step).is_none() && !self.is_to_wait(*step);
        for step in candidates.iter().copied().filter(is_open).collect::<Vec<_>>() {
            match self.plan.step(step).deletion() {
                Some(deletion) if wanted(kind(deletion)) => {
                    match self.order.next(self.plan, &self.outcomes, deletion) {
                        Next::Ready => ready.push(step),
                        Next::Waits => {}
                        Next::HeldBack { by } => self.settle(step, Outcome::HeldBack { by }),
                    }
                }
                _ => {}
            }
        }
        for batch in ready.chunks(MAX_IDS) {
            self.delete_batch(batch).await;
        }
    }

    async fn write_tags(&mut self, manifests: &mut HashMap<Digest, StoredManifest>) {
        let wanted = self.pending(|step| self.plan.step(step).tagging().is_some());
        for batch in wanted.chunks(MAX_IDS) {
            if !self.run.deadline.may_start_work() {
                let left = self.pending(|_| true);
                return self.conclude(&left, &Outcome::OutOfTime);
            }
            self.tag_batch(batch, manifests).await;
        }
    }
}

impl<R, B> Work<'_, R, B> {
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

    /// Records an outcome, and tells it at once.
    fn settle(&mut self, step: StepIndex, outcome: Outcome) {
        self.run.observer.decided(&self.plan.name, self.plan.step(step), &outcome);
        self.outcomes.set(step, outcome);
    }

    fn conclude(&mut self, steps: &[StepIndex], outcome: &Outcome) {
        for step in steps {
            self.settle(*step, outcome.clone());
        }
    }

    fn give_up_deletions(&mut self) {
        self.give_up_lagging();
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
