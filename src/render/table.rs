//! The report for people: what is there, what is done with it and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Color, Table};

use crate::oci::attestation::Kind;
use crate::render::summary::closing;
use crate::render::words::{counted, size};
use crate::report::counts::{InventoryCounts, MAX_REFERRERS};
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName as Outcome;
use crate::report::reason::Reason;
use crate::report::{Counts, Report, RepositoryReason, RepositoryReport};
use crate::util::sanitize;

/// Whether the reader is a terminal that shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Colours.
    Coloured,
    /// Text alone.
    Plain,
}

/// The whole report.
pub fn report(report: &Report, style: Style) -> String {
    let mut text = String::new();
    let (left_out, shown): (Vec<_>, Vec<_>) =
        report.repositories.iter().partition(|it| it.reason == Some(RepositoryReason::NotSelected));
    for repository in shown {
        text.push_str(&self::repository(repository, style));
    }
    if !left_out.is_empty() {
        let _ =
            writeln!(text, "{} more repositories are not selected by the configuration\n", left_out.len());
    }
    let _ = writeln!(text, "{}", closing(report));
    text
}

/// Every repository in one line, without the decisions.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    for repository in &report.repositories {
        let Counts { deleted, tagged, kept, .. } = repository.counts;
        let _ = writeln!(
            text,
            "{:<14} {deleted:>3} deleted, {tagged:>2} tagged, {kept:>2} kept",
            sanitize::line(&repository.name)
        );
    }
    let _ = writeln!(text, "\n{}", closing(report));
    text
}

/// One repository.
pub fn repository(report: &RepositoryReport, style: Style) -> String {
    let mut text = heading(report);
    let mut shown: Vec<&Decision> = report.decisions.iter().filter(|decision| is_shown(decision)).collect();
    shown.sort_by_key(|decision| {
        (decision.image.reason, decision.kind != Kind::Index, decision.image.pushed_at, decision.image.digest)
    });
    if !shown.is_empty() {
        let _ = writeln!(text, "{}", rows(&shown, style));
    }
    if let Some(kept) = kept(report) {
        let _ = writeln!(text, "  kept: {kept}");
    }
    if let Some(warning) = pressure(report) {
        let _ = writeln!(text, "  {warning}");
    }
    text.push('\n');
    text
}

/// Said in time: ECR refuses to push the attestation that is one too many.
fn pressure(report: &RepositoryReport) -> Option<String> {
    let pressure = report.referrer_pressure.filter(|it| it.referrers * 5 >= MAX_REFERRERS * 4)?;
    let (count, subject) = (pressure.referrers, pressure.subject.short());
    Some(format!(
        "nearly full: {subject} has {count} attestations of the {MAX_REFERRERS} referrers that ECR allows"
    ))
}

/// Kept attestations are summed up by their reason; everything else has a row.
fn is_shown(decision: &Decision) -> bool {
    decision.outcome != Outcome::Kept
        || decision.kind == Kind::Suspect
        || decision.image.reason == Reason::Unreadable
}

fn heading(report: &RepositoryReport) -> String {
    let mut text = format!("{}\n", sanitize::line(&report.name));
    if let Some(reason) = report.reason {
        let detail = report
            .detail
            .as_deref()
            .map(|detail| format!(": {}", sanitize::line(detail)))
            .unwrap_or_default();
        let _ = writeln!(text, "  left alone, {}{detail}", <&str>::from(reason));
        return text;
    }
    let InventoryCounts { images, indexes, attestations, .. } = &report.counts.inventory;
    let states: Vec<String> =
        attestations.by_state.iter().map(|(state, n)| format!("{n} {}", <&str>::from(state))).collect();
    let others: Vec<String> = report
        .counts
        .inventory
        .not_attestations
        .iter()
        .filter(|(kind, _)| **kind != Kind::Index)
        .map(|(kind, n)| match kind {
            Kind::Unread | Kind::Unknown => format!("{n} {}", <&str>::from(kind)),
            _ => counted(*n, <&str>::from(kind)),
        })
        .collect();
    let _ = write!(
        text,
        "  {}: {}, {}",
        counted(*images, "image"),
        counted(*indexes, "index"),
        counted(attestations.total, "attestation")
    );
    if !states.is_empty() {
        let _ = write!(text, " ({})", states.join(", "));
    }
    if !others.is_empty() {
        let _ = write!(text, ", {}", others.join(", "));
    }
    text.push('\n');
    text
}

fn rows(decisions: &[&Decision], style: Style) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if style == Style::Coloured {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(["", "DIGEST", "WHAT", "OF", "PUSHED", "SIZE", "OUTCOME", "REASON"]);
    for decision in decisions {
        let outcome = Cell::new(outcome(decision)).fg(colour(decision.outcome));
        table.add_row([
            Cell::new(""),
            Cell::new(decision.image.digest.short()),
            Cell::new(what(decision)),
            Cell::new(of(decision)),
            Cell::new(pushed(decision)),
            Cell::new(size(decision.image.size_bytes)),
            if style == Style::Coloured { outcome } else { Cell::new(self::outcome(decision)) },
            Cell::new(reason(decision)),
        ]);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn what(decision: &Decision) -> String {
    match decision.form {
        Some(form) => format!("{} ({})", <&str>::from(decision.kind), <&str>::from(form)),
        None => <&str>::from(decision.kind).to_owned(),
    }
}

fn of(decision: &Decision) -> String {
    match (&decision.image.platform, decision.image.subject) {
        (Some(platform), Some(subject)) => format!("{} {}", sanitize::line(platform), subject.short()),
        (None, Some(subject)) => subject.short(),
        _ => "-".into(),
    }
}

fn pushed(decision: &Decision) -> String {
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    decision.image.pushed_at.map_or_else(|| "unknown".into(), date)
}

fn outcome(decision: &Decision) -> String {
    let done = match (decision.outcome, decision.action) {
        (Outcome::Planned, action) => format!("would {}", action.word()),
        (outcome, _) => <&str>::from(outcome).to_owned(),
    };
    match &decision.code {
        Some(code) => format!("{done} ({})", sanitize::line(code)),
        None => done,
    }
}

fn reason(decision: &Decision) -> String {
    match (&decision.new_tag, &decision.detail) {
        (_, Some(detail)) => format!("{}: {}", <&str>::from(decision.image.reason), sanitize::line(detail)),
        (Some(tag), None) => format!("{} -> {}", <&str>::from(decision.image.reason), sanitize::line(tag)),
        (None, None) => <&str>::from(decision.image.reason).to_owned(),
    }
}

fn colour(outcome: Outcome) -> Color {
    match outcome {
        Outcome::Failed | Outcome::LimitReached => Color::Red,
        Outcome::Deleted | Outcome::Tagged => Color::Green,
        Outcome::Planned => Color::Yellow,
        _ => Color::Reset,
    }
}

fn kept(report: &RepositoryReport) -> Option<String> {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    for decision in report.decisions.iter().filter(|decision| !is_shown(decision)) {
        *reasons.entry(decision.image.reason).or_default() += 1;
    }
    let parts: Vec<String> =
        reasons.iter().map(|(reason, count)| format!("{count} {}", <&str>::from(reason))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest::Digest;
    use crate::report::ReferrerPressure;
    use crate::testing::decisions;

    #[test]
    fn an_image_is_named_when_four_fifths_of_its_referrers_are_used_up() {
        let text = |attestations| {
            let mut report = decisions::repository("team/api", 200, vec![]);
            report.referrer_pressure =
                Some(ReferrerPressure { subject: Digest::of(b"s"), referrers: attestations, attestations });
            repository(&report, Style::Plain)
        };
        assert!(!text(79).contains("nearly full"));
        let warning = format!("nearly full: {} has 80 attestations of the 100", Digest::of(b"s").short());
        assert!(text(80).contains(&warning), "{}", text(80));
    }
}
