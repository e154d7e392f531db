//! Paces: how much of a plan one run carries out. The oldest whole units go first, and the rest waits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::config::Limits;
use crate::oci::digest::Digest;
use crate::report::plan::{Deletion, DeletionTarget, RepositoryPlan, StepIndex};

/// Platform images up to which a share means nothing: so many may always go.
const SHARE_LIMIT_FROM: u64 = 10;

/// The steps of a run that wait for a later one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    /// How many wait.
    pub limit_reached: u64,
    /// About how many more runs they take; nothing if no number of runs is enough.
    pub runs_left: Option<u64>,
    waiting: BTreeMap<String, BTreeSet<StepIndex>>,
}

impl Pace {
    /// The steps of a repository that wait.
    pub fn waiting(&self, repository: &str) -> impl Iterator<Item = StepIndex> + '_ {
        self.waiting.get(repository).into_iter().flatten().copied()
    }

    /// Whether a step waits.
    pub fn waits(&self, repository: &str, step: StepIndex) -> bool {
        self.waiting.get(repository).is_some_and(|steps| steps.contains(&step))
    }

    /// The pace in a sentence, for people; nothing if nothing waits.
    pub fn sentence(&self) -> Option<String> {
        let runs = match self.runs_left {
            _ if self.limit_reached == 0 => return None,
            Some(1) => "for the next run".to_owned(),
            Some(runs) => format!("for about {runs} more runs"),
            None => "until max_deletions is raised".to_owned(),
        };
        Some(format!(
            "{} deletions wait {runs}, oldest first: max_deletions and max_images_share limit each run",
            self.limit_reached
        ))
    }
}

/// The pace of a run over these plans.
pub fn pace<'a>(plans: impl IntoIterator<Item = &'a RepositoryPlan>, limits: &Limits) -> Pace {
    pace_of_the_rest(plans, limits, |_, _| false)
}

/// The pace of a run over these plans, of which some images are gone already: they do not use it up.
pub fn pace_of_the_rest<'a>(
    plans: impl IntoIterator<Item = &'a RepositoryPlan>,
    limits: &Limits,
    is_gone: impl Fn(&str, Digest) -> bool,
) -> Pace {
    let plans: Vec<&RepositoryPlan> = plans.into_iter().collect();
    let mut shares: Vec<Share> = plans.iter().map(|plan| Share::of(plan, limits)).collect();
    let mut run = Budget::default();
    let mut pace = Pace::default();
    for unit in units_by_age(&plans, is_gone) {
        let share = &mut shares[unit.plan];
        let passes = unit.deletions == 0
            || share.admits(unit.images) && run.admits(unit.deletions, |all| all <= limits.max_deletions);
        if passes {
            continue;
        }
        share.waiting += unit.images;
        pace.limit_reached += unit.deletions;
        let waiting = pace.waiting.entry(plans[unit.plan].name.clone()).or_default();
        waiting.extend(unit.steps);
    }
    pace.runs_left = runs_left(pace.limit_reached, limits, &shares);
    pace
}

/// What was let through so far. A unit larger than the limit goes alone, and nothing passes one that waits.
#[derive(Debug, Default)]
struct Budget {
    used: u64,
    is_closed: bool,
}

impl Budget {
    fn admits(&mut self, more: u64, is_within: impl Fn(u64) -> bool) -> bool {
        let all = self.used.saturating_add(more);
        let is_alone = self.used == 0 && is_within(1);
        self.is_closed = self.is_closed || !(is_within(all) || is_alone);
        if !self.is_closed {
            self.used = all;
        }
        !self.is_closed
    }
}

/// The share of a repository's platform images that may go.
#[derive(Debug)]
struct Share {
    images: u64,
    share: f64,
    budget: Budget,
    waiting: u64,
}

impl Share {
    fn of(plan: &RepositoryPlan, limits: &Limits) -> Self {
        let planned = deletions(plan).filter(|(_, deletion)| deletion.target == DeletionTarget::Image);
        // A plan that does not say how many there are has at least those that it deletes.
        let images = plan.platform_images.max(planned.count() as u64);
        Self { images, share: limits.max_images_share, budget: Budget::default(), waiting: 0 }
    }

    /// Units without platform images are not held up.
    fn admits(&mut self, more: u64) -> bool {
        let (images, share) = (self.images, self.share);
        more == 0 || self.budget.admits(more, |all| is_within_share(all, images, share))
    }

    fn runs_left(&self) -> u64 {
        let (mut waiting, mut images) = (self.waiting, self.images.saturating_sub(self.budget.used));
        let mut runs = 0;
        while waiting > 0 {
            let most = if images <= SHARE_LIMIT_FROM { waiting } else { (images as f64 * self.share) as u64 };
            let most = most.max(SHARE_LIMIT_FROM);
            waiting = waiting.saturating_sub(most);
            images = images.saturating_sub(most);
            runs += 1;
        }
        runs
    }
}

fn is_within_share(deleted: u64, images: u64, share: f64) -> bool {
    // Divided, not multiplied: 57 of 100 is exactly the share 0.57, and equal is allowed.
    images <= SHARE_LIMIT_FROM || deleted <= SHARE_LIMIT_FROM || deleted as f64 / images as f64 <= share
}

/// Units larger than a limit go alone, so that this is about how many runs it takes.
fn runs_left(waiting: u64, limits: &Limits, shares: &[Share]) -> Option<u64> {
    if waiting == 0 || limits.max_deletions == 0 {
        return None;
    }
    let by_share = shares.iter().map(Share::runs_left).max().unwrap_or(0);
    Some(waiting.div_ceil(limits.max_deletions).max(by_share))
}

/// What goes together or not at all: an index with what only it lists and what follows it, or an orphan.
#[derive(Debug)]
struct Unit {
    plan: usize,
    steps: Vec<StepIndex>,
    deletions: u64,
    images: u64,
}

/// The age of a unit, by the push of its outermost index; an unknown time is younger than any.
type Age = (bool, Option<Timestamp>);

/// The units of all plans, the oldest first.
fn units_by_age(plans: &[&RepositoryPlan], is_gone: impl Fn(&str, Digest) -> bool) -> Vec<Unit> {
    let mut units = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        for (root, steps) in Dependencies::of(plan).units() {
            let image = plan.step(root).image();
            let left = steps.iter().filter_map(|step| plan.step(*step).deletion());
            let left: Vec<&Deletion> =
                left.filter(|deletion| !is_gone(&plan.name, deletion.image.digest)).collect();
            let images = left.iter().filter(|deletion| deletion.target == DeletionTarget::Image).count();
            let unit = Unit { plan: number, steps, deletions: left.len() as u64, images: images as u64 };
            units.push(((age(image.pushed_at), &plan.name, image.digest), unit));
        }
    }
    units.sort_by_key(|(key, _)| *key);
    units.into_iter().map(|(_, unit)| unit).collect()
}

fn age(pushed_at: Option<Timestamp>) -> Age {
    (pushed_at.is_none(), pushed_at)
}

/// The deletions that must come before each deletion of a plan.
struct Dependencies<'a> {
    plan: &'a RepositoryPlan,
    before: BTreeMap<StepIndex, Vec<StepIndex>>,
}

impl<'a> Dependencies<'a> {
    fn of(plan: &'a RepositoryPlan) -> Self {
        let steps: HashMap<Digest, StepIndex> =
            deletions(plan).map(|(step, deletion)| (deletion.image.digest, step)).collect();
        let mut before: BTreeMap<StepIndex, Vec<StepIndex>> = BTreeMap::new();
        for (step, deletion) in deletions(plan) {
            let parents = deletion.image.parents.iter().filter_map(|parent| steps.get(parent)).copied();
            before.entry(step).or_default().extend(parents.filter(|parent| *parent != step));
            let subject = deletion.image.subject.and_then(|subject| steps.get(&subject)).copied();
            match subject.filter(|subject| *subject != step) {
                // A follower goes after its subject, and an attestation before the image that it attests.
                Some(subject) if deletion.target.is_follower() => {
                    before.entry(step).or_default().push(subject)
                }
                Some(subject) if is_image(plan, subject) => before.entry(subject).or_default().push(step),
                _ => {}
            }
        }
        Self { plan, before }
    }

    /// The units by their first step: each step is in the youngest unit that it depends on.
    fn units(&self) -> BTreeMap<StepIndex, Vec<StepIndex>> {
        let mut after: BTreeMap<StepIndex, Vec<StepIndex>> = BTreeMap::new();
        let mut open: BTreeMap<StepIndex, usize> = BTreeMap::new();
        for (step, before) in &self.before {
            open.insert(*step, before.len());
            before.iter().for_each(|first| after.entry(*first).or_default().push(*step));
        }
        let mut root: BTreeMap<StepIndex, StepIndex> = BTreeMap::new();
        let mut todo: Vec<StepIndex> = open.iter().filter(|(_, n)| **n == 0).map(|(step, _)| *step).collect();
        while let Some(step) = todo.pop() {
            let first = self.before[&step].iter().filter_map(|before| root.get(before)).copied();
            root.insert(step, first.max_by_key(|root| self.key(*root)).unwrap_or(step));
            for next in after.get(&step).into_iter().flatten() {
                if let Some(left) = open.get_mut(next) {
                    *left -= 1;
                    if *left == 0 {
                        todo.push(*next);
                    }
                }
            }
        }
        let mut units: BTreeMap<StepIndex, Vec<StepIndex>> = BTreeMap::new();
        for step in self.before.keys() {
            // What is left of a loop, which digests make impossible, is a unit of its own.
            units.entry(root.get(step).copied().unwrap_or(*step)).or_default().push(*step);
        }
        units
    }

    fn key(&self, step: StepIndex) -> (Age, Digest) {
        let image = self.plan.step(step).image();
        (age(image.pushed_at), image.digest)
    }
}

fn is_image(plan: &RepositoryPlan, step: StepIndex) -> bool {
    plan.step(step).deletion().is_some_and(|deletion| deletion.target == DeletionTarget::Image)
}

fn deletions(plan: &RepositoryPlan) -> impl Iterator<Item = (StepIndex, &Deletion)> {
    plan.numbered().filter_map(|(step, it)| Some((step, it.deletion()?)))
}

#[cfg(test)]
mod tests;
