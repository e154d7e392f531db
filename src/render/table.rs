//! The report for people at a terminal: a summary, one line a repository, and details on request.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Row, Table};
use textwrap::{Options, WordSplitter};

use super::summary::{self, Line, closing, outcomes};
use super::words::{self, counted, size};
use crate::oci::attestation::Kind;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName as Outcome;
use crate::report::reason::Reason;
use crate::report::{Report, RepositoryReport};
use crate::util::sanitize;

/// Whether the reader is a terminal that shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Colours.
    Coloured,
    /// Text alone.
    Plain,
}

/// The order of the repositories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Sort {
    /// Those with the most attestations first
    #[default]
    Attestations,
    /// Those with the most images first
    Images,
    /// Those with the most changes first
    Changes,
    /// By name
    Name,
}

/// How a report is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Whether there are colours.
    pub style: Style,
    /// The columns of the terminal.
    pub width: usize,
    /// Whether every image has a row, and idle repositories a line.
    pub details: bool,
    /// The order of the repositories.
    pub sort: Sort,
}

/// Narrower than this, words break.
pub const NARROWEST: usize = 60;
/// The width for readers that are no terminal.
pub const USUAL_WIDTH: usize = 80;
/// From here on there is room for the states of attestations.
const WIDE: usize = 100;
/// The column in which the texts of labels begin.
const LABEL: usize = 14;

/// The whole report.
pub fn report(report: &Report, layout: &Layout) -> String {
    let mut text = wrapped(&summary::heading(report.mode, &report.run), "", "  ", layout);
    text.push('\n');
    let lines = summary::lines(report);
    lines.iter().for_each(|Line { label, text: fact }| text.push_str(&labelled(label, fact, layout)));
    if !lines.is_empty() {
        text.push('\n');
    }
    text.push_str(&repositories(report, layout));
    text.push_str(&causes(report, layout));
    if layout.details {
        let worked_on = sorted(report, layout.sort).into_iter().filter(|it| it.reason.is_none());
        worked_on.for_each(|it| text.push_str(&details(it, layout)));
    }
    text.push_str(&wrapped(&closing(report), "", "  ", layout));
    text
}

/// A text under a label, its further lines below its first.
fn labelled(label: &str, text: &str, layout: &Layout) -> String {
    let first = format!("{label:<LABEL$}");
    wrapped(text, &first, &" ".repeat(LABEL), layout)
}

/// A text in lines of the layout's width.
fn wrapped(text: &str, first: &str, others: &str, layout: &Layout) -> String {
    let options = Options::new(layout.width)
        .initial_indent(first)
        .subsequent_indent(others)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options) + "\n"
}

fn sorted(report: &Report, sort: Sort) -> Vec<&RepositoryReport> {
    let mut repositories: Vec<&RepositoryReport> = report.repositories.iter().collect();
    let inventory = |it: &RepositoryReport| it.counts.inventory.clone().unwrap_or_default();
    match sort {
        Sort::Attestations => repositories.sort_by_key(|it| Reverse(inventory(it).attestations.total)),
        Sort::Images => repositories.sort_by_key(|it| Reverse(inventory(it).images)),
        Sort::Changes => repositories.sort_by_key(|it| Reverse(changes(it))),
        // They stand by name.
        Sort::Name => {}
    }
    repositories
}

/// How many images are, were or will be changed.
fn changes(report: &RepositoryReport) -> u64 {
    let counts = &report.counts;
    counts.planned + counts.deleted + counts.tagged + counts.limit_reached
}

/// One line a repository, idle ones folded.
fn repositories(report: &Report, layout: &Layout) -> String {
    let worked_on = sorted(report, layout.sort).into_iter().filter(|it| it.reason.is_none());
    let (idle, busy): (Vec<_>, Vec<_>) = worked_on.partition(|it| it.is_idle() && !layout.details);
    let mut text = String::new();
    if !busy.is_empty() {
        let lines = lines_of(&busy, layout);
        // Every cell begins with a space.
        lines
            .lines()
            .for_each(|line| text.push_str(&format!("{}\n", line.strip_prefix(' ').unwrap_or(line))));
        text.push('\n');
    }
    if !idle.is_empty() {
        let more = if busy.is_empty() { "" } else { " more" };
        let nouns = if idle.len() == 1 { "repository" } else { "repositories" };
        let folded = format!("{}{more} {nouns} with nothing to do (--details lists them)", idle.len());
        text.push_str(&wrapped(&folded, "", "  ", layout));
        text.push('\n');
    }
    text
}

fn lines_of(repositories: &[&RepositoryReport], layout: &Layout) -> String {
    let is_wide = layout.width >= WIDE;
    let knows = repositories.iter().any(|it| it.counts.inventory.is_some());
    let mut header = vec!["REPOSITORY"];
    if knows {
        header.extend(["IMAGES", "ATTESTATIONS"]);
        header.extend(is_wide.then_some(["ATTACHED", "SUPERSEDED", "ORPHANED"]).into_iter().flatten());
    }
    header.push("OUTCOME");
    let mut table = bare_table(layout);
    table.set_header(header);
    for repository in repositories {
        let mut row = vec![Cell::new(sanitize::line(&repository.name))];
        if knows {
            row.extend(numbers(repository, is_wide).into_iter().map(right));
        }
        row.push(Cell::new(outcome_cell(repository)));
        table.add_row(row);
    }
    trimmed(&table)
}

fn numbers(repository: &RepositoryReport, is_wide: bool) -> Vec<u64> {
    use crate::report::reason::State::{Attached, Orphaned, Superseded};
    let counts = repository.counts.inventory.clone().unwrap_or_default();
    let state = |state| counts.attestations.by_state.get(&state).copied().unwrap_or(0);
    let mut numbers = vec![counts.images, counts.attestations.total];
    if is_wide {
        numbers.extend([Attached, Superseded, Orphaned].map(state));
    }
    numbers
}

fn right(number: u64) -> Cell {
    Cell::new(number).set_alignment(CellAlignment::Right)
}

/// The outcomes of a repository without what is only kept.
fn outcome_cell(repository: &RepositoryReport) -> String {
    let counts = crate::report::Counts { kept: 0, ..repository.counts.clone() };
    let outcomes = outcomes(&counts);
    if outcomes.is_empty() { "nothing to do".to_owned() } else { outcomes.join(", ") }
}

/// Why repositories were skipped or failed and images failed: each cause once, with whom it concerns.
fn causes(report: &Report, layout: &Layout) -> String {
    let mut by_cause: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    for repository in &report.repositories {
        let name = sanitize::line(&repository.name);
        if let Some(reason) = repository.reason {
            let detail =
                repository.detail.as_deref().map(|it| format!(": {}", without(it, &repository.name)));
            let cause = format!("{}{}", <&str>::from(reason), detail.unwrap_or_default());
            by_cause.entry((!reason.is_choice(), cause)).or_default().push(name);
            continue;
        }
        let mut failed: BTreeMap<String, usize> = BTreeMap::new();
        for decision in repository.decisions.iter().filter(|it| it.outcome == Outcome::Failed) {
            *failed.entry(cause_of(decision, &repository.name)).or_default() += 1;
        }
        for (cause, images) in failed {
            let whom = format!("{} in {name}", counted(images, "image"));
            by_cause.entry((true, cause)).or_default().push(whom);
        }
    }
    let mut text = String::new();
    for ((is_failure, cause), whom) in by_cause.iter().rev() {
        let label = if *is_failure { "Failed" } else { "Left out" };
        text.push_str(&labelled(label, &format!("{} ({cause})", listed(whom)), layout));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn cause_of(decision: &Decision, repository: &str) -> String {
    let parts = [decision.code.as_deref(), decision.detail.as_deref()];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| without(part, repository)).collect();
    match parts.as_slice() {
        [code, detail] if detail.contains(code.as_str()) => detail.clone(),
        parts => parts.join(": "),
    }
}

/// A text without the name of its repository, so that one cause is one text everywhere.
fn without(text: &str, repository: &str) -> String {
    sanitize::line(&text.replace(repository, "…"))
}

/// `a, b, c and 12 more`.
fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The images of a repository, by what came of them and why.
pub fn details(report: &RepositoryReport, layout: &Layout) -> String {
    let mut text = wrapped(&what_is_there(report), "", "  ", layout);
    for ((_, heading), group) in groups(report) {
        let bytes = group.iter().filter(|it| it.kind != Kind::Index).map(|it| it.image.size_bytes);
        let sum = bytes.fold(0_u64, u64::saturating_add);
        let heading = format!("{} ({}) {heading}", counted(group.len(), "image"), size(sum));
        text.push_str(&wrapped(&heading, "  ", "    ", layout));
        let _ = writeln!(text, "{}", rows(&group, layout));
    }
    if let Some(kept) = kept(report) {
        text.push_str(&wrapped(&format!("kept: {kept}"), "  ", "    ", layout));
    }
    text.push('\n');
    text
}

/// `team/api: 35 images, 4 indexes, 12 attestations, 9 images ...`, as far as it is known.
fn what_is_there(report: &RepositoryReport) -> String {
    let name = sanitize::line(&report.name);
    let Some(counts) = &report.counts.inventory else { return name };
    let mut parts = vec![counted(counts.indexes, "index"), counted(counts.attestations.total, "attestation")];
    for (kind, count) in counts.not_attestations.iter().filter(|(kind, _)| **kind != Kind::Index) {
        parts.push(match kind {
            Kind::Unread => format!("{count} {}", summary::UNREAD),
            Kind::Unknown => format!("{count} unknown"),
            Kind::Image => counted(*count, "platform image"),
            _ => counted(*count, <&str>::from(kind)),
        });
    }
    format!("{name}: {}: {}", counted(counts.images, "image"), parts.join(", "))
}

/// The images with a row, in groups that share what came of them, why, and with what message.
fn groups(report: &RepositoryReport) -> BTreeMap<(Outcome, String), Vec<&Decision>> {
    let mut groups: BTreeMap<(Outcome, String), Vec<&Decision>> = BTreeMap::new();
    for decision in report.decisions.iter().filter(|decision| has_row(decision)) {
        let heading = format!("{}: {}", what_came_of_it(decision), why(decision, &report.name));
        groups.entry((decision.outcome, heading)).or_default().push(decision);
    }
    for group in groups.values_mut() {
        group.sort_by_key(|it| (it.kind != Kind::Index, it.image.pushed_at, it.image.digest));
    }
    groups
}

/// Kept attestations are summed up by their reason; everything else has a row.
fn has_row(decision: &Decision) -> bool {
    decision.outcome != Outcome::Kept
        || decision.kind == Kind::Suspect
        || decision.image.reason == Reason::Unreadable
}

fn what_came_of_it(decision: &Decision) -> String {
    match decision.outcome {
        Outcome::Planned => format!("would be {}", past(decision)),
        Outcome::LimitReached => format!("would be {} in a later run", past(decision)),
        other => words::outcome(other).to_owned(),
    }
}

fn past(decision: &Decision) -> &'static str {
    use crate::config::policy::Action;
    match decision.action {
        Action::Keep => "kept",
        Action::Tag => "tagged",
        Action::Delete => "deleted",
    }
}

fn why(decision: &Decision, repository: &str) -> String {
    let reason = <&str>::from(decision.image.reason);
    let cause = cause_of(decision, repository);
    if cause.is_empty() { reason.to_owned() } else { format!("{reason}, {cause}") }
}

/// One line an image; where that is too wide, its subject or tag goes below it. Nothing breaks inside.
fn rows(decisions: &[&Decision], layout: &Layout) -> String {
    let table = images(decisions, true, layout);
    // Each cell has a space on either side, and the last one ends its line.
    let widths = table.column_max_content_widths();
    let width: usize = widths.iter().map(|content| usize::from(*content) + 2).sum();
    if width <= layout.width + 1 {
        return trimmed(&table);
    }
    let mut lines = Vec::new();
    for (line, decision) in images(decisions, false, layout).lines().zip(decisions) {
        lines.push(line.trim_end().to_owned());
        lines.extend(subject(decision).map(|it| format!("      {it}")));
    }
    lines.join("\n")
}

/// The table of images, with what they are about or without.
fn images(decisions: &[&Decision], with_subject: bool, layout: &Layout) -> Table {
    let mut table = bare_table(layout);
    table.set_content_arrangement(ContentArrangement::Disabled);
    for decision in decisions {
        let colour = colour(decision.outcome);
        let digest = Cell::new(decision.image.digest.short());
        let mut cells = vec![
            Cell::new(" "),
            if layout.style == Style::Coloured { digest.fg(colour) } else { digest },
            Cell::new(<&str>::from(decision.kind)),
        ];
        if with_subject {
            cells.push(Cell::new(subject(decision).unwrap_or_else(|| "-".into())));
        }
        cells.push(Cell::new(pushed(decision)));
        cells.push(Cell::new(own_size(decision)).set_alignment(CellAlignment::Right));
        table.add_row(Row::from(cells));
    }
    table
}

/// The size as far as it counts: an index's is that of what it lists.
fn own_size(decision: &Decision) -> String {
    if decision.kind == Kind::Index { "-".into() } else { size(decision.image.size_bytes) }
}

/// The tag that is written, or the image that is attested.
fn subject(decision: &Decision) -> Option<String> {
    let platform = decision.image.platform.as_deref().map(sanitize::line);
    match (&decision.new_tag, platform, decision.image.subject) {
        (Some(tag), ..) => Some(format!("-> {}", sanitize::line(tag))),
        (None, Some(platform), Some(subject)) => Some(format!("{platform} {}", subject.short())),
        (None, None, Some(subject)) => Some(subject.short()),
        _ => None,
    }
}

fn pushed(decision: &Decision) -> String {
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    decision.image.pushed_at.map_or_else(|| "unknown".into(), date)
}

fn colour(outcome: Outcome) -> Color {
    match outcome {
        Outcome::Failed => Color::Red,
        Outcome::Deleted | Outcome::Tagged => Color::Green,
        Outcome::Planned | Outcome::LimitReached => Color::Yellow,
        _ => Color::Reset,
    }
}

fn kept(report: &RepositoryReport) -> Option<String> {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    for decision in report.decisions.iter().filter(|decision| !has_row(decision)) {
        *reasons.entry(decision.image.reason).or_default() += 1;
    }
    let parts: Vec<String> =
        reasons.iter().map(|(reason, count)| format!("{count} {}", <&str>::from(reason))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A table without lines, as wide as the layout at most.
fn bare_table(layout: &Layout) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(layout.width).unwrap_or(u16::MAX));
    match layout.style {
        Style::Coloured => table.enforce_styling(),
        Style::Plain => table.force_no_tty(),
    };
    table
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
