//! `recently-pulled`: somebody may have deployed it by digest.

use super::world::*;
use crate::report::reason::Reason::{self, *};

/// An attestation under a superseded index, beside a live one with the same platform `shared`; then somebody pulls.
struct Builds<'w> {
    w: &'w World,
    attestation: It<'w>,
    index: It<'w>,
    outer: It<'w>,
    own: It<'w>,
    shared: It<'w>,
    live: It<'w>,
}

fn after(pull: impl for<'w> Fn(&Builds<'w>) -> It<'w>) -> Reason {
    let w = &World::default();
    let (own, shared) = (w.image("linux/arm64"), w.image("linux/amd64"));
    let attestation = w.legacy(shared);
    let index = w.index(&[own, shared, attestation]);
    let (outer, live) = (w.index(&[index]), w.index(&[shared, w.legacy(shared)]).tag("v2"));
    pull(&Builds { w, attestation, index, outer, own, shared, live });
    w.judge(&deletes()).reason(attestation)
}

fn a_pull(it: It<'_>) -> It<'_> {
    it.pulled(days(1))
}

#[test]
fn a_pull_of_any_index_above_counts() {
    assert_eq!(after(|it| a_pull(it.index)), RecentlyPulled);
    assert_eq!(after(|it| a_pull(it.outer)), RecentlyPulled);
}

#[test]
fn a_pull_of_a_platform_that_only_such_indexes_reach_counts() {
    assert_eq!(after(|it| a_pull(it.own)), RecentlyPulled);
}

#[test]
fn a_pull_of_what_a_tagged_root_also_reaches_does_not() {
    assert_eq!(after(|it| a_pull(it.shared)), Superseded);
    assert_eq!(after(|it| a_pull(it.live)), Superseded);
}

#[test]
fn a_pull_of_a_platform_with_a_tag_of_its_own_does_not() {
    assert_eq!(after(|it| a_pull(it.own.tag("arm"))), Superseded);
}

#[test]
fn any_tag_of_an_index_makes_it_such_a_root() {
    let reason = after(|it| {
        it.w.index(&[it.own]).own_tag();
        a_pull(it.own)
    });
    assert_eq!(reason, Superseded);
}

#[test]
fn a_pull_of_a_referrer_of_what_is_reached_counts() {
    assert_eq!(after(|it| a_pull(it.w.signature(it.own))), RecentlyPulled);
    assert_eq!(after(|it| a_pull(it.w.signature(it.w.signature(it.own)))), RecentlyPulled);
    assert_eq!(after(|it| a_pull(it.w.signature(it.shared))), Superseded, "the tagged root reaches it too");
}

#[test]
fn a_pull_of_a_loose_attestation_of_what_is_reached_does_not() {
    assert_eq!(after(|it| a_pull(it.w.oci(it.own))), Superseded, "an attestation is no referrer");
}

#[test]
fn a_pull_of_what_may_be_an_attestation_of_the_index_counts() {
    // Young, it is not read. An attestation is reached by nothing but the index; a referrer by the tagged root too.
    let reason = after(|it| {
        let loose = it.w.oci(it.shared).age(A_SECOND);
        it.w.index(&[loose.listed(As::Bare), it.attestation]);
        a_pull(loose)
    });
    assert_eq!(reason, RecentlyPulled);
}

#[test]
fn a_pull_of_what_is_listed_as_something_else_and_not_read_counts_too() {
    let reason = after(|it| {
        let loose = it.w.oci(it.shared);
        it.w.index(&[loose.listed(As::ReferenceType("other")), it.attestation]);
        a_pull(loose)
    });
    assert_eq!(reason, RecentlyPulled);
}

#[test]
fn what_the_listing_shows_to_be_a_referrer_is_one_even_if_it_is_too_young_to_be_read() {
    // The tagged root reaches the image, the young signature of that, and so the signature of the signature.
    let reason = after(|it| {
        let second = it.w.signature(it.w.signature(it.shared).age(A_SECOND));
        it.w.index(&[second, it.attestation]);
        a_pull(second)
    });
    assert_eq!(reason, Superseded);
}

#[test]
fn a_pull_of_the_attestation_itself_counts() {
    assert_eq!(after(|it| a_pull(it.attestation)), RecentlyPulled);
}

#[test]
fn a_pull_of_the_attestation_counts_whatever_its_form() {
    // A tagged root reaches the subject; but an attestation is no referrer, so that no root reaches the attestation.
    let after = |form: for<'w> fn(&'w World, It<'w>) -> It<'w>| {
        let w = World::default();
        let p = w.image("linux/amd64").tag("v2");
        let a = form(&w, p).pulled(days(1));
        w.index(&[p, a]);
        w.judge(&deletes()).reason(a)
    };
    assert_eq!(after(World::legacy), RecentlyPulled);
    assert_eq!(after(World::signed), RecentlyPulled, "signed");
    assert_eq!(after(World::oci), RecentlyPulled, "oci");
}

#[test]
fn a_pull_of_something_unrelated_does_not() {
    assert_eq!(after(|it| a_pull(it.w.index(&[it.own]))), Superseded);
    assert_eq!(after(|it| a_pull(it.w.chart())), Superseded);
}

#[test]
fn what_was_never_pulled_is_not_in_use() {
    assert_eq!(after(|it| it.index), Superseded);
}

#[test]
fn pulls_protect_only_what_is_superseded() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (orphan, attached) = (w.legacy(p).pulled(days(1)), w.legacy(p));
    w.index(&[attached]).tag("v1").pulled(days(1));
    let judged = w.judge(&deletes());
    assert_eq!((judged.reason(orphan), judged.reason(attached)), (Orphaned, Attached));
}
