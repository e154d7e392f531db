//! Pulls between the plan and the deletion. ECR takes the reads of this run for pulls, too.

use std::time::Duration;

use super::*;
use OutcomeName::{ChangedSincePlan, Deleted, HeldBack};

/// Applies to a registry that records reads as pulls, by the clock of the run.
async fn applied_after(
    registry: &Registry,
    decisions: Vec<Decision>,
    since_plan: SignedDuration,
) -> RepositoryReport {
    let clock = Clock::start(time(0) + since_plan);
    registry.record_pulls(clock);
    let read = ReadTime { from: time(-60), until: time(0) };
    let ready = Ready { plan: plan("r", 1, decisions), ..Ready::default() };
    let steps = ready.plan.steps.len();
    let (deadline, rate_limiter) = (&Deadline::default(), &RateLimiter::default());
    let run = Execution { at_once: 1, deadline, observer: &Nobody, rate_limiter, read, clock };
    let (plan, outcomes) = execute(registry, &NoBackups, ready, Outcomes::none(steps), &run).await;
    RepositoryReport::new(plan, outcomes)
}

fn superseded() -> (Vec<Decision>, Registry) {
    let decisions = vec![index("i"), attestation("a").under(&["i"])];
    let registry = Registry::with(&decisions);
    ["i", "a"].iter().for_each(|name| registry.name(digest(name), name));
    (decisions, registry)
}

const SOON: SignedDuration = SignedDuration::from_mins(15);
const LATE: SignedDuration = SignedDuration::from_secs(15 * 60 + 1);

#[tokio::test(start_paused = true)]
async fn the_reads_of_this_run_are_nobodys_pulls() {
    for since_plan in [SignedDuration::ZERO, SOON, LATE, SignedDuration::from_hours(30)] {
        let (decisions, registry) = superseded();
        registry.pull("i", time(-30));
        let report = applied_after(&registry, decisions, since_plan).await;
        assert_eq!(outcomes(&report, ["i", "a"]), [Deleted; 2], "{since_plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_run_does_not_take_its_own_reads_for_pulls() {
    let (decisions, registry) = superseded();
    registry.delay("delete", Duration::from_secs(3600).as_secs());
    let report = applied_after(&registry, decisions, SOON).await;
    assert_eq!(outcomes(&report, ["i", "a"]), [Deleted; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_pull_before_this_run_that_the_plan_did_not_know_is_somebodys() {
    let (decisions, registry) = superseded();
    registry.before("describe", 1, |registry| registry.pull("i", time(-3600)));
    let report = applied_after(&registry, decisions, SOON).await;
    assert_eq!(outcomes(&report, ["i", "a"]), [ChangedSincePlan, HeldBack]);
}

#[tokio::test(start_paused = true)]
async fn an_old_plan_is_looked_at_before_its_images_are_read() {
    let (decisions, registry) = superseded();
    registry.pull("i", time(600));
    let report = applied_after(&registry, decisions, LATE).await;
    assert_eq!(outcomes(&report, ["i", "a"]), [ChangedSincePlan, HeldBack]);
    assert_eq!(registry.log(), ["describe i"]);
    assert!(after(&report, "i").detail.as_ref().unwrap().contains("pulled"));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_plan_costs_no_second_look() {
    let (decisions, registry) = superseded();
    applied_after(&registry, decisions, SOON).await;
    let calls = |name: &str| ["read", "describe", "delete"].map(|call| format!("{call} {name}"));
    assert_eq!(registry.log(), ["i", "a"].map(calls).concat());
}
