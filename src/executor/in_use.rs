//! What began to run since a plan was made, and what of the plan it holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

use crate::in_use::{Sources, Usage};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::planner::collect::verified;
use crate::planner::{Plan, Planned, Ready};
use crate::registry::{CallError, MAX_IDS, ReadRepository, presence};
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::{Artifact, DeletionTarget, RepositoryPlan, Step, StepIndex};
use crate::report::reason::State;
use crate::util::deadline::Deadline;

/// A plan that rests on older answers of the sources is held against new ones before it is carried out.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// The codes of steps that are not done because of what runs.
const IN_USE: &str = "in-use";
const IN_USE_UNKNOWN: &str = "in-use-unknown";

/// Reads the sources again if the plan rests on answers of more than an hour ago, or on none, and settles the steps that
/// what runs by now holds.
pub(super) async fn look_again(
    registry: &impl ReadRepository,
    sources: &Sources,
    plan: &mut Plan,
    now: Timestamp,
    deadline: &Deadline,
) {
    let is_fresh = plan.usage.read_at.is_some_and(|at| now.duration_since(at) <= FRESH);
    if sources.is_empty() || is_fresh || !plan.plans().any(|plan| !plan.steps.is_empty()) {
        return;
    }
    let usage = sources.read(plan.registry.as_deref(), now, deadline).await;
    plan.warnings.extend(usage.warnings());
    for planned in &mut plan.repositories {
        if let Planned::Ready(ready) = planned {
            settle(registry, ready, &usage, deadline).await;
        }
    }
    plan.usage = usage;
}

/// Settles the steps of a repository that what runs by now holds, or may hold.
async fn settle(registry: &impl ReadRepository, ready: &mut Ready, usage: &Usage, deadline: &Deadline) {
    let Ready { plan, settled, .. } = ready;
    if plan.steps.is_empty() {
        return;
    }
    let running = new_ones(registry, plan, usage, deadline).await;
    let held =
        if running.is_empty() { BTreeMap::new() } else { held(registry, plan, &running, deadline).await };
    for (step, user) in held {
        let detail =
            format!("it, or something that belongs to it, is in use since the plan was made: {user}");
        settled.entry(step).or_insert_with(|| Outcome::Changed(Cause::new(IN_USE, detail)));
    }
    let Some(sources) = usage.unread() else { return };
    let cause = Cause::new(
        IN_USE_UNKNOWN,
        format!("nobody knows whether it is in use by now: {sources} could not be read"),
    );
    for step in may_be_held(registry, plan, deadline).await {
        settled.entry(step).or_insert_with(|| Outcome::Changed(cause.clone()));
    }
}

/// What is in use in a repository and was not when the plan was made, with a user.
async fn new_ones(
    registry: &impl ReadRepository,
    plan: &RepositoryPlan,
    usage: &Usage,
    deadline: &Deadline,
) -> BTreeMap<Digest, Arc<str>> {
    let known: BTreeSet<Digest> = plan.in_use.iter().copied().collect();
    let new = usage.digests(&plan.name).filter(|(digest, _)| !known.contains(digest));
    let mut new: BTreeMap<Digest, Arc<str>> = new.map(|(digest, user)| (digest, user.clone())).collect();
    let digests: Vec<Digest> = new.keys().copied().collect();
    for gone in gone(registry, &plan.name, &digests, deadline).await {
        new.remove(&gone);
    }
    new
}

/// Those of these images that are certainly not in the repository.
async fn gone(
    registry: &impl ReadRepository,
    repository: &str,
    digests: &[Digest],
    deadline: &Deadline,
) -> BTreeSet<Digest> {
    let mut gone = BTreeSet::new();
    for batch in digests.chunks(MAX_IDS) {
        if let Ok(presence) = deadline.call(presence::look(registry, repository, batch)).await {
            gone.extend(presence.gone);
        }
    }
    gone
}

/// The steps that belong to what runs: the images themselves, the indexes above them, all that these list, and what
/// refers to any of it. An index that cannot be read may list something that runs.
async fn held(
    registry: &impl ReadRepository,
    plan: &RepositoryPlan,
    running: &BTreeMap<Digest, Arc<str>>,
    deadline: &Deadline,
) -> BTreeMap<StepIndex, Arc<str>> {
    let mut held = Held { by: running.clone() };
    for (index, listed) in children_of_indexes(registry, plan, deadline).await {
        let user = match listed {
            Some(listed) => listed.iter().find_map(|child| running.get(child)),
            None => running.values().next(),
        };
        if let Some(user) = user {
            held.by.entry(index).or_insert_with(|| user.clone());
        }
    }
    let (mut above, mut below) = (Links::new(), Links::new());
    for image in plan.steps.iter().map(Step::image) {
        above.entry(image.digest).or_default().extend(&image.parents);
        for over in image.parents.iter().chain(&image.subject) {
            below.entry(*over).or_default().push(image.digest);
        }
    }
    held.spread(&above);
    held.spread(&below);
    plan.numbered()
        .filter_map(|(index, step)| Some((index, held.by.get(&step.image().digest)?.clone())))
        .collect()
}

/// From each image, others that it takes along.
type Links = HashMap<Digest, Vec<Digest>>;

/// Images that are held, each with a user.
struct Held {
    by: BTreeMap<Digest, Arc<str>>,
}

impl Held {
    /// Holds whatever the links lead to from what is held.
    fn spread(&mut self, links: &Links) {
        let mut todo: Vec<(Digest, Arc<str>)> =
            self.by.iter().map(|(digest, user)| (*digest, user.clone())).collect();
        while let Some((digest, user)) = todo.pop() {
            for next in links.get(&digest).into_iter().flatten() {
                if !self.by.contains_key(next) {
                    self.by.insert(*next, user.clone());
                    todo.push((*next, user.clone()));
                }
            }
        }
    }
}

/// What the indexes of a plan list; nothing of one that cannot be read.
async fn children_of_indexes(
    registry: &impl ReadRepository,
    plan: &RepositoryPlan,
    deadline: &Deadline,
) -> BTreeMap<Digest, Option<Vec<Digest>>> {
    let indexes = plan.steps.iter().filter_map(Step::deletion);
    let indexes = indexes.filter(|it| Artifact::from(it.target).kind() == Kind::Index);
    let indexes: Vec<Digest> = indexes.map(|deletion| deletion.image.digest).collect();
    let mut children: BTreeMap<Digest, Option<Vec<Digest>>> =
        indexes.iter().map(|digest| (*digest, None)).collect();
    for batch in indexes.chunks(MAX_IDS) {
        let mut parts = registry.manifests(&plan.name, batch.to_vec());
        while let Ok(Some(part)) = deadline.call(async { Ok::<_, CallError>(parts.next().await) }).await {
            let stored = part.response.map(|response| response.done).unwrap_or_default();
            for manifest in stored.into_iter().filter_map(|manifest| verified(manifest).ok()) {
                children.insert(manifest.digest, listed(manifest.bytes.as_bytes()));
            }
        }
    }
    children
}

fn listed(bytes: &[u8]) -> Option<Vec<Digest>> {
    let manifest = Manifest::parse(bytes).ok()?;
    let children = manifest.children().ok()?;
    Some(children.into_iter().map(|(digest, _)| digest).collect())
}

/// The steps that a source which could not be read might hold: all but orphans of what is not here, and tags of what a
/// tagged index lists.
async fn may_be_held(
    registry: &impl ReadRepository,
    plan: &RepositoryPlan,
    deadline: &Deadline,
) -> Vec<StepIndex> {
    let orphans = plan.steps.iter().filter(|step| is_orphan(step));
    let subjects: BTreeSet<Digest> = orphans.filter_map(|step| step.image().subject).collect();
    let subjects: Vec<Digest> = subjects.into_iter().collect();
    let gone = gone(registry, &plan.name, &subjects, deadline).await;
    let stays_free = |step: &Step| {
        let is_attached = step.tagging().is_some_and(|tagging| tagging.state == State::Attached);
        let is_of_nothing = step.image().subject.is_none_or(|subject| gone.contains(&subject));
        is_attached || is_orphan(step) && is_of_nothing
    };
    plan.numbered().filter(|(_, step)| !stays_free(step)).map(|(index, _)| index).collect()
}

fn is_orphan(step: &Step) -> bool {
    let state = match step {
        Step::Tag(tagging) => Some(tagging.state),
        Step::Delete(deletion) => match deletion.target {
            DeletionTarget::Attestation { state, .. } => Some(state),
            _ => None,
        },
    };
    state == Some(State::Orphaned)
}
