//! Planning: every selected repository, read and judged; then the limits. Nothing here can write.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::config::policy::{Policy, Preset, SupersededSince};
use crate::config::{Config, Statements};
use crate::in_use::{Sources, Usage};
use crate::memory::memories::Memories;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::registry::{ListRegistry, ReadRepository, StoredManifest};
use crate::report::RepositoryReason;
use crate::report::counts::{InventoryCounts, ReferrerPressure, WhatIf};
use crate::report::observer::Observer;
use crate::report::outcome::Outcome;
use crate::report::plan::{Artifact, RepositoryPlan, Step, StepIndex, UnreadStatement};
use crate::report::source::Source;
use crate::rules::limits::{self, Pace};
use crate::rules::verdict::{Rows, TooLarge};
use crate::rules::{forecast, verdict};
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;
use crate::util::memory;

pub mod collect;
pub mod large;
pub mod plan_file;
pub mod recall;
pub mod replication;
pub mod selection;
mod skipped;
pub mod sources;
pub mod statements;
pub mod surroundings;

use collect::{Collected, collect};
use large::LargeRepositories;
use recall::Recall;
use replication::Replication;
use selection::{Selected, Selection};
pub use skipped::Skipped;
use surroundings::Surroundings;

/// The row of a repository in report and log is as long as several of its images.
const ROWS_OF_A_REPOSITORY: usize = 10;

/// A run's request, besides its configuration.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The run's own time: ages are counted from here.
    pub now: Timestamp,
    /// The run's clock, which began then.
    pub clock: Clock,
    /// When to stop.
    pub deadline: Deadline,
    /// Which repository to begin with, as a number that may exceed how many there are: it changes from run to run,
    /// so that none starves when time is short.
    pub start_at: u64,
    /// Whether what is only kept gets a row each; else it is counted by reason.
    pub keeps_rows: bool,
    /// Whether the plan is made to be executed.
    pub acts: bool,
    /// The memory of earlier runs.
    pub memories: Memories,
    /// Repositories whose loss of tags somebody accepted.
    pub accept_tag_loss: Vec<String>,
    /// The turns of large repositories.
    pub large: LargeRepositories,
    /// The sources of images in use.
    pub in_use: Sources,
}

impl RunRequest {
    /// A request without memory, to plan only.
    pub fn new(now: Timestamp, deadline: Deadline) -> Self {
        Self {
            now,
            clock: Clock::start(now),
            deadline,
            start_at: 0,
            keeps_rows: true,
            acts: false,
            memories: Memories::none(),
            accept_tag_loss: Vec::new(),
            large: LargeRepositories::default(),
            in_use: Sources::none(),
        }
    }
}

/// The plan of a run, before anything is written.
#[derive(Debug, Default)]
pub struct Plan {
    /// The registry's id, if it has any repository.
    pub registry: Option<String>,
    /// When the repositories were read.
    pub read: ReadTime,
    /// The run's clock.
    pub clock: Clock,
    /// The repositories.
    pub repositories: Vec<Planned>,
    /// The steps that wait for a later run.
    pub pace: Pace,
    /// What runs somewhere, as the plan rests on it.
    pub usage: Usage,
    /// Until when the backup of what it deletes would be kept, if there is one.
    pub backup_until: Option<Timestamp>,
    /// What people should know before they look at the plan.
    pub warnings: Vec<String>,
}

/// The time in which a plan's facts were read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadTime {
    /// Before the first call.
    pub from: Timestamp,
    /// After the last one.
    pub until: Timestamp,
}

/// One repository of a plan.
#[derive(Debug)]
pub enum Planned {
    /// A repository with its plan.
    Ready(Box<Ready>),
    /// A repository that is skipped.
    Skipped {
        /// Its name.
        name: String,
        /// The reason.
        skipped: Skipped,
    },
}

/// A repository's plan, ready to be executed.
#[derive(Debug, Default)]
pub struct Ready {
    /// The plan.
    pub plan: RepositoryPlan,
    /// The bytes of what is to be tagged, as far as they are at hand.
    pub manifests: HashMap<Digest, StoredManifest>,
    /// The outcomes that are known before anything is tried: of what has changed since a plan was saved.
    pub settled: BTreeMap<StepIndex, Outcome>,
}

impl Planned {
    /// The repository's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Ready(ready) => &ready.plan.name,
            Self::Skipped { name, .. } => name,
        }
    }

    /// The plan, if there is one.
    pub fn plan(&self) -> Option<&RepositoryPlan> {
        match self {
            Self::Ready(ready) => Some(&ready.plan),
            Self::Skipped { .. } => None,
        }
    }
}

/// Plans a run over the selected repositories.
pub async fn plan(
    registry: &(impl ListRegistry + ReadRepository),
    config: &Config,
    request: &RunRequest,
    selection: Selection,
    observer: &dyn Observer,
) -> Plan {
    let about_selection = selection.warnings(config);
    let is_whole =
        !selection.is_narrowed && selection.repositories.iter().all(|chosen| chosen.skip.is_none());
    let (skipped, mut selected): (Vec<Selected>, Vec<Selected>) =
        selection.repositories.into_iter().partition(|chosen| chosen.skip.is_some());
    observer.selected(selected.len());
    let request = &RunRequest { deadline: request.deadline.of_planning(), ..request.clone() };
    if !selected.is_empty() {
        let turn = request.start_at % selected.len() as u64;
        selected.rotate_left(usize::try_from(turn).unwrap_or(0));
    }
    let names = selected.iter().map(|chosen| chosen.name.as_str());
    let replication = Replication::of(registry, config, names, &request.deadline).await;
    let usage = if selected.is_empty() {
        Usage::default()
    } else {
        request.in_use.read(selection.registry.as_deref(), request.clock.now(), &request.deadline).await
    };
    let surroundings = &Surroundings::new(replication, usage);
    let (mut held, most) = (0, most_plan_bytes());
    let planned: Vec<(Planned, Option<String>)> = stream::iter(skipped.into_iter().chain(selected))
        .map(|chosen| plan_repository(registry, config, request, surroundings, chosen))
        .buffer_unordered(config.limits.concurrency.repositories())
        .map(|(planned, warning)| (within_memory(planned, request, most, &mut held), warning))
        .inspect(|(planned, _)| announce(planned, &request.deadline, observer))
        .collect()
        .await;
    let clock = request.clock;
    let read = ReadTime { from: clock.started_at(), until: clock.now() };
    let (repositories, memory_warnings): (Vec<_>, Vec<_>) = planned.into_iter().unzip();
    let about_memory = one_warning(memory_warnings.into_iter().flatten().collect());
    let missing_memory = without_memory(config, request);
    let warnings = about_selection
        .into_iter()
        .chain(config.warnings())
        .chain(surroundings.replication.warning())
        .chain(surroundings.usage.warnings())
        .chain(surroundings.nothing_found().filter(|_| is_whole))
        .chain(about_memory)
        .chain(missing_memory)
        .collect();
    let registry = selection.registry;
    let usage = surroundings.usage.clone();
    let mut plan = Plan { registry, read, clock, repositories, warnings, usage, ..Plan::default() };
    plan.check_limits(config);
    plan
}

/// The memory that the plans of a small function take together: some hundred thousand images to be changed. A run may
/// delete a thousand of them, unless somebody allows more.
const LEAST_PLAN_BYTES: usize = 64 * MIB;
const MIB: usize = 1024 * 1024;

fn most_plan_bytes() -> usize {
    LEAST_PLAN_BYTES.max(memory::of_this_process() / 3)
}

/// A plan for which there is memory. Beyond that its repository waits for a later run, which begins with it.
fn within_memory(planned: Planned, request: &RunRequest, most: usize, held: &mut usize) -> Planned {
    let bytes = planned.plan().map_or(0, RepositoryPlan::bytes);
    // The command line shows all of it.
    if request.keeps_rows || *held + bytes <= most {
        *held += bytes;
        return planned;
    }
    let detail = format!(
        "there was no memory left for its plan: the plans of one run take {} MiB at most; the next run goes on",
        most / MIB
    );
    let skipped = Skipped { reason: RepositoryReason::Deadline, detail };
    Planned::Skipped { name: planned.name().to_owned(), skipped }
}

/// Tells the observer of a planned repository, and keeps time for what the report will say of it.
fn announce(planned: &Planned, deadline: &Deadline, observer: &dyn Observer) {
    observer.planned(planned.name(), planned.plan());
    let rows = planned.plan().map_or(0, |plan| plan.steps.len() + plan.kept.len());
    deadline.owe_rows(ROWS_OF_A_REPOSITORY + rows);
}

impl Plan {
    /// Finds what must wait for a later run, before anything is written.
    pub fn check_limits(&mut self, config: &Config) {
        let settled: HashSet<(&str, Digest)> = self.settled().collect();
        let is_settled = |repository: &str, digest| settled.contains(&(repository, digest));
        self.pace = limits::pace_of_the_rest(self.plans(), &config.limits, is_settled);
    }

    /// The images of which it is known beforehand what becomes of them.
    fn settled(&self) -> impl Iterator<Item = (&str, Digest)> {
        let ready = self.repositories.iter().filter_map(|planned| match planned {
            Planned::Ready(ready) => Some(ready.as_ref()),
            Planned::Skipped { .. } => None,
        });
        ready.flat_map(|Ready { plan, settled, .. }| {
            settled.keys().map(|step| (plan.name.as_str(), plan.step(*step).image().digest))
        })
    }

    /// The repositories that were planned.
    pub fn plans(&self) -> impl Iterator<Item = &RepositoryPlan> {
        self.repositories.iter().filter_map(Planned::plan)
    }

    /// The steps of a repository that this run would carry out.
    pub fn due<'a>(&'a self, plan: &'a RepositoryPlan) -> impl Iterator<Item = &'a Step> {
        plan.numbered().filter(|(step, _)| !self.pace.waits(&plan.name, *step)).map(|(_, it)| it)
    }

    /// How many images this run would delete.
    pub fn deletions(&self) -> u64 {
        let due = self.plans().flat_map(|plan| self.due(plan));
        due.filter(|step| step.deletion().is_some()).count() as u64
    }

    /// What the whole plan would be under each preset.
    pub fn what_if(&self) -> Vec<WhatIf> {
        let mut sums: Vec<WhatIf> = Vec::new();
        for of_one in self.plans().flat_map(|plan| &plan.what_if) {
            match sums.iter_mut().find(|sum| sum.preset == of_one.preset) {
                Some(sum) => sum.add(of_one),
                None => sums.push(*of_one),
            }
        }
        sums
    }
}

/// One warning about memories, however many there are.
pub fn one_warning(warnings: Vec<String>) -> Option<String> {
    let more = warnings.len().saturating_sub(1);
    let first = warnings.into_iter().next()?;
    Some(if more == 0 { first } else { format!("{first} (and so for {more} more repositories)") })
}

/// The warning of a run that cannot know when an index lost its tag.
pub(crate) fn without_memory(config: &Config, request: &RunRequest) -> Option<String> {
    let needs =
        |policy: Policy| policy.deletes_superseded() && policy.superseded_since == SupersededSince::Untagged;
    let is_missing = !request.memories.is_on() && config.policies().any(needs);
    is_missing.then(|| {
        "there is no memory of earlier runs, so no run knows when an index lost its tag, and nothing superseded is deleted; set memory.location, or superseded_since = \"push\" to count from the push".to_owned()
    })
}

async fn plan_repository(
    registry: &(impl ListRegistry + ReadRepository),
    config: &Config,
    request: &RunRequest,
    surroundings: &Surroundings,
    chosen: Selected,
) -> (Planned, Option<String>) {
    let name = chosen.name.clone();
    let (planned, warning) = match may_plan(registry, config, request, chosen).await {
        Ok(name) => plan_selected(registry, config, request, surroundings, name).await,
        Err(skipped) => (Err(skipped), None),
    };
    match planned {
        Ok(ready) => (Planned::Ready(Box::new(ready)), warning),
        Err(skipped) => (Planned::Skipped { name, skipped }, warning),
    }
}

/// The name of a repository that nothing keeps from being planned.
async fn may_plan(
    registry: &impl ListRegistry,
    config: &Config,
    request: &RunRequest,
    chosen: Selected,
) -> Result<String, Skipped> {
    if let Some(reason) = chosen.skip {
        return Err(Skipped::plainly(reason));
    }
    if !request.deadline.may_start_planning() {
        return Err(Skipped::out_of_time());
    }
    check_opt_in(registry, &config.select.require_tag, &chosen, &request.deadline).await?;
    Ok(chosen.name)
}

/// Plans one repository with its memory, which is saved whatever comes of it.
async fn plan_selected(
    registry: &impl ReadRepository,
    config: &Config,
    request: &RunRequest,
    surroundings: &Surroundings,
    name: String,
) -> (Result<Ready, Skipped>, Option<String>) {
    let policy = config.policy_of(&name);
    let mut recall = Recall::load(request, config, &name).await;
    let collected =
        collect(registry, &name, &policy, surroundings, &mut recall, &request.large, &request.deadline).await;
    let known = collected.as_ref().ok().map(|collected| KnownSources::of(collected, config, &mut recall));
    let inventory = collected.as_ref().ok().map(|collected| &collected.inventory);
    let warning = recall.save(request, inventory).await;
    let ready = collected.and_then(|collected| {
        let mut ready = ready(config, &policy, request, name, collected)?;
        if let Some(KnownSources { sources, unread_statement }) = known {
            (ready.plan.sources, ready.plan.unread_statement) = (sources, unread_statement);
        }
        Ok(ready)
    });
    (ready, warning)
}

/// What memory knows of the pipelines that push to a repository.
struct KnownSources {
    sources: Vec<Source>,
    unread_statement: Option<UnreadStatement>,
}

impl KnownSources {
    /// Also takes note of what has arrived.
    fn of(Collected { inventory, verdicts, .. }: &Collected, config: &Config, recall: &mut Recall) -> Self {
        recall.note_arrivals(inventory, verdicts);
        let (memory, now) = (recall.memory(), recall.now);
        Self {
            sources: sources::sources(inventory, verdicts, memory, now),
            unread_statement: (config.memory.statements == Statements::Newest)
                .then(|| sources::newest_unread(inventory, verdicts, memory, now))
                .flatten(),
        }
    }
}

/// The plan of a repository that was read.
fn ready(
    config: &Config,
    policy: &Policy,
    request: &RunRequest,
    name: String,
    collected: Collected,
) -> Result<Ready, Skipped> {
    let Collected { inventory, verdicts, .. } = &collected;
    let most_bytes = most_plan_bytes();
    let rows = if request.keeps_rows { Rows::All } else { Rows::Changed { most_bytes } };
    let expanded = verdict::expand(inventory, policy, request.now, verdicts, rows)
        .map_err(|TooLarge| too_large_alone(most_bytes))?;
    let to_be_tagged: HashSet<Digest> =
        expanded.steps.iter().filter_map(Step::tagging).map(|tagging| tagging.image.digest).collect();
    let counts = count(&collected, policy);
    let plan = RepositoryPlan {
        platform_images: counts.not_attestations.get(&Kind::Image).copied().unwrap_or(0),
        counts: Some(counts),
        referrer_pressure: referrer_pressure(&collected),
        what_if: what_if(&collected, config, &name, request.now),
        sources: Vec::new(),
        unread_statement: None,
        steps: expanded.steps,
        kept: expanded.kept,
        kept_by_reason: expanded.kept_by_reason,
        in_use: inventory.in_use.images().collect(),
        name,
    };
    let mut manifests = collected.manifests;
    manifests.retain(|digest, _| to_be_tagged.contains(digest));
    Ok(Ready { plan, manifests, settled: BTreeMap::new() })
}

/// The words by which a plan is known that no later run has memory for either.
pub const TOO_LARGE: &str = "its plan takes more than";

/// A repository with such a plan.
fn too_large_alone(most: usize) -> Skipped {
    let detail = format!(
        "{TOO_LARGE} the {} MiB of memory that plans have in a function of this size; give the function more memory (MemorySize), or run `ecr-janitor apply` for it once",
        most / MIB
    );
    Skipped { reason: RepositoryReason::Deadline, detail }
}

/// Checks the resource tags with which a repository opts in, if the configuration asks for any.
pub async fn check_opt_in(
    registry: &impl ListRegistry,
    required: &BTreeMap<String, String>,
    chosen: &Selected,
    deadline: &Deadline,
) -> Result<(), Skipped> {
    if required.is_empty() {
        return Ok(());
    }
    let tags = deadline.call(registry.resource_tags(&chosen.arn)).await;
    let tags = tags.map_err(|error| Skipped::after(&error, RepositoryReason::ListingIncomplete))?;
    match required.iter().find(|(key, value)| tags.get(*key) != Some(value)) {
        None => Ok(()),
        Some((key, value)) => Err(Skipped {
            reason: RepositoryReason::NotOptedIn,
            detail: format!("it has no resource tag {key:?} with the value {value:?}"),
        }),
    }
}

/// What the repository's plan would be under the preset in force, and under the other.
fn what_if(collected: &Collected, config: &Config, repository: &str, now: Timestamp) -> Vec<WhatIf> {
    let in_force = config.policy_of(repository).preset;
    let Collected { inventory, verdicts, .. } = collected;
    let under = |preset: Preset, verdicts| {
        let policy = config.policy_under(preset, repository);
        forecast::what_if(inventory, preset, &policy, now, verdicts)
    };
    vec![under(in_force, Some(verdicts)), under(in_force.other(), None)]
}

/// The image with the most referrers: the first in digest order, if several are even.
fn referrer_pressure(collected: &Collected) -> Option<ReferrerPressure> {
    let mut pressures: BTreeMap<Digest, ReferrerPressure> = BTreeMap::new();
    for (index, verdict) in collected.verdicts.iter() {
        let Some(subject) = collected.inventory.image(index).subject else { continue };
        let pressure =
            pressures.entry(subject).or_insert(ReferrerPressure { subject, referrers: 0, attestations: 0 });
        pressure.referrers += 1;
        pressure.attestations += u64::from(verdict.kind() == Kind::Attestation);
    }
    pressures.into_values().max_by_key(|pressure| (pressure.referrers, Reverse(pressure.subject)))
}

fn count(collected: &Collected, policy: &Policy) -> InventoryCounts {
    let (inventory, verdicts) = (&collected.inventory, &collected.verdicts);
    let (stranded_images, stranded_bytes) = forecast::stranded(inventory, verdicts);
    let mut counts = InventoryCounts {
        images: inventory.images().len() as u64,
        unreached_images: forecast::unreached(inventory, policy, verdicts),
        stranded_images,
        stranded_bytes,
        ..InventoryCounts::default()
    };
    for (index, verdict) in collected.verdicts.iter() {
        counts.indexes += u64::from(collected.inventory.is_index(index));
        match verdict.artifact {
            Artifact::Attestation { form, state } => {
                counts.attestations.total += 1;
                *counts.attestations.by_form.entry(form).or_default() += 1;
                *counts.attestations.by_state.entry(state).or_default() += 1;
            }
            Artifact::Other(kind) => *counts.not_attestations.entry(kind).or_default() += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::decisions::{With as _, attestation, step};

    /// A plan of this many bytes, and a little more.
    fn planned(name: &str, bytes: usize) -> Planned {
        let row = attestation(name).with(|it| it.image.because = vec!["x".repeat(bytes)]);
        let plan = RepositoryPlan {
            name: name.to_owned(),
            steps: step(&row).into_iter().collect(),
            ..RepositoryPlan::default()
        };
        Planned::Ready(Box::new(Ready { plan, ..Ready::default() }))
    }

    #[test]
    fn plans_for_which_there_is_no_memory_wait_for_the_next_run() {
        let mut request = RunRequest::new(Timestamp::UNIX_EPOCH, Deadline::default());
        let sizes = [("a", 40), ("b", 30), ("c", 10)];
        for (keeps_rows, skipped) in [(true, vec![]), (false, vec!["b"])] {
            request.keeps_rows = keeps_rows;
            let mut held = 0;
            let plans = sizes.map(|(name, mib)| planned(name, mib << 20));
            let plans = plans.map(|plan| within_memory(plan, &request, LEAST_PLAN_BYTES, &mut held));
            let left: Vec<&str> = plans.iter().filter(|it| it.plan().is_none()).map(Planned::name).collect();
            assert_eq!(left, skipped);
            for plan in &plans {
                let Planned::Skipped { skipped, .. } = plan else { continue };
                assert_eq!(skipped.reason, RepositoryReason::Deadline);
                assert!(skipped.detail.contains("the next run goes on"), "{}", skipped.detail);
            }
        }
    }
}
