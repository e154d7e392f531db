//! The end of a run's log: the metrics, then the last line.

use serde_json::json;
use tracing::Level;

use crate::lambda::emf::{self, Function};
use crate::report::Report;
use crate::util::logging::Log;

/// Writes the metrics, then the last line.
pub(super) fn finish(log: &Log, report: &Report, function: &Function<'_>) {
    log.metrics(&emf::document(report, function));
    let level = if report.has_failures() || report.hit_a_limit() { Level::ERROR } else { Level::INFO };
    let mut fields = json!(report.totals);
    fields["mode"] = json!(report.mode);
    fields["complete"] = json!(report.complete);
    fields["started_at"] = json!(report.started_at);
    fields["finished_at"] = json!(report.finished_at);
    log.line(level, "run", &fields);
}
