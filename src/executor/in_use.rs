//! What began to run since a plan was made, and what of the plan it holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

use crate::in_use::{Sources, Usage};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::oci::media_type::{Shape, shape};
use crate::planner::collect::verified;
use crate::planner::{Plan, Planned, Ready};
use crate::registry::{CallError, CallErrorKind, MAX_IDS, ReadRepository, presence};
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
    let running = new_ones(plan, usage);
    let held =
        if running.is_empty() { Ok(BTreeMap::new()) } else { held(registry, plan, &running, deadline).await };
    let held = match held {
        Ok(held) => held,
        Err(error) => {
            let detail = format!("nobody could see whether it is in use by now: {error}");
            for step in may_be_held(registry, plan, deadline).await {
                let cause = Cause::new(error.code.clone(), detail.clone());
                settled.entry(step).or_insert_with(|| Outcome::Failed(cause));
            }
            BTreeMap::new()
        }
    };
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

/// What is in use, in this repository or nobody knows where, and was not when the plan was made, with a user.
fn new_ones(plan: &RepositoryPlan, usage: &Usage) -> BTreeMap<Digest, Arc<str>> {
    let known: BTreeSet<Digest> = plan.in_use.iter().copied().collect();
    let new = usage.digests(&plan.name).filter(|(digest, _)| !known.contains(digest));
    new.map(|(digest, user)| (digest, user.clone())).collect()
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
/// refers to any of it. An index that cannot be read may list something that runs. The error is of a call that failed.
async fn held(
    registry: &impl ReadRepository,
    plan: &RepositoryPlan,
    running: &BTreeMap<Digest, Arc<str>>,
    deadline: &Deadline,
) -> Result<BTreeMap<StepIndex, Arc<str>>, CallError> {
    let mut around = Around::of_steps(plan);
    // Around orphans there is nothing that the plan does not know.
    if !plan.steps.iter().all(is_orphan) {
        let reader = Reader { registry, repository: &plan.name, deadline };
        around.read_indexes(&reader, plan).await?;
        around.read_subjects(&reader, running.keys()).await?;
    }
    let mut held = Held { by: running.clone() };
    if let Some(user) = running.values().next() {
        held.by.extend(around.unreadable.iter().map(|index| (*index, user.clone())));
    }
    held.spread(&around.above);
    held.spread(&around.below);
    let held_by = |step: &Step| held.by.get(&step.image().digest).cloned();
    Ok(plan.numbered().filter_map(|(index, step)| Some((index, held_by(step)?))).collect())
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

/// What lists and refers to what around the steps of a plan, steps or not.
#[derive(Default)]
struct Around {
    /// To the indexes that list an image, and to what it refers to.
    above: Links,
    /// To what an index lists, and to what refers to an image.
    below: Links,
    unreadable: BTreeSet<Digest>,
}

impl Around {
    /// As the plan has it.
    fn of_steps(plan: &RepositoryPlan) -> Self {
        let mut around = Self::default();
        for image in plan.steps.iter().map(Step::image) {
            image.parents.iter().for_each(|parent| around.link(*parent, image.digest));
            image.subject.iter().for_each(|subject| around.below_of(*subject).push(image.digest));
        }
        around
    }

    fn below_of(&mut self, image: Digest) -> &mut Vec<Digest> {
        self.below.entry(image).or_default()
    }

    /// Whatever is above reaches what is below.
    fn link(&mut self, above: Digest, below: Digest) {
        self.above.entry(below).or_default().push(above);
        self.below_of(above).push(below);
    }

    /// Reads the indexes that would go, and those that they list, to any depth.
    async fn read_indexes(
        &mut self,
        reader: &Reader<'_, impl ReadRepository>,
        plan: &RepositoryPlan,
    ) -> Result<(), CallError> {
        let going = plan.steps.iter().filter_map(Step::deletion);
        let going = going.filter(|it| Artifact::from(it.target).kind() == Kind::Index);
        let mut indexes: BTreeSet<Digest> = going.map(|deletion| deletion.image.digest).collect();
        let mut seen = indexes.clone();
        let mut todo = indexes.clone();
        while !todo.is_empty() {
            let Manifests { read, absent } = reader.manifests(todo.iter().copied()).await?;
            let children = |index: &Digest| read.get(index).and_then(|manifest| manifest.children().ok());
            let is_index = |it: &&Digest| indexes.contains(it) && !absent.contains(it);
            let unreadable = todo.iter().filter(is_index).filter(|it| children(it).is_none());
            self.unreadable.extend(unreadable);
            todo = BTreeSet::new();
            for (index, manifest) in &read {
                manifest.subject_digest().into_iter().for_each(|subject| self.link(subject, *index));
                for (child, descriptor) in children(index).into_iter().flatten() {
                    self.link(*index, child);
                    match shape(descriptor.media_type.as_deref()) {
                        Shape::Manifest => continue,
                        Shape::Index => drop(indexes.insert(child)),
                        _ => {}
                    }
                    todo.extend(seen.insert(child).then_some(child));
                }
            }
        }
        Ok(())
    }

    /// Reads what runs for what it refers to, which may be about to go. What is not here cannot be read.
    async fn read_subjects(
        &mut self,
        reader: &Reader<'_, impl ReadRepository>,
        running: impl Iterator<Item = &Digest>,
    ) -> Result<(), CallError> {
        for (image, manifest) in reader.manifests(running.copied()).await?.read {
            manifest.subject_digest().into_iter().for_each(|subject| self.link(subject, image));
        }
        Ok(())
    }
}

/// What was asked for.
#[derive(Default)]
struct Manifests {
    /// What could be had, and has its digest.
    read: BTreeMap<Digest, Manifest>,
    /// What is not in the repository.
    absent: BTreeSet<Digest>,
}

const READ: &str = "BatchGetImage";
/// ECR's code for an image that is not there.
const NOT_FOUND: &str = "ImageNotFound";

/// Reads manifests of one repository.
struct Reader<'a, R> {
    registry: &'a R,
    repository: &'a str,
    deadline: &'a Deadline,
}

impl<R: ReadRepository> Reader<'_, R> {
    async fn manifests(&self, digests: impl Iterator<Item = Digest>) -> Result<Manifests, CallError> {
        let digests: Vec<Digest> = digests.collect();
        let mut manifests = Manifests::default();
        for batch in digests.chunks(MAX_IDS) {
            let mut parts = self.registry.manifests(self.repository, batch.to_vec());
            let mut told = BTreeSet::new();
            while let Some(part) =
                self.deadline.call(async { Ok::<_, CallError>(parts.next().await) }).await?
            {
                let response = part.response?;
                told.extend(response.refused.iter().map(|it| it.digest));
                told.extend(response.done.iter().map(|it| it.digest));
                let refused = response.refused.iter().filter(|it| it.code == NOT_FOUND);
                manifests.absent.extend(refused.map(|it| it.digest));
                for manifest in response.done.into_iter().filter_map(|manifest| verified(manifest).ok()) {
                    if let Ok(parsed) = Manifest::parse(manifest.bytes.as_bytes()) {
                        manifests.read.insert(manifest.digest, parsed);
                    }
                }
            }
            if let Some(missing) = batch.iter().find(|digest| !told.contains(digest)) {
                let message = format!("it does not mention {missing}");
                return Err(CallError::of_kind(READ, CallErrorKind::MalformedResponse, message));
            }
        }
        Ok(manifests)
    }
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
