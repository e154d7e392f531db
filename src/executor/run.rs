//! A run: plan, and in apply mode apply; then the report.

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::config::Mode;
use crate::executor::{Pace, apply};
use crate::planner::{Plan, Planned};
use crate::registry::{Delete, Read, Tag};
use crate::report::observer::Observer;
use crate::report::{Circumstances, Report};
use crate::util::deadline::Deadline;

/// Ends a run that only planned.
pub fn report_plan(
    registry: &impl Read,
    plan: Plan,
    started_at: Timestamp,
    observer: &dyn Observer,
) -> Report {
    plan.repositories.iter().for_each(|planned| observer.finished(&planned.report));
    finish(registry, Mode::Plan, plan.repositories, plan.tripped.len(), started_at)
}

/// Carries out a plan, repository by repository, and reports.
pub async fn apply_plan<R: Read + Delete + Tag>(
    registry: &R,
    plan: Plan,
    concurrency: usize,
    started_at: Timestamp,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Report {
    let pace = Pace::default();
    let work = |mut planned: Planned| {
        let pace = &pace;
        async move {
            if planned.report.counts.planned > 0 {
                apply(registry, &mut planned, deadline, pace).await;
            }
            observer.finished(&planned.report);
            planned
        }
    };
    let applied = stream::iter(plan.repositories).map(work).buffer_unordered(concurrency).collect().await;
    finish(registry, Mode::Apply, applied, plan.tripped.len(), started_at)
}

fn finish(
    registry: &impl Read,
    mode: Mode,
    repositories: Vec<Planned>,
    breaker_trips: usize,
    started_at: Timestamp,
) -> Report {
    let reports = repositories.into_iter().map(|planned| planned.report).collect();
    let circumstances = Circumstances {
        api_calls: registry.calls(),
        throttles: registry.throttles(),
        breaker_trips: breaker_trips as u64,
    };
    Report::new(mode, started_at, Timestamp::now(), reports, circumstances)
}
