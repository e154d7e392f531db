//! The rows of the table: each alone, in their order, and where their times begin and end.

use super::world::*;
use crate::config::policy::{Action, Policy};
use crate::report::plan::Step;
use crate::report::reason::Reason::{self, *};
use crate::rules::verdict::TooLarge;

/// A superseded attestation with everything that can hold it back, in the order of the rules.
struct Superseded<'w> {
    attestation: It<'w>,
    index: It<'w>,
}

type Hold = (Reason, for<'w> fn(&'w World, &Superseded<'w>) -> It<'w>);

const HOLDS: [Hold; 11] = [
    (Tagged, |_, it| it.attestation.tag("v1")),
    (NotActive, |_, it| it.attestation.archived()),
    (WithinGrace, |_, it| it.attestation.age(hours(1))),
    (MayBeListed, |w, it| {
        w.index(&[it.attestation]).unreadable();
        it.index
    }),
    (HasReferrers, |w, it| w.signature(it.attestation)),
    (Attached, |w, it| w.index(&[it.attestation]).tag("v2")),
    (RecentlyPulled, |_, it| it.index.pulled(days(1))),
    (Replicated, |w, it| {
        w.replicated();
        it.index
    }),
    (UntaggedRepository, |w, it| {
        w.without_bystander();
        it.index
    }),
    (SupersededWithinGrace, |_, it| it.index.age(days(1))),
    (Superseded, |_, it| it.index),
];

fn reason_with(holds: &[Hold], policy: &Policy) -> Reason {
    let w = World::default();
    let p = w.image("linux/amd64");
    let attestation = w.oci(p);
    let it = self::Superseded { attestation, index: w.index(&[p, attestation]) };
    for (_, hold) in holds {
        hold(&w, &it);
    }
    w.judge(policy).reason(attestation)
}

#[test]
fn each_reason_holds_alone() {
    let keeps = Policy { superseded: Action::Keep, ..deletes() };
    for policy in [keeps, deletes(), tags()] {
        for (place, (reason, _)) in HOLDS.iter().enumerate() {
            assert_eq!(reason_with(&HOLDS[place..=place], &policy), *reason);
        }
    }
}

#[test]
fn the_first_rule_that_matches_wins() {
    for (one, (reason, _)) in HOLDS.iter().enumerate() {
        for later in &HOLDS[one + 1..] {
            assert_eq!(reason_with(&[HOLDS[one], *later], &deletes()), *reason, "{:?}", later.0);
        }
        assert_eq!(reason_with(&HOLDS[one..], &deletes()), *reason, "against all that follow");
    }
}

#[test]
fn the_first_rule_wins_for_an_orphan_too() {
    type Hold = fn(It<'_>) -> It<'_>;
    let holds: [(Reason, Hold); 4] = [
        (Tagged, |a| a.tag("v1")),
        (NotActive, |a| a.archived()),
        (WithinGrace, |a| a.age(hours(1))),
        (SubjectPresent, |a| a),
    ];
    for first in 0..holds.len() {
        let w = World::default();
        // Without a media type it might be an index, so that it is read whatever its tags.
        let a = w.oci(w.image("linux/amd64").tag("v2")).untyped();
        for (_, hold) in &holds[first..] {
            hold(a);
        }
        assert_eq!(w.judge(&defaults()).reason(a), holds[first].0);
    }
}

#[test]
fn a_referrer_comes_before_a_subject_that_is_present() {
    let w = World::default();
    let a = w.oci(w.image("linux/amd64"));
    w.signature(a);
    assert_eq!(w.judge(&defaults()).reason(a), HasReferrers);
}

#[test]
fn only_the_last_rows_follow_the_policy() {
    let act = |policy: &Policy, holds: &[Hold]| {
        let w = World::default();
        let p = w.image("linux/amd64");
        let attestation = w.oci(p);
        let it = self::Superseded { attestation, index: w.index(&[p, attestation]) };
        for (_, hold) in holds {
            hold(&w, &it);
        }
        w.judge(policy)[attestation].action
    };
    for hold in HOLDS {
        let follows = matches!(hold.0, Attached | Superseded);
        assert_eq!(act(&tags(), &[hold]), if follows { Action::Tag } else { Action::Keep }, "{:?}", hold.0);
        let goes = hold.0 == Superseded;
        assert_eq!(
            act(&deletes(), &[hold]),
            if goes { Action::Delete } else { Action::Keep },
            "{:?}",
            hold.0
        );
        assert_eq!(act(&defaults(), &[hold]), Action::Keep, "{:?}", hold.0);
    }
}

#[test]
fn grace_ends_at_the_second_it_is_set_to() {
    let grace = hours(48);
    for (age, reason) in [(grace - A_SECOND, WithinGrace), (grace, Attached)] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64")).age(age);
        w.index(&[a]).tag("v1");
        assert_eq!(w.judge(&defaults()).reason(a), reason);
    }
}

#[test]
fn an_orphan_inside_grace_is_not_even_looked_at() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (young, old) = (w.legacy(p).age(hours(48) - A_SECOND), w.legacy(p).age(hours(48)));
    let judged = w.judge(&defaults());
    assert_eq!(judged.reason(young), NotAnAttestation);
    assert_eq!(judged.reason(old), Orphaned);
    assert!(judged.is_deleted(old));
}

#[test]
fn what_was_pushed_at_an_unknown_time_is_young() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (young, old) = (w.legacy(p).of_unknown_age(), w.legacy(p));
    w.index(&[young]);
    w.index(&[old]).of_unknown_age();
    let judged = w.judge(&deletes());
    assert_eq!(judged.reason(young), WithinGrace);
    assert_eq!(judged.reason(old), SupersededWithinGrace);
}

#[test]
fn an_index_is_kept_until_superseded_after_has_passed() {
    for (age, reason) in [(days(30) - A_SECOND, SupersededWithinGrace), (days(30), Superseded)] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        w.index(&[a]).age(age);
        assert_eq!(w.judge(&deletes()).reason(a), reason);
    }
}

#[test]
fn a_grace_period_longer_than_superseded_after_holds_for_the_index_too() {
    let policy = Policy { grace_period: days(40), ..deletes() };
    for (age, reason) in [(days(40) - A_SECOND, SupersededWithinGrace), (days(40), Superseded)] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        w.index(&[a]).age(age);
        assert_eq!(w.judge(&policy).reason(a), reason);
    }
}

#[test]
fn a_pull_counts_to_the_last_second() {
    for (ago, reason) in [(days(90), RecentlyPulled), (days(90) + A_SECOND, Superseded)] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        w.index(&[a]).pulled(ago);
        assert_eq!(w.judge(&deletes()).reason(a), reason);
    }
}

#[test]
fn bytes_that_cannot_be_had_are_unreadable_and_the_rest_goes_on() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (bad, failing, good) = (w.legacy(p).unreadable(), w.legacy(p).failing(), w.legacy(p));
    let judged = w.judge(&defaults());
    assert_eq!(judged.reason(bad), Unreadable);
    assert_eq!(judged.reason(failing), Unreadable);
    assert!(judged.is_deleted(good));
}

#[test]
fn only_a_call_that_failed_makes_an_image_failed() {
    use crate::report::outcome::OutcomeName as Outcome;
    let w = World::default();
    let p = w.image("linux/amd64");
    let (bad, failing) = (w.legacy(p).unreadable(), w.legacy(p).failing());
    let judged = w.judge(&defaults());
    let outcome = |it| judged.decision(&defaults(), it).unwrap().outcome;
    assert_eq!((outcome(bad), outcome(failing)), (Outcome::Kept, Outcome::Failed));
    for it in [bad, failing] {
        let told = judged.decision(&defaults(), it).unwrap();
        assert_eq!(told.code.as_deref().zip(told.detail.as_deref()), Some(("Scripted", "the test says so")));
    }
}

#[test]
fn everything_else_is_counted_by_kind_and_not_listed() {
    use crate::oci::attestation::Kind;
    let w = World::default();
    let p = w.image("linux/amd64");
    let (signature, chart, index) = (w.signature(p), w.chart(), w.index(&[p]));
    let judged = w.judge(&deletes_images());
    for (it, kind) in
        [(p, Kind::Image), (signature, Kind::Signature), (chart, Kind::Chart), (index, Kind::Index)]
    {
        assert_eq!((judged[it].artifact.kind(), judged.reason(it)), (kind, NotAnAttestation));
        assert!(judged.decision(&deletes_images(), it).is_none());
    }
}

#[test]
fn a_plan_that_takes_more_memory_than_there_is_is_none() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    for _ in 0..10 {
        w.oci(p);
    }
    let policy = Policy { orphaned_with_subject: Action::Delete, ..defaults() };
    let judged = w.judge(&policy);
    let steps = judged.expanded(&policy).steps;
    assert_eq!(steps.len(), 10);
    let bytes: usize = steps.iter().map(Step::bytes).sum();
    assert!(judged.expanded_within(&policy, bytes).is_ok());
    assert_eq!(judged.expanded_within(&policy, bytes - 1).unwrap_err(), TooLarge);
    assert_eq!(judged.expanded_within(&policy, 0).unwrap_err(), TooLarge);
}
