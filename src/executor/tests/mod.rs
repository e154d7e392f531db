//! Applying, against a registry in memory that guards references as ECR does.

mod attempts;
mod deletions;
mod in_use;
mod pipeline;
mod proof;
mod pulls;
mod registry;
mod saved;
mod tags;
mod time;

use crate::report::testing::decisions::*;
use registry::Registry;

use super::*;
use crate::memory::NoBackups;
use crate::report::RepositoryReport;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;

/// Applies these decisions without a deadline.
async fn applied(registry: &Registry, decisions: Vec<Decision>) -> RepositoryReport {
    applied_until(registry, decisions, Deadline::default()).await
}

async fn applied_until(
    registry: &Registry,
    decisions: Vec<Decision>,
    deadline: Deadline,
) -> RepositoryReport {
    let images = decisions.len() as u64;
    let ready = Ready { plan: plan("r", images, decisions), ..Ready::default() };
    executed(registry, &NoBackups, ready, &deadline, &Nobody).await
}

/// Executes a plan that was made at `time(0)`, now.
async fn executed(
    registry: &Registry,
    backups: &impl BackUpImages,
    ready: Ready,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> RepositoryReport {
    executed_side_by_side(1, registry, backups, ready, deadline, observer).await
}

/// The same with so many batches at once.
async fn executed_side_by_side(
    at_once: usize,
    registry: &Registry,
    backups: &impl BackUpImages,
    ready: Ready,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> RepositoryReport {
    let read = ReadTime { from: time(0), until: time(0) };
    let (rate_limiter, clock) = (&RateLimiter::default(), Clock::start(time(0)));
    let run = Execution { at_once, deadline, observer, rate_limiter, read, clock };
    let none = Outcomes::none(ready.plan.steps.len());
    let (plan, outcomes) = execute(registry, backups, ready, none, &run).await;
    RepositoryReport::new(plan, outcomes)
}

/// An observer without interest.
struct Nobody;

impl Observer for Nobody {}

/// A decision afterwards.
fn after<'a>(report: &'a RepositoryReport, name: &str) -> &'a Decision {
    report.decisions.iter().find(|decision| decision.image.digest == digest(name)).unwrap()
}

/// The outcomes of these, in order.
fn outcomes<const N: usize>(report: &RepositoryReport, names: [&str; N]) -> [OutcomeName; N] {
    names.map(|name| after(report, name).outcome)
}

fn code<'a>(report: &'a RepositoryReport, name: &str) -> &'a str {
    after(report, name).code.as_deref().unwrap_or("none")
}
