//! The outcomes of a plan's steps, by step.

use super::outcome::Outcome;
use super::plan::StepIndex;

/// The outcomes of a plan's steps so far.
#[derive(Debug, Clone, Default)]
pub struct Outcomes(Vec<Option<Outcome>>);

impl Outcomes {
    /// No outcome yet, for this many steps.
    pub fn none(steps: usize) -> Self {
        Self(vec![None; steps])
    }

    /// The outcome of a step, if it has one.
    pub fn get(&self, step: StepIndex) -> Option<&Outcome> {
        self.0.get(step.to_usize())?.as_ref()
    }

    /// Records the outcome of a step.
    pub fn set(&mut self, step: StepIndex, outcome: Outcome) {
        if let Some(slot) = self.0.get_mut(step.to_usize()) {
            *slot = Some(outcome);
        }
    }
}

impl IntoIterator for Outcomes {
    type Item = Option<Outcome>;
    type IntoIter = std::vec::IntoIter<Option<Outcome>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
