//! The log lines of a run, as things happen: one a decision, one a repository.

use serde::Serialize;
use serde_json::json;
use tracing::Level;

use crate::config::Mode;
use crate::report::decision::Decision;
use crate::report::observer::Observer;
use crate::report::outcome::{Outcome, OutcomeName};
use crate::report::plan::{RepositoryPlan, Step};
use crate::report::{Report, RepositoryReport};
use crate::util::logging::Log;

/// The log of a run. What is only kept is counted by reason on its repository's line, and has lines of its own at DEBUG
/// alone.
#[derive(Debug, Clone, Copy)]
pub struct RunLog<'a> {
    /// Where the lines go.
    pub log: &'a Log,
    /// Whether anything can be written: a plan run logs what is planned.
    pub mode: Mode,
}

#[derive(Serialize)]
struct DecisionLine<'a> {
    repository: &'a str,
    #[serde(flatten)]
    decision: Decision,
}

impl RunLog<'_> {
    /// Writes the last line of a run.
    pub fn run(&self, report: &Report) {
        let level = match report.mode {
            _ if report.has_failures() => Level::ERROR,
            Mode::Apply if report.tripped_a_breaker() => Level::ERROR,
            Mode::Plan if report.tripped_a_breaker() => Level::WARN,
            _ => Level::INFO,
        };
        let mut fields = json!(report.totals);
        fields["configuration"] = json!(report.run.configuration);
        fields["mode"] = json!(report.mode);
        fields["complete"] = json!(report.complete);
        fields["started_at"] = json!(report.run.started_at);
        fields["finished_at"] = json!(report.finished_at);
        self.log.line(level, "run", &fields);
    }

    fn decision(&self, repository: &str, level: Level, decision: impl FnOnce() -> Decision) {
        if self.log.is_enabled(level) {
            self.log.line(level, "decision", &DecisionLine { repository, decision: decision() });
        }
    }
}

impl Observer for RunLog<'_> {
    fn planned(&self, repository: &str, plan: Option<&RepositoryPlan>) {
        let Some(plan) = plan else { return };
        for kept in &plan.kept {
            let level = if kept.failed { Level::ERROR } else { Level::DEBUG };
            self.decision(repository, level, || Decision::of_kept(kept.clone()));
        }
        if self.mode == Mode::Plan {
            for step in &plan.steps {
                self.decision(repository, Level::INFO, || Decision::of_step(step.clone(), None));
            }
        }
    }

    fn decided(&self, repository: &str, step: &Step, outcome: &Outcome) {
        let level = match outcome.name() {
            OutcomeName::Failed => Level::ERROR,
            OutcomeName::Deadline => Level::WARN,
            _ => Level::INFO,
        };
        self.decision(repository, level, || Decision::of_step(step.clone(), Some(outcome.clone())));
    }

    fn finished(&self, report: &RepositoryReport) {
        let mut fields = json!(report.counts);
        fields["image_quota_share"] = json!(report.image_quota_share);
        fields["referrer_pressure"] = json!(report.referrer_pressure);
        fields["sources"] = json!(report.sources);
        fields["repository"] = json!(report.name);
        fields["status"] = json!(report.status);
        fields["reason"] = json!(report.reason);
        fields["detail"] = json!(report.detail);
        fields["kept_by_reason"] = json!(report.kept_by_reason);
        let level = if report.is_complete() { Level::INFO } else { Level::ERROR };
        self.log.line(level, "repository", &fields);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;
    use crate::report::outcome::Cause;
    use crate::report::testing::decisions::{With as _, attestation, plan, step};
    use crate::util::logging::Format;

    /// The lines of a run at a level: the level, the outcome or the message.
    fn lines(level: Level, mode: Mode, run: impl FnOnce(&RunLog<'_>)) -> Vec<(String, String)> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log = Log::new(level, Format::Json, move |line| sink.lock().unwrap().push(line.to_owned()));
        run(&RunLog { log: &log, mode });
        let read = |line: &String| {
            let line: Value = serde_json::from_str(line).unwrap();
            let what = line["outcome"].as_str().unwrap_or(line["message"].as_str().unwrap());
            (line["level"].as_str().unwrap().to_owned(), what.to_owned())
        };
        lines.lock().unwrap().iter().map(read).collect()
    }

    fn told(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(level, what)| ((*level).into(), (*what).into())).collect()
    }

    #[test]
    fn a_plan_run_logs_what_is_planned_and_at_debug_what_is_kept() {
        let failed = attestation("b").kept().came_out(OutcomeName::Failed);
        let plan = plan("r", 3, vec![attestation("a"), failed, attestation("o").kept()]);
        let run = |level, mode| lines(level, mode, |log| log.planned("r", Some(&plan)));
        assert_eq!(run(Level::INFO, Mode::Plan), told(&[("ERROR", "failed"), ("INFO", "planned")]));
        assert_eq!(run(Level::INFO, Mode::Apply), told(&[("ERROR", "failed")]));
        let debug = told(&[("ERROR", "failed"), ("DEBUG", "kept")]);
        assert_eq!(run(Level::DEBUG, Mode::Apply), debug);
    }

    #[test]
    fn outcomes_are_logged_with_the_level_of_their_gravity() {
        let step = step(&attestation("a")).unwrap();
        let cause = || Cause::of("why");
        let outcomes =
            [Outcome::Deleted, Outcome::Failed(cause()), Outcome::OutOfTime, Outcome::Protected(cause())];
        let log = |log: &RunLog<'_>| outcomes.iter().for_each(|outcome| log.decided("r", &step, outcome));
        let expected =
            [("INFO", "deleted"), ("ERROR", "failed"), ("WARN", "deadline"), ("INFO", "protected-by-ecr")];
        assert_eq!(lines(Level::INFO, Mode::Apply, log), told(&expected));
    }
}
