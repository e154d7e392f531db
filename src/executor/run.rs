//! A run: a plan, in apply mode its execution, and the report.

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{RateLimiter, execute};
use crate::config::Mode;
use crate::planner::{Plan, Planned, Ready};
use crate::registry::{DeleteImages, MeterCalls, ReadRepository, TagImages};
use crate::report::observer::Observer;
use crate::report::outcome::{Outcome, Outcomes};
use crate::report::plan::RepositoryPlan;
use crate::report::{Report, RepositoryReport, RunFrame};
use crate::rules::limits::Pace;
use crate::util::deadline::Deadline;

/// The report of a run that only planned.
pub fn report_plan(
    registry: &impl MeterCalls,
    plan: Plan,
    started_at: Timestamp,
    observer: &dyn Observer,
) -> Report {
    let Plan { repositories, pace, .. } = plan;
    let report = |planned: Planned| {
        let report = report_unexecuted(planned, &pace);
        observer.finished(&report);
        report
    };
    let reports = repositories.into_iter().map(report).collect();
    finish(registry, Mode::Plan, reports, &pace, started_at)
}

/// Executes a plan, repository by repository, and reports.
pub async fn apply_plan<R: ReadRepository + DeleteImages + TagImages + MeterCalls>(
    registry: &R,
    plan: Plan,
    concurrency: usize,
    started_at: Timestamp,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Report {
    let rate_limiter = &RateLimiter::default();
    let Plan { repositories, pace, .. } = plan;
    let pace = &pace;
    let work = |planned: Planned| async move {
        let report = match planned {
            Planned::Ready(ready) if !ready.plan.steps.is_empty() => {
                let outcomes = waiting(&ready.plan, pace);
                let (plan, outcomes) = execute(registry, *ready, outcomes, deadline, rate_limiter).await;
                RepositoryReport::new(plan, outcomes)
            }
            other => report_unexecuted(other, pace),
        };
        observer.finished(&report);
        report
    };
    let reports = stream::iter(repositories).map(work).buffer_unordered(concurrency).collect().await;
    finish(registry, Mode::Apply, reports, pace, started_at)
}

/// The outcomes of a plan's steps before the first call: what waits for a later run has its outcome.
fn waiting(plan: &RepositoryPlan, pace: &Pace) -> Outcomes {
    let mut outcomes = Outcomes::none(plan.steps.len());
    pace.waiting(&plan.name).for_each(|step| outcomes.set(step, Outcome::LimitReached));
    outcomes
}

/// The report of a repository in which nothing was tried.
fn report_unexecuted(planned: Planned, pace: &Pace) -> RepositoryReport {
    match planned {
        Planned::Skipped { name, skipped } => skipped.report(name),
        Planned::Ready(ready) => {
            let Ready { plan, .. } = *ready;
            let outcomes = waiting(&plan, pace);
            RepositoryReport::new(plan, outcomes)
        }
    }
}

fn finish(
    registry: &impl MeterCalls,
    mode: Mode,
    repositories: Vec<RepositoryReport>,
    pace: &Pace,
    started_at: Timestamp,
) -> Report {
    let frame = RunFrame {
        mode,
        started_at,
        finished_at: Timestamp::now(),
        usage: registry.usage(),
        runs_left: pace.runs_left,
    };
    Report::new(frame, repositories)
}
