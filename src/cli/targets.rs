//! Several registries in one command: the `[[target]]` of the configuration.

use std::collections::HashSet;

use aws_config::SdkConfig;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use serde::Serialize;

use super::confirm::{Consent, Pending};
use super::log_file::LogFile;
use super::progress::{Waiting, say};
use super::session::{self, At, Session};
use super::stdout::{View, print_json, print_report};
use super::{Common, Failure, Output, RunArgs, apply, conclude, plan};
use crate::cli::exit_code::ExitCode;
use crate::config::pattern::Patterns;
use crate::config::target::Registry;
use crate::config::{Config, Mode};
use crate::executor::run::report_plan;
use crate::executor::run_log::RunLog;
use crate::fleet::allowance::divided;
use crate::fleet::places::{Place, reach, sources};
use crate::fleet::registries;
use crate::in_use::Sources;
use crate::memory::place::Host;
use crate::planner::selection::UnknownName;
use crate::planner::{Plan, RunRequest};
use crate::render::summary;
use crate::render::words::counted;
use crate::report::fleet::{FleetFrame, FleetReport, TargetReport};
use crate::report::observer::Observer;
use crate::report::{Report, RunIdentity, SCHEMA_VERSION};
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;
use crate::util::sanitize;
use crate::util::similar::did_you_mean;

/// Registries that are worked on at once.
const AT_ONCE: usize = 4;

/// The registries of a configuration.
#[derive(Debug, Default)]
pub(super) struct Registries {
    /// Those that the command works on; none stands for the caller's own.
    pub(super) wanted: Vec<Registry>,
    /// All others: what runs in them may be an image of one that is worked on.
    others: Vec<Registry>,
}

impl Registries {
    /// Reaches those that are worked on, and the sources of images in use in all of them.
    pub(super) async fn reach(
        self,
        config: &Config,
        own: &SdkConfig,
        run_id: &str,
    ) -> Result<(Vec<Place>, Sources), Failure> {
        let count = self.wanted.len();
        let others = self.others.into_iter().filter(|_| !config.in_use.sources.is_empty());
        let mut places = Box::pin(reach(self.wanted.into_iter().chain(others).collect(), own, run_id)).await;
        let in_use = sources(&config.in_use, Host::CommandLine, own, &places)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        places.truncate(count);
        Ok((places, in_use))
    }
}

/// The registries that a command works on, and all others.
pub(super) async fn registries(
    common: &Common,
    config: &Config,
    own: &SdkConfig,
) -> Result<Registries, Failure> {
    if config.targets.is_empty() {
        return match &common.target {
            None => Ok(Registries::default()),
            Some(_) => Err(Failure::Usage("--target chooses among the [[target]] of a configuration, and there is none; use --profile for the credentials of another account".to_owned())),
        };
    }
    let all = Box::pin(registries::registries(config, own)).await;
    let all = all.map_err(|error| Failure::NothingDone(error.to_string()))?;
    let is_wanted = |it: &Registry| {
        common.region.as_ref().is_none_or(|region| *region == it.region)
            && common.target.as_deref().is_none_or(|account| it.account() == Some(account))
    };
    let (wanted, others): (Vec<Registry>, Vec<Registry>) = all.into_iter().partition(is_wanted);
    match wanted.is_empty() {
        false => Ok(Registries { wanted, others }),
        true => Err(Failure::Usage(format!(
            "no [[target]] is of this --region and --target; there are {}",
            names(others.iter())
        ))),
    }
}

/// The refusal of a command that works on one registry.
pub(super) fn too_many<'a>(registries: impl Iterator<Item = &'a Registry>) -> Failure {
    Failure::Usage(format!(
        "this command works on one registry, and there are several [[target]]: choose one with --target and --region; there are {}",
        names(registries)
    ))
}

fn names<'a>(registries: impl Iterator<Item = &'a Registry>) -> String {
    const NAMED: usize = 4;
    let all: Vec<String> = registries.map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{named}; and {more} more") } else { named }
}

/// A session in each registry of a command, or why there is none; in the caller's own registry without targets.
pub(super) async fn sessions(
    common: &Common,
    config: &Config,
    deadline: &Deadline,
) -> Result<Vec<(Registry, Result<Session, Failure>)>, Failure> {
    let own = common.of_sdk().await;
    let registries = registries(common, config, &own).await?;
    if registries.wanted.is_empty() {
        let at = At { own: &own, place: None, in_use: None };
        let session = Session::open_at(common, config.clone(), deadline.clone(), at);
        let region = own.region().map(ToString::to_string).unwrap_or_default();
        return Ok(vec![(Registry::own(region), session)]);
    }
    let id = RunIdentity::new(config, "", Clock::default().started_at(), "sessions").run_id;
    let (places, in_use) = registries.reach(config, &own, &id).await?;
    let open = |place: Place| {
        let at = At { own: &own, place: Some(&place), in_use: Some(&in_use) };
        let session = Session::open_at(common, config.clone(), deadline.clone(), at);
        (place.registry, session)
    };
    Ok(places.into_iter().map(open).collect())
}

/// The answers of a command about several registries, one section each.
#[derive(Debug, Serialize)]
pub(super) struct Sections<T> {
    schema_version: u32,
    targets: Vec<Section<T>>,
}

#[derive(Debug, Serialize)]
struct Section<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    account: Option<String>,
    region: String,
    #[serde(skip)]
    place: String,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
}

impl<T> Default for Sections<T> {
    fn default() -> Self {
        Self { schema_version: SCHEMA_VERSION, targets: Vec::new() }
    }
}

impl<T> Sections<T> {
    /// Adds the answer about a registry.
    pub(super) fn add(&mut self, registry: &Registry, answer: Result<T, Failure>) {
        let (error, result) = match answer {
            Ok(result) => (None, Some(result)),
            Err(failure) => (Some(text_of(failure)), None),
        };
        self.targets.push(Section {
            role_arn: registry.role.as_ref().map(ToString::to_string),
            account: registry.account().map(str::to_owned),
            region: registry.region.clone(),
            place: registry.to_string(),
            error,
            result,
        });
    }

    /// Whether there is an answer about none.
    pub(super) fn are_all_errors(&self) -> bool {
        self.targets.iter().all(|section| section.error.is_some())
    }

    /// Whether there is no answer about one.
    pub(super) fn has_errors(&self) -> bool {
        self.targets.iter().any(|section| section.error.is_some())
    }

    /// The answers one below the other, each under the place that it is about.
    pub(super) fn text(&self, answer: impl Fn(&T) -> String) -> String {
        let section = |it: &Section<T>| {
            let text = match (&it.error, &it.result) {
                (Some(error), _) => sanitize::line(error),
                (None, Some(result)) => answer(result),
                (None, None) => String::new(),
            };
            format!("== {} ==\n{}\n", it.place, text.trim_end())
        };
        self.targets.iter().map(section).collect::<Vec<_>>().join("\n")
    }
}

/// A run over several registries that begins.
pub(super) struct Fleet<'a> {
    common: &'a Common,
    config: &'a Config,
    args: &'a RunArgs,
    narrow: Option<Patterns>,
    deadline: Deadline,
    own: SdkConfig,
    run: RunIdentity,
    log: Option<LogFile>,
    /// Whether `limits.max_deletions` is for all registries together.
    shares_limits: bool,
}

/// One registry with its plan.
struct Planned {
    role_arn: Option<String>,
    session: Session,
    request: RunRequest,
    plan: Plan,
    log: Option<LogFile>,
    unknown: Vec<UnknownName>,
}

/// One registry: its plan, or why there is none.
type Outcome = Result<Box<Planned>, TargetReport>;

impl<'a> Fleet<'a> {
    /// A run with these arguments.
    pub(super) async fn new(
        common: &'a Common,
        config: &'a Config,
        args: &'a RunArgs,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        let salt = format!("fleet {}", std::process::id());
        let run = RunIdentity::new(config, "", Clock::default().started_at(), &salt);
        let log = args.log.as_deref().map(LogFile::open).transpose()?;
        let (narrow, own) = (common.narrow()?, common.of_sdk().await);
        Ok(Self { common, config, args, narrow, deadline, own, run, log, shares_limits: false })
    }

    /// The same run, with one allowance of deletions for all registries.
    pub(super) fn sharing_limits(self) -> Self {
        Self { shares_limits: true, ..self }
    }

    /// `plan` over all of these registries.
    pub(super) async fn plan(self, registries: Registries, exit_code: bool) -> Result<ExitCode, Failure> {
        let planned = self.plan_each(registries, false).await?;
        let done = planned.into_iter().map(|outcome| match outcome {
            Err(failed) => failed,
            Ok(it) => {
                let report = report_plan(&it.session.ecr, it.plan, &it.session.run, &());
                end(it.role_arn, it.log, report)
            }
        });
        let report = self.report(Mode::Plan, done);
        self.conclude(&report, exit_code)
    }

    /// `apply` over all of these registries, after one question.
    pub(super) async fn apply(self, registries: Registries, consent: Consent) -> Result<ExitCode, Failure> {
        session::places(self.common, self.config)
            .await
            .check_backups()
            .map_err(|refused| Failure::Usage(refused.to_string()))?;
        let planned = self.plan_each(registries, true).await?;
        let pending = planned.iter().flatten().map(|it| Pending::of(&it.plan, &it.session));
        let pending = pending.reduce(Pending::and).unwrap_or_default();
        let view = self.view();
        let place = counted(planned.iter().flatten().count(), "registry");
        let consents = !self.deadline.was_interrupted()
            && consent.is_given_for(pending, &place, view, &self.deadline, || self.preview(&planned)).await?;
        if !consents {
            if view.output != Output::Table && !self.deadline.was_interrupted() {
                print_report(&self.preview(&planned), view, None)?;
            }
            say("nothing was done");
            return Ok(if self.deadline.was_interrupted() { ExitCode::Interrupted } else { ExitCode::Usage });
        }
        let waiting = Waiting::new("applying the plans of all registries");
        let done: Vec<TargetReport> = stream::iter(planned).map(apply_one).buffered(AT_ONCE).collect().await;
        drop(waiting);
        let report = self.report(Mode::Apply, done);
        self.conclude(&report, false)
    }

    fn view(&self) -> View {
        self.args.view(self.common, self.narrow.as_ref())
    }

    /// Plans in each registry, in their order. What goes wrong in one does not touch the others.
    async fn plan_each(&self, registries: Registries, acts: bool) -> Result<Vec<Outcome>, Failure> {
        let count = registries.wanted.len();
        if count > 1 && !self.args.accept_tag_loss.is_empty() {
            return Err(Failure::Usage(
                "--accept-tag-loss is of one registry: choose it with --target and --region".to_owned(),
            ));
        }
        say(&format!("{}: {}", counted(count, "registry"), names(registries.wanted.iter())));
        let waiting = Waiting::new("planning in all registries");
        let reached = registries.reach(self.config, &self.own, &self.run.run_id);
        let (places, in_use) = tokio::select! {
            reached = reached => reached?,
            () = self.deadline.interrupted() => return Err(Failure::Interrupted),
        };
        let plans = stream::iter(places).map(|place| {
            let in_use = &in_use;
            async move {
                let failed = |failure| {
                    TargetReport::failed(place.role_arn(), &place.registry.region, text_of(failure), false)
                };
                let at = At { own: &self.own, place: Some(&place), in_use: Some(in_use) };
                self.plan_one(&place, at, acts).await.map_err(failed)
            }
        });
        let mut planned: Vec<Outcome> = plans.buffered(AT_ONCE).collect().await;
        drop(waiting);
        self.check_names(&planned)?;
        check_places(&planned)?;
        if self.shares_limits {
            self.share_limits(&mut planned);
        }
        for it in planned.iter().flatten() {
            plan::warn(&it.plan, self.view());
        }
        Ok(planned)
    }

    async fn plan_one(&self, place: &Place, at: At<'_>, acts: bool) -> Result<Box<Planned>, Failure> {
        let mut session = Session::open_at(self.common, self.config.clone(), self.deadline.clone(), at)?;
        let selection = session.select_what_is_there(self.narrow.as_ref()).await?;
        session.check_names(&selection, &self.args.accept_tag_loss)?;
        let unknown = selection.unknown.clone();
        let log = self.log.as_ref().map(|log| log.fork(&session.run));
        let lines = log.as_ref().map(|log| log.lines(if acts { Mode::Apply } else { Mode::Plan }));
        let observer = lines.as_ref().map_or(&() as &dyn Observer, |lines| lines);
        let request = RunRequest { acts, ..self.args.request(&session) };
        let plan = plan::make(&session, &request, selection, observer).await;
        Ok(Box::new(Planned { role_arn: place.role_arn(), session, request, plan, log, unknown }))
    }

    /// Refuses a name that no registry has.
    fn check_names(&self, planned: &[Outcome]) -> Result<(), Failure> {
        let mut reached = planned.iter().flatten();
        let Some(first) = reached.next() else { return Ok(()) };
        let is_unknown = |it: &Planned, name: &str| it.unknown.iter().any(|unknown| unknown.name == name);
        let everywhere = |it: &&UnknownName| reached.clone().all(|other| is_unknown(other, &it.name));
        let Some(UnknownName { name, similar }) = first.unknown.iter().find(everywhere) else {
            return Ok(());
        };
        let hint = if similar.is_empty() { String::new() } else { did_you_mean(similar) };
        Err(Failure::Usage(format!("there is no repository {name:?} in any of these registries{hint}")))
    }

    /// Divides one allowance among the registries by what each would do.
    fn share_limits(&self, planned: &mut [Outcome]) {
        let wanted = |it: &Outcome| it.as_ref().map_or(0, |it| it.plan.deletions());
        let wanted: Vec<u64> = planned.iter().map(wanted).collect();
        let shares = divided(self.config.limits.max_deletions, &wanted);
        for ((it, share), wanted) in planned.iter_mut().zip(shares).zip(wanted) {
            let Ok(it) = it else { continue };
            if share < wanted {
                let mut config = self.config.clone();
                config.limits.max_deletions = share;
                it.plan.check_limits(&config);
            }
        }
    }

    /// The plans as a report, for the question.
    fn preview(&self, planned: &[Outcome]) -> Report {
        let targets = planned.iter().map(|outcome| match outcome {
            Err(failed) => failed.clone(),
            Ok(it) => TargetReport::done(it.role_arn.clone(), super::confirm::preview(&it.plan, &it.session)),
        });
        self.report(Mode::Plan, targets).flattened()
    }

    fn report(&self, mode: Mode, targets: impl IntoIterator<Item = TargetReport>) -> FleetReport {
        let frame = FleetFrame {
            run_id: self.run.run_id.clone(),
            configuration: self.run.configuration.clone(),
            mode,
            started_at: self.run.started_at,
            finished_at: Timestamp::now(),
        };
        FleetReport::new(frame, targets)
    }

    fn conclude(self, report: &FleetReport, exit_code: bool) -> Result<ExitCode, Failure> {
        for failed in report.failed() {
            let why = failed.error.as_deref().unwrap_or_default();
            say(&sanitize::line(&format!("{}: {why}", failed.describe())));
        }
        let view = self.view();
        let printed = match view.output {
            Output::Json => print_json(report),
            _ => print_report(&report.flattened(), view, None),
        };
        let lost = self.log.map_or(Ok(()), |log| log.check());
        Ok(conclude(ExitCode::of_fleet(report, exit_code), &self.deadline, [printed, lost]))
    }
}

/// Refuses one registry by two ways: it would be worked on twice at once.
fn check_places(planned: &[Outcome]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    let place = |it: &Planned| (it.session.run.account.clone(), it.session.run.region.clone());
    let known = planned.iter().flatten().filter(|it| it.session.run.account.is_some());
    match { known }.find(|it| !seen.insert(place(it))) {
        None => Ok(()),
        Some(twice) => Err(Failure::Usage(format!(
            "two [[target]] lead to {}; take one of them out",
            summary::place(&twice.session.run)
        ))),
    }
}

async fn apply_one(outcome: Outcome) -> TargetReport {
    let it = match outcome {
        Ok(it) => *it,
        Err(failed) => return failed,
    };
    let lines: Option<RunLog<'_>> = it.log.as_ref().map(|log| log.lines(Mode::Apply));
    let observer = lines.as_ref().map_or(&() as &dyn Observer, |lines| lines);
    let report = apply::carry_out(&it.session, &it.request.memories, it.plan, observer).await;
    end(it.role_arn, it.log, report)
}

/// Writes the last lines of a registry's log.
fn end(role_arn: Option<String>, log: Option<LogFile>, report: Report) -> TargetReport {
    log.iter().for_each(|log| log.tell(&report));
    TargetReport::done(role_arn, report)
}

fn text_of(failure: Failure) -> String {
    match failure {
        Failure::Usage(text)
        | Failure::Configuration(text)
        | Failure::NothingDone(text)
        | Failure::OutputLost(text) => text,
        Failure::Interrupted => "interrupted; nothing was done".to_owned(),
    }
}
