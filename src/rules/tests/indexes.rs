//! Which indexes go with superseded attestations.

use super::world::*;
use crate::oci::attestation::Kind;
use crate::report::reason::Reason::*;

#[test]
fn a_superseded_index_goes_with_its_attestations_and_the_image_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (legacy, oci) = (w.legacy(p), w.oci(p));
    let index = w.index(&[p, legacy, oci]);
    let judged = w.judge(&deletes());
    assert!([index, legacy, oci].into_iter().all(|it| judged.is_deleted(it) && judged.is_proven(it)));
    assert_eq!((judged[index].artifact.kind(), judged.reason(index)), (Kind::Index, Superseded));
    assert!(!judged.is_deleted(p));
}

#[test]
fn an_index_without_attestations_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let index = w.index(&[p]);
    let judged = w.judge(&deletes_images());
    assert!(!judged.is_deleted(index) && !judged.is_deleted(p));
}

#[test]
fn an_index_whose_attestations_are_all_attached_elsewhere_stays() {
    let w = World::default();
    let (amd, arm) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let (one, two) = (w.legacy(amd), w.legacy(arm));
    let per_arch = [w.index(&[amd, one]), w.index(&[arm, two])];
    w.index(&[amd, arm, one, two]).tag("v1");
    let judged = w.judge(&deletes_images());
    assert_eq!((judged.reason(one), judged.reason(two)), (Attached, Attached));
    assert!(per_arch.into_iter().all(|index| !judged.is_deleted(index)));
}

#[test]
fn an_index_with_one_attestation_of_its_own_goes_and_the_shared_one_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (own, shared) = (w.legacy(p), w.legacy(p));
    let old = w.index(&[p, own, shared]);
    let live = w.index(&[p, shared]).tag("v1");
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(old) && judged.is_deleted(own));
    assert!(!judged.is_deleted(shared) && !judged.is_deleted(p) && !judged.is_deleted(live));
}

#[test]
fn an_index_of_attestations_that_are_all_held_back_stays() {
    let holds: [Addition; 4] =
        [|_, a| a.tag("v1"), |_, a| a.archived(), |_, a| a.age(hours(1)), |w, a| w.signature(a)];
    for hold in holds {
        let w = World::default();
        let p = w.image("linux/amd64");
        let a = w.legacy(p);
        let index = w.index(&[p, a]);
        hold(&w, a);
        let judged = w.judge(&deletes_images());
        assert!(!judged.is_deleted(index) && !judged.is_deleted(a) && !judged.is_deleted(p));
    }
}

#[test]
fn tagging_what_is_superseded_deletes_nothing() {
    let w = World::default();
    let p = w.image("linux/amd64");
    w.index(&[p, w.legacy(p)]);
    let policy =
        crate::config::policy::Policy { superseded_images: crate::config::policy::Action::Delete, ..tags() };
    let judged = w.judge(&policy);
    assert!(w.all().all(|it| !judged.is_deleted(it)));
}

#[test]
fn a_tagged_index_inside_a_superseded_one_stays() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (a, b) = (w.legacy(p), w.legacy(p));
    let inner = w.index(&[p, b]).tag("v1");
    let outer = w.index(&[inner, a]);
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(outer) && judged.is_deleted(a));
    assert!(!judged.is_deleted(inner) && !judged.is_deleted(b) && !judged.is_deleted(p));
}

#[test]
fn a_sibling_index_under_the_same_root_that_goes_stays() {
    let w = World::default();
    let (p, q) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let a = w.legacy(p);
    let (with, without) = (w.index(&[p, a]), w.index(&[q]));
    let outer = w.index(&[with, without]);
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(outer) && judged.is_deleted(with) && judged.is_deleted(p));
    assert!(!judged.is_deleted(without) && !judged.is_deleted(q));
}
