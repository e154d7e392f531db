//! Results on stdout.

use std::io::Write as _;

use serde::Serialize;

use super::Output;
use crate::plain;
use crate::plan::Plan;
use crate::report::Report;
use crate::report::table::{self, Style};

/// Prints a report.
pub(super) fn print_report(report: &Report, output: Output) {
    match output {
        Output::Table => print_text(&table::report(report, style_of(&std::io::stdout()))),
        Output::Json => print_json(report),
    }
}

/// One JSON document and a line break.
pub(super) fn print_json(value: &impl Serialize) {
    // A reader that went away (`| head`) has had enough.
    let _ = serde_json::to_string_pretty(value)
        .map_err(std::io::Error::from)
        .and_then(|text| writeln!(std::io::stdout().lock(), "{}", plain::json(&text)));
}

pub(super) fn print_text(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
}

/// What an apply is about to do, for the question before it.
pub(super) fn pending_table(plan: &Plan) -> String {
    let style = style_of(&std::io::stderr());
    plan.repositories
        .iter()
        .filter(|planned| planned.report.counts.planned > 0)
        .map(|planned| table::repository(&planned.report, style))
        .collect()
}

/// Colours on a terminal, unless NO_COLOR is set.
pub(super) fn style_of(stream: &impl std::io::IsTerminal) -> Style {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !no_color { Style::Coloured } else { Style::Plain }
}
