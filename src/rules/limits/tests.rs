//! Limits, one by one.

use crate::testing::decisions::*;

use super::*;
use crate::config::Concurrency;
use crate::report::RepositoryReport;
use crate::report::outcome::Outcome;
use crate::report::outcomes::Outcomes;

const LIMITS: Limits =
    Limits { max_deletions: 1000, max_images_share: 0.5, max_tag_loss: 0.5, concurrency: Concurrency::Auto };

/// The plans as reports of a run that stops at the limits, and what stopped it.
fn checked(limits: &Limits, plans: Vec<RepositoryPlan>) -> (Vec<RepositoryReport>, Vec<Tripped>) {
    let tripped = check(&plans, limits);
    let report = |plan: RepositoryPlan| {
        let mut outcomes = Outcomes::none(plan.steps.len());
        if tripped.iter().any(|it| it.stops(&plan.name)) {
            plan.numbered().for_each(|(step, _)| outcomes.set(step, Outcome::LimitReached));
        }
        RepositoryReport::new(plan, outcomes)
    };
    (plans.into_iter().map(report).collect(), tripped)
}

/// Whether a share stops that many deletions among that many images.
fn share_stops(share: f64, deletions: usize, images: u64) -> bool {
    let limits = Limits { max_images_share: share, ..LIMITS };
    let (after, tripped) = checked(&limits, vec![plan("r", images, attestations(deletions))]);
    assert_eq!(after[0].counts.limit_reached, if tripped.is_empty() { 0 } else { deletions as u64 });
    !tripped.is_empty()
}

#[test]
fn a_plan_within_the_limits_is_left_as_it_is() {
    let (after, tripped) = checked(&LIMITS, vec![plan("r", 100, attestations(20))]);
    assert_eq!((tripped, after[0].counts.planned), (vec![], 20));
}

#[test]
fn a_share_may_be_reached_but_not_passed() {
    assert!(!share_stops(0.5, 20, 40));
    assert!(share_stops(0.5, 21, 40));
    assert!(!share_stops(1.0, 40, 40));
}

#[test]
fn every_share_of_a_hundred_may_be_reached() {
    for percent in 11..=100 {
        let share = format!("0.{percent:02}").parse().unwrap();
        let share = if percent == 100 { 1.0 } else { share };
        assert!(!share_stops(share, percent, 100), "{share}");
        assert!(percent == 100 || share_stops(share, percent + 1, 100), "{share}");
    }
}

#[test]
fn ten_deletions_are_never_a_share() {
    assert!(!share_stops(0.0, 10, 10));
    assert!(share_stops(0.0, 11, 1000));
    assert!(share_stops(0.5, 11, 11));
}

#[test]
fn only_deletions_that_are_still_planned_count() {
    let mut decisions = attestations(11);
    decisions[0] = attestation("a0").kept();
    decisions[1] = attestation("a1").to_be_tagged("t");
    decisions[2] = attestation("a2").kept();
    let (_, tripped) = checked(&LIMITS, vec![plan("r", 8, decisions)]);
    assert_eq!(tripped, []);
}

#[test]
fn indexes_and_images_count_too() {
    let mut decisions = attestations(9);
    decisions.extend([index("i"), image("p")]);
    let (_, tripped) = checked(&LIMITS, vec![plan("r", 12, decisions)]);
    assert_eq!(tripped, [Tripped::Share { repository: "r".into(), planned: 11, images: 12 }]);
}

#[test]
fn a_count_may_be_reached_but_not_passed() {
    for (limit, planned, stops) in [(30, 30, false), (30, 31, true), (0, 0, false), (0, 1, true)] {
        let limits = Limits { max_deletions: limit, ..LIMITS };
        let (_, tripped) = checked(&limits, vec![plan("r", 1000, attestations(planned as usize))]);
        let expected = if stops { vec![Tripped::Run { planned, limit }] } else { vec![] };
        assert_eq!(tripped, expected);
    }
}

#[test]
fn a_count_is_of_the_run_and_stops_every_repository() {
    let limits = Limits { max_deletions: 19, ..LIMITS };
    let two = ["r", "s"].map(|name| plan(name, 100, attestations(10))).to_vec();
    let (after, tripped) = checked(&limits, two);
    assert_eq!(tripped, [Tripped::Run { planned: 20, limit: 19 }]);
    for repository in after {
        assert_eq!((repository.counts.limit_reached, repository.counts.planned), (10, 0));
    }
}

#[test]
fn what_a_share_stops_does_not_count_towards_the_run() {
    let limits = Limits { max_deletions: 20, ..LIMITS };
    let (after, tripped) =
        checked(&limits, vec![plan("stopped", 20, attestations(20)), plan("fine", 100, attestations(20))]);
    assert_eq!(tripped, [Tripped::Share { repository: "stopped".into(), planned: 20, images: 20 }]);
    assert_eq!((after[0].counts.planned, after[0].counts.limit_reached), (0, 20));
    assert_eq!((after[1].counts.planned, after[1].counts.limit_reached), (20, 0));
}

#[test]
fn tags_are_stopped_too_and_what_is_kept_is_not() {
    let mut decisions = attestations(11);
    decisions.push(attestation("t").to_be_tagged("tag"));
    decisions.push(attestation("k").kept());
    let (after, _) = checked(&LIMITS, vec![plan("r", 13, decisions)]);
    let counts = &after[0].counts;
    assert_eq!((counts.limit_reached, counts.kept, counts.planned), (12, 1, 0));
}

#[test]
fn in_a_repository_in_which_nothing_was_to_be_written_nothing_is_stopped() {
    let limits = Limits { max_deletions: 0, ..LIMITS };
    let (after, _) = checked(
        &limits,
        vec![plan("idle", 5, vec![attestation("k").kept()]), plan("busy", 5, attestations(1))],
    );
    assert_eq!((after[0].counts.limit_reached, after[1].counts.limit_reached), (0, 1));
}

#[test]
fn tags_alone_never_trip_anything() {
    let decisions = (0..50).map(|n| attestation(&format!("t{n}")).to_be_tagged("tag")).collect();
    let limits = Limits { max_deletions: 0, max_images_share: 0.0, ..LIMITS };
    let (_, tripped) = checked(&limits, vec![plan("r", 50, decisions)]);
    assert_eq!(tripped, []);
}

#[test]
fn what_tripped_is_told_with_its_numbers_and_what_to_do() {
    let share = Tripped::Share { repository: "team/api".into(), planned: 57, images: 100 }.to_string();
    for part in ["57 of the 100 images in team/api", "max_images_share", "nothing is written there", "raise"]
    {
        assert!(share.contains(part), "{share}");
    }
    let run = Tripped::Run { planned: 1001, limit: 1000 }.to_string();
    for part in ["1001 deletions", "max_deletions = 1000", "nothing is written at all", "raise"] {
        assert!(run.contains(part), "{run}");
    }
}
