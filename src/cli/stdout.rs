//! Results on standard output.

use std::io::{self, BufWriter, ErrorKind, Write};

use serde::Serialize;

use super::{Failure, Output};
use crate::render::page::{self, Past};
use crate::render::table::{self, Layout, NARROWEST, Sort, Style, USUAL_WIDTH};
use crate::render::{markdown, summary};
use crate::report::Report;
use crate::util::sanitize;

/// How a report is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// For whom.
    pub(super) output: Output,
    /// Whether every image has a row.
    pub(super) details: bool,
    /// The order of the repositories.
    pub(super) sort: Sort,
}

impl View {
    /// The layout for people who read this stream.
    pub(super) fn layout(self, stream: &impl io::IsTerminal) -> Layout {
        Layout { style: style_of(stream), width: width(), details: self.details, sort: self.sort }
    }
}

/// Prints a report. A page shows what is known of earlier runs too.
pub(super) fn print_report(report: &Report, view: View, past: Option<&Past>) -> Result<(), Failure> {
    match view.output {
        Output::Table => print_text(&table::report(report, &view.layout(&io::stdout()))),
        Output::Json => print_json(report),
        Output::Markdown => print_text(&markdown::report(report)),
        Output::Summary => print_text(&summary::text(report)),
        Output::Html => print_page(page::run(report, past)),
    }
}

/// One file for a browser, in which everything that others wrote is escaped already.
pub(super) fn print_page(page: serde_json::Result<String>) -> Result<(), Failure> {
    print(|out| out.write_all(page?.as_bytes()))
}

/// One JSON document and a line break.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(|out| write_json(value, out))
}

/// Writes to standard output.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let written = stdout().and_then(|out| {
        let mut out = BufWriter::new(out);
        write(&mut out)?;
        out.flush()
    });
    match written {
        // A reader that went away (`| head`) has had enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::output_lost("standard output", &error)),
    }
}

/// Standard output as a file: the standard library takes one that cannot be written to for one that was.
#[cfg(unix)]
fn stdout() -> io::Result<impl Write> {
    use std::os::fd::AsFd as _;
    Ok(std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdout() -> io::Result<impl Write> {
    Ok(io::stdout())
}

/// Piece by piece: the report of a large registry has tens of megabytes.
fn write_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = PlainJson(out);
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
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

/// A text and a line break.
pub(super) fn print_text(text: &str) -> Result<(), Failure> {
    print(|out| writeln!(out, "{}", text.trim_end()))
}

/// A text of lines that may be long, at the width of the terminal. What follows a label of [`LABEL`] columns, or an
/// indentation, goes on below its beginning.
pub(super) fn print_wrapped(text: &str) -> Result<(), Failure> {
    let width = width();
    let lines: Vec<String> = text.lines().map(|line| wrapped(line, width)).collect();
    print_text(&lines.join("\n"))
}

/// The columns of a label and the space behind it.
const LABEL: usize = 16;

fn wrapped(line: &str, width: usize) -> String {
    let is_labelled = line.get(..LABEL).is_some_and(|it| it.ends_with("  ") && !it.trim().is_empty());
    let own = line.len() - line.trim_start().len();
    // Nothing that somebody else may have written ever begins a line.
    let indent = " ".repeat(if is_labelled { LABEL } else { own + 2 });
    let options = textwrap::Options::new(width).break_words(false).subsequent_indent(&indent);
    textwrap::fill(line, options.word_splitter(textwrap::WordSplitter::NoHyphenation))
}

/// The columns of the terminal: what COLUMNS says, else what it has itself.
pub(super) fn width() -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let own = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    given.or_else(own).unwrap_or(USUAL_WIDTH).max(NARROWEST)
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
    fn lines_go_on_below_their_beginning() {
        let text = wrapped("Listed by       sha256:0123456789abcdef of a build of yesterday", 40);
        assert_eq!(text, "Listed by       sha256:0123456789abcdef\n                of a build of yesterday");
        assert_eq!(
            wrapped("  Source        a checkout of main", 28),
            "  Source        a checkout\n                of main"
        );
        assert_eq!(wrapped("  with a key: kept", 12), "  with a\n    key:\n    kept");
        assert_eq!(wrapped("one two three", 8), "one two\n  three");
        assert_eq!(wrapped("sha256:0123456789abcdef", 8), "sha256:0123456789abcdef");
    }

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
