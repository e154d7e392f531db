//! When time runs out. Tokio's clock stands still but for what the registry's calls take.

use std::time::Duration;

use super::*;
use OutcomeName::{Deadline as OutOfTime, Deleted, Failed, HeldBack};

/// Work is started for 90 seconds, and calls are waited for until 97.5.
fn a_hundred_seconds() -> Deadline {
    Deadline::after(Duration::from_secs(100), true)
}

/// 101 indexes with an attestation each: two batches.
fn two_batches() -> Vec<Decision> {
    (0..101)
        .flat_map(|number| {
            let name = format!("i{number}");
            [attestation(&format!("a{number}")).under(&[&name]), index(&name)]
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_is_called_and_everything_says_so() {
    let mut decisions = two_batches();
    decisions.extend([attestation("o"), image("p"), attestation("t").to_be_tagged("tag")]);
    let registry = Registry::with(&decisions);
    let report = applied_until(&registry, decisions, Deadline::after(Duration::ZERO, true)).await;
    assert_eq!(report.counts.deadline, 205);
    assert_eq!(registry.log(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_children_of_a_deleted_batch_still_follow_and_the_next_batch_does_not() {
    let mut decisions = two_batches();
    decisions.extend([attestation("o"), attestation("t").to_be_tagged("tag")]);
    let registry = Registry::with(&decisions);
    registry.delay("delete", 46);
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    assert_eq!((report.counts.deleted, report.counts.deadline), (200, 4));
    assert_eq!(outcomes(&report, ["o", "t"]), [OutOfTime; 2]);
    assert!(!report.is_complete());
}

#[tokio::test(start_paused = true)]
async fn while_time_lasts_the_next_batch_goes_on() {
    let decisions = two_batches();
    let registry = Registry::with(&decisions);
    registry.delay("delete", 20);
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    assert_eq!((report.counts.deleted, report.counts.deadline), (202, 0));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_never_answered_is_failed_and_not_waited_for() {
    let decisions = vec![index("i"), attestation("a").under(&["i"]), attestation("o")];
    let registry = Registry::with(&decisions);
    registry.delay("delete", 1000);
    let start = tokio::time::Instant::now();
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    assert_eq!(outcomes(&report, ["i", "a", "o"]), [Failed, HeldBack, OutOfTime]);
    assert_eq!((code(&report, "i"), code(&report, "a")), ("no-answer", "none"));
    assert!(start.elapsed() < Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn a_recheck_that_is_never_answered_deletes_nothing() {
    let decisions = vec![index("i"), attestation("a").under(&["i"]), attestation("o")];
    let registry = Registry::with(&decisions);
    registry.delay("describe", 1000);
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    assert_eq!(outcomes(&report, ["i", "a", "o"]), [OutOfTime, HeldBack, OutOfTime]);
    assert!(registry.calls_of("delete").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_waited_is_given_up_when_time_is_up() {
    let decisions =
        vec![index("i"), attestation("a").under(&["i"]), image("p").under(&["i"]), attestation("o").of("p")];
    let registry = Registry::with(&decisions);
    registry.delay("delete", 31);
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    assert_eq!(outcomes(&report, ["i", "a", "o", "p"]), [Deleted, Deleted, Deleted, OutOfTime]);
}

#[tokio::test(start_paused = true)]
async fn tags_stop_in_the_middle_of_a_batch() {
    let (mut decisions, registry) = super::tags::to_be_tagged(5);
    decisions.extend([]);
    registry.delay("put", 40);
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    assert_eq!((report.counts.tagged, report.counts.failed, report.counts.deadline), (2, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_tag_whose_turn_comes_too_late_is_not_begun() {
    let (decisions, registry) = super::tags::to_be_tagged(420);
    let report = applied_until(&registry, decisions, a_hundred_seconds()).await;
    // A turn comes each 220 ms: the 410th after 89.98 seconds, the next after 90.2.
    assert_eq!((report.counts.tagged, report.counts.deadline), (410, 10));
    assert_eq!(registry.calls_of("put").len(), 410);
}
