//! Ordering constraints among planned deletions: ECR refuses to delete what an index lists.

use std::collections::{HashMap, HashSet};

use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::outcomes::Outcomes;
use crate::report::plan::{Artifact, Deletion, DeletionTarget, RepositoryPlan, StepIndex};

/// The answer whether a deletion can go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It can.
    Ready,
    /// Something before it has no outcome yet.
    Waits,
    /// Something was to be deleted before it, and was not.
    HeldBack {
        /// The image that did not go.
        by: Digest,
    },
}

/// The ordering constraints of a plan's deletions.
pub(super) struct Order {
    steps: HashMap<Digest, StepIndex>,
    children: HashMap<Digest, Vec<StepIndex>>,
    referrers: HashMap<Digest, Vec<StepIndex>>,
    /// What goes after an image because it refers to it.
    followers: HashMap<Digest, Vec<StepIndex>>,
}

impl Order {
    pub(super) fn new(plan: &RepositoryPlan) -> Self {
        let mut order = Self {
            steps: HashMap::new(),
            children: HashMap::new(),
            referrers: HashMap::new(),
            followers: HashMap::new(),
        };
        for (step, deletion) in deletions(plan) {
            order.steps.insert(deletion.image.digest, step);
            for parent in &deletion.image.parents {
                order.children.entry(*parent).or_default().push(step);
            }
            if let Some(subject) = deletion.image.subject
                && matches!(deletion.target, DeletionTarget::Attestation { .. })
            {
                order.referrers.entry(subject).or_default().push(step);
            }
            if let Some(subject) = deletion.image.subject.filter(|_| deletion.target.is_follower()) {
                order.followers.entry(subject).or_default().push(step);
            }
        }
        order
    }

    /// The planned deletion of an image, if there is one.
    pub(super) fn step(&self, digest: Digest) -> Option<StepIndex> {
        self.steps.get(&digest).copied()
    }

    /// Whether platform images go that this index lists.
    pub(super) fn loses_images(&self, plan: &RepositoryPlan, index: Digest) -> bool {
        let children = self.children.get(&index).into_iter().flatten();
        children
            .into_iter()
            .filter_map(|step| plan.step(*step).deletion())
            .any(|deletion| Artifact::from(deletion.target).kind() == Kind::Image)
    }

    /// The planned deletions that these indexes list, each once.
    pub(super) fn children(&self, plan: &RepositoryPlan, indexes: &[StepIndex]) -> Vec<StepIndex> {
        let listed =
            indexes.iter().filter_map(|step| self.children.get(&plan.step(*step).image().digest)).flatten();
        let mut listed: Vec<StepIndex> = listed.copied().collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    /// What follows these images, each with the step that it follows, however many others are in between.
    pub(super) fn followers(
        &self,
        plan: &RepositoryPlan,
        batch: &[StepIndex],
    ) -> Vec<(StepIndex, StepIndex)> {
        let mut followers = Vec::new();
        for step in batch.iter().filter(|_| !self.followers.is_empty()) {
            let (mut todo, mut seen) = (vec![*step], HashSet::from([*step]));
            while let Some(at) = todo.pop() {
                let next = self.followers.get(&plan.step(at).image().digest).into_iter().flatten();
                for follower in next.copied().filter(|follower| seen.insert(*follower)) {
                    followers.push((*step, follower));
                    todo.push(follower);
                }
            }
        }
        followers
    }

    /// Whether a deletion can go now. Its parents must be gone, before an image also what in the plan attests it, and
    /// before a follower its subject.
    pub(super) fn next(&self, plan: &RepositoryPlan, outcomes: &Outcomes, deletion: &Deletion) -> Next {
        let image = &deletion.image;
        let parents = image.parents.iter().filter(|parent| **parent != image.digest);
        let parents = parents.filter_map(|parent| self.steps.get(parent));
        let is_image = deletion.target == DeletionTarget::Image;
        let referrers = self.referrers.get(&image.digest).filter(|_| is_image);
        let subject = image.subject.filter(|_| deletion.target.is_follower());
        let subject = subject.and_then(|subject| self.steps.get(&subject));
        let mut next = Next::Ready;
        for before in parents.chain(referrers.into_iter().flatten()).chain(subject) {
            match outcomes.get(*before) {
                None => next = Next::Waits,
                Some(outcome) if outcome.is_gone() => {}
                Some(_) => return Next::HeldBack { by: plan.step(*before).image().digest },
            }
        }
        next
    }
}

/// The planned indexes by level: each level is listed only by the levels before it. What is left of a loop, which
/// digests make impossible, comes last.
pub(super) fn levels(plan: &RepositoryPlan) -> Vec<Vec<StepIndex>> {
    let indexes: Vec<(StepIndex, &Deletion)> =
        deletions(plan).filter(|(_, deletion)| deletion.target == DeletionTarget::Index).collect();
    let planned: HashSet<Digest> = indexes.iter().map(|(_, deletion)| deletion.image.digest).collect();
    let mut inner: HashMap<Digest, Vec<StepIndex>> = HashMap::new();
    let mut waits_for: HashMap<StepIndex, usize> = HashMap::new();
    for (step, deletion) in &indexes {
        let above: HashSet<&Digest> =
            deletion.image.parents.iter().filter(|parent| planned.contains(parent)).collect();
        waits_for.insert(*step, above.len());
        above.into_iter().for_each(|parent| inner.entry(*parent).or_default().push(*step));
    }
    let mut levels = Vec::new();
    let mut level: Vec<StepIndex> =
        indexes.iter().map(|(step, _)| *step).filter(|step| waits_for[step] == 0).collect();
    while !level.is_empty() {
        let mut next = Vec::new();
        for step in &level {
            waits_for.remove(step);
            for below in inner.remove(&plan.step(*step).image().digest).unwrap_or_default() {
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
    let mut looped: Vec<StepIndex> = waits_for.into_keys().collect();
    if !looped.is_empty() {
        looped.sort_unstable();
        levels.push(looped);
    }
    levels
}

fn deletions(plan: &RepositoryPlan) -> impl Iterator<Item = (StepIndex, &Deletion)> {
    plan.numbered().filter_map(|(step, it)| Some((step, it.deletion()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::decision::Decision;
    use crate::report::outcome::{Cause, Outcome};
    use crate::report::testing::decisions::{With as _, attestation, image, index};

    fn plan(decisions: &[Decision]) -> RepositoryPlan {
        crate::report::testing::decisions::plan("r", 10, decisions.to_vec())
    }

    /// The levels as places in the plan.
    fn placed(plan: &RepositoryPlan) -> Vec<Vec<usize>> {
        let places = |level: Vec<StepIndex>| level.into_iter().map(StepIndex::to_usize).collect();
        levels(plan).into_iter().map(places).collect()
    }

    #[test]
    fn what_is_to_go_before_is_waited_for_and_what_failed_to_go_is_in_the_way() {
        let plan = plan(&[
            index("i"),
            attestation("a").under(&["i", "not in the plan"]),
            attestation("b").of("p"),
            image("p"),
        ]);
        let steps: Vec<StepIndex> = plan.numbered().map(|(step, _)| step).collect();
        let next = |outcome: Option<Outcome>| {
            let mut outcomes = Outcomes::none(4);
            for step in [steps[0], steps[2]] {
                outcome.iter().for_each(|outcome| outcomes.set(step, outcome.clone()));
            }
            let order = Order::new(&plan);
            [0, 1, 3].map(|step| order.next(&plan, &outcomes, plan.step(steps[step]).deletion().unwrap()))
        };
        let cause = || Cause::of("why");
        for gone in [Outcome::Deleted, Outcome::AlreadyGone(cause())] {
            assert_eq!(next(Some(gone)), [Next::Ready, Next::Ready, Next::Ready]);
        }
        assert_eq!(next(None), [Next::Ready, Next::Waits, Next::Waits]);
        for left in [
            Outcome::Failed(cause()),
            Outcome::Changed(cause()),
            Outcome::Protected(cause()),
            Outcome::LimitReached,
            Outcome::OutOfTime,
        ] {
            let held_back = |step: usize| Next::HeldBack { by: plan.step(steps[step]).image().digest };
            assert_eq!(next(Some(left)), [Next::Ready, held_back(0), held_back(2)]);
        }
    }

    #[test]
    fn a_long_chain_of_nested_indexes_is_ordered_without_looking_at_all_for_each() {
        const LENGTH: usize = 50_000;
        let name = |number: usize| format!("i{number}");
        let mut chain = vec![index(&name(0))];
        chain.extend((1..LENGTH).map(|number| index(&name(number)).under(&[&name(number - 1)])));
        chain.reverse();
        let levels = placed(&plan(&chain));
        assert_eq!(levels.len(), LENGTH);
        assert!(levels.iter().enumerate().all(|(depth, level)| *level == [LENGTH - 1 - depth]));
    }

    #[test]
    fn only_indexes_that_are_to_go_have_levels() {
        let plan = plan(&[
            attestation("orphan"),
            index("outer"),
            index("inner").under(&["outer", "kept"]),
            attestation("a").under(&["inner"]),
            index("kept").kept(),
        ]);
        assert_eq!(placed(&plan), [vec![1], vec![2]]);
    }

    #[test]
    fn a_loop_comes_last_and_ends() {
        let plan =
            plan(&[index("a").under(&["b"]), index("b").under(&["a"]), index("c"), index("d").under(&["d"])]);
        assert_eq!(placed(&plan), [vec![2], vec![0, 1, 3]]);
    }
}
