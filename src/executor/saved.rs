//! A saved plan, held against the registry as it is now, before anything is read or written.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};

use super::recheck::{OwnReads, change, difference};
use crate::config::Config;
use crate::config::policy::Policy;
use crate::inventory::{Image, Inventory, signed_digests};
use crate::oci::attestation::{Kind, ListedType};
use crate::oci::digest::Digest;
use crate::oci::media_type::Shape;
use crate::planner::plan_file::{SavedPlan, SavedRepository};
use crate::planner::recall::Recall;
use crate::planner::selection::{Selected, Selection};
use crate::planner::{Plan, Planned, ReadTime, Ready, RunRequest, Skipped, check_opt_in, one_warning};
use crate::registry::{CallError, ListRegistry, MAX_IDS, ReadRepository, presence};
use crate::report::RepositoryReason;
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::{Step, StepIndex};
use crate::util::deadline::Deadline;

/// Takes up a saved plan. A repository that is gone, or that the configuration skips by now, is left out with its
/// reason. All others are listed again: the limits count them as they are, and what has changed since the plan has its
/// outcome before this run's own reads could hide it.
pub async fn take_up(
    registry: &(impl ListRegistry + ReadRepository),
    config: &Config,
    request: &RunRequest,
    saved: SavedPlan,
    selection: Selection,
) -> Plan {
    let planned_reads = OwnReads::of_saved_plan(saved.read_time());
    let request = &RunRequest { deadline: request.deadline.of_planning(), ..request.clone() };
    let clock = request.clock;
    let mut warnings = selection.warnings(config);
    let mut here: BTreeMap<String, Selected> =
        selection.repositories.into_iter().map(|chosen| (chosen.name.clone(), chosen)).collect();
    let wanted = saved.repositories.into_iter().filter_map(|repository| {
        let chosen = here.remove(&repository.name);
        (!selection.is_narrowed || chosen.is_some()).then_some((repository, chosen))
    });
    let compare = |(repository, chosen): (SavedRepository, Option<Selected>)| async move {
        let name = repository.name.clone();
        let mut recall = Recall::load(request, config, &name).await;
        let compared = async {
            check_selected(registry, config, chosen, &request.deadline).await?;
            let policy = config.policy_of(&name);
            compare(registry, repository, planned_reads, &policy, &mut recall, &request.deadline).await
        };
        let (planned, seen) = match compared.await {
            Ok((ready, seen)) => (Planned::Ready(Box::new(ready)), Some(seen)),
            Err(skipped) => (Planned::Skipped { name, skipped }, None),
        };
        (planned, recall.save(request, seen.as_ref()).await)
    };
    let at_once = config.limits.concurrency.repositories();
    let compared: Vec<(Planned, Option<String>)> =
        stream::iter(wanted).map(compare).buffer_unordered(at_once).collect().await;
    let (repositories, about_memory): (Vec<_>, Vec<_>) = compared.into_iter().unzip();
    warnings.extend(one_warning(about_memory.into_iter().flatten().collect()));
    let read = ReadTime { from: clock.started_at(), until: clock.now() };
    let registry = selection.registry;
    let mut plan = Plan { registry, read, clock, repositories, warnings, ..Plan::default() };
    plan.check_limits(config);
    plan
}

fn skipped(error: CallError) -> Skipped {
    Skipped::after(&error, RepositoryReason::ListingIncomplete)
}

async fn check_selected(
    registry: &impl ListRegistry,
    config: &Config,
    here: Option<Selected>,
    deadline: &Deadline,
) -> Result<(), Skipped> {
    match here {
        None => Err(Skipped::plainly(RepositoryReason::RepositoryGone)),
        Some(Selected { skip: Some(reason), .. }) => Err(Skipped::plainly(reason)),
        Some(chosen) => check_opt_in(registry, &config.select.require_tag, &chosen, deadline).await,
    }
}

/// Compares a repository's plan with its images now, which come with it where earlier runs are remembered.
pub(super) async fn compare(
    registry: &impl ReadRepository,
    repository: SavedRepository,
    planned_reads: OwnReads,
    policy: &Policy,
    recall: &mut Recall,
    deadline: &Deadline,
) -> Result<(Ready, Inventory), Skipped> {
    let mut comparison = Comparison::new(repository, planned_reads);
    let name = comparison.ready.plan.name.clone();
    let mut pages = registry.images(&name);
    let mut images = Vec::new();
    while let Some(page) = deadline.call(pages.try_next()).await.map_err(skipped)? {
        page.iter().for_each(|image| comparison.take(image));
        images.extend(page.into_iter().filter(|_| recall.is_on()));
    }
    drop(pages);
    let mut inventory = Inventory::new(images);
    recall.begin(&mut inventory, policy)?;
    let missing: Vec<Digest> = comparison.missing.keys().copied().collect();
    for batch in missing.chunks(MAX_IDS) {
        let presence = deadline.call(presence::look(registry, &name, batch)).await.map_err(skipped)?;
        comparison.take_missing(batch, &presence);
    }
    Ok((comparison.finish(), inventory))
}

/// The comparison of a repository's plan with its images now.
struct Comparison {
    ready: Ready,
    planned_reads: OwnReads,
    steps: HashMap<Digest, StepIndex>,
    /// The images that were not listed so far.
    missing: BTreeMap<Digest, StepIndex>,
    platform_images: u64,
    /// What came since the plan, with the images that it refers to.
    referrers: Vec<(Digest, Digest)>,
}

impl Comparison {
    fn new(repository: SavedRepository, planned_reads: OwnReads) -> Self {
        let ready = repository.into_ready();
        let steps = ready.plan.numbered().map(|(index, step)| (step.image().digest, index));
        let steps: HashMap<Digest, StepIndex> = steps.collect();
        let missing = steps.iter().map(|(digest, step)| (*digest, *step)).collect();
        Self { ready, planned_reads, steps, missing, platform_images: 0, referrers: Vec::new() }
    }

    fn take(&mut self, image: &Image) {
        self.platform_images += u64::from(may_be_platform_image(image));
        self.note_references(image);
        let Some(index) = self.steps.get(&image.digest).copied() else { return };
        self.missing.remove(&image.digest);
        let plan = &mut self.ready.plan;
        match difference(plan.step(index), image, self.planned_reads) {
            Some(outcome @ Outcome::Changed(_)) => drop(self.ready.settled.insert(index, outcome)),
            _ => {
                // A pull that was the planner's must not seem somebody's later on.
                let facts = match &mut plan.steps[index.to_usize()] {
                    Step::Delete(deletion) => &mut deletion.image,
                    Step::Tag(tagging) => &mut tagging.image,
                };
                facts.pulled_at = facts.pulled_at.max(image.pulled_at);
            }
        }
    }

    /// Takes note of what came since the plan, and refers to an image that would be deleted: a signature, say. ECR would
    /// delete the image all the same.
    fn note_references(&mut self, image: &Image) {
        if image.pushed_at.is_some_and(|pushed| pushed <= self.planned_reads.since()) {
            return;
        }
        let named = image.tags.iter().flat_map(|tag| signed_digests(tag));
        let subjects = image.subject.into_iter().chain(named).filter(|it| self.steps.contains_key(it));
        self.referrers.extend(subjects.map(|subject| (subject, image.digest)));
    }

    /// What is missing in a listing may have come or gone while it was made, and is asked for by name.
    fn take_missing(&mut self, batch: &[Digest], presence: &presence::Presence) {
        for digest in batch {
            let Some(index) = self.missing.get(digest).copied() else { continue };
            match presence.there.get(digest) {
                Some(image) => self.take(image),
                None => {
                    let outcome = change(presence, self.ready.plan.step(index), self.planned_reads);
                    self.ready.settled.extend(outcome.map(|outcome| (index, outcome)));
                }
            }
        }
    }

    /// The plan, with no more platform images than it was made with, and than there are.
    fn finish(mut self) -> Ready {
        for (subject, referrer) in std::mem::take(&mut self.referrers) {
            let Some(step) = self.steps.get(&subject) else { continue };
            if self.ready.plan.step(*step).deletion().is_some() {
                let change = format!("{referrer} refers to it since the plan was made");
                self.ready.settled.entry(*step).or_insert(Outcome::Changed(Cause::of(change)));
            }
        }
        let planned = &mut self.ready.plan.platform_images;
        *planned = (*planned).min(self.platform_images);
        self.ready
    }
}

/// Whether an image may be a platform image, as far as a listing shows it. Legacy attestations seem to be some.
fn may_be_platform_image(image: &Image) -> bool {
    let is_something_else = match image.listed_type {
        ListedType::Attestation => true,
        ListedType::Other(kind) => kind != Kind::Image,
        ListedType::Unknown | ListedType::Image => false,
    };
    image.shape != Shape::Index && !is_something_else
}
