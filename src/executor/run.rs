//! A run: a plan, in apply mode its execution, and the report.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{Execution, RateLimiter, execute, in_use};
use crate::config::{Concurrency, Mode};
use crate::in_use::Sources;
use crate::memory::BackUpImages;
use crate::memory::memories::Memories;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::planner::{Plan, Planned, Ready, one_warning};
use crate::registry::{DeleteImages, MeterCalls, ReadRepository, TagImages};
use crate::report::counts::WhatIf;
use crate::report::decision::Decision;
use crate::report::observer::Observer;
use crate::report::outcome::{Outcome, OutcomeName};
use crate::report::outcomes::Outcomes;
use crate::report::plan::{DeletionTarget, ImageFacts, RepositoryPlan};
use crate::report::usage::SourceUsage;
use crate::report::{Report, RepositoryReport, RunFrame, RunIdentity};
use crate::rules::limits::Pace;
use crate::util::deadline::Deadline;

/// The longest wait for the end of a backup.
const CONCLUSION: Duration = Duration::from_secs(5);

/// The conditions of an apply.
#[derive(Clone, Copy)]
pub struct Conditions<'a> {
    /// How much goes on at once.
    pub concurrency: Concurrency,
    /// Which run it is.
    pub run: &'a RunIdentity,
    /// When to stop.
    pub deadline: &'a Deadline,
    /// Who is told of outcomes.
    pub observer: &'a dyn Observer,
    /// The memory that later runs rest on.
    pub memories: &'a Memories,
    /// The sources of images in use, which are asked again before a plan that has become old.
    pub in_use: &'a Sources,
}

/// The report of a run that only planned.
pub fn report_plan(
    registry: &impl MeterCalls,
    plan: Plan,
    run: &RunIdentity,
    observer: &dyn Observer,
) -> Report {
    let end = End::of(&plan);
    let Plan { repositories, pace, .. } = plan;
    let report = |planned: Planned| {
        let report = report_unexecuted(planned, &pace, observer);
        observer.finished(&report);
        report
    };
    let reports = repositories.into_iter().map(report).collect();
    finish(registry, Mode::Plan, reports, end, run)
}

/// Executes a plan, repository by repository, and reports.
pub async fn apply_plan<R, B>(registry: &R, backups: &B, mut plan: Plan, conditions: Conditions<'_>) -> Report
where
    R: ReadRepository + DeleteImages + TagImages + MeterCalls,
    B: BackUpImages,
{
    let Conditions { concurrency, run, deadline, observer, memories, in_use: sources } = conditions;
    let now = plan.clock.now();
    // Boxed: what waits for it is large enough for the compiler.
    Box::pin(in_use::look_again(registry, sources, &mut plan, now, deadline)).await;
    let mut end = End::of(&plan);
    let Plan { read, clock, repositories, pace, .. } = plan;
    let rate_limiter = &RateLimiter::default();
    let at_once = concurrency.batches();
    let execution = &Execution { at_once, deadline, observer, rate_limiter, read, clock };
    let pace = &pace;
    let work = |planned: Planned| async move {
        let (report, warning) = match planned {
            Planned::Ready(ready) if !ready.plan.steps.is_empty() => {
                let outcomes = known_outcomes(&ready, pace, observer);
                announce(memories, &ready.plan, &outcomes).await;
                let (plan, outcomes) = execute(registry, backups, *ready, outcomes, execution).await;
                let warning = remember(memories, &plan, &outcomes, run.started_at).await;
                (RepositoryReport::new(plan, outcomes), warning)
            }
            other => (report_unexecuted(other, pace, observer), None),
        };
        observer.finished(&report);
        (report, warning)
    };
    let done: Vec<(RepositoryReport, Option<String>)> =
        stream::iter(repositories).map(work).buffer_unordered(concurrency.repositories()).collect().await;
    let (reports, warnings): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    end.warnings.extend(one_warning(warnings.into_iter().flatten().collect()));
    end.warnings.extend(conclude(backups, &reports).await);
    finish(registry, Mode::Apply, reports, end, run)
}

/// Notes in the memory of a repository which indexes are about to go, if images would be left behind by a run that is
/// killed. What cannot be noted is tried again at the end of the repository, with a warning.
async fn announce(memories: &Memories, plan: &RepositoryPlan, outcomes: &Outcomes) {
    let due = || {
        let due = plan.numbered().filter(|(step, _)| outcomes.get(*step).is_none());
        due.filter_map(|(_, it)| it.deletion())
    };
    if !memories.is_on() || !due().any(|deletion| deletion.target == DeletionTarget::Image) {
        return;
    }
    let indexes = due().filter(|deletion| deletion.target == DeletionTarget::Index);
    let indexes: BTreeSet<Digest> = indexes.map(|deletion| deletion.image.digest).collect();
    if !indexes.is_empty() {
        drop(memories.update(&plan.name, |memory| memory.begin_deletion(&indexes)).await);
    }
}

/// Notes in the memory of a repository what was deleted, and what was read as proof and is still there.
async fn remember(
    memories: &Memories,
    plan: &RepositoryPlan,
    outcomes: &Outcomes,
    now: Timestamp,
) -> Option<String> {
    if !memories.is_on() {
        return None;
    }
    let with = |wanted: fn(&Outcome) -> bool| {
        let images = plan.numbered().filter_map(move |(step, it)| {
            let was_tried = outcomes.get(step).is_some_and(wanted);
            was_tried.then_some(it.image())
        });
        images.collect::<Vec<&ImageFacts>>()
    };
    let deleted = with(|outcome| *outcome == Outcome::Deleted).iter().map(|image| image.digest).collect();
    let read = with(|outcome| {
        matches!(outcome, Outcome::Changed(_) | Outcome::Protected(_) | Outcome::Failed(_) | Outcome::Tagged)
    });
    let in_doubt = with(Outcome::may_be_deleted).iter().map(|image| image.digest).collect();
    let update = memories.update(&plan.name, |memory| {
        memory.delete(&deleted, now);
        // Whether they are gone shows at the next look.
        memory.begin_deletion(&in_doubt);
        read.iter().for_each(|image| memory.note_read(image.digest, image.pulled_at, now));
    });
    update.await.map(|warning| warning.to_string())
}

/// Ends the backup. The report does not wait for a place that has stopped to answer.
async fn conclude(backups: &impl BackUpImages, reports: &[RepositoryReport]) -> Option<String> {
    let deleted = deleted(reports);
    let concluded = tokio::time::timeout(CONCLUSION, backups.conclude(&deleted)).await;
    concluded.unwrap_or_else(|_| {
        Some("the history lacks the end of this run: its place does not answer".to_owned())
    })
}

/// The images that ECR answered it had deleted: their repositories and sizes.
fn deleted(reports: &[RepositoryReport]) -> Vec<(&str, u64)> {
    let rows =
        reports.iter().flat_map(|report| report.decisions.iter().map(|row| (report.name.as_str(), row)));
    let deleted = rows.filter(|(_, row)| row.outcome == OutcomeName::Deleted);
    // ECR gives an index the size of a child.
    let size = |row: &Decision| if row.kind == Kind::Index { 0 } else { row.image.size_bytes };
    deleted.map(|(name, row)| (name, size(row))).collect()
}

/// The outcomes of a plan's steps before the first call: of what changed since it was saved, and of what waits for a
/// later run.
fn known_outcomes(ready: &Ready, pace: &Pace, observer: &dyn Observer) -> Outcomes {
    let Ready { plan, settled, .. } = ready;
    let mut outcomes = Outcomes::none(plan.steps.len());
    let waiting = pace.waiting(&plan.name).filter(|step| !settled.contains_key(step));
    let waiting = waiting.map(|step| (step, Outcome::LimitReached));
    for (step, outcome) in settled.iter().map(|(step, outcome)| (*step, outcome.clone())).chain(waiting) {
        observer.decided(&plan.name, plan.step(step), &outcome);
        outcomes.set(step, outcome);
    }
    outcomes
}

/// The report of a repository in which nothing was tried.
fn report_unexecuted(planned: Planned, pace: &Pace, observer: &dyn Observer) -> RepositoryReport {
    match planned {
        Planned::Skipped { name, skipped } => skipped.report(name),
        Planned::Ready(ready) => {
            let outcomes = known_outcomes(&ready, pace, observer);
            RepositoryReport::new(ready.plan, outcomes)
        }
    }
}

/// The facts of a plan that the report of its run ends with.
struct End {
    runs_left: Option<u64>,
    what_if: Vec<WhatIf>,
    backup_until: Option<Timestamp>,
    in_use: Vec<SourceUsage>,
    warnings: Vec<String>,
}

impl End {
    fn of(plan: &Plan) -> Self {
        Self {
            runs_left: plan.pace.runs_left,
            what_if: plan.what_if(),
            backup_until: plan.backup_until,
            in_use: plan.usage.sources.clone(),
            warnings: plan.warnings.clone(),
        }
    }
}

fn finish(
    registry: &impl MeterCalls,
    mode: Mode,
    repositories: Vec<RepositoryReport>,
    End { runs_left, what_if, backup_until, in_use, warnings }: End,
    run: &RunIdentity,
) -> Report {
    let (finished_at, usage) = (Timestamp::now(), registry.usage());
    let run = run.clone();
    let frame =
        RunFrame { run, mode, finished_at, usage, runs_left, what_if, backup_until, in_use, warnings };
    Report::new(frame, repositories)
}
