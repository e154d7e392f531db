//! The Lambda function: an event in, the run report out, everything else in the log.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use tracing::Level;

use crate::config::pattern::Patterns;
use crate::config::{Config, Mode};
use crate::executor::run::{Conditions, apply_plan, report_plan};
use crate::executor::run_log::RunLog;
use crate::in_use::Sources;
use crate::memory::place::Host;
use crate::memory::places::Places;
use crate::oci::digest::Digest;
use crate::planner::selection::{Selection, UnknownName, select};
use crate::planner::{Plan, RunRequest, TOO_LARGE, plan, statements};
use crate::registry::ecr::Ecr;
use crate::registry::{CallError, CallErrorKind, RegistryPlace};
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::plan::RepositoryPlan;
use crate::report::reason::Reason;
use crate::report::{Report, RepositoryReason, RepositoryReport, RunIdentity};
use crate::util::aws;
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;
use crate::util::logging::Log;
use crate::util::sanitize;
use crate::util::similar::did_you_mean;
use answer::{Answer, BatchItemFailure, ShortReport};
use event::{Event, Message, RunEvent};

pub mod answer;
pub mod emf;
pub mod event;
pub mod fleet;
#[cfg(test)]
pub(crate) mod schema;
pub mod targets;
pub mod truncate;

/// What one instance of the function keeps between invocations.
#[derive(Debug)]
pub struct Function {
    config: Result<Config, String>,
    /// The settings of the SDK: the function's own role and Region.
    own: SdkConfig,
    /// The registry of the function's own account and Region.
    home: Result<Station, String>,
    places: Places,
    log: Log,
    is_cold: AtomicBool,
    start_at: AtomicU64,
}

/// A registry that a run is in.
#[derive(Debug)]
struct Station {
    ecr: Ecr,
    /// Where to ask what runs.
    in_use: Sources,
}

/// One invocation, as Lambda describes it.
struct Invocation<'a> {
    clock: Clock,
    is_cold: bool,
    context: &'a Context,
    /// The runs that have begun.
    runs: AtomicU64,
}

impl Invocation<'_> {
    fn function(&self) -> emf::Function<'_> {
        emf::Function { name: &self.context.env_config.function_name, is_cold: self.is_cold }
    }

    /// The account of the function.
    fn account(&self) -> Option<String> {
        let account = self.context.invoked_function_arn.split(':').nth(4).map(str::to_owned);
        account.filter(|account| !account.is_empty())
    }

    /// The identity of the run, in the function's own account until the registry says which it is of.
    fn run(&self, config: &Config, ecr: &Ecr) -> RunIdentity {
        RunIdentity::new(config, ecr.region(), self.clock.started_at(), &self.context.request_id)
            .in_account(self.account())
    }

    /// The identity of one of several runs of this invocation.
    fn run_of(&self, config: &Config, region: &str) -> RunIdentity {
        let nth = self.runs.fetch_add(1, Ordering::Relaxed);
        let salt = format!("{} {nth}", self.context.request_id);
        RunIdentity::new(config, region, self.clock.now(), &salt)
    }

    /// What one of so many runs has of the time that is left; nothing where there is no end.
    fn share_of_time(&self, runs: usize) -> Option<Duration> {
        let left = time_left(self.context)?;
        Some(left / u32::try_from(runs.max(1)).unwrap_or(u32::MAX))
    }
}

impl Function {
    /// Reads configuration and settings. What is wrong with them is said at each invocation.
    pub async fn from_environment(log: Log) -> Self {
        let environment = std::env::vars_os().collect();
        let config = Config::load(None, &environment).map_err(|error| error.to_string());
        let settings = aws::settings(None, None).await;
        let places = config.as_ref().ok().map(|it| Places::open(it, Host::Function, &environment, &settings));
        let opened = config.and_then(|it| {
            let in_use = Sources::open(&it.in_use, Host::Function, &settings);
            in_use.map(|in_use| (it, in_use)).map_err(|error| error.to_string())
        });
        let in_use = opened.as_ref().map(|(_, in_use)| in_use.clone()).unwrap_or_default();
        let ecr = Ecr::new(&settings).map_err(|error| error.to_string());
        Self {
            config: opened.map(|(config, _)| config),
            places: places.unwrap_or_default(),
            home: ecr.map(|ecr| Station { ecr, in_use }),
            own: settings,
            log,
            is_cold: AtomicBool::new(true),
            start_at: AtomicU64::new(random_start(Timestamp::now())),
        }
    }

    /// Handles one invocation. Only a run that could do nothing at all is an error.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, Diagnostic> {
        let invocation = Invocation {
            clock: Clock::default(),
            is_cold: self.is_cold.swap(false, Ordering::Relaxed),
            context: &event.context,
            runs: AtomicU64::new(0),
        };
        self.set_log_fields(&invocation, None);
        let answer = self.answer(&event.payload, &invocation).await;
        if let Err(problem) = &answer {
            self.log.line(
                Level::ERROR,
                "nothing was done",
                &json!({"error_type": problem.error_type, "error": problem.error_message}),
            );
        }
        answer
    }

    async fn answer(&self, payload: &Value, invocation: &Invocation<'_>) -> Result<Answer, Diagnostic> {
        let config = self.config.as_ref().map_err(|problem| diagnostic("BadConfig", problem))?;
        let home = self.home.as_ref().map_err(|problem| diagnostic("BadConfig", problem))?;
        let run = invocation.run(config, &home.ecr);
        self.set_log_fields(invocation, Some(&run));
        match event::parse(payload).map_err(|bad| diagnostic("BadEvent", &bad.to_string()))? {
            Event::Run(ask) if config.targets.is_empty() => {
                let deadline = deadline(invocation.context, mode(config.mode, ask.mode)?);
                let report = self.run(config, home, &ask, run, deadline, invocation).await?;
                Ok(Answer::new(report, ask.answer))
            }
            Event::Run(ask) => {
                let report = self.run_targets(config, &ask, ask.place.as_ref(), invocation).await?;
                Ok(Answer::of_fleet(report, ask.answer))
            }
            Event::Fleet(step) => {
                let answer = Box::pin(self.take_step(config, step, invocation)).await?;
                Ok(Answer::Step(Box::new(answer)))
            }
            Event::Queue(messages) => self.run_queue(config, home, messages, run, invocation).await,
            Event::Deletion => {
                self.log.line(Level::INFO, "no run", &json!({"detail": NO_RUN}));
                Ok(Answer::Short(Box::new(ShortReport::of_no_run(run, config.mode, NO_RUN))))
            }
        }
    }

    /// Runs the repositories of a batch, each once, and answers which messages should come again: those of
    /// repositories that a later run may find better. A message that is not understood would only hold up others.
    async fn run_queue(
        &self,
        config: &Config,
        home: &Station,
        messages: Vec<Message>,
        run: RunIdentity,
        invocation: &Invocation<'_>,
    ) -> Result<Answer, Diagnostic> {
        let mut asked: Vec<(String, Asked)> = Vec::new();
        for Message { id, repository, place } in messages {
            match repository {
                // Without targets everything is in the one registry.
                Ok(Some(name)) => asked.push((id, (place.filter(|_| !config.targets.is_empty()), name))),
                Ok(None) => {}
                Err(bad) => {
                    let fields = json!({"message_id": id, "error": bad.to_string()});
                    self.log.line(Level::ERROR, "bad message", &fields);
                }
            }
        }
        let places: BTreeSet<Option<&RegistryPlace>> = asked.iter().map(|(_, (at, _))| at.as_ref()).collect();
        let mut again: BTreeSet<Asked> = BTreeSet::new();
        for place in places {
            let here = asked.iter().filter(|(_, (at, _))| at.as_ref() == place);
            let names: BTreeSet<&String> = here.map(|(_, (_, name))| name).collect();
            let heal = self.run_names(config, home, place, &names, run.clone(), invocation).await?;
            again.extend(heal.into_iter().map(|name| (place.cloned(), name)));
        }
        let messages = asked.into_iter().filter(|(_, asked)| again.contains(asked));
        let batch_item_failures = messages.map(|(id, _)| BatchItemFailure { item_identifier: id }).collect();
        Ok(Answer::Queue { batch_item_failures })
    }

    /// Runs these repositories, and gives those in which a later run may get further all by itself.
    async fn run_names(
        &self,
        config: &Config,
        home: &Station,
        place: Option<&RegistryPlace>,
        names: &BTreeSet<&String>,
        run: RunIdentity,
        invocation: &Invocation<'_>,
    ) -> Result<Vec<String>, Diagnostic> {
        let narrow = Patterns::new(names).map_err(|error| diagnostic("BadEvent", &error.to_string()))?;
        let ask = RunEvent { narrow: Some(narrow), ..RunEvent::default() };
        if config.targets.is_empty() {
            let deadline = deadline(invocation.context, config.mode);
            let report = self.run(config, home, &ask, run, deadline, invocation).await?;
            return Ok(heal_with_time(report).collect());
        }
        let fleet = self.run_targets(config, &ask, place, invocation).await?;
        let all = || names.iter().map(|name| (*name).clone()).collect();
        let heal = fleet.targets.into_iter().map(|target| match target.report {
            Some(report) => heal_with_time(report).collect(),
            None if target.heals => all(),
            None => Vec::new(),
        });
        Ok(heal.flatten().collect())
    }

    async fn run(
        &self,
        config: &Config,
        Station { ecr, in_use }: &Station,
        ask: &RunEvent,
        run: RunIdentity,
        deadline: Deadline,
        invocation: &Invocation<'_>,
    ) -> Result<Report, Diagnostic> {
        let mode = mode(config.mode, ask.mode)?;
        if mode == Mode::Apply {
            let checked = self.places.check_backups();
            checked.map_err(|refused| diagnostic("BadConfig", &refused.to_string()))?;
        }
        ecr.begin_run(config.limits.concurrency.fixed());
        let selection = select_for(ecr, config, ask, &deadline).await?;
        let run = run.in_account(selection.registry.clone());
        self.set_log_fields(invocation, Some(&run));
        let request = RunRequest {
            clock: invocation.clock,
            start_at: self.start_at.load(Ordering::Relaxed),
            keeps_rows: self.log.is_enabled(Level::DEBUG),
            acts: mode == Mode::Apply || ask.precedes_apply,
            memories: self.places.memories(&run),
            in_use: in_use.clone(),
            accept_tag_loss: ask.accept_tag_loss.clone(),
            ..RunRequest::new(run.started_at, deadline)
        };
        let skipped = selection.repositories.iter().filter(|chosen| chosen.skip.is_some()).count();
        let lines = RunLog { log: &self.log, mode };
        let mut plan = plan(ecr, config, &request, selection, &lines).await;
        plan.warnings.extend(learn_sources(ecr, &plan, &request).await);
        plan.backup_until = self.places.backup_until(config, run.started_at);
        plan.warnings.extend(self.places.warning());
        let warned = plan.warnings.len();
        self.tell(&plan);
        let report = match mode {
            Mode::Plan => report_plan(ecr, plan, &run, &lines),
            Mode::Apply => self.apply(config, ecr, &request, plan, &run, &lines).await,
        };
        self.warn(report.warnings.get(warned..).unwrap_or_default());
        self.log.metrics(&emf::document(&report, &invocation.function()));
        lines.run(&report);
        let reached = report.repositories.iter().filter(|repository| was_reached(repository)).count();
        self.start_at.fetch_add(reached.saturating_sub(skipped) as u64, Ordering::Relaxed);
        Ok(report)
    }

    async fn apply(
        &self,
        config: &Config,
        ecr: &Ecr,
        request: &RunRequest,
        plan: Plan,
        run: &RunIdentity,
        lines: &RunLog<'_>,
    ) -> Report {
        let conditions = Conditions {
            concurrency: config.limits.concurrency,
            run,
            deadline: &request.deadline,
            observer: lines,
            memories: &request.memories,
            in_use: &request.in_use,
        };
        let backups = self.places.backups(run, ecr.clone());
        let mut report = apply_plan(ecr, &backups, plan, conditions).await;
        report.warnings.extend(self.places.prune(config, run, request.clock.now()).await);
        report
    }

    /// Logs what people should know of a plan.
    fn tell(&self, plan: &Plan) {
        self.warn(&plan.warnings);
        if let Some(detail) = plan.pace.sentence() {
            self.log.line(Level::INFO, "limit reached", &json!({"detail": detail}));
        }
    }

    fn warn(&self, warnings: &[String]) {
        for warning in warnings {
            self.log.line(Level::WARN, "warning", &json!({"detail": warning}));
        }
    }

    fn set_log_fields(&self, invocation: &Invocation<'_>, run: Option<&RunIdentity>) {
        let Invocation { is_cold, context, .. } = invocation;
        self.log.set_common(&json!({
            "service": "ecr-janitor",
            "cold_start": is_cold,
            "function_request_id": context.request_id,
            "xray_trace_id": context.xray_trace_id,
            "run_id": run.map(|run| &run.run_id),
            "account": run.and_then(|run| run.account.as_ref()),
            "region": run.map(|run| &run.region),
        }));
    }
}

/// Reads the statements that the configuration asks for, but not of what this run acts on.
async fn learn_sources(ecr: &Ecr, plan: &Plan, request: &RunRequest) -> Option<String> {
    let wanted = |plan: &RepositoryPlan| {
        let unread = plan.unread_statement?;
        let is_acted_on = plan.steps.iter().any(|step| step.image().digest == unread.digest);
        (!is_acted_on).then(|| (plan.name.clone(), unread))
    };
    let wanted: Vec<_> = plan.plans().filter_map(wanted).collect();
    let RunRequest { memories, now, deadline, .. } = request;
    statements::learn(ecr, ecr.region(), memories, &wanted, *now, deadline).await
}

/// The answer to an event that tells of a deletion.
const NO_RUN: &str = "nothing was run: deletions, the janitor's own among them, start no run; the schedule finds what they leave";

/// The repositories of a run.
async fn select_for(
    ecr: &Ecr,
    config: &Config,
    ask: &RunEvent,
    deadline: &Deadline,
) -> Result<Selection, Diagnostic> {
    let selection = deadline.call(select(ecr, &config.select, ask.narrow.as_ref())).await;
    let selection = selection.map_err(|error| diagnostic(error_type(&error), &nothing_done(&error)))?;
    match selection.find_missing(&ask.accept_tag_loss) {
        None => Ok(selection),
        Some(UnknownName { name, similar }) => {
            let hint = did_you_mean(&similar);
            let problem = format!(
                "accept_tag_loss names {name:?}, which is no repository of this run; nothing was touched{hint}"
            );
            Err(diagnostic("BadEvent", &problem))
        }
    }
}

/// An event may ask for less than is configured, never for more.
fn mode(configured: Mode, asked: Option<Mode>) -> Result<Mode, Diagnostic> {
    match (configured, asked) {
        (Mode::Plan, Some(Mode::Apply)) => Err(diagnostic(
            "BadEvent",
            "the event asks for \"apply\", but this function is configured with mode = \"plan\"; nothing was touched. Set JANITOR_MODE (the Mode parameter) to apply, or leave the event's mode out",
        )),
        (configured, asked) => Ok(asked.unwrap_or(configured)),
    }
}

fn deadline(context: &Context, mode: Mode) -> Deadline {
    time_left(context).map_or_else(Deadline::default, |left| Deadline::after(left, mode == Mode::Apply))
}

/// The time until Lambda ends the invocation; nothing where it has no end.
fn time_left(context: &Context) -> Option<Duration> {
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    (context.deadline != 0).then(|| Duration::from_millis(context.deadline.saturating_sub(now)))
}

/// The type of an error before which nothing was done: a state machine tries what was throttled again.
fn error_type(error: &CallError) -> &'static str {
    if error.kind == CallErrorKind::Throttled { THROTTLED } else { "NothingDone" }
}

/// The error type of what ECR or AWS STS throttled to the last attempt.
const THROTTLED: &str = "Throttled";

/// The message of a run that ended before it could begin.
fn nothing_done(error: &CallError) -> String {
    match error.kind {
        CallErrorKind::DeadlineExceeded => {
            "ECR did not list its repositories in time; nothing was touched".into()
        }
        _ => error.with_remedy(),
    }
}

fn was_reached(report: &RepositoryReport) -> bool {
    report.counts.deadline == 0 && report.reason != Some(RepositoryReason::Deadline)
}

/// A repository that a message names, and the registry that it says it is in.
type Asked = (Option<RegistryPlace>, String);

/// The repositories in which a later run may get further all by itself.
fn heal_with_time(report: Report) -> impl Iterator<Item = String> {
    let source_heals = source_heals(&report);
    let heals = move |it: &RepositoryReport| heals_with_time(it) || source_heals && waits_for_source(it);
    report.repositories.into_iter().filter(heals).map(|it| it.name)
}

/// Whether a later run may get further in a repository all by itself. What needs somebody to do something would only
/// come again and again, and hold up the queue.
fn heals_with_time(report: &RepositoryReport) -> bool {
    let failed = report.decisions.iter().filter(|decision| decision.outcome == OutcomeName::Failed);
    let mut codes = failed.filter_map(|decision| decision.code.as_deref());
    match report.reason {
        // No later run of this function has more memory.
        Some(_) if report.detail.as_deref().is_some_and(|detail| detail.starts_with(TOO_LARGE)) => false,
        Some(reason) => matches!(reason, RepositoryReason::Deadline | RepositoryReason::ListingIncomplete),
        None => report.counts.deadline > 0 || codes.any(|code| CallErrorKind::of_code(code).is_transient()),
    }
}

/// Whether sources of images in use could not be read, and a later run may read them all by itself.
fn source_heals(report: &Report) -> bool {
    let mut failed = report.in_use.iter().filter(|source| source.detail.is_some()).peekable();
    failed.peek().is_some() && failed.all(|source| source.heals)
}

/// Whether anything stays because a source could not be read.
fn waits_for_source(report: &RepositoryReport) -> bool {
    let code: &str = Reason::InUseUnknown.into();
    let unknown = |decision: &Decision| decision.code.as_deref() == Some(code);
    report.kept_by_reason.contains_key(&Reason::InUseUnknown) || report.decisions.iter().any(unknown)
}

/// A pseudo-random repository to start with: a cold instance has no memory of earlier runs.
fn random_start(now: Timestamp) -> u64 {
    let digest = Digest::of(&now.as_nanosecond().to_be_bytes()).hex();
    u64::from_str_radix(&digest[..15], 16).unwrap_or(0)
}

fn diagnostic(error_type: &str, message: &str) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: sanitize::line(message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::outcome::OutcomeName::*;
    use crate::report::testing::decisions::{With as _, attestation, repository};

    #[test]
    fn what_time_heals_comes_again_and_what_needs_somebody_does_not() {
        let heals = |decision: Decision| {
            heals_with_time(&repository("team/api", 10, vec![attestation("a").came_out(Deleted), decision]))
        };
        for (outcome, again) in [(Deadline, true), (LimitReached, false), (AlreadyGone, false)] {
            assert_eq!(heals(attestation("b").came_out(outcome)), again, "{outcome:?}");
        }
        for (code, again) in [
            ("ServerException", true),
            ("ThrottlingException", true),
            ("no-answer", true),
            ("bad-answer", true),
            ("throttled", true),
            ("http-503", true),
            ("AccessDeniedException", false),
            ("RepositoryPolicyNotFoundException", false),
            ("tag-in-use", false),
            ("not-proven", false),
            ("http-403", false),
        ] {
            let failed = attestation("b").came_out(Failed).with(|it| {
                (it.code, it.detail) = (Some(code.into()), Some("why".into()));
            });
            assert_eq!(heals(failed), again, "{code}");
        }
        for (reason, again) in [
            (RepositoryReason::Deadline, true),
            (RepositoryReason::ListingIncomplete, true),
            (RepositoryReason::AccessDenied, false),
            (RepositoryReason::IndexUnreadable, false),
            (RepositoryReason::NotOptedIn, false),
            (RepositoryReason::TagsVanished, false),
        ] {
            let report = RepositoryReport::skipped("team/api".into(), reason, None);
            assert_eq!(heals_with_time(&report), again, "{reason:?}");
        }
        // The next run of this function would have as little memory.
        let detail = Some(format!("{TOO_LARGE} the 85 MiB of memory that plans have"));
        let report = RepositoryReport::skipped("team/api".into(), RepositoryReason::Deadline, detail);
        assert!(!heals_with_time(&report));
    }

    #[test]
    fn a_repository_counts_as_reached_unless_time_ran_out_in_it() {
        let reached = |outcome| was_reached(&repository("r", 1, vec![attestation("a").came_out(outcome)]));
        assert!(reached(Deleted) && reached(Failed) && !reached(Deadline));
        let without = |reason| was_reached(&RepositoryReport::skipped("r".into(), reason, None));
        assert!(without(RepositoryReason::AccessDenied) && !without(RepositoryReason::Deadline));
    }

    #[test]
    fn cold_instances_begin_with_each_repository_in_turn_by_chance() {
        let first: BTreeSet<u64> = (0..200)
            .map(|ms| random_start(Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()) % 10)
            .collect();
        assert_eq!(first.len(), 10);
    }

    #[test]
    fn an_event_may_ask_for_less_and_never_for_more() {
        assert_eq!(mode(Mode::Apply, Some(Mode::Plan)).ok(), Some(Mode::Plan));
        assert_eq!(mode(Mode::Apply, None).ok(), Some(Mode::Apply));
        assert_eq!(mode(Mode::Plan, None).ok(), Some(Mode::Plan));
        assert!(mode(Mode::Plan, Some(Mode::Apply)).is_err());
    }
}
