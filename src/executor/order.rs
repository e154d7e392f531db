//! In which order deletions can go: ECR refuses to delete what an index lists.

use std::collections::{HashMap, HashSet};

use super::At;
use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::decision::{Decision, Outcome};

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
    let is_index = |at: &At| is_pending(&decisions[*at]) && decisions[*at].kind == Kind::Index;
    let indexes: Vec<At> = (0..decisions.len()).filter(is_index).collect();
    let planned: HashSet<Digest> = indexes.iter().map(|at| decisions[*at].digest).collect();
    let mut inner: HashMap<Digest, Vec<At>> = HashMap::new();
    let mut waits_for: HashMap<At, usize> = HashMap::new();
    for at in indexes.iter().copied() {
        let above: HashSet<&Digest> =
            decisions[at].parents.iter().filter(|parent| planned.contains(parent)).collect();
        waits_for.insert(at, above.len());
        above.into_iter().for_each(|parent| inner.entry(*parent).or_default().push(at));
    }
    let mut levels = Vec::new();
    let mut level: Vec<At> = indexes.iter().copied().filter(|at| waits_for[at] == 0).collect();
    while !level.is_empty() {
        let mut next = Vec::new();
        for at in &level {
            waits_for.remove(at);
            for below in inner.remove(&decisions[*at].digest).unwrap_or_default() {
                if let Some(left) = waits_for.get_mut(&below) {
                    *left -= 1;
                    if *left == 0 {
                        next.push(below);
                    }
                }
            }
        }
        next.sort_unstable();
        levels.push(std::mem::replace(&mut level, next));
    }
    let mut looped: Vec<At> = waits_for.into_keys().collect();
    if !looped.is_empty() {
        looped.sort_unstable();
        levels.push(looped);
    }
    levels
}

/// Whether this is a deletion that is still to come.
pub(super) fn is_pending(decision: &Decision) -> bool {
    decision.outcome == Outcome::Planned && decision.action == Action::Delete
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::decisions::{Said as _, attestation, image, index};

    #[test]
    fn what_is_to_go_before_is_waited_for_and_what_failed_to_go_is_in_the_way() {
        let next = |outcome: Outcome| {
            let decisions = [
                index("i").came_out(outcome),
                attestation("a").under(&["i", "not in the plan"]),
                attestation("b").of("p").came_out(outcome),
                image("p"),
            ];
            let order = Order::of(&decisions);
            [order.next(&decisions, 0), order.next(&decisions, 1), order.next(&decisions, 3)]
        };
        for gone in [Outcome::Deleted, Outcome::AlreadyGone] {
            assert_eq!(next(gone), [Next::Ready; 3], "{gone:?}");
        }
        assert_eq!(next(Outcome::Planned), [Next::Ready, Next::Waits, Next::Waits]);
        for left in [Outcome::Failed, Outcome::ChangedSincePlan, Outcome::ProtectedByEcr, Outcome::Deadline] {
            assert_eq!(next(left), [Next::Ready, Next::Blocked(0), Next::Blocked(2)], "{left:?}");
        }
    }

    #[test]
    fn a_long_chain_of_nested_indexes_is_ordered_without_looking_at_all_for_each() {
        const LENGTH: usize = 50_000;
        let name = |number: usize| format!("i{number}");
        let mut chain = vec![index(&name(0))];
        chain.extend((1..LENGTH).map(|number| index(&name(number)).under(&[&name(number - 1)])));
        chain.reverse();
        let levels = levels(&chain);
        assert_eq!(levels.len(), LENGTH);
        assert!(levels.iter().enumerate().all(|(depth, level)| *level == [LENGTH - 1 - depth]));
    }

    #[test]
    fn only_indexes_that_are_to_go_have_levels() {
        let decisions = [
            attestation("orphan"),
            index("outer"),
            index("inner").under(&["outer", "kept"]),
            attestation("a").under(&["inner"]),
            index("kept").kept(),
            index("gone").came_out(Outcome::AlreadyGone),
        ];
        assert_eq!(levels(&decisions), [vec![1], vec![2]]);
    }

    #[test]
    fn a_loop_comes_last_and_ends() {
        let decisions =
            [index("a").under(&["b"]), index("b").under(&["a"]), index("c"), index("d").under(&["d"])];
        assert_eq!(levels(&decisions), [vec![2], vec![0, 1, 3]]);
    }
}
