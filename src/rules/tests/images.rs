//! `superseded_images = "delete"`: which images go with the indexes that listed them.

use super::world::*;
use crate::oci::attestation::Kind;
use crate::report::reason::Reason::*;

/// An image and its attestation in one superseded index; then something is done to the image.
fn with(change: impl for<'w> Fn(&'w World, It<'w>) -> It<'w>) -> (bool, bool) {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.legacy(p);
    let index = w.index(&[p, a]);
    change(&w, p);
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(a) && judged.is_deleted(index), "whatever happens to the image");
    (judged.is_deleted(p), judged.is_proven(p))
}

#[test]
fn an_image_goes_with_its_only_index_and_is_read_before() {
    assert_eq!(with(|_, p| p), (true, true));
}

#[test]
fn a_tagged_archived_or_young_image_stays() {
    assert!(!with(|_, p| p.tag("v1")).0);
    assert!(!with(|_, p| p.archived()).0);
    assert!(!with(|_, p| p.of_unknown_age()).0);
    assert!(!with(|_, p| p.age(hours(48) - A_SECOND)).0);
    assert!(with(|_, p| p.age(hours(48))).0, "exactly past grace");
}

#[test]
fn an_image_that_something_else_lists_stays() {
    assert!(!with(|w, p| w.index(&[p]).tag("v1")).0);
    assert!(!with(|w, p| w.index(&[p])).0, "an untagged index that stays is a parent too");
}

#[test]
fn an_image_that_two_deleted_indexes_share_goes() {
    assert!(with(|w, p| w.index(&[p, w.legacy(p)])).0);
}

#[test]
fn the_subject_of_something_that_stays_stays() {
    assert!(!with(|w, p| w.signature(p)).0);
    assert!(with(|w, p| w.oci(p)).0, "an orphan goes before it: nobody needs either");
    assert!(!with(|w, p| w.oci(p).tag("mine")).0);
    assert!(!with(|w, p| w.oci(p).age(hours(1))).0);
}

#[test]
fn the_subject_of_what_goes_goes() {
    assert!(with(|w, p| w.index(&[w.oci(p)])).0);
}

#[test]
fn a_cosign_tag_that_points_at_it_holds_an_image() {
    for tail in ["", ".sig", ".att", ".sbom"] {
        let tag = |p: It| format!("sha256-{}{tail}", p.digest().hex());
        assert!(!with(|w, p| w.chart().tag(&tag(p))).0, "{tail}");
    }
}

#[test]
fn only_a_real_platform_without_an_artifact_type_makes_an_image() {
    for listed in [As::Unknown, As::Bare, As::ArtifactFor("linux/amd64"), As::Platform("linux/unknown")] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let index = w.index(&[p.listed(listed), w.legacy(p)]);
        let judged = w.judge(&deletes_images());
        assert!(judged.is_deleted(index) && !judged.is_deleted(p), "{listed:?}");
    }
}

#[test]
fn one_index_that_lists_it_as_something_else_is_enough_to_keep_it() {
    assert!(!with(|w, p| w.index(&[p.listed(As::Unknown), w.legacy(p)])).0);
}

#[test]
fn what_is_listed_as_an_image_and_is_none_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (chart, signature) = (w.chart(), w.signature(p).taciturn());
    let on_linux = As::Platform("linux/arm64");
    let index = w.index(&[chart.listed(on_linux), signature.listed(on_linux), w.legacy(p)]);
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(index) && !judged.is_deleted(chart) && !judged.is_deleted(signature));
}

#[test]
fn an_image_that_cannot_be_read_stays_and_is_told() {
    let w = World::default();
    let p = w.image("linux/amd64").unreadable();
    let a = w.legacy(p);
    let index = w.index(&[p, a]);
    let judged = w.judge(&deletes_images());
    assert_eq!(judged.reason(p), Unreadable);
    assert!(judged.decision(&deletes_images(), p).is_some());
    assert!(judged.is_deleted(index) && judged.is_deleted(a) && !judged.is_deleted(p));
}

#[test]
fn an_index_listed_as_an_image_is_an_index() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let inner = w.index(&[p]);
    w.index(&[inner.listed(As::Platform("linux/amd64")), w.legacy(p)]);
    let judged = w.judge(&deletes_images());
    assert_eq!(judged[inner].artifact.kind(), Kind::Index);
    assert!(!judged.is_deleted(inner) && !judged.is_deleted(p));
}

#[test]
fn an_image_under_a_superseded_index_stays_by_default() {
    let w = World::default();
    let p = w.image("linux/amd64");
    w.index(&[p, w.legacy(p)]);
    let judged = w.judge(&deletes());
    assert!(!judged.is_deleted(p) && !judged.was_read(p));
}

#[test]
fn an_image_that_no_index_lists_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    assert!(!w.judge(&deletes_images()).is_deleted(p));
}

#[test]
fn what_a_deleted_attestation_names_in_its_own_bytes_is_in_the_plan() {
    // Its parent says that it speaks of `p`, its own bytes say `q` (a partial copy). Both images go; `q` must not go
    // before the attestation, or it would be the subject of something that stays if the attestation cannot go.
    let w = World::default();
    let (p, q) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let a = w.oci(q);
    w.index(&[p, q, a.about(p)]);
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(a) && judged.is_deleted(p) && judged.is_deleted(q));
    assert_eq!(judged.decision(&deletes_images(), a).unwrap().image.subject, Some(q.digest()));
}
