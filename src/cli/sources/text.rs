//! Pipelines in plain text.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::Sources;
use super::survey::Surveyed;
use super::totals::Totals;
use crate::cli::advice;
use crate::oci::attestation::Form;
use crate::oci::statement::PipelineKind;
use crate::render::words::counted;
use crate::report::source::Trend;
use crate::util::sanitize;

/// More repositories, or statements that could not be read, than this are counted, not named.
const NAMED: usize = 6;

/// The pipelines and the changes, then what each repository shows.
pub(super) fn sources(it: &Sources) -> String {
    let mut text = summary(it);
    for (at, pipeline) in it.pipelines.iter().enumerate() {
        let same = it.pipelines[..at].iter().position(|other| other.change == pipeline.change);
        let _ = write!(text, "\n{}", of_pipeline(at + 1, pipeline, same.map(|same| same + 1)));
    }
    let trends: Vec<String> = it.repositories.iter().filter_map(trend).collect();
    if !trends.is_empty() {
        let _ = writeln!(text, "\nDid it help?\n{}", trends.join("\n"));
    }
    let troubles = troubles(&it.repositories);
    if !troubles.is_empty() {
        let _ = writeln!(text, "\nNot read:\n{}", troubles.join("\n"));
    }
    if !it.pipelines.is_empty() {
        let _ = writeln!(text, "\n{}\n\n{}\n\n{}", advice::PRICE, advice::HALFWAY, advice::KEEPING);
    }
    text
}

fn summary(it: &Sources) -> String {
    let sum = |of: fn(&Surveyed) -> u64| it.repositories.iter().map(of).sum::<u64>();
    let (all, lately) = (sum(|it| it.attestations), sum(|it| it.attestations_of_the_last_30_days));
    let repositories = counted(it.repositories.len(), "repository");
    if all == 0 {
        return format!("There are no attestations in {repositories}.\n");
    }
    let read: u64 = it.pipelines.iter().map(|it| it.sums.statements_read).sum();
    let assumed = match all.saturating_sub(read) {
        0 => "the statement of each was read".to_owned(),
        _ if read == 0 => "no statement was read".to_owned(),
        _ => format!("the statements of {read} were read, and the others count with the nearest in time"),
    };
    format!(
        "{} in {repositories}, {lately} of them of the last 30 days, by {}; {assumed}.\n",
        counted(all, "attestation"),
        counted(it.pipelines.len(), "pipeline"),
    )
}

fn of_pipeline(number: usize, it: &Totals, same_change: Option<usize>) -> String {
    let sums = &it.sums;
    let kind = match sums.pipeline.kind {
        PipelineKind::Unknown => String::new(),
        kind => format!(" ({})", <&str>::from(kind)),
    };
    let mut text = format!("{number}. {}{kind}\n", sanitize::line(&sums.pipeline.name()));
    let per_push = sums.attestations as f64 / sums.pushes.max(1) as f64;
    let share = format!(" ({:.0} %)", it.share * 100.0);
    // Of all, where there are none of the last days.
    let is_of_all = sums.attestations_of_the_last_30_days == 0 && it.share > 0.0;
    let (lately, of_all) = if is_of_all { ("", share.as_str()) } else { (share.as_str(), "") };
    let _ = writeln!(
        text,
        "Attestations    {} in the last 30 days{lately}, {} in all{of_all}, {per_push:.1} per push{}",
        sums.attestations_of_the_last_30_days,
        sums.attestations,
        form(it),
    );
    let _ = writeln!(text, "Pushed          last {}, first {}", day(sums.last_push), day(sums.first_push));
    let _ = writeln!(text, "Repositories    {}", named(&it.repositories));
    let change = same_change.map_or_else(|| it.change.to_owned(), |same| format!("as in {same}"));
    let _ = writeln!(text, "To stop it      {change}");
    text
}

/// How the newest one was made: a pipeline may have changed over time.
fn form(it: &Totals) -> String {
    let form = match it.sums.form {
        Some(Form::Oci) => Some("in the OCI form".to_owned()),
        Some(Form::Legacy) => Some("in the older form".to_owned()),
        Some(Form::ByParent | Form::Unread) | None => None,
    };
    let version = it.sums.buildkit.as_deref().map(|it| format!("by BuildKit {}", sanitize::line(it)));
    let newest: Vec<String> = form.into_iter().chain(version).collect();
    if newest.is_empty() { String::new() } else { format!("; the newest {}", newest.join(" ")) }
}

fn named(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| sanitize::line(name)).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn trend(it: &Surveyed) -> Option<String> {
    let name = sanitize::line(&it.name);
    Some(match it.trend.as_ref()? {
        Trend::Stopped { last_on, pushes_since } => format!(
            "  {name}: no new attestations since {}, while {} came in on later days",
            day(Some(*last_on)),
            counted(*pushes_since, "push")
        ),
        Trend::Resumed { stopped_on, resumed_on } => format!(
            "  {name}: attestations arrive again since {}, after none from {} on",
            day(Some(*resumed_on)),
            day(Some(*stopped_on))
        ),
    })
}

fn troubles(repositories: &[Surveyed]) -> Vec<String> {
    let of_repository = |it: &Surveyed| {
        let name = sanitize::line(&it.name);
        let skipped = it.detail.as_ref().map(|detail| format!("  {name}: {}", sanitize::line(detail)));
        let unread = it.unread.iter().map(|missing| {
            format!("  {name}@{}: {}", missing.digest.short(), sanitize::line(&missing.detail))
        });
        skipped.into_iter().chain(unread).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = repositories.iter().flat_map(of_repository).collect();
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    all.extend((more > 0).then(|| format!("  and {more} more")));
    all
}

fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "at an unknown time".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}
