//! What holds everything superseded in a repository, or everything that something unreadable could list.

use super::world::*;
use crate::config::policy::{Action, Policy, SupersededSince};
use crate::inventory::Evidence;
use crate::oci::attestation::{Classified, Kind};
use crate::report::reason::Reason::{self, *};
use crate::rules::verdict::Verdict;

/// A superseded build of an image, an attestation and their index.
fn build(w: &World) -> (It<'_>, It<'_>, It<'_>) {
    let p = w.image("linux/amd64");
    let a = w.oci(p);
    (p, a, w.index(&[p, a]))
}

/// Two days more or less than 100 make the difference: the grace period.
#[test]
fn an_unreadable_index_holds_what_is_not_much_younger_than_itself() {
    let changes: [Change; 2] = [|it| it.archived(), |it| it];
    for change in changes {
        for (age, reason) in [
            (days(50), MayBeListed),
            (days(100), MayBeListed),
            (days(102), MayBeListed),
            (days(102) + A_SECOND, Superseded),
        ] {
            let w = World::default();
            let (p, a, _) = build(&w);
            change(w.index(&[p, a])).unreadable().age(age);
            let judged = w.judge(&deletes());
            assert_eq!(judged.reason(a), reason, "{age:?}");
        }
    }
}

#[test]
fn an_orphan_that_an_unreadable_index_could_list_stays() {
    for (age, reason) in [(days(102), MayBeListed), (days(103), Orphaned)] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        w.index(&[a]).archived().unreadable().age(age);
        assert_eq!(w.judge(&defaults()).reason(a), reason);
    }
}

#[test]
fn an_unreadable_index_counts_from_its_restoring() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]).unreadable().age(days(300)).activated(days(90));
    assert_eq!(w.judge(&defaults()).reason(a), MayBeListed);
}

#[test]
fn a_restored_attestation_could_have_been_listed_since_its_push() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64")).age(days(300)).activated(days(90));
    w.index(&[a]).unreadable().age(days(200));
    assert_eq!(w.judge(&defaults()).reason(a), MayBeListed);
}

#[test]
fn it_holds_what_is_below_an_index_that_it_could_list() {
    // The attestation came long after the unreadable index, and its index was there before.
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.oci(p).age(days(60));
    let index = w.index(&[p, a]);
    w.index(&[index]).unreadable();
    assert_eq!(w.judge(&deletes()).reason(a), MayBeListed);
}

#[test]
fn what_has_no_known_media_type_may_be_an_unreadable_index() {
    let w = World::default();
    let (_, a, _) = build(&w);
    w.chart().untyped().unreadable();
    assert_eq!(w.judge(&deletes()).reason(a), MayBeListed);
}

#[test]
fn no_platform_image_goes_beside_an_unreadable_index() {
    let w = World::default();
    let (p, a, index) = build(&w);
    let stranded = w.image("linux/arm64").stranded();
    let unreadable = w.index(&[]).archived().unreadable().age(days(300));
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(a) && judged.is_deleted(index));
    assert!(!judged.is_deleted(p) && !judged.is_deleted(stranded));
    assert_eq!((judged[unreadable].kind(), judged.reason(unreadable)), (Kind::Index, NotAnAttestation));
    assert!(judged.decision(&deletes_images(), unreadable).is_none(), "hundreds may be archived");
}

#[test]
fn an_unreadable_index_that_is_not_archived_is_told() {
    let w = World::default();
    let unreadable = w.index(&[]).unreadable();
    let judged = w.judge(&defaults());
    assert_eq!((judged[unreadable].kind(), judged.reason(unreadable)), (Kind::Index, Unreadable));
    assert!(judged.decision(&defaults(), unreadable).is_some());
}

#[test]
fn an_unreadable_image_is_told_as_unread() {
    let w = World::default();
    let unreadable = w.legacy(w.image("linux/amd64")).unreadable();
    let judged = w.judge(&defaults());
    assert_eq!((judged[unreadable].kind(), judged.reason(unreadable)), (Kind::Unread, Unreadable));
}

#[test]
fn what_failed_has_a_row_and_what_is_unreadable_is_counted() {
    let w = World::default();
    let failing = w.legacy(w.image("linux/amd64")).failing();
    let p = w.image("linux/arm64");
    let _unreadable = [(); 2].map(|()| w.legacy(p).unreadable());
    w.index(&[p, w.legacy(p)]).tag("v1");
    let expanded = w.judge(&defaults()).expanded(&defaults());
    let rows: Vec<_> = expanded.kept.iter().map(|it| (it.image.digest, it.failed)).collect();
    assert_eq!(rows, [(failing.digest(), true)]);
    assert_eq!(expanded.kept_by_reason.into_iter().collect::<Vec<_>>(), [(Unreadable, 2), (Attached, 1)]);
}

#[test]
fn what_is_gone_is_told_no_more() {
    let w = World::default();
    let gone = w.legacy(w.image("linux/amd64")).untyped().gone();
    let judged = w.judge(&defaults());
    assert!(judged.decision(&defaults(), gone).is_none(), "{:?}", judged[gone]);
}

#[test]
fn a_follower_that_an_unreadable_index_could_list_stays() {
    for (age, goes) in [(days(101), false), (days(103), true)] {
        let w = World::default();
        let (_, a, index) = build(&w);
        let signature = w.signature(index).age(days(100));
        for it in [a, index] {
            it.age(days(90));
        }
        w.index(&[signature]).unreadable().age(age);
        let judged = w.judge(&recommended());
        assert!(judged.is_deleted(a) && judged.is_deleted(index));
        assert_eq!(judged.is_deleted(signature), goes);
    }
}

#[test]
fn replicated_deletions_keep_what_is_superseded_and_orphans_go() {
    let w = World::default();
    let (_, a, index) = build(&w);
    let (orphan, stranded) = (w.legacy(w.image("linux/s390x")), w.image("linux/arm64").stranded());
    w.replicated();
    let judged = w.judge(&deletes_images());
    assert_eq!((judged.reason(a), judged[a].action), (Replicated, Action::Keep));
    assert!(!judged.is_deleted(index) && !judged.is_deleted(stranded) && judged.is_deleted(orphan));
    let everywhere = Policy { replicated: Action::Delete, ..deletes_images() };
    let judged = w.judge(&everywhere);
    assert!([a, index, stranded].into_iter().all(|it| judged.is_deleted(it)));
}

#[test]
fn where_nothing_has_a_users_tag_nothing_superseded_goes_or_is_tagged() {
    for policy in [deletes_images(), tags()] {
        let w = World::default();
        w.without_bystander();
        let (p, a, index) = build(&w);
        let (orphan, stranded) = (w.legacy(p), w.image("linux/arm64").stranded());
        let judged = w.judge(&policy);
        assert_eq!((judged.reason(a), judged[a].action), (UntaggedRepository, Action::Keep));
        for it in [p, index, stranded] {
            assert_eq!(judged[it].action, Action::Keep);
        }
        assert_ne!(judged[orphan].action, Action::Keep);
        let policy = Policy { superseded_without_tags: Action::Delete, ..policy };
        assert_eq!(w.judge(&policy).reason(a), Superseded);
    }
}

#[test]
fn whose_tag_makes_a_repository_tagged() {
    let tag: [(Addition, Reason); 6] = [
        (|w, _| w.chart().tag("v1"), Superseded),
        (|w, _| w.image("linux/arm64").tag("v1").archived(), Superseded),
        (|w, p| w.index(&[p]).own_tag(), Superseded),
        (|w, p| w.legacy(p).own_tag(), UntaggedRepository),
        (|w, p| w.chart().tag(&format!("sha256-{}.sig", p.digest().hex())), UntaggedRepository),
        (|w, p| w.chart().tag(&format!("cve-sha256-{}.att", p.digest().hex())), UntaggedRepository),
    ];
    for (place, (tag, reason)) in tag.into_iter().enumerate() {
        let w = World::default();
        w.without_bystander();
        let (_, a, _) = build(&w);
        tag(&w, w.image("linux/s390x"));
        assert_eq!(w.judge(&deletes()).reason(a), reason, "{place}");
    }
}

#[test]
fn an_index_counts_as_superseded_since_it_lost_its_tag() {
    let since = |lost, age, since| {
        let w = World::default();
        let (_, a, index) = build(&w);
        index.age(age);
        if let Some(lost) = lost {
            index.untagged(lost);
        }
        w.judge(&Policy { superseded_since: since, ..deletes() }).reason(a)
    };
    use SupersededSince::{Push, Untagged};
    assert_eq!(since(None, days(100), Untagged), SupersededWithinGrace, "nobody knows");
    assert_eq!(since(None, days(100), Push), Superseded);
    assert_eq!(since(Some(days(29)), days(100), Untagged), SupersededWithinGrace);
    assert_eq!(since(Some(days(30) - A_SECOND), days(100), Untagged), SupersededWithinGrace);
    assert_eq!(since(Some(days(30)), days(100), Untagged), Superseded);
    assert_eq!(since(Some(days(1)), days(100), Push), Superseded);
    assert_eq!(since(Some(days(90)), days(29), Untagged), SupersededWithinGrace, "pushed again since");
}

#[test]
fn every_index_above_must_have_lost_its_tag_long_ago() {
    let w = World::default();
    let (_, a, index) = build(&w);
    index.untagged(days(90));
    let outer = w.index(&[index]);
    let policy = Policy { superseded_since: SupersededSince::Untagged, ..deletes() };
    assert_eq!(w.judge(&policy).reason(a), SupersededWithinGrace);
    outer.untagged(days(90));
    assert_eq!(w.judge(&policy).reason(a), Superseded);
}

#[test]
fn what_was_restored_is_as_young_as_its_restoring() {
    let w = World::default();
    let (p, a, index) = build(&w);
    a.activated(hours(48) - A_SECOND);
    assert_eq!(w.judge(&deletes()).reason(a), WithinGrace);
    a.activated(hours(48));
    index.activated(days(30) - A_SECOND);
    assert_eq!(w.judge(&deletes()).reason(a), SupersededWithinGrace);
    index.activated(days(30));
    p.activated(hours(1));
    let judged = w.judge(&deletes_images());
    assert!(judged.is_deleted(a) && judged.is_deleted(index) && !judged.is_deleted(p));
    let orphan = w.legacy(p).activated(hours(1));
    assert_eq!(
        (w.judge(&defaults())[orphan].kind(), w.judge(&defaults()).was_read(orphan)),
        (Kind::Unread, false)
    );
}

#[test]
fn what_was_pushed_again_since_its_restoring_is_as_young_as_its_push() {
    let w = World::default();
    let (_, a, index) = build(&w);
    index.age(days(20)).activated(days(60));
    assert_eq!(w.judge(&deletes()).reason(a), SupersededWithinGrace);
}

#[test]
fn an_image_that_was_restored_before_an_unknown_push_is_young() {
    let w = World::default();
    let (_, a, _) = build(&w);
    a.of_unknown_age().activated(days(90));
    assert_eq!(w.judge(&deletes()).reason(a), WithinGrace);
}

#[test]
fn stranded_images_go_by_the_rules_of_images() {
    let holds: [(Addition, bool); 7] = [
        (|_, p| p, true),
        (|_, p| p.tag("v1"), false),
        (|_, p| p.archived(), false),
        (|_, p| p.age(hours(1)), false),
        (|_, p| p.pulled(days(1)), false),
        (|w, p| w.signature(p), false),
        (|w, p| w.index(&[p]), false),
    ];
    for (place, (hold, goes)) in holds.into_iter().enumerate() {
        let w = World::default();
        let p = w.image("linux/amd64").stranded();
        hold(&w, p);
        let judged = w.judge(&deletes_images());
        assert_eq!(judged.is_deleted(p), goes, "{place}");
        assert!(!goes || judged.is_proven(p) && judged.reason(p) == Superseded);
        assert!(!w.judge(&deletes()).is_deleted(p) && !w.judge(&defaults()).is_deleted(p));
    }
}

#[test]
fn what_may_refer_to_anything_holds_everything_superseded() {
    let w = World::default();
    let (_, a, _) = build(&w);
    let orphan = w.legacy(w.image("linux/arm64"));
    w.signature(w.chart()).taciturn().failing();
    let judged = w.judge(&deletes());
    assert_eq!((judged.reason(a), judged.reason(orphan)), (HasReferrers, Orphaned));
}

#[test]
fn nothing_is_proven_by_bytes_of_another_kind() {
    let read = |kind, has_subject| Evidence::Read(Classified { has_subject, ..Classified::other(kind) });
    let superseded = |kind| Verdict::delete(kind, Superseded);
    let follows = Verdict::delete(Kind::Signature, FollowsItsSubject);
    assert!(superseded(Kind::Index).proven_target(read(Kind::Index, false)).is_some());
    assert!(superseded(Kind::Index).proven_target(read(Kind::Image, false)).is_none());
    assert!(superseded(Kind::Image).proven_target(read(Kind::Artifact, false)).is_none());
    assert!(superseded(Kind::Image).proven_target(Evidence::Unread).is_none());
    assert!(follows.proven_target(read(Kind::Signature, true)).is_some());
    assert!(follows.proven_target(read(Kind::Signature, false)).is_none());
}
