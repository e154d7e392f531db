//! Batches side by side: the order in which calls end changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::report::outcome::OutcomeName::Deadline as OutOfTime;

/// Builds of several batches: outer and inner indexes, attestations and images that several indexes share, orphans.
fn builds(indexes: usize, orphans: usize, sharing: usize) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for number in 0..indexes {
        let name = format!("i{number}");
        let neighbour = format!("i{}", (number + sharing) % indexes);
        let outer = format!("outer{number}");
        let both: &[&str] = if sharing > 0 { &[&name, &neighbour] } else { &[&name] };
        let is_inner = number % 5 == 0;
        decisions.push(if is_inner { index(&name).under(&[&outer]) } else { index(&name) });
        decisions.extend(is_inner.then(|| index(&outer)));
        decisions.push(attestation(&format!("a{number}")).under(both).of(&format!("p{number}")));
        decisions.push(image(&format!("p{number}")).under(both));
    }
    decisions.extend((0..orphans).map(|number| attestation(&format!("o{number}"))));
    decisions
}

/// What became of each image, and the calls in the order in which they were sent.
fn run(
    decisions: &[Decision],
    at_once: usize,
    seed: u64,
    deadline: Option<u64>,
) -> (RepositoryReport, Vec<String>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let registry = Registry::with(decisions);
        registry.jitter(seed);
        let images = decisions.len() as u64;
        let ready = Ready { plan: plan("r", images, decisions.to_vec()), ..Ready::default() };
        let deadline = deadline
            .map_or_else(Deadline::default, |seconds| Deadline::after(Duration::from_secs(seconds), true));
        let report = executed_side_by_side(at_once, &registry, &NoBackups, ready, &deadline, &Nobody).await;
        (report, registry.log())
    })
}

fn by_digest(report: &RepositoryReport) -> BTreeMap<Digest, OutcomeName> {
    report.decisions.iter().map(|decision| (decision.image.digest, decision.outcome)).collect()
}

/// The names in calls of one operation, each as often as it was named.
fn named<'a>(log: &'a [String], operation: &str) -> Vec<&'a str> {
    let calls = log.iter().filter_map(|call| call.strip_prefix(operation)?.strip_prefix(' '));
    calls.flat_map(|names| names.split(' ')).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_in_which_calls_end_changes_no_outcome(
        indexes in 1_usize..260, orphans in 0_usize..320, sharing in 0_usize..150, seed: u64,
        at_once in 2_usize..40,
    ) {
        let decisions = builds(indexes, orphans, sharing);
        let (one, _) = run(&decisions, 1, seed, None);
        let (many, log) = run(&decisions, at_once, seed, None);
        prop_assert_eq!(by_digest(&one), by_digest(&many));
        prop_assert!(by_digest(&many).values().all(|outcome| *outcome == OutcomeName::Deleted));
        for operation in ["describe", "delete"] {
            let all = named(&log, operation);
            prop_assert_eq!(all.len(), decisions.len(), "each is looked at, and deleted, once");
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), decisions.len());
        }
    }

    #[test]
    fn what_a_cut_run_began_it_ends(
        indexes in 1_usize..260, orphans in 0_usize..320, seed: u64, at_once in 2_usize..40,
        seconds in 1_u64..30,
    ) {
        let decisions = builds(indexes, orphans, 0);
        let (report, _) = run(&decisions, at_once, seed, Some(seconds));
        let outcomes = by_digest(&report);
        for decision in &decisions {
            let outcome = outcomes[&decision.image.digest];
            let expected = [OutcomeName::Deleted, OutOfTime, OutcomeName::Failed, OutcomeName::HeldBack];
            prop_assert!(expected.contains(&outcome), "{:?}", outcome);
            let parents = decision.image.parents.iter().map(|parent| outcomes[parent]);
            if outcome == OutcomeName::Deleted {
                prop_assert!(parents.into_iter().all(|parent| parent == OutcomeName::Deleted));
            }
        }
        prop_assert_eq!(report.is_complete(), outcomes.values().all(|it| *it == OutcomeName::Deleted));
    }
}

#[test]
fn batches_go_side_by_side_and_take_less_time() {
    let decisions = builds(0, 1000, 0);
    let times = [1, 10].map(|at_once| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let registry = Registry::with(&decisions);
            ["read", "describe", "delete"].into_iter().for_each(|operation| registry.delay(operation, 1));
            let ready = Ready { plan: plan("r", 1000, decisions.clone()), ..Ready::default() };
            let start = tokio::time::Instant::now();
            let never = Deadline::default();
            executed_side_by_side(at_once, &registry, &NoBackups, ready, &never, &Nobody).await;
            start.elapsed().as_secs()
        })
    });
    assert_eq!(times[0], 10 * times[1], "simulated time");
}
