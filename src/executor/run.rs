//! A run: a plan, in apply mode its execution, and the report.

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{Clock, Execution, RateLimiter, execute};
use crate::config::Mode;
use crate::memory::BackUpImages;
use crate::planner::{Plan, Planned, Ready};
use crate::registry::{DeleteImages, MeterCalls, ReadRepository, TagImages};
use crate::report::observer::Observer;
use crate::report::outcome::Outcome;
use crate::report::outcomes::Outcomes;
use crate::report::{Report, RepositoryReport, RunFrame, RunIdentity};
use crate::util::deadline::Deadline;

/// The conditions of an apply.
#[derive(Clone, Copy)]
pub struct Conditions<'a> {
    /// Repositories worked on at once.
    pub concurrency: usize,
    /// Which run it is.
    pub run: &'a RunIdentity,
    /// When to stop.
    pub deadline: &'a Deadline,
    /// Who is told of outcomes.
    pub observer: &'a dyn Observer,
}

/// The report of a run that only planned.
pub fn report_plan(
    registry: &impl MeterCalls,
    plan: Plan,
    run: &RunIdentity,
    observer: &dyn Observer,
) -> Report {
    let Plan { repositories, tripped, .. } = plan;
    let report = |planned: Planned| {
        let is_stopped = tripped.iter().any(|it| it.stops(planned.name()));
        let report = report_unexecuted(planned, is_stopped, observer);
        observer.finished(&report);
        report
    };
    let reports = repositories.into_iter().map(report).collect();
    finish(registry, Mode::Plan, reports, run)
}

/// Executes a plan, repository by repository, and reports.
pub async fn apply_plan<R, B>(registry: &R, backups: &B, plan: Plan, conditions: Conditions<'_>) -> Report
where
    R: ReadRepository + DeleteImages + TagImages + MeterCalls,
    B: BackUpImages,
{
    let Conditions { concurrency, run, deadline, observer } = conditions;
    let Plan { read, repositories, tripped, .. } = plan;
    let (rate_limiter, clock) = (&RateLimiter::default(), Clock::at(Timestamp::now()));
    let execution = &Execution { deadline, observer, rate_limiter, read, clock };
    let tripped = &tripped;
    let work = |planned: Planned| async move {
        let is_stopped = tripped.iter().any(|it| it.stops(planned.name()));
        let report = match planned {
            Planned::Ready(ready) if !is_stopped && !ready.plan.steps.is_empty() => {
                let (plan, outcomes) = execute(registry, backups, *ready, execution).await;
                RepositoryReport::new(plan, outcomes)
            }
            other => report_unexecuted(other, is_stopped, observer),
        };
        observer.finished(&report);
        report
    };
    let reports = stream::iter(repositories).map(work).buffer_unordered(concurrency).collect().await;
    finish(registry, Mode::Apply, reports, run)
}

/// The report of a repository in which nothing was tried.
fn report_unexecuted(planned: Planned, is_stopped: bool, observer: &dyn Observer) -> RepositoryReport {
    match planned {
        Planned::Skipped { name, skipped } => skipped.report(name),
        Planned::Ready(ready) => {
            let Ready { plan, .. } = *ready;
            let mut outcomes = Outcomes::none(plan.steps.len());
            for (index, step) in plan.numbered().filter(|_| is_stopped) {
                observer.decided(&plan.name, step, &Outcome::LimitReached);
                outcomes.set(index, Outcome::LimitReached);
            }
            RepositoryReport::new(plan, outcomes)
        }
    }
}

fn finish(
    registry: &impl MeterCalls,
    mode: Mode,
    repositories: Vec<RepositoryReport>,
    run: &RunIdentity,
) -> Report {
    let frame = RunFrame { run: run.clone(), mode, finished_at: Timestamp::now(), usage: registry.usage() };
    Report::new(frame, repositories)
}
