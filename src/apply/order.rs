//! In which order deletions can go: ECR refuses to delete what an index lists.

use std::collections::{HashMap, HashSet};

use super::At;
use crate::attestation::Kind;
use crate::decision::{Decision, Outcome};
use crate::digest::Digest;
use crate::policy::Action;

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Ready,
    /// Something that is not decided yet.
    Waits,
    /// Something that was to be deleted before, and was not.
    Blocked(At),
}

/// What hangs together among the deletions of a plan.
pub(super) struct Order {
    places: HashMap<Digest, At>,
    children: HashMap<Digest, Vec<At>>,
    referrers: HashMap<Digest, Vec<At>>,
}

impl Order {
    pub(super) fn of(decisions: &[Decision]) -> Self {
        let mut order = Self { places: HashMap::new(), children: HashMap::new(), referrers: HashMap::new() };
        for (at, decision) in
            decisions.iter().enumerate().filter(|(_, decision)| decision.action == Action::Delete)
        {
            order.places.insert(decision.digest, at);
            for parent in &decision.parents {
                order.children.entry(*parent).or_default().push(at);
            }
            if let Some(subject) = decision.subject
                && decision.kind == Kind::Attestation
            {
                order.referrers.entry(subject).or_default().push(at);
            }
        }
        order
    }

    /// What these indexes list and the plan deletes, each once.
    pub(super) fn children(&self, decisions: &[Decision], indexes: &[At]) -> Vec<At> {
        let listed = indexes.iter().filter_map(|at| self.children.get(&decisions[*at].digest)).flatten();
        let mut listed: Vec<At> = listed.copied().collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    /// Whether a deletion can go now. Its parents must be gone, and before an image also what in the plan refers to
    /// it.
    pub(super) fn next(&self, decisions: &[Decision], at: At) -> Next {
        let decision = &decisions[at];
        let parents = decision.parents.iter().filter(|parent| **parent != decision.digest);
        let parents = parents.filter_map(|parent| self.places.get(parent));
        let referrers = self.referrers.get(&decision.digest).filter(|_| decision.kind == Kind::Image);
        let mut next = Next::Ready;
        for before in parents.chain(referrers.into_iter().flatten()) {
            match decisions[*before].outcome {
                Outcome::Deleted | Outcome::AlreadyGone => {}
                Outcome::Planned => next = Next::Waits,
                _ => return Next::Blocked(*before),
            }
        }
        next
    }
}

/// The planned indexes by level: each level is listed only by the levels before it. What is left of a loop, which
/// digests make impossible, comes last.
pub(super) fn levels(decisions: &[Decision]) -> Vec<Vec<At>> {
    let mut left: Vec<At> = (0..decisions.len())
        .filter(|at| is_pending(&decisions[*at]) && decisions[*at].kind == Kind::Index)
        .collect();
    let mut levels = Vec::new();
    while !left.is_empty() {
        let waiting: HashSet<Digest> = left.iter().map(|at| decisions[*at].digest).collect();
        let (inner, outer): (Vec<At>, Vec<At>) =
            left.iter().partition(|at| decisions[**at].parents.iter().any(|parent| waiting.contains(parent)));
        if outer.is_empty() {
            levels.push(inner);
            break;
        }
        levels.push(outer);
        left = inner;
    }
    levels
}

/// Whether this is a deletion that is still to come.
pub(super) fn is_pending(decision: &Decision) -> bool {
    decision.outcome == Outcome::Planned && decision.action == Action::Delete
}
