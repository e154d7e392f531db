//! Executing a plan: that plan and nothing else, level by level, each batch proven and checked again right before it.
//!
//! Outcomes are what ECR answered, for each distinct digest.

use std::collections::{HashMap, HashSet};
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt as _};
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
mod in_use;
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
    /// Batches of one repository that are worked on at once.
    pub at_once: usize,
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
    let work = Work {
        registry,
        backups,
        run,
        plan: &plan,
        order: Order::new(&plan),
        progress: Mutex::new(Progress { outcomes, ..Progress::default() }),
    };
    work.delete_superseded().await;
    work.delete_orphans().await;
    work.delete_waiting().await;
    work.write_tags(&mut manifests).await;
    work.conclude_rest();
    let outcomes = work.into_outcomes();
    (plan, outcomes)
}

/// The execution of one repository's plan. Batches that do not depend on each other go side by side.
struct Work<'a, R, B> {
    registry: &'a R,
    backups: &'a B,
    run: &'a Execution<'a>,
    plan: &'a RepositoryPlan,
    order: Order,
    progress: Mutex<Progress>,
}

/// How far an execution has come.
#[derive(Default)]
struct Progress {
    outcomes: Outcomes,
    /// The steps that some batch has taken on.
    taken: HashSet<StepIndex>,
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
    async fn delete_superseded(&self) {
        for level in order::levels(self.plan) {
            let unit = |batch| async move {
                self.delete_ready(batch, |kind| kind == Kind::Index).await;
                let children = self.order.children(self.plan, batch);
                self.delete_ready(&children, |kind| kind == Kind::Attestation).await;
                self.delete_ready(&children, |kind| !matches!(kind, Kind::Index | Kind::Attestation)).await;
            };
            if !self.side_by_side(level.chunks(MAX_IDS), unit).await {
                return self.give_up_deletions();
            }
        }
    }

    async fn delete_orphans(&self) {
        let is_orphan =
            |deletion: &Deletion| kind(deletion) == Kind::Attestation && deletion.image.parents.is_empty();
        let orphans = self.pending_deletions(is_orphan);
        if !self.side_by_side(orphans.chunks(MAX_IDS), |batch| self.delete_batch(batch)).await {
            self.give_up_deletions();
        }
    }

    /// Deletes what waited for something outside its own batch, wave by wave: an image whose last referrer was an
    /// orphan, say, or what ECR did not yet let go.
    async fn delete_waiting(&self) {
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
            let is_lagging = self.progress().lagging_since.is_some();
            if !is_lagging && self.pending_deletions(|_| true).len() == before.len() {
                return;
            }
        }
    }

    /// Works on batches side by side, and begins none once the time is up. False if it was.
    async fn side_by_side<'b, F>(
        &self,
        batches: impl Iterator<Item = &'b [StepIndex]>,
        work: impl Fn(&'b [StepIndex]) -> F,
    ) -> bool
    where
        F: Future<Output = ()>,
    {
        let began = batches.map(|batch| {
            let work = work(batch);
            async {
                let has_time = self.run.deadline.may_start_work();
                if has_time {
                    work.await;
                }
                has_time
            }
        });
        stream::iter(began)
            .buffer_unordered(self.run.at_once)
            .fold(true, |all, had_time| ready(all && had_time))
            .await
    }

    /// Deletes those that nothing holds back any more. What was held back for good gets that outcome; what ECR does not
    /// let go yet is left for the end.
    async fn delete_ready(&self, candidates: &[StepIndex], wanted: impl Fn(Kind) -> bool) {
        let ready = self.take_ready(candidates, wanted);
        let batches = ready.chunks(MAX_IDS).map(|batch| self.delete_batch(batch));
        stream::iter(batches).buffer_unordered(self.run.at_once).collect::<()>().await;
        let mut progress = self.progress();
        for step in &ready {
            progress.taken.remove(step);
        }
    }

    /// Takes on those that can go now, so that no other batch does.
    fn take_ready(&self, candidates: &[StepIndex], wanted: impl Fn(Kind) -> bool) -> Vec<StepIndex> {
        let mut ready = Vec::new();
        for step in candidates.iter().copied() {
            let Some(deletion) = self.plan.step(step).deletion().filter(|it| wanted(kind(it))) else {
                continue;
            };
            let mut progress = self.progress();
            if progress.outcomes.get(step).is_some()
                || progress.is_to_wait(step)
                || progress.taken.contains(&step)
            {
                continue;
            }
            match self.order.next(self.plan, &progress.outcomes, deletion) {
                Next::Ready => {
                    progress.taken.insert(step);
                    ready.push(step);
                }
                Next::Waits => {}
                Next::HeldBack { by } => {
                    drop(progress);
                    self.settle(step, Outcome::HeldBack { by });
                }
            }
        }
        ready
    }

    async fn write_tags(&self, manifests: &mut HashMap<Digest, StoredManifest>) {
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
        let progress = self.progress();
        steps.filter(|step| progress.outcomes.get(*step).is_none() && wanted(*step)).collect()
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
    fn settle(&self, step: StepIndex, outcome: Outcome) {
        self.run.observer.decided(&self.plan.name, self.plan.step(step), &outcome);
        self.progress().outcomes.set(step, outcome);
    }

    fn has_outcome(&self, step: StepIndex) -> bool {
        self.progress().outcomes.get(step).is_some()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_outcomes(self) -> Outcomes {
        self.progress.into_inner().unwrap_or_else(PoisonError::into_inner).outcomes
    }

    fn conclude(&self, steps: &[StepIndex], outcome: &Outcome) {
        for step in steps {
            self.settle(*step, outcome.clone());
        }
    }

    fn give_up_deletions(&self) {
        self.give_up_lagging();
        let left = self.pending_deletions(|_| true);
        self.conclude(&left, &Outcome::OutOfTime);
    }

    /// Fails what is left: a plan that cannot be ordered (no planner makes one) must not look as if it were still to be
    /// done.
    fn conclude_rest(&self) {
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
