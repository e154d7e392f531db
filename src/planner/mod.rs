//! Planning: every selected repository, read and judged; then the limits. Nothing here can write.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::config::Config;
use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::planner::collect::{HandsOff, Surveyed, survey};
use crate::planner::selection::{Selected, Selection};
use crate::registry::{Read, StoredManifest};
use crate::report::observer::Observer;
use crate::report::{Counts, ReferrerPressure, RepositoryReason, RepositoryReport, Status};
use crate::rules::limits::{self, Tripped};
use crate::rules::verdict;
use crate::util::deadline::Deadline;

pub mod collect;
pub mod plan_file;
pub mod selection;

/// What a run is asked to do, besides the configuration.
#[derive(Debug, Clone)]
pub struct Request {
    /// The run's own time: ages are counted from here.
    pub now: Timestamp,
    /// When to stop.
    pub deadline: Deadline,
    /// Which repository to begin with, as a number that may exceed how many there are: it changes from run to run,
    /// so that none starves when time is short.
    pub start_at: u64,
}

/// A plan: decisions for every repository in scope, before anything is written.
#[derive(Debug, Default)]
pub struct Plan {
    /// The registry's id, if it has any repository.
    pub registry: Option<String>,
    /// The repositories.
    pub repositories: Vec<Planned>,
    /// What a limit stopped.
    pub tripped: Vec<Tripped>,
}

/// One repository of a plan.
#[derive(Debug)]
pub struct Planned {
    /// The decisions, which become the report.
    pub report: RepositoryReport,
    /// The bytes of what is to be tagged, as far as they are at hand.
    pub manifests: HashMap<Digest, StoredManifest>,
}

/// Plans a run over the selected repositories.
pub async fn plan(
    registry: &impl Read,
    config: &Config,
    request: &Request,
    selection: Selection,
    observer: &dyn Observer,
) -> Plan {
    let (left_alone, mut selected): (Vec<Selected>, Vec<Selected>) =
        selection.repositories.into_iter().partition(|chosen| chosen.skip.is_some());
    observer.selected(selected.len());
    if !selected.is_empty() {
        let turn = request.start_at % selected.len() as u64;
        selected.rotate_left(usize::try_from(turn).unwrap_or(0));
    }
    let repositories = stream::iter(left_alone.into_iter().chain(selected))
        .map(|chosen| plan_repository(registry, config, request, chosen))
        .buffer_unordered(config.limits.concurrency.number())
        .inspect(|planned| observer.planned(&planned.report))
        .collect()
        .await;
    let mut plan = Plan { registry: selection.registry, repositories, tripped: Vec::new() };
    plan.check_limits(config);
    plan
}

impl Plan {
    /// Marks what the limits stop, before anything is written.
    pub fn check_limits(&mut self, config: &Config) {
        let mut reports: Vec<&mut RepositoryReport> =
            self.repositories.iter_mut().map(|planned| &mut planned.report).collect();
        self.tripped = limits::check(&mut reports, &config.limits);
    }
}

async fn plan_repository(
    registry: &impl Read,
    config: &Config,
    request: &Request,
    chosen: Selected,
) -> Planned {
    let name = chosen.name.clone();
    match plan_or_leave(registry, config, request, chosen).await {
        Ok(planned) => planned,
        Err(HandsOff { reason, detail }) => {
            let detail = (!detail.is_empty()).then_some(detail);
            Planned {
                report: RepositoryReport::without_decisions(name, reason, detail),
                manifests: HashMap::new(),
            }
        }
    }
}

async fn plan_or_leave(
    registry: &impl Read,
    config: &Config,
    request: &Request,
    chosen: Selected,
) -> Result<Planned, HandsOff> {
    if let Some(reason) = chosen.skip {
        return Err(HandsOff { reason, detail: String::new() });
    }
    if request.deadline.is_near_for_planning() {
        return Err(HandsOff::out_of_time());
    }
    check_opt_in(registry, &config.select.require_tag, &chosen, &request.deadline).await?;
    let policy = config.policy_of(&chosen.name);
    let surveyed = survey(registry, &chosen.name, &policy, request.now, &request.deadline).await?;
    let decisions = verdict::expand(&surveyed.inventory, &policy, &surveyed.verdicts);
    let mut report = RepositoryReport {
        name: chosen.name,
        status: Status::Done,
        reason: None,
        detail: None,
        counts: count(&surveyed),
        referrer_pressure: referrer_pressure(&surveyed),
        decisions,
    };
    report.count_outcomes();
    let mut manifests = surveyed.manifests;
    let to_be_tagged: HashSet<Digest> =
        report.decisions.iter().filter(|d| d.action == Action::Tag).map(|d| d.digest).collect();
    manifests.retain(|digest, _| to_be_tagged.contains(digest));
    Ok(Planned { report, manifests })
}

/// A repository opts in with a resource tag, if the configuration asks for one.
pub async fn check_opt_in(
    registry: &impl Read,
    required: &BTreeMap<String, String>,
    chosen: &Selected,
    deadline: &Deadline,
) -> Result<(), HandsOff> {
    if required.is_empty() {
        return Ok(());
    }
    let tags =
        deadline.wait(registry.resource_tags(&chosen.arn)).await.map_err(|_| HandsOff::out_of_time())?;
    let tags = tags.map_err(|error| HandsOff::after(&error, RepositoryReason::ListingIncomplete))?;
    match required.iter().find(|(key, value)| tags.get(*key) != Some(value)) {
        None => Ok(()),
        Some((key, value)) => Err(HandsOff {
            reason: RepositoryReason::NotOptedIn,
            detail: format!("it has no resource tag {key:?} with the value {value:?}"),
        }),
    }
}

/// Of which image the most attestations are referrers: the first in digest order, if several are even.
fn referrer_pressure(surveyed: &Surveyed) -> Option<ReferrerPressure> {
    let mut referrers: BTreeMap<Digest, u64> = BTreeMap::new();
    for (image, verdict) in surveyed.inventory.images().iter().zip(&surveyed.verdicts) {
        if let Some(subject) = image.subject.filter(|_| verdict.kind == Kind::Attestation) {
            *referrers.entry(subject).or_default() += 1;
        }
    }
    let most = referrers.into_iter().max_by_key(|(subject, count)| (*count, Reverse(*subject)));
    most.map(|(subject, attestations)| ReferrerPressure { subject, attestations })
}

fn count(surveyed: &Surveyed) -> Counts {
    let mut counts = Counts { images: surveyed.inventory.images().len() as u64, ..Counts::default() };
    for (position, verdict) in surveyed.inventory.positions().zip(&surveyed.verdicts) {
        counts.indexes += u64::from(surveyed.inventory.is_index(position));
        if verdict.kind == Kind::Attestation {
            counts.attestations.total += 1;
            if let Some(form) = verdict.form {
                *counts.attestations.by_form.entry(form).or_default() += 1;
            }
            if let Some(state) = verdict.state {
                *counts.attestations.by_state.entry(state).or_default() += 1;
            }
        } else {
            *counts.not_attestations.entry(verdict.kind).or_default() += 1;
        }
    }
    counts
}
