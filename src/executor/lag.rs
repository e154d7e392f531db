//! References that ECR still counts although this run deleted the index: one more try, after a short wait.

use std::time::Duration;

use tokio::time::Instant;

use super::{Progress, Work};
use crate::oci::digest::Digest;
use crate::registry::{Refusal, RefusalKind};
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::StepIndex;

/// How long ECR is given to count a deleted index out.
const PATIENCE: Duration = Duration::from_secs(2);

impl<R, B> Work<'_, R, B> {
    /// Whether ECR refuses a deletion, for the first time, because of an index that this run deleted.
    pub(super) fn is_first_lag(&self, step: StepIndex, refusal: &Refusal) -> bool {
        refusal.kind == RefusalKind::Referenced
            && !self.progress().lagging.contains_key(&step)
            && self.blamed(step, &refusal.reason).any(|index| self.deleted(index))
    }

    /// Leaves a step without an outcome until the end.
    pub(super) fn note_lag(&self, step: StepIndex, refusal: Refusal) {
        let mut progress = self.progress();
        progress.lagging.insert(step, Cause::new(refusal.code, refusal.reason));
        progress.lagging_since = Some(Instant::now());
    }

    /// Waits until what was refused last may be tried once more. Without the time for it, ECR's refusal stands.
    pub(super) async fn wait_for_references(&self) {
        let since = self.progress().lagging_since.take();
        let Some(since) = since else { return };
        let left = PATIENCE.saturating_sub(since.elapsed());
        if !self.run.deadline.wait(left).await {
            self.give_up_lagging();
        }
    }

    /// Lets ECR's refusal stand where there was no time to try once more.
    pub(super) fn give_up_lagging(&self) {
        let lagging = std::mem::take(&mut self.progress().lagging);
        for (step, cause) in lagging {
            if !self.has_outcome(step) {
                self.settle(step, Outcome::Protected(cause));
            }
        }
    }

    /// The indexes that ECR's reason names, or else those that the plan knows.
    fn blamed<'s>(&'s self, step: StepIndex, reason: &'s str) -> Box<dyn Iterator<Item = Digest> + 's> {
        let mut named = named_digests(reason).peekable();
        if named.peek().is_some() {
            return Box::new(named);
        }
        Box::new(self.image(step).parents.iter().copied())
    }

    /// Whether this run deleted an index, as far as anybody knows.
    pub(super) fn deleted(&self, index: Digest) -> bool {
        let is_by_us =
            |outcome: &Outcome| *outcome == Outcome::Deleted || outcome.is_gone() && outcome.may_be_deleted();
        self.order.step(index).is_some_and(|step| self.progress().outcomes.get(step).is_some_and(is_by_us))
    }
}

impl Progress {
    /// Whether a step was refused a moment ago.
    pub(super) fn is_to_wait(&self, step: StepIndex) -> bool {
        self.lagging_since.is_some() && self.lagging.contains_key(&step)
    }
}

fn named_digests(reason: &str) -> impl Iterator<Item = Digest> {
    let parts = reason.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
    parts.filter_map(|part| part.parse().ok())
}
