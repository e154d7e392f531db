//! `has-referrers`: what signatures and the like protect.

use super::world::*;
use crate::report::reason::Reason::{self, *};

fn cosign<'w>(w: &'w World, of: It, tail: &str) -> It<'w> {
    w.chart().tag(&format!("sha256-{}{tail}", of.digest().hex()))
}

/// A superseded attestation under two levels; then something refers to something.
fn after(refer: impl for<'w> Fn(&'w World, It<'w>, It<'w>, It<'w>) -> It<'w>) -> Reason {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.legacy(p);
    let inner = w.index(&[p, a]);
    let outer = w.index(&[inner]);
    refer(&w, a, inner, outer);
    w.judge(&deletes()).reason(a)
}

#[test]
fn a_subject_protects_the_attestation_and_every_untagged_index_above() {
    assert_eq!(after(|w, a, _, _| w.signature(a)), HasReferrers);
    assert_eq!(after(|w, _, inner, _| w.signature(inner)), HasReferrers);
    assert_eq!(after(|w, _, _, outer| w.signature(outer)), HasReferrers);
}

#[test]
fn so_does_a_cosign_tag_of_any_kind() {
    for tail in ["", ".sig", ".att", ".sbom"] {
        assert_eq!(after(|w, a, _, _| cosign(w, a, tail)), HasReferrers, "{tail}");
        assert_eq!(after(|w, _, inner, _| cosign(w, inner, tail)), HasReferrers, "{tail}");
        assert_eq!(after(|w, _, _, outer| cosign(w, outer, tail)), HasReferrers, "{tail}");
    }
}

#[test]
fn what_refers_to_a_neighbour_protects_nobody_else() {
    assert_eq!(after(|w, _, inner, _| w.signature(inner.children()[0])), Superseded);
    assert_eq!(after(|w, _, _, _| w.signature(w.chart())), Superseded);
}

#[test]
fn an_index_that_is_itself_a_referrer_protects_what_it_lists() {
    let (w, elsewhere) = (World::default(), World::default());
    elsewhere.chart();
    let (here, gone) = (w.image("linux/amd64"), elsewhere.image("linux/amd64"));
    for subject in [here, gone] {
        let a = w.legacy(here);
        let index = w.index_with_subject(&[a], subject);
        let judged = w.judge(&deletes());
        assert_eq!(judged.reason(a), HasReferrers);
        assert!(!judged.is_deleted(index));
    }
}

#[test]
fn a_signed_tagged_index_only_attaches() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let live = w.index(&[a]).tag("v1");
    w.signature(live);
    assert_eq!(w.judge(&deletes()).reason(a), Attached);
}

#[test]
fn an_untagged_signed_index_protects_what_a_tagged_one_lists_too() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]).tag("v1");
    w.signature(w.index(&[a]));
    assert_eq!(w.judge(&tags()).reason(a), HasReferrers);
}

#[test]
fn an_orphan_that_is_signed_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (by_subject, by_tag) = (w.legacy(p), w.legacy(p));
    w.signature(by_subject);
    cosign(&w, by_tag, ".sig");
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(by_subject), judged.reason(by_tag)), (HasReferrers, HasReferrers));
}

#[test]
fn another_attestation_is_a_referrer_of_what_it_names() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.oci(a);
    assert_eq!(w.judge(&defaults()).reason(a), HasReferrers);
}

#[test]
fn a_tag_that_only_looks_like_cosigns_protects_nothing() {
    assert_eq!(after(|w, a, _, _| w.chart().tag(&a.digest().hex())), Superseded);
    assert_eq!(after(|w, a, _, _| w.chart().tag(&format!("sha256-{}", a.digest().short()))), Superseded);
}
