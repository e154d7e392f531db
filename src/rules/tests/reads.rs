//! What is read, and what is not.

use super::world::*;
use crate::oci::attestation::{Form, Kind};
use crate::report::reason::Reason::*;
use crate::report::reason::State;

#[test]
fn what_is_kept_where_it_stands_is_not_read() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (attached, superseded) = (w.oci(p), w.oci(p));
    w.index(&[p, attached]).tag("v1");
    w.index(&[p, superseded]);
    let judged = w.judge(&defaults());
    let legacy = w.legacy(p);
    w.index(&[legacy]).tag("v2");
    let judged_again = w.judge(&defaults());
    assert_eq!(judged_again[legacy].artifact.form(), Some(Form::Unread));
    for (it, reason) in [(attached, Attached), (superseded, SupersededWithinGrace)] {
        assert!(!judged.was_read(it));
        assert_eq!((judged[it].artifact.form(), judged.reason(it)), (Some(Form::Oci), reason));
    }
    assert!(!judged.was_read(p));
}

#[test]
fn what_is_to_be_acted_on_is_read_first() {
    for policy in [deletes(), tags()] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let a = w.oci(p);
        w.index(&[p, a]);
        assert!(!w.judge_unread(&policy).wanted(&policy).is_empty());
        let judged = w.judge(&policy);
        assert!(judged.was_read(a) && judged.is_proven(a) && !judged.was_read(p));
    }
}

#[test]
fn tagging_reads_what_is_attached() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]).tag("v1");
    let judged = w.judge(&tags());
    assert!(judged.was_read(a));
    assert_eq!(judged[a].artifact.form(), Some(Form::Legacy));
}

#[test]
fn an_untagged_unlisted_image_is_read_whatever_the_policy() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let unlisted = w.image("linux/amd64");
    let judged = w.judge(&crate::config::policy::Policy {
        orphaned: crate::config::policy::Action::Keep,
        ..defaults()
    });
    assert_eq!((judged[a].artifact.form(), judged.reason(a)), (Some(Form::Legacy), Orphaned));
    assert!(judged.was_read(unlisted));
    assert_eq!(judged[unlisted].artifact.kind(), Kind::Image);
}

#[test]
fn a_tagged_archived_or_young_unlisted_image_is_not_read() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("latest");
    let kept = [w.legacy(p).tag("v1"), w.legacy(p).archived(), w.legacy(p).age(hours(1)), p];
    let judged = w.judge(&deletes_images());
    for it in kept {
        assert!(!judged.was_read(it));
        assert_eq!((judged[it].artifact.kind(), judged.reason(it)), (Kind::Unread, NotAnAttestation));
    }
}

#[test]
fn a_type_in_the_listing_that_rules_attestations_out_saves_the_read() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (chart, signature) = (w.chart(), w.signature(p));
    let judged = w.judge(&defaults());
    assert!(!judged.was_read(chart) && !judged.was_read(signature));
    assert_eq!(
        (judged[chart].artifact.kind(), judged[signature].artifact.kind()),
        (Kind::Chart, Kind::Signature)
    );
}

#[test]
fn without_types_in_the_listing_the_same_is_read_and_found_out() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (chart, signature) = (w.chart().taciturn(), w.signature(p).taciturn());
    let judged = w.judge(&defaults());
    assert!(judged.was_read(chart) && judged.was_read(signature));
    assert_eq!(
        (judged[chart].artifact.kind(), judged[signature].artifact.kind()),
        (Kind::Chart, Kind::Signature)
    );
}

#[test]
fn the_type_of_an_attestation_never_saves_the_read() {
    let w = World::default();
    let elsewhere = World::default();
    let p = elsewhere.image("linux/amd64");
    let (legacy, oci) = (w.legacy(p), w.oci(p));
    let judged = w.judge(&defaults());
    assert!(judged.was_read(legacy) && judged.was_read(oci));
    assert!(judged.is_deleted(legacy) && judged.is_deleted(oci));
}

#[test]
fn what_a_parent_says_nothing_of_is_only_counted_unless_it_would_be_acted_on() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a.listed(As::Bare)]);
    let judged = w.judge(&defaults());
    assert!(!judged.was_read(a) && judged.decision(&defaults(), a).is_none());
    assert_eq!((judged[a].artifact.kind(), judged.reason(a)), (Kind::Unread, NotAnAttestation));
}

#[test]
fn what_converters_leave_of_buildkits_descriptors_counts_as_an_attestation_under_any_policy() {
    for (form, unread, read) in [
        (World::legacy as for<'w> fn(&'w World, It<'w>) -> It<'w>, Form::Unread, Form::Legacy),
        (World::oci, Form::Oci, Form::Oci),
    ] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let a = form(&w, p);
        w.index(&[p, a.listed(As::Unknown)]);
        let (kept, acted_on) = (w.judge(&defaults()), w.judge(&deletes()));
        assert!(!kept.was_read(a) && acted_on.was_read(a));
        assert_eq!(
            (kept[a].artifact.form(), kept[a].artifact.state()),
            (Some(unread), Some(State::Superseded))
        );
        assert_eq!(
            (acted_on[a].artifact.form(), acted_on[a].artifact.state()),
            (Some(read), Some(State::Superseded))
        );
    }
}

#[test]
fn the_type_in_the_listing_counts_an_attestation_that_no_descriptor_claims() {
    for policy in [defaults(), deletes()] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let a = w.oci(p);
        w.index(&[p, a.listed(As::Bare)]);
        assert_eq!(w.judge(&policy)[a].artifact.form(), Some(Form::Oci));
    }
}

#[test]
fn what_its_parent_contradicts_is_not_worth_a_read() {
    for listed in [As::ReferenceType("builder"), As::Platform("linux/amd64")] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        w.index(&[a.listed(listed)]);
        let judged = w.judge(&deletes());
        assert!(!judged.was_read(a) && judged[a].artifact.kind() != Kind::Attestation, "{listed:?}");
    }
}

#[test]
fn every_index_is_read_however_it_stands() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let indexes =
        [w.index(&[p]).tag("v1"), w.index(&[p]).archived(), w.index(&[p]).age(hours(0)), w.index(&[p])];
    let judged = w.judge(&defaults());
    assert!(indexes.into_iter().all(|index| judged.was_read(index)));
}

#[test]
fn before_it_is_read_an_index_is_an_index_by_its_type() {
    let w = World::default();
    let index = w.index(&[]);
    let judged = w.judge_unread(&deletes());
    assert_eq!((judged[index].artifact.kind(), judged.wanted(&defaults()).len()), (Kind::Index, 0));
}

#[test]
fn reading_may_show_a_referrer_that_the_listing_kept_quiet_about() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]);
    w.signature(a).taciturn();
    assert_eq!(w.judge(&deletes()).reason(a), HasReferrers);
}

#[test]
fn an_attestation_that_cannot_be_read_takes_no_index_along() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.legacy(p).unreadable();
    let index = w.index(&[p, a]);
    let judged = w.judge(&deletes_images());
    assert_eq!(judged.reason(a), Unreadable);
    assert!(!judged.is_deleted(a) && !judged.is_deleted(index) && !judged.is_deleted(p));
}

#[test]
fn a_young_attestation_is_read_where_indexes_may_go_and_counts_as_unread() {
    for quiet in [
        |it: It<'_>| {
            it.taciturn();
        },
        |it: It<'_>| {
            it.without_type();
        },
    ] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let (young, old) = (w.oci(p).age(hours(1)), w.oci(p));
        quiet(young);
        let judged = w.judge(&recommended());
        assert_eq!((judged[young].kind(), judged.reason(young)), (Kind::Unread, NotAnAttestation));
        // It is no referrer, so that it makes its subject no more needed.
        assert_eq!(judged.reason(old), Orphaned);
    }
}

#[test]
fn what_its_parent_claims_and_the_listing_shows_with_a_subject_is_not_read() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.oci(p).without_type();
    w.index(&[p, a]).tag("v1");
    assert!(!w.judge(&recommended()).was_read(a));
}

#[test]
fn a_young_referrer_that_the_listing_keeps_quiet_about_holds() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let index = w.index(&[a]);
    w.signature(index).discreet().age(hours(1));
    assert_eq!(w.judge(&deletes()).reason(a), HasReferrers);
}

#[test]
fn a_referrer_that_the_listing_shows_as_one_is_not_read_for_its_subject() {
    let w = World::default();
    let signature = w.signature(w.index(&[]).tag("v1")).age(hours(1));
    assert!(!w.judge(&recommended()).was_read(signature));
}

#[test]
fn what_is_listed_and_read_for_its_subject_counts_as_what_it_is() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.oci(p).taciturn();
    w.index(&[p, a.listed(As::Bare)]).tag("v1");
    let judged = w.judge(&recommended());
    assert_eq!((judged[a].kind(), judged.reason(a), judged.was_read(a)), (Kind::Attestation, Attached, true));
}
