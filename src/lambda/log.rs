//! The end of a run's log: the metrics, then the last line.

use serde_json::json;
use tracing::Level;

use crate::config::Mode;
use crate::lambda::emf::{self, Function};
use crate::report::Report;
use crate::util::logging::Log;

/// Writes the metrics, then the last line.
pub(super) fn finish(log: &Log, report: &Report, function: &Function<'_>) {
    log.metrics(&emf::document(report, function));
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
    log.line(level, "run", &fields);
}
