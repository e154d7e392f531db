//! The Lambda function: an event in, the run report out, everything else in the log.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::Level;

use crate::config::pattern::Patterns;
use crate::config::{Config, Mode};
use crate::executor::run::{Conditions, apply_plan, report_plan};
use crate::executor::run_log::RunLog;
use crate::lambda::truncate::{MAX_ANSWER_BYTES, cut};
use crate::memory::NoBackups;
use crate::oci::digest::Digest;
use crate::planner::selection::select;
use crate::planner::{RunRequest, plan};
use crate::registry::ecr::Ecr;
use crate::registry::{CallError, CallErrorKind};
use crate::report::{Report, RepositoryReport, RepositoryStatus};
use crate::util::deadline::Deadline;
use crate::util::logging::Log;
use crate::util::sanitize;
use event::{Event, Message, RunEvent};

pub mod emf;
pub mod event;
mod log;
pub mod truncate;

/// What one instance of the function keeps between invocations.
#[derive(Debug)]
pub struct Function {
    config: Result<Config, String>,
    ecr: Result<Ecr, String>,
    log: Log,
    is_cold: AtomicBool,
    start_at: AtomicU64,
}

/// What the function answers. Written as it stands: the report of a large registry as a tree of JSON values would take
/// more memory than the run.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a schedule, an image action or somebody by hand: the run's report.
    Report(Box<Report>),
    /// To a batch of messages from SQS: those that should come again.
    #[serde(rename_all = "camelCase")]
    Queue {
        /// Their ids, as Lambda's partial batch responses want them.
        batch_item_failures: Vec<BatchItemFailure>,
    },
}

/// A message that should come again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The SQS message id.
    pub item_identifier: String,
}

/// One invocation, as Lambda tells of it.
struct Invocation<'a> {
    started_at: Timestamp,
    is_cold: bool,
    context: &'a Context,
}

impl Invocation<'_> {
    fn function(&self) -> emf::Function<'_> {
        emf::Function { name: &self.context.env_config.function_name, is_cold: self.is_cold }
    }
}

impl Function {
    /// Reads configuration and settings. What is wrong with them is said at each invocation.
    pub async fn from_environment(log: Log) -> Self {
        Self {
            config: Config::load(None, &std::env::vars_os().collect()).map_err(|error| error.to_string()),
            ecr: Ecr::from_environment().await.map_err(|error| error.to_string()),
            log,
            is_cold: AtomicBool::new(true),
            start_at: AtomicU64::new(random_start(Timestamp::now())),
        }
    }

    /// Handles one invocation. Only a run that could do nothing at all is an error.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, Diagnostic> {
        let invocation = Invocation {
            started_at: Timestamp::now(),
            is_cold: self.is_cold.swap(false, Ordering::Relaxed),
            context: &event.context,
        };
        self.set_log_fields(&invocation);
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
        let ecr = self.ecr.as_ref().map_err(|problem| diagnostic("BadConfig", problem))?;
        match event::parse(payload).map_err(|bad| diagnostic("BadEvent", &bad.to_string()))? {
            Event::Run(ask) => {
                let report = self.run(config, ecr, &ask, invocation).await?;
                Ok(Answer::Report(Box::new(cut(report, MAX_ANSWER_BYTES))))
            }
            Event::Queue(messages) => self.run_queue(config, ecr, messages, invocation).await,
        }
    }

    /// Runs the repositories of a batch, each once, and answers which messages should come again.
    async fn run_queue(
        &self,
        config: &Config,
        ecr: &Ecr,
        messages: Vec<Message>,
        invocation: &Invocation<'_>,
    ) -> Result<Answer, Diagnostic> {
        let mut again = Vec::new();
        let mut asked: Vec<(String, String)> = Vec::new();
        for Message { id, repository } in messages {
            match repository {
                Ok(name) => asked.push((id, name)),
                Err(bad) => {
                    self.log.line(
                        Level::ERROR,
                        "bad message",
                        &json!({"message_id": id, "error": bad.to_string()}),
                    );
                    again.push(id);
                }
            }
        }
        let names: BTreeSet<&String> = asked.iter().map(|(_, name)| name).collect();
        if !names.is_empty() {
            let narrow = Patterns::new(&names).map_err(|error| diagnostic("BadEvent", &error.to_string()))?;
            let ask = RunEvent { mode: None, narrow: Some(narrow) };
            let report = self.run(config, ecr, &ask, invocation).await?;
            let failed: BTreeSet<String> = report
                .repositories
                .into_iter()
                .filter(should_come_again)
                .map(|repository| repository.name)
                .collect();
            again.extend(asked.into_iter().filter(|(_, name)| failed.contains(name)).map(|(id, _)| id));
        }
        let batch_item_failures =
            again.into_iter().map(|item_identifier| BatchItemFailure { item_identifier }).collect();
        Ok(Answer::Queue { batch_item_failures })
    }

    async fn run(
        &self,
        config: &Config,
        ecr: &Ecr,
        ask: &RunEvent,
        invocation: &Invocation<'_>,
    ) -> Result<Report, Diagnostic> {
        let started_at = invocation.started_at;
        let mode = mode(config.mode, ask.mode)?;
        ecr.begin_run();
        let request = RunRequest {
            now: started_at,
            deadline: deadline(invocation.context, mode),
            start_at: self.start_at.load(Ordering::Relaxed),
        };
        let lines = RunLog { log: &self.log, mode };
        let selection = request
            .deadline
            .call(select(ecr, &config.select, ask.narrow.as_ref()))
            .await
            .map_err(|error| diagnostic("NothingDone", &nothing_done(&error)))?;
        let skipped = selection.repositories.iter().filter(|chosen| chosen.skip.is_some()).count();
        let plan = plan(ecr, config, &request, selection, &lines).await;
        for tripped in &plan.tripped {
            self.log.line(Level::WARN, "limit reached", &json!({"detail": tripped.to_string()}));
        }
        let report = match mode {
            Mode::Plan => report_plan(ecr, plan, started_at, &lines),
            Mode::Apply => {
                let conditions = Conditions {
                    concurrency: config.limits.concurrency.number(),
                    started_at,
                    deadline: &request.deadline,
                    observer: &lines,
                };
                apply_plan(ecr, &NoBackups, plan, conditions).await
            }
        };
        log::finish(&self.log, &report, &invocation.function());
        let reached = report.repositories.iter().filter(|repository| was_reached(repository)).count();
        self.start_at.fetch_add(reached.saturating_sub(skipped) as u64, Ordering::Relaxed);
        Ok(report)
    }

    fn set_log_fields(&self, Invocation { started_at, is_cold, context }: &Invocation<'_>) {
        let run = format!("{}{started_at}", context.request_id);
        self.log.set_common(&json!({
            "service": "ecr-janitor",
            "cold_start": is_cold,
            "function_request_id": context.request_id,
            "xray_trace_id": context.xray_trace_id,
            "run_id": Digest::of(run.as_bytes()).short(),
        }));
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
    if context.deadline == 0 {
        return Deadline::default();
    }
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    Deadline::after(Duration::from_millis(context.deadline.saturating_sub(now)), mode == Mode::Apply)
}

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
    report.counts.deadline == 0 && report.reason != Some(crate::report::RepositoryReason::Deadline)
}

/// A limit is no reason to try again: it would stop the next try too.
fn should_come_again(report: &RepositoryReport) -> bool {
    report.status == RepositoryStatus::Failed || report.counts.failed + report.counts.deadline > 0
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
    use crate::report::RepositoryReason;
    use crate::report::outcome::OutcomeName;
    use crate::testing::decisions::{With as _, attestation, repository};

    #[test]
    fn what_failed_or_found_no_time_comes_again_and_what_a_limit_stopped_does_not() {
        let asked = |outcomes: &[OutcomeName]| {
            let decisions = outcomes.iter().map(|outcome| attestation("a").came_out(*outcome)).collect();
            let report = repository("team/api", 10, decisions);
            (should_come_again(&report), was_reached(&report))
        };
        assert_eq!(
            asked(&[OutcomeName::Deleted, OutcomeName::AlreadyGone, OutcomeName::LimitReached]),
            (false, true)
        );
        assert_eq!(asked(&[OutcomeName::Failed, OutcomeName::Deleted]), (true, true));
        assert_eq!(asked(&[OutcomeName::Deadline, OutcomeName::Deleted]), (true, false));
        let without = |reason| RepositoryReport::skipped("team/api".into(), reason, None);
        for (reason, again, reached) in [
            (RepositoryReason::Deadline, true, false),
            (RepositoryReason::AccessDenied, true, true),
            (RepositoryReason::NotOptedIn, false, true),
        ] {
            let report = without(reason);
            assert_eq!((should_come_again(&report), was_reached(&report)), (again, reached), "{reason:?}");
        }
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
