//! Applying, against a registry in memory that guards references as ECR does.

mod deletions;
mod registry;
mod tags;
mod time;

use crate::testing::decisions::*;
use registry::Registry;

use super::*;
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
    let ready = Ready { plan: plan("r", images, decisions), manifests: HashMap::new() };
    let none = Outcomes::none(ready.plan.steps.len());
    let (plan, outcomes) = execute(registry, ready, none, &deadline, &RateLimiter::default()).await;
    RepositoryReport::new(plan, outcomes)
}

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
