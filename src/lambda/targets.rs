//! Runs in several registries: the `[[target]]` of the configuration, one after the other.

use std::time::Duration;

use lambda_runtime::Diagnostic;
use serde::Serialize;
use tracing::Level;

use super::answer::Answer;
use super::event::{AnswerForm, RunEvent};
use super::truncate::{MAX_ANSWER_BYTES, Room, cut};
use super::{Function, Invocation, Station, THROTTLED, deadline, diagnostic, mode};
use crate::config::target::Registry;
use crate::config::{Config, Mode};
use crate::fleet::places::{Place, reach, sources};
use crate::fleet::registries::registries;
use crate::in_use::Sources;
use crate::in_use::snapshot::Snapshot;
use crate::memory::place::Host;
use crate::registry::RegistryPlace;
use crate::registry::ecr::Ecr;
use crate::render::summary;
use crate::report::fleet::{FleetFrame, FleetReport, TargetReport};
use crate::report::{Counts, Totals};
use crate::util::deadline::Deadline;
use crate::util::sanitize;

/// The largest short form, in bytes: SNS takes 256 KiB.
const MAX_SHORT_BYTES: usize = 240_000;

/// A fleet's report without its decisions, small enough for SNS and for a state machine.
#[derive(Debug, Serialize)]
pub struct ShortFleet {
    /// The report's version.
    pub schema_version: u32,
    /// The id of the run.
    pub run_id: String,
    /// Whether anything could be written.
    pub mode: Mode,
    /// Whether nothing was left undone in any registry.
    pub complete: bool,
    /// The run in a few lines of text.
    pub summary: String,
    /// The sums.
    pub totals: Totals,
    /// One line a registry.
    pub targets: Vec<TargetLine>,
    /// Registries that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub targets_truncated: u64,
}

/// A registry in one line.
#[derive(Debug, Serialize)]
pub struct TargetLine {
    account: Option<String>,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    complete: bool,
    #[serde(flatten)]
    done: Done,
}

/// What came of a run, counted.
#[derive(Debug, Default, Serialize)]
pub struct Done {
    planned: u64,
    deleted: u64,
    tagged: u64,
    limit_reached: u64,
    failed: u64,
}

impl From<&Counts> for Done {
    fn from(counts: &Counts) -> Self {
        let Counts { planned, deleted, tagged, limit_reached, failed, .. } = *counts;
        Self { planned, deleted, tagged, limit_reached, failed }
    }
}

impl ShortFleet {
    /// The short form of a report. Registries in which something failed or happened come first.
    pub fn new(report: &FleetReport) -> Self {
        let mut short = Self {
            schema_version: report.schema_version,
            run_id: report.run_id.clone(),
            mode: report.mode,
            complete: report.complete,
            summary: shortened(summary::text(&report.flattened())),
            totals: report.totals.clone(),
            targets: Vec::new(),
            targets_truncated: 0,
        };
        let mut lines: Vec<TargetLine> = report.targets.iter().map(TargetLine::new).collect();
        lines.sort_by_key(TargetLine::is_idle);
        let mut room = Room::beside(&short, MAX_SHORT_BYTES);
        for line in lines {
            match room.take(&line) {
                true => short.targets.push(line),
                false => short.targets_truncated += 1,
            }
        }
        short
    }
}

/// The longest summary, in bytes.
const LONGEST_SUMMARY: usize = 20_000;

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_SUMMARY {
        let end = (0..=LONGEST_SUMMARY).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" ...\n");
    }
    text
}

impl TargetLine {
    fn new(target: &TargetReport) -> Self {
        let done = target.report.as_ref().map(|report| Done::from(&report.totals.counts));
        Self {
            account: target.account.clone(),
            region: target.region.clone(),
            error: target.error.clone(),
            complete: target.report.as_ref().is_some_and(|report| report.complete),
            done: done.unwrap_or_default(),
        }
    }

    fn is_idle(&self) -> bool {
        let Done { planned, deleted, tagged, limit_reached, failed: _ } = self.done;
        self.complete && planned + deleted + tagged + limit_reached == 0
    }
}

impl Function {
    /// Runs in each registry of the configuration, or in those of this place; each has its share of the time that is left.
    pub(super) async fn run_targets(
        &self,
        config: &Config,
        ask: &RunEvent,
        place: Option<&RegistryPlace>,
        invocation: &Invocation<'_>,
    ) -> Result<FleetReport, Diagnostic> {
        let mode = mode(config.mode, ask.mode)?;
        let all = Box::pin(registries(config, &self.own)).await;
        let all = all.map_err(|error| diagnostic("NothingDone", &error.to_string()))?;
        let wanted = |it: &Registry| place.is_none_or(|place| self.is_at(it, place, invocation));
        if !ask.accept_tag_loss.is_empty() && all.len() > 1 {
            return Err(diagnostic(
                "BadEvent",
                "accept_tag_loss is of one registry, and this function works on several; accept the loss with `ecr-janitor apply --target --region --accept-tag-loss` over the same memory; nothing was touched",
            ));
        }
        let run = invocation.run_of(config, "");
        // What runs in one registry may be an image of another: all are asked, whichever is worked on.
        let asks = !config.in_use.sources.is_empty();
        let reached: Vec<Registry> = all.into_iter().filter(|it| asks || wanted(it)).collect();
        let places = Box::pin(reach(reached, &self.own, &run.run_id)).await;
        let in_use = sources(&config.in_use, Host::Function, &self.own, &places)
            .map_err(|error| diagnostic("BadConfig", &error.to_string()))?;
        let (now, half) = (invocation.clock.now(), deadline(invocation.context, Mode::Plan).of_half());
        let in_use = if asks { Snapshot::of(&in_use, now, &half).await.sources("") } else { in_use };
        let places: Vec<Place> = places.into_iter().filter(|it| wanted(&it.registry)).collect();
        let mut targets = Vec::new();
        for (nth, place) in places.iter().enumerate() {
            let share = invocation.share_of_time(places.len() - nth);
            targets.push(self.run_target(config, ask, mode, (place, &in_use), share, invocation).await);
        }
        self.set_log_fields(invocation, None);
        let frame = FleetFrame {
            run_id: run.run_id,
            configuration: run.configuration,
            mode,
            started_at: run.started_at,
            finished_at: invocation.clock.now(),
        };
        let mut report = FleetReport::new(frame, targets);
        if let Some(place) = place.filter(|_| report.targets.is_empty()) {
            let warning = format!("no [[target]] is {place}, of which the event tells: nothing was run");
            self.log.line(Level::WARN, "no run", &serde_json::json!({"detail": warning}));
            report.warnings.push(warning);
        }
        Ok(report)
    }

    async fn run_target(
        &self,
        config: &Config,
        ask: &RunEvent,
        mode: Mode,
        (place, in_use): (&Place, &Sources),
        share: Option<Duration>,
        invocation: &Invocation<'_>,
    ) -> TargetReport {
        let done = async {
            let station = Station::at(place, in_use)?;
            let run = invocation.run_of(config, station.ecr.region());
            let deadline =
                share.map_or_else(Deadline::default, |share| Deadline::after(share, mode == Mode::Apply));
            Box::pin(self.run(config, &station, ask, run, deadline, invocation)).await
        };
        match done.await {
            Ok(report) => TargetReport::done(place.role_arn(), report),
            Err(problem) => self.failed(place, &problem),
        }
    }

    /// A registry in which nothing could be done, which the log tells too.
    pub(super) fn failed(&self, place: &Place, problem: &Diagnostic) -> TargetReport {
        let fields = serde_json::json!({
            "target": place.registry.to_string(),
            "error_type": problem.error_type,
            "error": problem.error_message,
        });
        self.log.line(Level::ERROR, "nothing was done", &fields);
        let (error, heals) = (sanitize::line(&problem.error_message), problem.error_type == THROTTLED);
        TargetReport::failed(place.role_arn(), &place.registry.region, error, heals)
    }

    /// Whether a registry is that of an event; the caller's own is in the account of the function.
    fn is_at(&self, registry: &Registry, place: &RegistryPlace, invocation: &Invocation<'_>) -> bool {
        let own = invocation.account();
        registry.region == place.region
            && registry.account().or(own.as_deref()).is_none_or(|account| account == place.account)
    }
}

impl Station {
    /// The registry of a place.
    pub(super) fn at(place: &Place, in_use: &Sources) -> Result<Self, Diagnostic> {
        let settings = place.settings.as_ref().map_err(|error| {
            // Whatever kept STS from answering, a later attempt may go through.
            let kind = if error.is_transient() { THROTTLED } else { "NothingDone" };
            diagnostic(kind, &error.to_string())
        })?;
        let ecr = Ecr::new(settings).map_err(|error| diagnostic("BadConfig", &error.to_string()))?;
        Ok(Self { in_use: in_use.in_region(ecr.region()), ecr })
    }
}

impl Answer {
    /// The answer about several registries. Of one alone it is as if there were no others.
    pub(super) fn of_fleet(mut report: FleetReport, form: AnswerForm) -> Self {
        if report.targets.len() == 1
            && let Some(alone) = report.targets[0].report.take()
        {
            return Self::new(alone, form);
        }
        match form {
            AnswerForm::Short => Self::ShortFleet(Box::new(ShortFleet::new(&report))),
            AnswerForm::Report => {
                let share = MAX_ANSWER_BYTES / report.targets.len().max(1);
                for target in &mut report.targets {
                    target.report = target.report.take().map(|it| cut(it, share));
                }
                Self::Fleet(Box::new(report))
            }
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
