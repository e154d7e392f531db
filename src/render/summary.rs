//! A run in a few lines of plain text.

use std::fmt::Write as _;

use super::words::{counted, size};
use crate::config::Mode;
use crate::report::{Counts, Report, RepositoryReport, RepositoryStatus, RunIdentity};
use crate::util::sanitize;

/// More repositories than this are counted, not named.
const NAMED: usize = 20;

/// The run in a few lines, for a notification: what it did, then the repositories in which something happened.
pub fn text(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", heading(report.mode, &report.run), closing(report));
    let busy: Vec<&RepositoryReport> = report.repositories.iter().filter(|it| !it.is_idle()).collect();
    for repository in busy.iter().take(NAMED) {
        let _ = writeln!(text, "{}: {}", sanitize::line(&repository.name), what_happened(repository));
    }
    if let Some(more) = busy.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "and {} more", counted(more, "repository"));
    }
    text
}

/// `apply in account 123456789012, Region eu-west-1, configuration: janitor.toml`.
pub fn heading(mode: Mode, run: &RunIdentity) -> String {
    format!("{} in {}, configuration: {}", mode.word(), place(run), sanitize::line(&run.configuration))
}

/// `account 123456789012, Region eu-west-1`.
pub fn place(run: &RunIdentity) -> String {
    let region = sanitize::line(&run.region);
    match &run.account {
        Some(account) => format!("account {}, Region {region}", sanitize::line(account)),
        None => format!("a registry without repositories, Region {region}"),
    }
}

/// One line on a repository: its outcomes, or why nothing was done in it.
pub fn what_happened(repository: &RepositoryReport) -> String {
    if let Some(reason) = repository.reason {
        let detail = repository.detail.as_deref().map(|detail| format!(": {}", sanitize::line(detail)));
        return format!(
            "{}, {}{}",
            status(repository.status),
            <&str>::from(reason),
            detail.unwrap_or_default()
        );
    }
    outcomes(&repository.counts).join(", ")
}

fn status(status: RepositoryStatus) -> &'static str {
    match status {
        RepositoryStatus::Done => "done",
        RepositoryStatus::Skipped => "skipped",
        RepositoryStatus::Stopped => "stopped",
        RepositoryStatus::Failed => "failed",
    }
}

/// The outcomes that occurred, each with its count.
pub fn outcomes(counts: &Counts) -> Vec<String> {
    let deleted = format!("deleted ({})", size(counts.bytes_deleted));
    let named = [
        (counts.planned, "planned"),
        (counts.deleted, deleted.as_str()),
        (counts.tagged, "tagged"),
        (counts.kept, "kept"),
        (counts.already_gone, "already gone"),
        (counts.protected_by_ecr, "protected by ECR"),
        (counts.held_back, "held back"),
        (counts.changed_since_plan, "changed since the plan"),
        (counts.limit_reached, "waiting for their turn"),
        (counts.deadline, "out of time"),
        (counts.failed, "failed"),
    ];
    named.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect()
}

/// The run in one line: `apply: 4 deleted (2.2 kB), 8 kept in 2 repositories with 35 images, 5 API calls`.
pub fn closing(report: &Report) -> String {
    let totals = &report.totals;
    let outcomes = outcomes(&totals.counts);
    let calls: u64 = totals.api_calls.values().sum();
    format!(
        "{}: {} in {} with {}, {}{}",
        report.mode.word(),
        if outcomes.is_empty() { "nothing".to_owned() } else { outcomes.join(", ") },
        counted(totals.repositories, "repository"),
        counted(totals.counts.inventory.images, "image"),
        counted(calls, "API call"),
        if report.complete { "" } else { "; not complete" },
    )
}
