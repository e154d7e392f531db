//! The steps of a fleet's run, as a state machine invokes them: list, run, merge.

use std::collections::HashSet;

use lambda_runtime::Diagnostic;
use serde::Serialize;
use tracing::Level;

use super::targets::{Done, ShortFleet};
use super::truncate::cut;
use super::{Function, Invocation, Station, deadline, diagnostic, mode};
use crate::config::pattern::Patterns;
use crate::config::target::{Registry, RoleArn};
use crate::config::{Config, Mode};
use crate::fleet::allowance::divided;
use crate::fleet::ledger::{Ledger, LedgerError, merged, units_of};
use crate::fleet::places::{Place, reach, sources};
use crate::fleet::registries::registries;
use crate::fleet::unit::{CHUNK, List, Merge, Phase, Step, Unit, units};
use crate::in_use::Sources;
use crate::in_use::snapshot::Snapshot;
use crate::lambda::event::RunEvent;
use crate::memory::place::Host;
use crate::planner::selection::select;
use crate::registry::MeterCalls as _;
use crate::render::page;
use crate::report::fleet::{FleetFrame, FleetReport, TargetReport};
use crate::report::outcome::OutcomeName;
use crate::report::{Counts, Report, RepositoryReport, RunFrame};

/// Reports of one merge, together, in bytes: what is only kept is left out first.
const MERGED_BYTES: usize = 64 * 1024 * 1024;
const LEAST_REPORT: usize = 20_000;
/// The report of one unit, in bytes.
const REPORT_BYTES: usize = 16 * 1024 * 1024;
/// Of fewer repositories a breaker of the whole fleet says nothing.
const BREAKER_FROM: u64 = 10;

/// The answer to a step of a fleet's run: small, since a state machine carries it on.
#[derive(Debug, Serialize)]
#[serde(tag = "fleet", rename_all = "kebab-case")]
pub enum FleetAnswer {
    /// The units are written.
    List {
        /// The id of the run.
        id: String,
        /// Whether the run will apply what it plans.
        mode: Mode,
        /// Where the units are.
        #[serde(flatten)]
        units: Units,
        /// Registries that could not be listed.
        failed: usize,
    },
    /// A unit is done.
    Run {
        /// The id of the run.
        id: String,
        /// The number of the unit.
        item: String,
        /// Whether it was planned or applied.
        phase: Phase,
        /// Whether nothing was left undone.
        complete: bool,
        /// What came of it.
        totals: Done,
    },
    /// The reports of a phase are one.
    Merge {
        /// The id of the run.
        id: String,
        /// The phase.
        phase: Phase,
        /// The short form of the report.
        #[serde(flatten)]
        short: Box<ShortFleet>,
        /// The bucket of report and page.
        bucket: Option<String>,
        /// The key of the report.
        key: String,
        /// The key of the page.
        page: String,
        /// The units of the next phase, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<Units>,
    },
}

/// A list of units in a bucket.
#[derive(Debug, Serialize)]
pub struct Units {
    bucket: Option<String>,
    key: String,
    items: usize,
}

impl From<LedgerError> for Diagnostic {
    fn from(error: LedgerError) -> Self {
        diagnostic("NothingDone", &error.to_string())
    }
}

impl Function {
    /// Takes a step.
    pub(super) async fn take_step(
        &self,
        config: &Config,
        step: Step,
        invocation: &Invocation<'_>,
    ) -> Result<FleetAnswer, Diagnostic> {
        if config.targets.is_empty() {
            let problem = "a fleet needs [[target]] in the configuration: a role and Regions each";
            return Err(diagnostic("BadConfig", problem));
        }
        match step {
            Step::List(list) => self.list(config, list, invocation).await,
            Step::Run(unit) => self.run_unit(config, unit, invocation).await,
            Step::Merge(merge) => self.merge(config, merge, invocation).await,
        }
    }

    fn ledger(&self, id: &str) -> Result<Ledger, Diagnostic> {
        let missing = "a fleet needs a place for its files: set memory.location (JANITOR_MEMORY_LOCATION) to s3://bucket/prefix";
        let store = self.places.of_fleet().ok_or_else(|| diagnostic("BadConfig", missing))?;
        Ledger::new(store, id).map_err(|error| diagnostic("BadEvent", &error.to_string()))
    }

    async fn list(
        &self,
        config: &Config,
        list: List,
        invocation: &Invocation<'_>,
    ) -> Result<FleetAnswer, Diagnostic> {
        let mode = mode(config.mode, list.mode)?;
        let listing = invocation.run_of(config, "").run_id;
        let id = list.id.unwrap_or_else(|| listing.clone());
        let ledger = self.ledger(&id)?;
        let places = self.reach_all(config, &id).await?;
        self.ask_what_runs(config, &places, &ledger, invocation).await?;
        let (mut all, mut listed) = (Vec::new(), Vec::new());
        for place in &places {
            match self.list_registry(config, place, invocation).await {
                Err(problem) => listed.push(self.failed(place, &problem)),
                Ok((names, report)) => {
                    let role = place.role_arn();
                    let of = (role.as_deref(), place.registry.region.as_str());
                    let chunk = list.chunk.unwrap_or(CHUNK);
                    all.extend(units((&id, &listing), all.len(), of, &names, chunk, mode == Mode::Apply));
                    listed.push(TargetReport::done(role, report));
                }
            }
        }
        let items = all.len();
        ledger.put_units(Phase::Plan, all).await?;
        ledger.put_registries(&listed).await?;
        let (bucket, key) = ledger.object(units_of(Phase::Plan));
        let units = Units { bucket, key, items };
        let failed = listed.iter().filter(|it| it.error.is_some()).count();
        Ok(FleetAnswer::List { id, mode, units, failed })
    }

    async fn reach_all(&self, config: &Config, id: &str) -> Result<Vec<Place>, Diagnostic> {
        let all = Box::pin(registries(config, &self.own)).await;
        let all = all.map_err(|error| diagnostic("NothingDone", &error.to_string()))?;
        Ok(Box::pin(reach(all, &self.own, id)).await)
    }

    /// Asks all sources once, for all units.
    async fn ask_what_runs(
        &self,
        config: &Config,
        places: &[Place],
        ledger: &Ledger,
        invocation: &Invocation<'_>,
    ) -> Result<(), Diagnostic> {
        let in_use = sources(&config.in_use, Host::Function, &self.own, places)
            .map_err(|error| diagnostic("BadConfig", &error.to_string()))?;
        if in_use.is_empty() {
            return Ok(());
        }
        let deadline = deadline(invocation.context, Mode::Plan).of_half();
        let snapshot = Snapshot::of(&in_use, invocation.clock.now(), &deadline).await;
        Ok(ledger.put_in_use(&snapshot).await?)
    }

    /// The repositories of a registry that are selected, and a report of the others.
    async fn list_registry(
        &self,
        config: &Config,
        place: &Place,
        invocation: &Invocation<'_>,
    ) -> Result<(Vec<String>, Report), Diagnostic> {
        let station = Station::at(place, &Sources::none())?;
        station.ecr.begin_run(config.limits.concurrency.fixed());
        let deadline = deadline(invocation.context, Mode::Plan);
        let selection = deadline.call(select(&station.ecr, &config.select, None)).await;
        let selection =
            selection.map_err(|error| diagnostic(super::error_type(&error), &super::nothing_done(&error)))?;
        let run = invocation.run_of(config, station.ecr.region()).in_account(selection.registry.clone());
        let frame = RunFrame::new(run, Mode::Plan, invocation.clock.now(), station.ecr.usage());
        let frame = RunFrame { warnings: selection.warnings(config), ..frame };
        let (selected, skipped): (Vec<_>, Vec<_>) =
            selection.repositories.into_iter().partition(|it| it.skip.is_none());
        let skipped =
            skipped.into_iter().filter_map(|it| Some(RepositoryReport::skipped(it.name, it.skip?, None)));
        let report = Report::new(frame, skipped.collect());
        Ok((selected.into_iter().map(|it| it.name).collect(), report))
    }

    async fn run_unit(
        &self,
        config: &Config,
        unit: Unit,
        invocation: &Invocation<'_>,
    ) -> Result<FleetAnswer, Diagnostic> {
        let mode = mode(config.mode, Some(unit.phase.mode()))?;
        let ledger = self.ledger(&unit.id)?;
        let registry = allowed(config, &unit)?;
        let narrow = names_of(&unit)?;
        if !ledger.units(unit.phase).await?.contains(&unit) {
            let Unit { item, id, .. } = unit;
            let problem = format!("unit {item} is not of the run {id} as it was listed; nothing was touched");
            return Err(diagnostic("BadEvent", &problem));
        }
        let mut config = config.clone();
        let most = &mut config.limits.max_deletions;
        *most = unit.max_deletions.map_or(*most, |share| share.min(*most));
        let mut places = Box::pin(reach(vec![registry], &self.own, &unit.id)).await;
        let place = places.pop().ok_or_else(|| diagnostic("NothingDone", "no registry was reached"))?;
        let in_use = self.what_runs(&config, &unit, &ledger, invocation).await?;
        let station = Station::at(&place, &in_use)?;
        let run = invocation.run_of(&config, station.ecr.region());
        let precedes_apply = unit.will_apply;
        let ask = RunEvent { mode: Some(mode), narrow: Some(narrow), precedes_apply, ..RunEvent::default() };
        let deadline = deadline(invocation.context, mode);
        let mut report = Box::pin(self.run(&config, &station, &ask, run, deadline, invocation)).await?;
        // Of a large fleet the sources are more than all else, and they are the same in each unit.
        report.in_use.retain(|source| source.detail.is_some());
        let totals = Done::from(&report.totals.counts);
        let complete = report.complete;
        let target = TargetReport::done(place.role_arn(), cut_if_large(report, REPORT_BYTES));
        ledger.put_report(&unit, &target).await?;
        Ok(FleetAnswer::Run { id: unit.id, item: unit.item, phase: unit.phase, complete, totals })
    }

    /// What an earlier step was told of what runs. Where that is old by the time of an apply, everybody is asked again. A
    /// fleet that should have asked and did not is told as such.
    async fn what_runs(
        &self,
        config: &Config,
        unit: &Unit,
        ledger: &Ledger,
        invocation: &Invocation<'_>,
    ) -> Result<Sources, Diagnostic> {
        let wanted: Vec<String> = config.in_use.sources.iter().map(ToString::to_string).collect();
        if wanted.is_empty() {
            return Ok(Sources::none());
        }
        let missing = |name: &str| {
            let problem = format!(
                "in_use.sources names {name}, which nobody asked in this run of the fleet: begin with {{\"fleet\": \"list\"}}"
            );
            diagnostic("NothingDone", &problem)
        };
        let mut snapshot = ledger.in_use().await?.ok_or_else(|| missing(&wanted[0]))?;
        if unit.phase == Phase::Apply && snapshot.is_old(invocation.clock.now()) {
            let places = self.reach_all(config, &unit.id).await?;
            self.ask_what_runs(config, &places, ledger, invocation).await?;
            snapshot = ledger.in_use().await?.ok_or_else(|| missing(&wanted[0]))?;
        }
        match snapshot.missing(wanted.iter().map(String::as_str)) {
            Some(name) => Err(missing(name)),
            None => Ok(snapshot.sources("")),
        }
    }

    async fn merge(
        &self,
        config: &Config,
        merge: Merge,
        invocation: &Invocation<'_>,
    ) -> Result<FleetAnswer, Diagnostic> {
        let mode = mode(config.mode, merge.mode)?;
        let Merge { id, phase, .. } = merge;
        let ledger = self.ledger(&id)?;
        let planned = ledger.units(Phase::Plan).await?;
        let share = (MERGED_BYTES / planned.len().max(1)).max(LEAST_REPORT);
        let shrink = |target: TargetReport| shrunk(target, share);
        let plans = told(&planned, ledger.reports(Phase::Plan, &planned, shrink).await?);
        let mut targets = ledger.registries().await?;
        let (mut next, mut warning) = (None, None);
        match phase {
            Phase::Plan => {
                if mode == Mode::Apply {
                    let (units, told) = self.allot(config, &ledger, &planned, &plans, invocation).await?;
                    (next, warning) = (Some(units), told);
                }
                targets.extend(plans);
            }
            Phase::Apply => {
                let begun = ledger.units(Phase::Apply).await?;
                let done = told(&begun, ledger.reports(Phase::Apply, &begun, shrink).await?);
                let numbers: HashSet<&str> = begun.iter().map(|it| it.item.as_str()).collect();
                let idle =
                    planned.iter().zip(plans).filter(|(unit, _)| !numbers.contains(unit.item.as_str()));
                targets.extend(idle.map(|(_, plan)| waiting(plan)));
                targets.extend(done);
            }
        }
        let run = invocation.run_of(config, "");
        let frame = FleetFrame {
            run_id: id.clone(),
            configuration: run.configuration,
            mode: phase.mode(),
            started_at: run.started_at,
            finished_at: invocation.clock.now(),
        };
        let mut report = FleetReport::new(frame, targets);
        report.warnings.extend(warning);
        self.publish(&ledger, &report, (phase, mode)).await?;
        let short = Box::new(ShortFleet::new(&report));
        let (bucket, key) = ledger.object(&merged(phase, "report.json"));
        let (_, page) = ledger.object(&merged(phase, "report.html"));
        Ok(FleetAnswer::Merge { id, phase, short, bucket, key, page, next })
    }

    /// Writes the report of a phase and its page, and logs what came of it.
    async fn publish(
        &self,
        ledger: &Ledger,
        report: &FleetReport,
        (phase, mode): (Phase, Mode),
    ) -> Result<(), Diagnostic> {
        let drawn = page::run(&report.flattened(), None);
        let drawn = drawn.map_err(|error| diagnostic("NothingDone", &error.to_string()))?;
        ledger.put_merged(phase, report, drawn).await?;
        let failed = has_failed(report, mode);
        let level = match (failed, report.complete) {
            (true, _) => Level::ERROR,
            (false, false) => Level::WARN,
            (false, true) => Level::INFO,
        };
        let FleetReport { run_id, complete, totals, .. } = report;
        let fields = serde_json::json!({"id": run_id, "phase": phase, "complete": complete, "failed": failed, "totals": totals});
        self.log.line(level, "fleet", &fields);
        Ok(())
    }

    /// Writes the units of what is to be applied: those that have something to do, each with its share of the allowance. A
    /// fleet in which most repositories lost their tags is left alone as a whole.
    async fn allot(
        &self,
        config: &Config,
        ledger: &Ledger,
        planned: &[Unit],
        plans: &[TargetReport],
        invocation: &Invocation<'_>,
    ) -> Result<(Units, Option<String>), Diagnostic> {
        let wanted: Vec<u64> = plans.iter().map(|plan| plan.report.as_ref().map_or(0, changes)).collect();
        let shares = divided(config.limits.max_deletions, &wanted);
        let (all, given) = (wanted.iter().sum::<u64>(), shares.iter().sum::<u64>());
        let due = planned.iter().zip(shares).filter(|(_, share)| *share > 0);
        let due =
            due.map(|(unit, share)| Unit { phase: Phase::Apply, max_deletions: Some(share), ..unit.clone() });
        let mut due: Vec<Unit> = due.collect();
        let mut warning = (given < all).then(|| {
            format!("{given} of {all} changes are due in this run: max_deletions is for the whole fleet")
        });
        if trips_the_breaker(plans.iter().filter_map(|plan| plan.report.as_ref()), config.limits.max_tag_loss)
        {
            let detail = "most repositories of the fleet lost most of their tags since the last run: nothing is applied anywhere";
            self.log.line(Level::ERROR, "fleet stopped", &serde_json::json!({"detail": detail}));
            warning = Some(detail.to_owned());
            due.clear();
        }
        if !due.is_empty() && !config.in_use.sources.is_empty() {
            let places = self.reach_all(config, &planned[0].id).await?;
            self.ask_what_runs(config, &places, ledger, invocation).await?;
        }
        let items = due.len();
        ledger.put_units(Phase::Apply, due).await?;
        let (bucket, key) = ledger.object(units_of(Phase::Apply));
        Ok((Units { bucket, key, items }, warning))
    }
}

/// The repositories of a unit: names, and no patterns.
fn names_of(unit: &Unit) -> Result<Patterns, Diagnostic> {
    let names = Patterns::new(&unit.repositories);
    let names = names.map_err(|error| diagnostic("BadEvent", &error.to_string()))?;
    if names.literals().count() == unit.repositories.len() {
        return Ok(names);
    }
    Err(diagnostic("BadEvent", "the repositories of a unit are names, each once, and no patterns"))
}

/// The registry of a unit, if the configuration has it: an event can only narrow.
fn allowed(config: &Config, unit: &Unit) -> Result<Registry, Diagnostic> {
    let role = unit.role_arn.as_deref().map(RoleArn::parse).transpose();
    let role = role.map_err(|problem| diagnostic("BadEvent", &problem))?;
    let found = config.targets.iter().find_map(|target| target.allows(role.as_ref(), &unit.region));
    found.ok_or_else(|| {
        let role = unit.role_arn.as_deref().unwrap_or("the caller's own credentials");
        let problem = format!("no [[target]] has {role} in Region {}; nothing was touched", unit.region);
        diagnostic("BadEvent", &problem)
    })
}

/// The plan of a unit that has no share in this run: what it would do waits.
fn waiting(mut plan: TargetReport) -> TargetReport {
    let wait = |counts: &mut Counts| counts.limit_reached += std::mem::take(&mut counts.planned);
    if let Some(report) = &mut plan.report {
        wait(&mut report.totals.counts);
        for repository in &mut report.repositories {
            wait(&mut repository.counts);
            let planned = repository.decisions.iter_mut().filter(|row| row.outcome == OutcomeName::Planned);
            planned.for_each(|row| row.outcome = OutcomeName::LimitReached);
        }
    }
    plan
}

/// Whether somebody should look at a run: something failed, or a breaker kept an apply from what it was to do.
fn has_failed(report: &FleetReport, mode: Mode) -> bool {
    let mut reports = report.targets.iter().filter_map(|target| target.report.as_ref());
    report.failed().next().is_some()
        || reports.any(|it| it.has_failures() || mode == Mode::Apply && it.tripped_a_breaker())
}

fn shrunk(target: TargetReport, share: usize) -> TargetReport {
    TargetReport { report: target.report.map(|report| cut_if_large(report, share)), ..target }
}

/// The report of each unit, or that there is none.
fn told(units: &[Unit], reports: Vec<Option<TargetReport>>) -> Vec<TargetReport> {
    let of_unit = |(unit, report): (&Unit, Option<TargetReport>)| match report {
        Some(target) => target,
        None => {
            let error = format!(
                "unit {} ({} repositories, the first {}) has no report: it failed or was killed; redrive the execution, or wait for the next run",
                unit.item,
                unit.repositories.len(),
                unit.repositories.first().map_or("", String::as_str)
            );
            TargetReport::failed(unit.role_arn.clone(), &unit.region, error, true)
        }
    };
    units.iter().zip(reports).map(of_unit).collect()
}

/// A report in this many bytes. One that has them is left as it is.
fn cut_if_large(report: Report, share: usize) -> Report {
    let bytes = serde_json::to_vec(&report).map_or(usize::MAX, |bytes| bytes.len());
    if bytes <= share { report } else { cut(report, share) }
}

/// What a plan would do, or would do if no limit made it wait. The sums are whole even where rows were cut.
fn changes(report: &Report) -> u64 {
    report.totals.counts.planned + report.totals.counts.limit_reached
}

/// Whether more than this share of the fleet's repositories lost their tags.
fn trips_the_breaker<'a>(reports: impl Iterator<Item = &'a Report>, share: f64) -> bool {
    let sums = reports.map(|it| (it.totals.repositories, it.totals.breaker_trips));
    let (all, lost) = sums.fold((0, 0), |(all, lost), (one, trips)| (all + one, lost + trips));
    all > BREAKER_FROM && lost as f64 > share * all as f64
}
