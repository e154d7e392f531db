//! The function's answers: the report to somebody by hand, the short form to schedules and events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::event::AnswerForm;
use super::fleet::FleetAnswer;
use super::targets::ShortFleet;
use super::truncate::{MAX_ANSWER_BYTES, Room, cut};
use crate::config::Mode;
use crate::render::summary;
use crate::report::fleet::FleetReport;
use crate::report::outcome::OutcomeName;
use crate::report::{
    ApiUsage, Report, RepositoryReason, RepositoryReport, RepositoryStatus, RunFrame, RunIdentity, Totals,
};

/// The largest short form, in bytes: SNS takes 256 KiB.
const MAX_SHORT_BYTES: usize = 240_000;

/// What the function answers. Written as it stands: the report of a large registry as a tree of JSON values would take
/// more memory than the run.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To somebody by hand: the run's report.
    Report(Box<Report>),
    /// To a schedule or an image action: the short form.
    Short(Box<ShortReport>),
    /// To somebody by hand, of several registries.
    Fleet(Box<FleetReport>),
    /// To a schedule, of several registries.
    ShortFleet(Box<ShortFleet>),
    /// To a step of a state machine.
    Step(Box<FleetAnswer>),
    /// To a batch of messages from SQS: those that should come again.
    #[serde(rename_all = "camelCase")]
    Queue {
        /// Their ids, as Lambda's partial batch responses want them.
        batch_item_failures: Vec<BatchItemFailure>,
    },
}

/// A message that should come again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The SQS message id.
    pub item_identifier: String,
}

/// A report without its decisions, small enough for SNS.
#[derive(Debug, Serialize)]
pub struct ShortReport {
    /// The report's version.
    pub schema_version: u32,
    /// Which run it was.
    #[serde(flatten)]
    pub run: RunIdentity,
    /// Whether anything could be written.
    pub mode: Mode,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether nothing was left undone by a breaker, a deadline or a failure.
    pub complete: bool,
    /// The run in a few lines of text.
    pub summary: String,
    /// The sums.
    pub totals: Totals,
    /// One line a repository; those in which nothing happened are left out first.
    pub repositories: Vec<RepositoryLine>,
    /// Repositories that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub repositories_truncated: u64,
}

/// A repository in one line: the outcomes that occurred, by the names that the report gives them.
#[derive(Debug, Serialize)]
pub struct RepositoryLine {
    /// Its name.
    pub name: String,
    /// The result.
    pub status: RepositoryStatus,
    /// Why it was skipped or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RepositoryReason>,
    /// Its images, if they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// The attestations among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestations: Option<u64>,
    /// How many images came out how; what did not occur is left out.
    #[serde(flatten)]
    pub outcomes: BTreeMap<String, u64>,
}

impl Answer {
    /// The answer that an event of this kind gets.
    pub fn new(report: Report, form: AnswerForm) -> Self {
        match form {
            AnswerForm::Report => Self::Report(Box::new(cut(report, MAX_ANSWER_BYTES))),
            AnswerForm::Short => Self::Short(Box::new(ShortReport::new(report, MAX_SHORT_BYTES))),
        }
    }
}

impl ShortReport {
    /// The short form of a report, in at most this many bytes.
    fn new(report: Report, max_bytes: usize) -> Self {
        let summary = summary::text(&report);
        let mut repositories = report.repositories;
        let mut short = Self {
            schema_version: report.schema_version,
            run: report.run,
            mode: report.mode,
            finished_at: report.finished_at,
            complete: report.complete,
            summary,
            totals: report.totals,
            repositories: Vec::new(),
            repositories_truncated: 0,
        };
        let mut room = Room::beside(&short, max_bytes);
        repositories.sort_by_key(RepositoryReport::is_idle);
        for line in repositories.iter().map(RepositoryLine::new) {
            if room.take(&line) {
                short.repositories.push(line);
            } else {
                short.repositories_truncated += 1;
            }
        }
        short.repositories.sort_by(|a, b| a.name.cmp(&b.name));
        short
    }

    /// The answer to an event that starts no run.
    pub fn of_no_run(run: RunIdentity, mode: Mode, why: &str) -> Self {
        let finished_at = run.started_at;
        let frame = RunFrame::new(run, mode, finished_at, ApiUsage::default());
        Self { summary: why.to_owned(), ..Self::new(Report::new(frame, Vec::new()), MAX_SHORT_BYTES) }
    }
}

impl RepositoryLine {
    fn new(repository: &RepositoryReport) -> Self {
        let occurred = repository.counts.by_outcome().into_iter().filter(|(_, count)| *count > 0);
        let inventory = repository.counts.inventory.as_ref();
        let key = |outcome: OutcomeName| <&str>::from(outcome).replace('-', "_");
        Self {
            name: repository.name.clone(),
            status: repository.status,
            reason: repository.reason,
            images: inventory.map(|counts| counts.images),
            attestations: inventory.map(|counts| counts.attestations.total),
            outcomes: occurred.map(|(outcome, count)| (key(outcome), count)).collect(),
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::outcome::OutcomeName::*;
    use crate::report::testing::decisions::{With as _, attestation, repository};
    use crate::report::testing::reports::{report, run};

    fn changed(name: &str) -> RepositoryReport {
        repository(name, 9, vec![attestation("a").came_out(Deleted), attestation("b").kept()])
    }

    fn bytes(value: &impl Serialize) -> usize {
        serde_json::to_vec(value).unwrap().len()
    }

    #[test]
    fn the_short_form_has_a_line_a_repository_and_the_same_totals() {
        let report = report(Mode::Apply, vec![changed("b"), repository("a", 3, vec![])]);
        let totals = report.totals.clone();
        let short = serde_json::to_value(ShortReport::new(report, 10_000)).unwrap();
        assert_eq!(short["totals"], serde_json::to_value(totals).unwrap());
        assert_eq!(
            short["repositories"],
            serde_json::json!([
                {"name": "a", "status": "done", "images": 3, "attestations": 0},
                {"name": "b", "status": "done", "images": 9, "attestations": 0, "deleted": 1, "kept": 1},
            ])
        );
        for part in [
            "apply in account 123456789012, Region eu-central-1",
            "b: 1 deleted (1.0 kB), 1 attestation kept",
        ] {
            assert!(short["summary"].as_str().unwrap().contains(part), "{short:#}");
        }
    }

    #[test]
    fn of_a_large_registry_the_idle_repositories_are_left_out_first() {
        let idle = (0..20_000).map(|number| repository(&format!("a{number:05}"), 1, vec![]));
        let report = report(Mode::Apply, idle.chain([changed("z")]).collect());
        let short = ShortReport::new(report, MAX_SHORT_BYTES);
        assert!(bytes(&short) <= MAX_SHORT_BYTES, "{}", bytes(&short));
        assert_eq!(short.repositories.last().unwrap().name, "z");
        assert_eq!(short.repositories.len() as u64 + short.repositories_truncated, 20_001);
        assert!(short.repositories.len() > 1000);
    }

    #[test]
    fn the_summary_names_what_changed_and_counts_the_rest() {
        let report = report(Mode::Apply, (0..5000).map(|number| changed(&format!("r{number}"))).collect());
        let short = ShortReport::new(report, MAX_SHORT_BYTES);
        assert!(
            short.summary.len() < 3000 && short.summary.contains("and 4980 repositories more"),
            "{}",
            short.summary
        );
    }

    #[test]
    fn an_event_without_a_run_is_answered_in_the_same_form() {
        let short = ShortReport::of_no_run(run(), Mode::Apply, "a deletion starts no run");
        assert_eq!((short.summary.as_str(), short.complete), ("a deletion starts no run", true));
        assert_eq!(short.totals.counts, report(Mode::Apply, vec![]).totals.counts);
    }
}
