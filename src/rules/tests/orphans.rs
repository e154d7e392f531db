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
fn the_only_attestation_of_a_needed_image_stays_whatever_happens_to_orphans() {
    for policy in [defaults(), tags()] {
        let w = World::default();
        let a = w.oci(w.image("linux/amd64").tag("v1"));
        let judged = w.judge(&policy);
        assert_eq!((judged.reason(a), judged[a].action), (SubjectPresent, Action::Keep));
    }
}

#[test]
fn of_several_orphans_of_one_image_the_newest_stays() {
    let w = World::default();
    let (p, q) = (w.image("linux/amd64").tag("v1"), w.image("linux/arm64").tag("v2"));
    let [first, last, middle] = [30, 10, 20].map(|age| w.oci(p).age(days(age)));
    let other = w.oci(q).age(days(90));
    let judged = w.judge(&defaults());
    assert_eq!([first, middle].map(|it| judged.reason(it)), [Orphaned, Orphaned]);
    assert_eq!([last, other].map(|it| judged.reason(it)), [SubjectPresent, SubjectPresent]);
}

#[test]
fn of_orphans_that_are_equally_new_the_last_digest_stays() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    let mut orphans = [0; 5].map(|_| w.oci(p));
    orphans.sort_by_key(|it| it.digest());
    let judged = w.judge(&defaults());
    assert_eq!(orphans.map(|it| judged.reason(it)), [Orphaned, Orphaned, Orphaned, Orphaned, SubjectPresent]);
}

#[test]
fn the_newest_is_the_newest_of_those_that_nothing_else_holds() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    let (held, last) = (w.oci(p).age(days(10)), w.oci(p).age(days(20)));
    w.signature(held);
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(held), judged.reason(last)), (HasReferrers, SubjectPresent));
}

#[test]
fn an_image_that_nobody_needs_keeps_no_orphan() {
    let needs: [(Change, bool); 6] = [
        (|p| p, false),
        (|p| p.tag("v1"), true),
        (|p| p.age(hours(1)), true),
        (|p| p.archived(), true),
        (|p| p.pulled(days(90)), true),
        (|p| p.pulled(days(91)), false),
    ];
    for (place, (need, is_needed)) in needs.into_iter().enumerate() {
        let w = World::default();
        let p = need(w.image("linux/amd64"));
        let a = w.oci(p);
        let expected = if is_needed { SubjectPresent } else { Orphaned };
        assert_eq!(w.judge(&defaults()).reason(a), expected, "{place}");
    }
}

#[test]
fn an_image_is_needed_as_the_indexes_that_list_it() {
    let lists: [(Addition, bool); 7] = [
        (|w, p| w.index(&[p]), false),
        (|w, p| w.index(&[p]).tag("v1"), true),
        (|w, p| w.index(&[w.index(&[p])]).tag("v1"), true),
        (|w, p| w.index(&[w.index(&[p])]).pulled(days(1)), true),
        (|w, p| w.index(&[p]).age(hours(1)), true),
        (|w, p| w.index(&[p]).archived(), true),
        (|w, p| w.index(&[p]).tag(&format!("sha256-{}", w.chart().digest().hex())), false),
    ];
    for (place, (list, is_needed)) in lists.into_iter().enumerate() {
        let w = World::default();
        let p = w.image("linux/amd64");
        let a = w.oci(p);
        list(&w, p);
        let expected = if is_needed { SubjectPresent } else { Orphaned };
        assert_eq!(w.judge(&defaults()).reason(a), expected, "{place}");
    }
}

#[test]
fn what_an_unreadable_index_may_list_is_needed() {
    let indexes: [(Change, bool); 5] = [
        (|index| index.age(days(100)).archived().unreadable(), true),
        (|index| index.age(days(98)).unreadable(), true),
        (|index| index.age(days(97)).failing(), true),
        // The image came more than the grace period after the index.
        (|index| index.age(days(103)).archived().unreadable(), false),
        (|index| index.age(days(98)), false),
    ];
    for (place, (index, may_list_it)) in indexes.into_iter().enumerate() {
        let w = World::default();
        let (p, other) = (w.image("linux/amd64").age(days(100)), w.image("linux/arm64"));
        let [old, last] = [50, 40].map(|age| w.oci(p).age(days(age)));
        index(w.index(&[other]));
        let judged = w.judge(&defaults());
        let expected = if may_list_it { SubjectPresent } else { Orphaned };
        assert_eq!((judged.reason(old), judged.reason(last)), (Orphaned, expected), "{place}");
    }
}

#[test]
fn so_is_what_an_index_lists_that_an_unreadable_one_may_list() {
    let w = World::default();
    let p = w.image("linux/amd64").age(days(90));
    w.index(&[p]).age(days(100));
    w.index(&[]).age(days(98)).archived().unreadable();
    let a = w.oci(p).age(days(50));
    assert_eq!(w.judge(&defaults()).reason(a), SubjectPresent);
}

#[test]
fn what_a_needed_referrer_refers_to_is_needed() {
    for (tag, expected) in [("sbom", SubjectPresent), ("", Orphaned)] {
        let w = World::default();
        let p = w.image("linux/amd64");
        let (a, signature) = (w.oci(p), w.signature(w.signature(p)));
        if !tag.is_empty() {
            signature.tag(tag);
        }
        assert_eq!(w.judge(&defaults()).reason(a), expected);
    }
}

#[test]
fn where_nothing_has_a_users_tag_every_image_may_be_needed() {
    let w = World::default();
    w.without_bystander();
    let p = w.image("linux/amd64");
    let (old, last) = (w.oci(p).age(days(20)), w.oci(p).age(days(10)));
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(old), judged.reason(last)), (Orphaned, SubjectPresent));
    let without_tags = Policy { superseded_without_tags: Action::Delete, ..defaults() };
    assert_eq!(w.judge(&without_tags).reason(last), Orphaned);
}

#[test]
fn the_policy_can_make_it_an_orphan_like_any_other() {
    let w = World::default();
    let a = w.oci(w.image("linux/amd64").tag("v1"));
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
    let p = w.image("linux/amd64").tag("v1");
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

#[test]
fn an_orphan_that_was_pulled_makes_its_subject_no_more_needed() {
    let w = World::default();
    let a = w.oci(w.image("linux/amd64")).pulled(days(1));
    let judged = w.judge(&defaults());
    assert_eq!((judged.reason(a), judged.is_deleted(a)), (Orphaned, true));
}
