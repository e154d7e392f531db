//! `referrers = "follow"`: who still holds what, and what goes after it.

use super::world::*;
use crate::config::policy::{Action, Policy};
use crate::oci::attestation::Kind;
use crate::report::reason::Reason::{self, *};

fn cosign<'w>(w: &'w World, of: It<'_>, tail: &str) -> It<'w> {
    w.chart().tag(&format!("sha256-{}{tail}", of.digest().hex()))
}

/// A superseded build under two indexes.
struct Build<'w> {
    w: &'w World,
    image: It<'w>,
    attestation: It<'w>,
    inner: It<'w>,
    outer: It<'w>,
}

fn build(w: &World) -> Build<'_> {
    let image = w.image("linux/amd64");
    let attestation = w.legacy(image);
    let inner = w.index(&[image, attestation]);
    Build { w, image, attestation, inner, outer: w.index(&[inner]) }
}

/// The reason for the attestation, with something that refers to something.
fn reason_with(refer: impl for<'w> Fn(&Build<'w>) -> It<'w>) -> Reason {
    let w = World::default();
    let build = build(&w);
    refer(&build);
    w.judge(&recommended()).reason(build.attestation)
}

#[test]
fn a_referrer_that_nobody_needs_goes_after_its_subject() {
    let subjects: [for<'w> fn(&Build<'w>) -> It<'w>; 4] =
        [|it| it.image, |it| it.attestation, |it| it.inner, |it| it.outer];
    for subject in subjects {
        let w = World::default();
        let build = build(&w);
        let signature = w.signature(subject(&build));
        let judged = w.judge(&recommended());
        for it in [build.image, build.attestation, build.inner, build.outer] {
            assert_eq!((judged.reason(it), judged.is_deleted(it)), (Superseded, true));
        }
        assert_eq!((judged.reason(signature), judged.is_deleted(signature)), (FollowsItsSubject, true));
        assert_eq!(judged[signature].kind(), Kind::Signature);
        assert!(judged.was_read(signature) && judged.is_proven(signature));
    }
}

#[test]
fn a_chain_of_referrers_goes_from_its_beginning() {
    let w = World::default();
    let build = build(&w);
    let signature = w.signature(build.inner);
    let (second, third) = (w.signature(signature), w.signature(w.signature(signature)));
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(second) && judged.is_deleted(third));
}

#[test]
fn a_needed_referrer_holds_up_the_chain() {
    let needs: [Change; 4] =
        [|it| it.tag("sbom"), |it| it.archived(), |it| it.age(hours(1)), |it| it.pulled(days(1))];
    for need in needs {
        assert_eq!(reason_with(|it| need(it.w.signature(it.attestation))), HasReferrers);
        assert_eq!(reason_with(|it| need(it.w.signature(it.outer))), HasReferrers);
        assert_eq!(reason_with(|it| need(it.w.signature(it.w.signature(it.inner)))), HasReferrers);
    }
}

#[test]
fn what_is_needed_holds_the_image_that_it_refers_to() {
    let w = World::default();
    let build = build(&w);
    let signature = w.signature(build.image).tag("sbom");
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(build.attestation) && judged.is_deleted(build.outer));
    assert!(!judged.is_deleted(build.image) && !judged.is_deleted(signature));
}

#[test]
fn a_needed_attestation_holds_what_it_names_as_its_subject() {
    let w = World::default();
    let build = build(&w);
    let live = w.oci(build.attestation);
    w.index(&[live]).tag("v1");
    assert_eq!(w.judge(&recommended()).reason(build.attestation), HasReferrers);
}

#[test]
fn the_signature_of_something_live_stays_and_holds_only_that() {
    let w = World::default();
    let shared = w.image("linux/amd64");
    let (old, live) = (w.legacy(shared), w.legacy(shared));
    let (dead, tagged) = (w.index(&[shared, old]), w.index(&[shared, live]).tag("v1"));
    let signatures = [w.signature(shared), w.signature(tagged), w.signature(live)];
    let gone = w.signature(dead);
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(dead) && judged.is_deleted(old) && judged.is_deleted(gone));
    assert!(signatures.into_iter().all(|it| !judged.is_deleted(it)));
    assert!(!judged.is_deleted(shared) && !judged.is_deleted(tagged));
}

#[test]
fn cosign_tags_do_not_hold_and_their_bearers_are_never_deleted() {
    for tail in ["", ".sig", ".att", ".sbom", "-cosign"] {
        let w = World::default();
        let build = build(&w);
        let bearers = [
            cosign(&w, build.image, tail),
            cosign(&w, build.attestation, tail),
            cosign(&w, build.inner, tail),
            w.signature(build.outer).tag(&format!("x-sha256-{}{tail}", build.outer.digest().hex())),
        ];
        let judged = w.judge(&recommended());
        for it in [build.image, build.attestation, build.inner, build.outer] {
            assert!(judged.is_deleted(it), "{tail}");
        }
        assert!(bearers.into_iter().all(|it| !judged.is_deleted(it)), "{tail}");
    }
}

#[test]
fn a_fallback_index_makes_nothing_needed() {
    let w = World::default();
    let build = build(&w);
    let signature = w.signature(build.inner);
    let fallback = w.index(&[signature]).tag(&format!("sha256-{}", build.inner.digest().hex()));
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(build.inner) && judged.is_deleted(build.attestation));
    assert!(!judged.is_deleted(signature), "ECR would refuse: the fallback index lists it");
    assert!(!judged.is_deleted(fallback));
}

#[test]
fn a_referrer_of_something_that_was_never_here_is_left_alone() {
    let (w, elsewhere) = (World::default(), World::default());
    elsewhere.chart();
    let image = elsewhere.image("linux/amd64");
    let signature = w.signature(image);
    assert!(!w.judge(&recommended()).is_deleted(signature));
    w.departed(image.digest());
    let judged = w.judge(&recommended());
    assert_eq!((judged.reason(signature), judged.is_deleted(signature)), (FollowsItsSubject, true));
}

#[test]
fn a_referrer_of_an_orphan_goes_after_it() {
    let w = World::default();
    let elsewhere = World::default();
    let orphan = w.oci(elsewhere.image("linux/amd64"));
    let signature = w.signature(orphan);
    let policy = Policy { referrers: recommended().referrers, ..defaults() };
    let judged = w.judge(&policy);
    assert!(judged.is_deleted(orphan));
    assert_eq!(judged.reason(signature), FollowsItsSubject);
    assert!(!w.judge(&Policy { orphaned: Action::Keep, ..policy }).is_deleted(signature));
}

#[test]
fn what_holds_a_follower_holds_it() {
    let holds: [Addition; 4] = [
        |w, it| w.index(&[it]),
        |w, it| w.index(&[it]).tag("v1"),
        |w, it| w.index(&[it.listed(As::Platform("linux/amd64"))]),
        |w, it| w.oci(it).tag("mine"),
    ];
    for hold in holds {
        let w = World::default();
        let build = build(&w);
        let signature = w.signature(build.inner);
        hold(&w, signature);
        assert!(!w.judge(&recommended()).is_deleted(signature));
    }
}

#[test]
fn an_unreadable_referrer_stays_and_holds() {
    let unreadables: [Change; 2] = [|it| it.unreadable(), |it| it.failing()];
    for unreadable in unreadables {
        let w = World::default();
        let build = build(&w);
        let signature = unreadable(w.signature(build.inner));
        let judged = w.judge(&recommended());
        assert!(judged.was_read(signature) && !judged.is_deleted(signature));
        assert_eq!(judged.reason(build.attestation), HasReferrers);
    }
}

#[test]
fn what_the_listing_calls_a_referrer_must_name_its_subject_itself() {
    // The listing says that it refers to the index, and its bytes do not.
    let w = World::default();
    let build = build(&w);
    let chart = w.chart().said_to_refer_to(build.inner);
    let judged = w.judge(&recommended());
    assert!(judged.was_read(chart) && !judged.is_deleted(chart));
}

#[test]
fn an_index_that_refers_to_something_holds_until_that_goes() {
    let w = World::default();
    let (build, live) = (build(&w), w.index(&[w.image("linux/s390x")]).tag("v1"));
    let [by_dead, by_live] = [build.inner, live].map(|subject| {
        let a = w.legacy(build.image);
        (a, w.index_with_subject(&[a], subject))
    });
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(by_dead.0) && judged.is_deleted(by_dead.1));
    assert_eq!(judged.reason(by_live.0), HasReferrers);
    assert!(!judged.is_deleted(by_live.1));
}

#[test]
fn an_index_that_refers_to_something_elsewhere_holds() {
    let (w, elsewhere) = (World::default(), World::default());
    elsewhere.chart();
    let image = elsewhere.image("linux/amd64");
    let a = w.legacy(w.image("linux/amd64"));
    w.index_with_subject(&[a], image);
    assert_eq!(w.judge(&recommended()).reason(a), HasReferrers);
    w.departed(image.digest());
    assert_eq!(w.judge(&recommended()).reason(a), Superseded);
}

#[test]
fn a_chain_of_indexes_goes_from_its_beginning() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let mut last = build(&w).outer;
    let chain = [0; 5].map(|_| {
        let a = w.legacy(p);
        last = w.index_with_subject(&[a], last);
        (a, last)
    });
    let judged = w.judge(&recommended());
    assert!(chain.into_iter().all(|(a, index)| judged.is_deleted(a) && judged.is_deleted(index)));
}

#[test]
fn indexes_that_refer_to_each_other_hold_each_other() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (one, two) = (w.forged_index(), w.forged_index());
    let [a, b] = [one, two].map(|index| {
        let a = w.legacy(p);
        index.lists(&[a]);
        a
    });
    one.said_to_refer_to(two);
    two.said_to_refer_to(one);
    let judged = w.judge(&recommended());
    assert_eq!((judged.reason(a), judged.reason(b)), (HasReferrers, HasReferrers));
}

#[test]
fn an_artifact_that_only_deleted_indexes_list_goes_with_them() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (own, shared) = (w.soci(), w.soci());
    let listed = As::ArtifactFor("linux/amd64");
    let dead = w.index(&[p, w.legacy(p), own.listed(listed), shared.listed(listed)]);
    w.index(&[shared.listed(listed)]).tag("v1");
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(dead) && !judged.is_deleted(shared));
    assert_eq!((judged.reason(own), judged.is_deleted(own)), (Superseded, true));
    assert_eq!(judged[own].kind(), Kind::SociIndex);
    assert!(judged.is_proven(own));
    assert!(!w.judge(&deletes_images()).is_deleted(own), "only where referrers follow");
}

#[test]
fn only_an_artifact_goes_with_indexes() {
    // A legacy cosign signature has the configuration of an image; statements prove nothing.
    let w = World::default();
    let p = w.image("linux/amd64");
    let (signature, statements, image) = (w.simple_signature(), w.statements(), w.image("linux/arm64"));
    let children = [signature, statements, image].map(|it| it.listed(As::Bare));
    let wasm = w.chart().listed(As::Platform("wasip1/wasm"));
    let dead = w.index(&[p, w.legacy(p), wasm, children[0], children[1], children[2]]);
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(dead));
    for it in [signature, statements, image, wasm] {
        assert!(!judged.is_deleted(it), "{:?}", judged[it]);
    }
}

#[test]
fn a_listed_referrer_needs_its_subject_and_its_indexes_to_go() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let live = w.image("linux/arm64").tag("v1");
    let (of_live, of_dead) = (w.signature(live), w.signature(p));
    let dead = w.index(&[p, w.legacy(p), of_live, of_dead]);
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(dead) && judged.is_deleted(p));
    assert!(!judged.is_deleted(of_live));
    assert_eq!((judged.reason(of_dead), judged.is_deleted(of_dead)), (FollowsItsSubject, true));
}

#[test]
fn a_signed_docker_attestation_without_a_parent_follows() {
    let w = World::default();
    let build = build(&w);
    let loose = w.signed(build.image);
    let judged = w.judge(&recommended());
    assert_eq!((judged[loose].kind(), judged.reason(loose)), (Kind::Referrer, FollowsItsSubject));
    assert!(judged.is_deleted(loose) && judged.is_proven(loose) && judged.is_deleted(build.image));
}

#[test]
fn a_young_attestation_holds_the_image_that_it_attests() {
    // The push of its index is on the way: it finds the image there, and does not push it again.
    let w = World::default();
    let build = build(&w);
    w.oci(build.image).age(hours(1));
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(build.inner) && !judged.is_deleted(build.image));
}

#[test]
fn an_index_holds_while_its_subject_is_kept_as_the_last_attestation() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    let orphan = w.oci(p);
    let listed = w.legacy(p);
    let index = w.index_with_subject(&[p, listed], orphan);
    let judged = w.judge(&recommended());
    // If the index went, the orphan would be the last attestation and stay, and then the index must not go.
    assert_eq!((judged.reason(orphan), judged.reason(listed)), (Orphaned, HasReferrers));
    assert!(judged.is_deleted(orphan) && !judged.is_deleted(index));
}

#[test]
fn where_nothing_has_a_users_tag_an_orphan_goes_with_its_signature() {
    let w = World::default();
    w.without_bystander();
    let orphan = w.legacy(w.image("linux/amd64"));
    let signature = w.signature(orphan);
    let judged = w.judge(&recommended());
    assert_eq!([orphan, signature].map(|it| judged.reason(it)), [Orphaned, FollowsItsSubject]);
}

#[test]
fn the_attestation_of_a_needed_image_is_not_needed_as_a_referrer() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    let (orphan, listed) = (w.oci(p).age(days(90)), w.oci(p));
    w.index(&[p, listed]);
    w.oci(p).age(days(80));
    let signatures = [orphan, listed].map(|it| w.signature(it));
    let judged = w.judge(&recommended());
    assert_eq!([orphan, listed].map(|it| judged.reason(it)), [Orphaned, Superseded]);
    assert_eq!(signatures.map(|it| judged.reason(it)), [FollowsItsSubject; 2]);
}

#[test]
fn what_an_index_lists_that_refers_to_something_needed_is_needed() {
    let w = World::default();
    let (p, orphan) = (w.image("linux/amd64").tag("v1"), w.legacy(w.image("linux/arm64")));
    w.index_with_subject(&[w.signature(orphan)], p);
    assert_eq!(w.judge(&recommended()).reason(orphan), HasReferrers);
}

#[test]
fn an_index_follows_nothing() {
    let w = World::default();
    let build = build(&w);
    let index = w.index_with_subject(&[w.chart()], build.inner);
    let judged = w.judge(&recommended());
    assert!(judged.is_deleted(build.inner) && !judged.is_deleted(index));
}

#[test]
fn what_bears_cosigns_tag_stays_where_only_deleted_indexes_list_it() {
    let w = World::default();
    let (p, q) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let signature = w.signature(p);
    for it in [q, signature] {
        it.tag(&format!("sha256-{}.sig", w.chart().digest().hex()));
    }
    let index = w.index(&[p, q, w.legacy(p), signature]);
    let judged = w.judge(&recommended());
    assert_eq!([index, p, q, signature].map(|it| judged.is_deleted(it)), [true, true, false, false]);
}

#[test]
fn a_follower_may_hide_its_subject_from_the_listing() {
    let w = World::default();
    let build = build(&w);
    let signature = w.signature(build.inner).discreet();
    let judged = w.judge(&recommended());
    assert_eq!((judged.reason(signature), judged.is_deleted(signature)), (FollowsItsSubject, true));
}

#[test]
fn what_may_be_an_attestation_or_a_referrer_holds_under_cosigns_tag_too() {
    let w = World::default();
    let build = build(&w);
    w.signed(build.inner).taciturn().tag(&format!("sha256-{}.att", build.inner.digest().hex()));
    assert_eq!(w.judge(&recommended()).reason(build.attestation), HasReferrers);
}
