//! Applying a plan: that plan and nothing else, level by level, each batch checked again right before it.
//!
//! What is counted is what ECR answered, for each distinct digest.

use std::collections::HashMap;

use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::planner::Planned;
use crate::registry::{Delete, MAX_IDS, Read, StoredManifest, Tag};
use crate::report::decision::{Decision, Outcome};
use crate::util::deadline::Deadline;

mod delete;
mod order;
mod rate_limit;
pub mod recheck;
pub mod run;
mod tag;

pub use rate_limit::Pace;

use order::{Next, Order};

/// Carries out what is still planned in one repository, and writes the outcomes into the decisions.
pub async fn apply<R: Read + Delete + Tag>(
    registry: &R,
    planned: &mut Planned,
    deadline: &Deadline,
    pace: &Pace,
) {
    let Planned { report, manifests } = planned;
    let order = Order::of(&report.decisions);
    let mut work =
        Work { registry, repository: &report.name, deadline, order, decisions: &mut report.decisions };
    work.delete_superseded().await;
    work.delete_orphans().await;
    work.delete_what_waited().await;
    work.write_tags(manifests, pace).await;
    work.conclude_what_is_left();
    report.count_outcomes();
}

struct Work<'a, R> {
    registry: &'a R,
    repository: &'a str,
    deadline: &'a Deadline,
    order: Order,
    decisions: &'a mut Vec<Decision>,
}

/// A decision's place in its repository's list.
type At = usize;

impl<R: Read + Delete + Tag> Work<'_, R> {
    /// Indexes first, outermost level first, at most 100 at a time; then at once whatever they alone listed, so
    /// that a run that is cut leaves little behind.
    async fn delete_superseded(&mut self) {
        for level in order::levels(self.decisions) {
            for batch in level.chunks(MAX_IDS) {
                if self.deadline.is_near() {
                    return self.give_up(Action::Delete);
                }
                self.delete_ready(batch, Kind::Index).await;
                let children = self.order.children(self.decisions, batch);
                self.delete_ready(&children, Kind::Attestation).await;
                self.delete_ready(&children, Kind::Image).await;
            }
        }
    }

    async fn delete_orphans(&mut self) {
        let orphans =
            self.places(|d| order::is_pending(d) && d.kind == Kind::Attestation && d.parents.is_empty());
        for batch in orphans.chunks(MAX_IDS) {
            if self.deadline.is_near() {
                return self.give_up(Action::Delete);
            }
            self.delete_batch(batch).await;
        }
    }

    /// Whatever waited for something outside its own batch: an image whose last referrer was an orphan, say.
    async fn delete_what_waited(&mut self) {
        if self.deadline.is_near() {
            return self.give_up(Action::Delete);
        }
        for kind in [Kind::Attestation, Kind::Image] {
            let waited = self.places(order::is_pending);
            self.delete_ready(&waited, kind).await;
        }
    }

    /// Deletes those that nothing holds back any more. What was held back for good shares the outcome of what
    /// holds it.
    async fn delete_ready(&mut self, candidates: &[At], kind: Kind) {
        let mut ready = Vec::new();
        for at in candidates.iter().copied() {
            if self.decisions[at].kind != kind || !order::is_pending(&self.decisions[at]) {
                continue;
            }
            match self.order.next(self.decisions, at) {
                Next::Ready => ready.push(at),
                Next::Waits => {}
                Next::Blocked(by) => self.share_outcome(at, by),
            }
        }
        for batch in ready.chunks(MAX_IDS) {
            self.delete_batch(batch).await;
        }
    }

    async fn write_tags(&mut self, manifests: &mut HashMap<Digest, StoredManifest>, pace: &Pace) {
        let wanted = self.places(|d| d.action == Action::Tag && d.outcome == Outcome::Planned);
        for batch in wanted.chunks(MAX_IDS) {
            if self.deadline.is_near() {
                return self.give_up(Action::Tag);
            }
            self.tag_batch(batch, manifests, pace).await;
        }
    }

    fn places(&self, wanted: impl Fn(&Decision) -> bool) -> Vec<At> {
        (0..self.decisions.len()).filter(|at| wanted(&self.decisions[*at])).collect()
    }

    fn share_outcome(&mut self, at: At, by: At) {
        let (digest, outcome) = (self.decisions[by].digest, self.decisions[by].outcome);
        let detail = format!("{digest} has to be gone before it, and nothing says that it is");
        self.decisions[at].conclude(outcome, Some("not-attempted"), Some(detail));
    }

    /// A plan that cannot be ordered (no planner makes one) must not look as if it were still to be done.
    fn conclude_what_is_left(&mut self) {
        let left = self.places(|decision| decision.outcome == Outcome::Planned);
        self.conclude_all(
            &left,
            Outcome::Failed,
            "not-attempted",
            "the plan gives no order in which it can be deleted",
        );
    }

    fn give_up(&mut self, action: Action) {
        let left = self.places(|decision| decision.outcome == Outcome::Planned && decision.action == action);
        self.out_of_time(&left);
    }
}

#[cfg(test)]
mod tests;
