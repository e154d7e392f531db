//! The report of a run with what is known of the runs before it.

use super::progress::say;
use super::session::Session;
use super::stdout::{View, print_report};
use super::{Failure, Output};
use crate::memory::backup::RunHistory;
use crate::render::page::{Past, PastRun};
use crate::report::{Report, RunIdentity};
use crate::util::sanitize;

/// Earlier runs that a page shows.
const SHOWN: usize = 60;

/// Prints the report of a run. Only a page needs to know of earlier ones.
pub(super) async fn print_run(report: &Report, view: View, session: &Session) -> Result<(), Failure> {
    let past = if view.output == Output::Html { past(session).await } else { None };
    print_report(report, view, past.as_ref())
}

/// The runs of this registry of which there are backups; a picture without them is still one.
async fn past(session: &Session) -> Option<Past> {
    let archive = session.places.archive()?;
    match archive.history(session.config.backup.keep).await {
        Ok(history) => Some(of(&history, &session.run)),
        Err(error) => {
            let why = sanitize::line(&error.to_string());
            say(&format!("warning: the picture shows no earlier runs: {why}"));
            None
        }
    }
}

/// The runs of the same registry before this one. The history has the newest first.
fn of(history: &[RunHistory], run: &RunIdentity) -> Past {
    let is_here = |it: &&RunHistory| {
        run.account.as_ref() == Some(&it.registry) && it.region == run.region && it.run_id != run.run_id
    };
    let mut runs: Vec<PastRun> = history.iter().filter(is_here).filter_map(of_one).collect();
    let older = runs.len().saturating_sub(SHOWN);
    runs.truncate(SHOWN);
    runs.reverse();
    Past { runs, older }
}

fn of_one(run: &RunHistory) -> Option<PastRun> {
    let sum = |numbers: Vec<Option<u64>>| {
        numbers.into_iter().try_fold(0_u64, |sum, it| Some(sum.saturating_add(it?)))
    };
    let repositories = || run.repositories.iter();
    Some(PastRun {
        run_id: sanitize::line(&run.run_id),
        started_at: run.started_at?,
        deleted: sum(repositories().map(|it| it.deleted).collect()).filter(|_| run.damaged.is_none()),
        bytes: sum(repositories().map(|it| it.deleted_bytes).collect()).filter(|_| run.damaged.is_none()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backup::{RepositoryHistory, Tally};
    use crate::report::testing::reports::run;

    fn earlier(day: usize, region: &str, deleted: Option<u64>) -> RunHistory {
        let repository = RepositoryHistory {
            name: "team/api".into(),
            deleted,
            deleted_bytes: deleted.map(|it| it * 1000),
            backed_up: Tally::default(),
        };
        RunHistory {
            run_id: format!("day {day}"),
            registry: "123456789012".into(),
            region: region.into(),
            started_at: run().started_at.checked_add(jiff::SignedDuration::from_hours(24 * day as i64)).ok(),
            finished_at: None,
            restorable_until: None,
            repositories: vec![repository.clone(), repository],
            damaged: None,
        }
    }

    #[test]
    fn earlier_runs_of_the_same_registry_stand_oldest_first() {
        let mut history: Vec<RunHistory> =
            (0..70).rev().map(|day| earlier(day, "eu-central-1", Some(2))).collect();
        history.push(earlier(70, "us-east-1", Some(5)));
        history[0].repositories[0].deleted = None;
        let past = of(&history, &run());
        assert_eq!((past.runs.len(), past.older), (60, 10));
        assert_eq!((past.runs[0].run_id.as_str(), past.runs[0].deleted), ("day 10", Some(4)));
        assert_eq!((past.runs[0].bytes, past.runs[59].deleted), (Some(4000), None), "one that was cut");
        let elsewhere = RunIdentity { account: None, ..run() };
        assert_eq!(of(&history, &elsewhere), Past::default());
    }
}
