//! The steps of a fleet's run, as a state machine invokes them: list, run, merge.

use lambda_runtime::Diagnostic;
use serde::Serialize;
use tracing::Level;

use super::targets::ShortFleet;
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
use crate::render::page;
use crate::report::fleet::{FleetFrame, FleetReport, TargetReport};
use crate::report::{Report, RepositoryReason};

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

/// What came of a unit, counted.
#[derive(Debug, Serialize)]
pub struct Done {
    planned: u64,
    deleted: u64,
    tagged: u64,
    limit_reached: u64,
    failed: u64,
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
        let id = list.id.unwrap_or_else(|| invocation.run_of(config, "").run_id);
        let ledger = self.ledger(&id)?;
        let places = self.reach_all(config, &id).await?;
        self.ask_what_runs(config, &places, &ledger, invocation).await?;
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        for place in &places {
            match self.names(config, place, invocation).await {
                Err(problem) => failed.push(self.failed(place, &problem)),
                Ok(names) => {
                    let role = place.role_arn();
                    let of = (role.as_deref(), place.registry.region.as_str());
                    all.extend(units(&id, all.len(), of, &names, list.chunk.unwrap_or(CHUNK)));
                }
            }
        }
        let items = all.len();
        ledger.put_units(Phase::Plan, all).await?;
        ledger.put_failed(&failed).await?;
        let (bucket, key) = ledger.object(units_of(Phase::Plan));
        let units = Units { bucket, key, items };
        Ok(FleetAnswer::List { id, mode, units, failed: failed.len() })
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

    /// The repositories of a registry that are selected.
    async fn names(
        &self,
        config: &Config,
        place: &Place,
        invocation: &Invocation<'_>,
    ) -> Result<Vec<String>, Diagnostic> {
        let station = Station::at(place, &Sources::none())?;
        station.ecr.begin_run(config.limits.concurrency.fixed());
        let deadline = deadline(invocation.context, Mode::Plan);
        let selection = deadline.call(select(&station.ecr, &config.select, None)).await;
        let selection = selection.map_err(|error| diagnostic(super::error_type(&error), &super::nothing_done(&error)))?;
        let selected = selection.repositories.into_iter().filter(|it| it.skip.is_none());
        Ok(selected.map(|it| it.name).collect())
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
        let narrow = Patterns::new(&unit.repositories);
        let narrow = narrow.map_err(|error| diagnostic("BadEvent", &error.to_string()))?;
        if narrow.literals().count() != unit.repositories.len() {
            return Err(diagnostic(
                "BadEvent",
                "the repositories of a unit are names, each once, and no patterns",
            ));
        }
        let mut config = config.clone();
        let most = &mut config.limits.max_deletions;
        *most = unit.max_deletions.map_or(*most, |share| share.min(*most));
        let mut places = Box::pin(reach(vec![registry], &self.own, &unit.id)).await;
        let place = places.pop().ok_or_else(|| diagnostic("NothingDone", "no registry was reached"))?;
        let in_use = self.what_runs(&config, &ledger).await?;
        let station = Station::at(&place, &in_use)?;
        let run = invocation.run_of(&config, station.ecr.region());
        let ask = RunEvent { mode: Some(mode), narrow: Some(narrow), ..RunEvent::default() };
        let deadline = deadline(invocation.context, mode);
        let report = Box::pin(self.run(&config, &station, &ask, run, deadline, invocation)).await?;
        let counts = &report.totals.counts;
        let totals = Done {
            planned: counts.planned,
            deleted: counts.deleted,
            tagged: counts.tagged,
            limit_reached: counts.limit_reached,
            failed: counts.failed,
        };
        let complete = report.complete;
        let target = TargetReport::done(place.role_arn(), cut_if_large(report, REPORT_BYTES));
        ledger.put_report(&unit, &target).await?;
        Ok(FleetAnswer::Run { id: unit.id, item: unit.item, phase: unit.phase, complete, totals })
    }

    /// What the first step was told of what runs. A fleet that should have asked and did not is told as such.
    async fn what_runs(&self, config: &Config, ledger: &Ledger) -> Result<Sources, Diagnostic> {
        if config.in_use.sources.is_empty() {
            return Ok(Sources::none());
        }
        let missing = "this run of the fleet has no list of what runs, although in_use.sources names some: begin with {\"fleet\": \"list\"}";
        let snapshot = ledger.in_use().await?.ok_or_else(|| diagnostic("NothingDone", missing))?;
        Ok(snapshot.sources(""))
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
        let plans = told(&planned, ledger.reports(Phase::Plan, &planned).await?, share);
        let mut targets = ledger.failed().await?;
        let mut next = None;
        match phase {
            Phase::Plan => {
                if mode == Mode::Apply {
                    next = Some(self.allot(config, &ledger, &planned, &plans, invocation).await?);
                }
                targets.extend(plans);
            }
            Phase::Apply => {
                let begun = ledger.units(Phase::Apply).await?;
                let done = told(&begun, ledger.reports(Phase::Apply, &begun).await?, share);
                let is_begun = |unit: &Unit| begun.iter().any(|it| it.item == unit.item);
                let idle = planned.iter().zip(plans).filter(|(unit, _)| !is_begun(unit));
                targets.extend(idle.map(|(_, plan)| plan));
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
        let report = FleetReport::new(frame, targets);
        let drawn = page::run(&report.flattened(), None);
        let drawn = drawn.map_err(|error| diagnostic("NothingDone", &error.to_string()))?;
        ledger.put_merged(phase, &report, drawn).await?;
        let short = Box::new(ShortFleet::new(&report));
        let level = if report.complete { Level::INFO } else { Level::ERROR };
        self.log.line(level, "fleet", &serde_json::json!({"id": id, "phase": phase, "complete": report.complete, "totals": report.totals}));
        let (bucket, key) = ledger.object(&merged(phase, "report.json"));
        let (_, page) = ledger.object(&merged(phase, "report.html"));
        Ok(FleetAnswer::Merge { id, phase, short, bucket, key, page, next })
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
    ) -> Result<Units, Diagnostic> {
        let reports = || plans.iter().filter_map(|plan| plan.report.as_ref());
        let wanted: Vec<u64> = plans.iter().map(|plan| plan.report.as_ref().map_or(0, deletions)).collect();
        let tags = |plan: &TargetReport| plan.report.as_ref().is_some_and(|it| it.totals.counts.planned > 0);
        let shares = divided(config.limits.max_deletions, &wanted);
        let mut due: Vec<Unit> = Vec::new();
        for ((unit, plan), share) in planned.iter().zip(plans).zip(shares) {
            if share > 0 || (tags(plan) && plan.report.as_ref().is_some_and(|it| deletions(it) == 0)) {
                due.push(Unit { phase: Phase::Apply, max_deletions: Some(share), ..unit.clone() });
            }
        }
        if trips_the_breaker(reports(), config.limits.max_tag_loss) {
            let detail = "most repositories of the fleet lost most of their tags since the last run: nothing is applied anywhere";
            self.log.line(Level::ERROR, "fleet stopped", &serde_json::json!({"detail": detail}));
            due.clear();
        }
        if !due.is_empty() && !config.in_use.sources.is_empty() {
            let places = self.reach_all(config, &planned[0].id).await?;
            self.ask_what_runs(config, &places, ledger, invocation).await?;
        }
        let items = due.len();
        ledger.put_units(Phase::Apply, due).await?;
        let (bucket, key) = ledger.object(units_of(Phase::Apply));
        Ok(Units { bucket, key, items })
    }
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

/// The report of each unit, or that there is none.
fn told(units: &[Unit], reports: Vec<Option<TargetReport>>, share: usize) -> Vec<TargetReport> {
    let of_unit = |(unit, report): (&Unit, Option<TargetReport>)| match report {
        Some(mut target) => {
            target.report = target.report.take().map(|report| cut_if_large(report, share));
            target
        }
        None => {
            let role = unit.role_arn.as_deref().and_then(|arn| RoleArn::parse(arn).ok());
            TargetReport {
                account: role.as_ref().map(|role| role.account().to_owned()),
                role_arn: unit.role_arn.clone(),
                region: unit.region.clone(),
                error: Some(format!(
                    "unit {} ({} repositories, the first {}) has no report: it failed or was killed; redrive the execution, or wait for the next run",
                    unit.item,
                    unit.repositories.len(),
                    unit.repositories.first().map_or("", String::as_str)
                )),
                heals: true,
                report: None,
            }
        }
    };
    units.iter().zip(reports).map(of_unit).collect()
}

/// A report in this many bytes. One that has them is left as it is.
fn cut_if_large(report: Report, share: usize) -> Report {
    let bytes = serde_json::to_vec(&report).map_or(usize::MAX, |bytes| bytes.len());
    if bytes <= share { report } else { cut(report, share) }
}

/// The deletions that a plan would carry out, or that only the allowance of this run makes wait.
fn deletions(report: &Report) -> u64 {
    use crate::config::policy::Action;
    use crate::report::outcome::OutcomeName::{LimitReached, Planned};
    let rows = report.repositories.iter().flat_map(|repository| &repository.decisions);
    let due =
        rows.filter(|row| row.action == Action::Delete && matches!(row.outcome, Planned | LimitReached));
    due.count() as u64
}

/// Whether more than this share of the fleet's repositories lost their tags.
fn trips_the_breaker<'a>(reports: impl Iterator<Item = &'a Report>, share: f64) -> bool {
    let (mut all, mut lost) = (0, 0);
    for repository in reports.flat_map(|report| &report.repositories) {
        all += 1;
        lost += u64::from(repository.reason == Some(RepositoryReason::TagsVanished));
    }
    all > BREAKER_FROM && lost as f64 > share * all as f64
}
