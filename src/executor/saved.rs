//! A saved plan, held against the registry as it is now, before anything is read or written.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};

use super::recheck::{OwnReads, change, difference};
use crate::config::Config;
use crate::inventory::Image;
use crate::oci::attestation::{Kind, ListedType};
use crate::oci::digest::Digest;
use crate::oci::media_type::Shape;
use crate::planner::plan_file::{SavedPlan, SavedRepository};
use crate::planner::selection::{Selected, Selection};
use crate::planner::{Plan, Planned, ReadTime, Ready, Skipped, check_opt_in};
use crate::registry::{CallError, ListRegistry, MAX_IDS, ReadRepository, presence};
use crate::report::RepositoryReason;
use crate::report::outcome::Outcome;
use crate::report::plan::{Step, StepIndex};
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;

/// Takes up a saved plan. A repository that is gone, or that the configuration skips by now, is left out with its
/// reason. All others are listed again: the limits count them as they are, and what has changed since the plan has its
/// outcome before this run's own reads could hide it.
pub async fn take_up(
    registry: &(impl ListRegistry + ReadRepository),
    config: &Config,
    saved: SavedPlan,
    selection: Selection,
    clock: Clock,
    deadline: &Deadline,
) -> Plan {
    let planned_reads = OwnReads::of_saved_plan(saved.read_time());
    let deadline = &deadline.of_planning();
    let mut here: BTreeMap<String, Selected> =
        selection.repositories.into_iter().map(|chosen| (chosen.name.clone(), chosen)).collect();
    let wanted = saved.repositories.into_iter().filter_map(|repository| {
        let chosen = here.remove(&repository.name);
        (!selection.is_narrowed || chosen.is_some()).then_some((repository, chosen))
    });
    let compare = |(repository, chosen): (SavedRepository, Option<Selected>)| async move {
        let name = repository.name.clone();
        let compared = async {
            check_selected(registry, config, chosen, deadline).await?;
            compare(registry, repository, planned_reads, deadline).await.map_err(skipped)
        };
        match compared.await {
            Ok(ready) => Planned::Ready(Box::new(ready)),
            Err(skipped) => Planned::Skipped { name, skipped },
        }
    };
    let at_once = config.limits.concurrency.number();
    let repositories = stream::iter(wanted).map(compare).buffer_unordered(at_once).collect().await;
    let read = ReadTime { from: clock.started_at(), until: clock.now() };
    let mut plan = Plan { registry: selection.registry, read, clock, repositories, ..Plan::default() };
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

/// Compares a repository's plan with its images now.
pub(super) async fn compare(
    registry: &impl ReadRepository,
    repository: SavedRepository,
    planned_reads: OwnReads,
    deadline: &Deadline,
) -> Result<Ready, CallError> {
    let mut comparison = Comparison::new(repository, planned_reads);
    let name = comparison.ready.plan.name.clone();
    let mut pages = registry.images(&name);
    while let Some(page) = deadline.call(pages.try_next()).await? {
        page.iter().for_each(|image| comparison.take(image));
    }
    drop(pages);
    let missing: Vec<Digest> = comparison.missing.keys().copied().collect();
    for batch in missing.chunks(MAX_IDS) {
        let presence = deadline.call(presence::look(registry, &name, batch)).await?;
        comparison.take_missing(batch, &presence);
    }
    Ok(comparison.finish())
}

/// The comparison of a repository's plan with its images now.
struct Comparison {
    ready: Ready,
    planned_reads: OwnReads,
    steps: HashMap<Digest, StepIndex>,
    /// The images that were not listed so far.
    missing: BTreeMap<Digest, StepIndex>,
    platform_images: u64,
}

impl Comparison {
    fn new(repository: SavedRepository, planned_reads: OwnReads) -> Self {
        let ready = repository.into_ready();
        let steps = ready.plan.numbered().map(|(index, step)| (step.image().digest, index));
        let steps: HashMap<Digest, StepIndex> = steps.collect();
        let missing = steps.iter().map(|(digest, step)| (*digest, *step)).collect();
        Self { ready, planned_reads, steps, missing, platform_images: 0 }
    }

    fn take(&mut self, image: &Image) {
        self.platform_images += u64::from(may_be_platform_image(image));
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
