//! Results on stdout.

pub mod table;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::Output;
use crate::planner::Plan;
use crate::report::outcome::Outcomes;
use crate::report::{Report, RepositoryReport};
use crate::util::sanitize;
use table::Style;

/// Prints a report.
pub(super) fn print_report(report: &Report, output: Output) {
    match output {
        Output::Table => print_text(&table::report(report, style_of(&io::stdout()))),
        Output::Json => print_json(report),
    }
}

/// One JSON document and a line break.
pub(super) fn print_json(value: &impl Serialize) {
    // A reader that went away (`| head`) has had enough.
    let _ = write_json(value, io::stdout().lock());
}

/// Piece by piece: the report of a large registry has tens of megabytes.
fn write_json(value: &impl Serialize, out: impl Write) -> io::Result<()> {
    let mut out = PlainJson(BufWriter::new(out));
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// Escapes what a terminal would obey, in the pieces that serde_json writes: each of whole characters.
struct PlainJson<W>(W);

impl<W: Write> Write for PlainJson<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(piece).map_err(io::Error::other)?;
        self.0.write_all(sanitize::json(text).as_bytes())?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

pub(super) fn print_text(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", text.trim_end());
}

/// What an apply is about to do, for the question before it.
pub(super) fn pending_table(plan: &Plan) -> String {
    let style = style_of(&std::io::stderr());
    plan.plans()
        .filter(|it| plan.due(it).next().is_some())
        .map(|it| {
            table::repository(&RepositoryReport::new(it.clone(), Outcomes::none(it.steps.len())), style)
        })
        .collect()
}

/// Colours on a terminal, unless NO_COLOR is set.
pub(super) fn style_of(stream: &impl io::IsTerminal) -> Style {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !no_color { Style::Coloured } else { Style::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_piece_by_piece_is_what_is_written_at_once() {
        let value = serde_json::json!({"a": ["b", "\u{1b}[2J\u{202e}\u{9b}\u{10ffff}日本\n\"\\"], "\u{5d0}": [1.5, null, {}]});
        let mut written = Vec::new();
        write_json(&value, &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written, format!("{}\n", sanitize::json(&serde_json::to_string_pretty(&value).unwrap())));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
    }
}
