//! Orphans, and those of them whose subject is still there.

use super::world::*;
use crate::config::policy::{Action, Policy};
use crate::report::reason::Reason::*;

#[test]
fn an_orphan_that_names_no_subject_goes() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64").tag("v1"));
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(a), judged.is_deleted(a)), (Orphaned, true));
}

#[test]
fn an_orphan_whose_subject_is_gone_goes() {
    let (w, elsewhere) = (World::default(), World::default());
    elsewhere.chart();
    let a = w.oci(elsewhere.image("linux/amd64"));
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(a), judged.is_deleted(a)), (Orphaned, true));
}

#[test]
fn the_only_attestation_of_an_image_stays_whatever_happens_to_orphans() {
    for policy in [defaults(), tags()] {
        let w = World::default();
        let a = w.oci(w.image("linux/amd64"));
        let judged = w.judge(&policy);
        assert_eq!((judged.reason(a), judged[a].action), (SubjectPresent, Action::Keep));
    }
}

#[test]
fn two_orphans_of_one_image_both_stay() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (one, two) = (w.oci(p), w.oci(p));
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(one), judged.reason(two)), (SubjectPresent, SubjectPresent));
}

#[test]
fn the_policy_can_make_it_an_orphan_like_any_other() {
    let w = World::default();
    let a = w.oci(w.image("linux/amd64"));
    let judged = w.judge(&Policy { orphaned_with_subject: Action::Delete, ..defaults() });
    assert_eq!((judged.reason(a), judged.is_deleted(a)), (Orphaned, true));
}

#[test]
fn an_orphan_goes_when_an_index_lists_another_attestation_of_its_subject() {
    for form in [World::legacy, World::oci, World::signed] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let orphan = w.oci(p);
        w.index(&[p, form(&w, p)]).tag("v1");
        let judged = w.judge(&defaults());
        assert_eq!((judged.reason(orphan), judged.is_deleted(orphan)), (Orphaned, true));
    }
}

#[test]
fn an_untagged_index_that_stays_is_enough_for_that() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let orphan = w.oci(p);
    w.index(&[p, w.legacy(p)]);
    assert_eq!(w.judge(&defaults()).reason(orphan), Orphaned);
}

#[test]
fn an_index_that_the_plan_deletes_is_not() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let orphan = w.oci(p);
    let old = w.index(&[p, w.legacy(p)]);
    let judged = w.judge(&deletes());
    assert!(judged.is_deleted(old));
    assert_eq!(judged.reason(orphan), SubjectPresent);
}

#[test]
fn an_attestation_of_another_image_is_not() {
    let w = World::default();
    let (amd, arm) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let orphan = w.oci(amd);
    w.index(&[amd, arm, w.legacy(arm), w.oci(arm)]).tag("v1");
    assert_eq!(w.judge(&defaults()).reason(orphan), SubjectPresent);
}

#[test]
fn an_attestation_listed_for_two_images_counts_for_both() {
    let w = World::default();
    let (amd, arm) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let (of_amd, of_arm, both) = (w.oci(amd), w.oci(arm), w.legacy(amd));
    w.index(&[amd, arm, both, both.about(arm)]).tag("v1");
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(of_amd), judged.reason(of_arm)), (Orphaned, Orphaned));
}

#[test]
fn a_subject_in_the_other_attestations_own_bytes_counts_without_annotations() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let orphan = w.oci(p);
    w.index(&[p, w.oci(p).listed(As::Unknown).untyped()]).tag("v1");
    assert_eq!(w.judge(&defaults()).reason(orphan), Orphaned);
}

#[test]
fn a_suspect_or_an_image_that_an_index_lists_does_not_count() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let orphan = w.oci(p);
    let suspect = w.legacy(p);
    w.index(&[p, suspect, w.signature(p)]).tag("v1");
    w.index(&[suspect.listed(As::Platform("linux/amd64"))]).tag("v2");
    assert_eq!(w.judge(&defaults()).reason(orphan), SubjectPresent);
}

#[test]
fn a_subject_may_be_archived_or_tagged_and_is_present_all_the_same() {
    let w = World::default();
    let (tagged, archived) = (w.image("linux/amd64").tag("v1"), w.image("linux/arm64").archived());
    let (one, two) = (w.oci(tagged), w.oci(archived));
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(one), judged.reason(two)), (SubjectPresent, SubjectPresent));
}
