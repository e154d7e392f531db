//! The log lines of a run: one a decision, one a repository, one at the end.

use serde::Serialize;
use serde_json::json;
use tracing::Level;

use crate::config::Mode;
use crate::lambda::emf::{self, Function};
use crate::report::decision::Decision;
use crate::report::observer::Observer;
use crate::report::outcome::OutcomeName;
use crate::report::{Report, RepositoryReport};
use crate::util::logging::Log;

pub(super) struct Lines<'a>(pub(super) &'a Log);

#[derive(Serialize)]
struct DecisionLine<'a> {
    repository: &'a str,
    #[serde(flatten)]
    decision: &'a Decision,
}

impl Lines<'_> {
    /// The metrics, then the last line.
    pub(super) fn run(&self, report: &Report, function: &Function<'_>) {
        self.0.metrics(&emf::document(report, function));
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
        self.0.line(level, "run", &fields);
    }
}

impl Observer for Lines<'_> {
    fn finished(&self, report: &RepositoryReport) {
        for decision in &report.decisions {
            let level = match decision.outcome {
                OutcomeName::Failed => Level::ERROR,
                OutcomeName::Deadline => Level::WARN,
                _ => Level::INFO,
            };
            self.0.line(level, "decision", &DecisionLine { repository: &report.name, decision });
        }
        let mut fields = json!(report.counts);
        fields["referrer_pressure"] = json!(report.referrer_pressure);
        fields["repository"] = json!(report.name);
        fields["status"] = json!(report.status);
        fields["reason"] = json!(report.reason);
        fields["detail"] = json!(report.detail);
        let level = if report.is_complete() { Level::INFO } else { Level::ERROR };
        self.0.line(level, "repository", &fields);
    }
}
