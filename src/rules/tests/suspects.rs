//! What looks like an attestation but is not proven, or is contradicted.

use super::world::*;
use crate::oci::attestation::{Form, Kind};
use crate::oci::media_type::DOCKER_ATTESTATION;
use crate::report::reason::Reason::*;

#[test]
fn one_parent_that_contradicts_makes_a_suspect_and_nothing_goes_for_its_sake() {
    for contradiction in [
        As::Platform("linux/amd64"),
        As::ArtifactFor("linux/amd64"),
        As::ClaimedFor("linux/amd64"),
        As::ReferenceType("builder"),
        As::ArtifactType("application/vnd.example"),
    ] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        let (honest, odd) = (w.index(&[a]), w.index(&[a.listed(contradiction)]));
        let judged = w.judge(&deletes());
        assert_eq!(
            (judged[a].artifact.kind(), judged.reason(a)),
            (Kind::Suspect, NotAnAttestation),
            "{contradiction:?}"
        );
        assert!(w.all().all(|it| !judged.is_deleted(it)), "{contradiction:?}");
        assert!(judged.decision(&deletes(), a).is_some(), "suspects are listed");
        assert!(judged.decision(&deletes(), honest).is_none() && judged.decision(&deletes(), odd).is_none());
    }
}

#[test]
fn proven_bytes_do_not_help_against_a_contradiction() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64")).untyped();
    w.index(&[a.listed(As::Platform("linux/amd64"))]);
    let judged = w.judge(&deletes());
    assert!(judged.was_read(a));
    assert_eq!(judged[a].artifact.kind(), Kind::Suspect);
}

#[test]
fn dockers_own_artifact_type_in_the_descriptor_contradicts_nothing() {
    let w = World::default();
    let a = w.oci(w.image("linux/amd64"));
    w.index(&[a.listed(As::ArtifactType(DOCKER_ATTESTATION))]);
    assert!(w.judge(&deletes()).is_deleted(a));
}

#[test]
fn a_parent_proves_what_docker_attest_signed() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.signed(p);
    let index = w.index(&[p, a]);
    let judged = w.judge(&deletes());
    assert_eq!(judged[a].artifact.form(), Some(Form::ByParent));
    assert!(judged.is_deleted(a) && judged.is_deleted(index) && !judged.is_deleted(p));
}

#[test]
fn without_a_parent_it_refers_to_its_subject_and_is_never_an_orphan() {
    let w = World::default();
    let elsewhere = World::default();
    let a = w.signed(elsewhere.image("linux/amd64")).taciturn();
    let judged = w.judge(&defaults());
    assert!(judged.was_read(a));
    assert_eq!((judged[a].artifact.kind(), judged.reason(a)), (Kind::Referrer, NotAnAttestation));
    assert!(judged.decision(&defaults(), a).is_none());
}

#[test]
fn without_a_parent_and_a_subject_it_is_a_suspect() {
    let w = World::default();
    let a = w.statements();
    let judged = w.judge(&defaults());
    assert!(judged.was_read(a));
    assert_eq!((judged[a].artifact.kind(), judged.reason(a)), (Kind::Suspect, NotAnAttestation));
    assert!(judged.decision(&defaults(), a).is_some());
}

#[test]
fn a_parent_that_claims_nothing_proves_nothing() {
    for listed in [As::Bare, As::Unknown] {
        let w = World::default();
        let a = w.signed(w.image("linux/amd64")).taciturn();
        let index = w.index(&[a.listed(listed)]);
        let judged = w.judge(&deletes());
        assert_eq!(judged[a].artifact.kind(), Kind::Suspect, "{listed:?}");
        assert!(!judged.is_deleted(index));
    }
}

#[test]
fn a_claim_does_not_outweigh_another_parents_contradiction() {
    let w = World::default();
    let a = w.signed(w.image("linux/amd64")).untyped();
    w.index(&[a]);
    w.index(&[a.listed(As::ReferenceType("builder"))]);
    assert_eq!(w.judge(&deletes())[a].kind(), Kind::Suspect);
}

#[test]
fn a_claim_about_something_else_makes_a_suspect_of_it() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (image, signature) = (w.image("linux/arm64"), w.signature(p));
    let index = w.index(&[p, image.listed(As::Claimed), signature.listed(As::Claimed)]);
    let judged = w.judge(&deletes_images());
    assert!(judged.was_read(image) && !judged.was_read(signature), "ECR's type tells the signature");
    for it in [image, signature] {
        assert_eq!((judged[it].artifact.kind(), judged.reason(it)), (Kind::Suspect, NotAnAttestation));
    }
    assert!(!judged.is_deleted(index) && !judged.is_deleted(p));
}

#[test]
fn a_claimed_index_is_an_index() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let inner = w.index(&[a]);
    w.index(&[inner.listed(As::Claimed)]).tag("v1");
    let judged = w.judge(&deletes());
    assert_eq!((judged[inner].artifact.kind(), judged.reason(a)), (Kind::Index, Attached));
}

#[test]
fn an_attestation_whose_parent_lost_its_annotations_is_proven_by_its_bytes() {
    for listed in [As::Unknown, As::Bare] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        let index = w.index(&[a.listed(listed)]);
        let judged = w.judge(&deletes());
        assert_eq!(
            (judged[a].artifact.form(), judged.reason(a)),
            (Some(Form::Legacy), Superseded),
            "{listed:?}"
        );
        assert!(judged.is_deleted(a) && judged.is_deleted(index));
    }
}

#[test]
fn an_image_for_an_unknown_platform_is_no_attestation() {
    let w = World::default();
    let p = w.image("unknown/unknown");
    let index = w.index(&[p.listed(As::Unknown)]);
    let judged = w.judge(&deletes_images());
    assert!(judged.was_read(p));
    assert_eq!(judged[p].artifact.kind(), Kind::Image);
    assert!(!judged.is_deleted(p) && !judged.is_deleted(index));
}

#[test]
fn an_index_goes_for_its_attestation_even_if_it_lists_a_suspect() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (a, suspect) = (w.legacy(p), w.legacy(p));
    let index = w.index(&[p, a, suspect.listed(As::ReferenceType("builder"))]);
    let judged = w.judge(&deletes());
    assert!(judged.is_deleted(a) && judged.is_deleted(index) && !judged.is_deleted(suspect));
}
