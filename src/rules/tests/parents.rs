//! Who is a parent, and what parents pass on to what they list.

use super::world::*;
use crate::report::reason::Reason::*;
use crate::report::reason::State;

#[test]
fn a_tagged_index_holds_what_it_lists_through_another() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let inner = w.index(&[a]);
    w.index(&[inner]).tag("v1");
    let judged = w.judge(&deletes());
    assert_eq!((judged.reason(a), judged[a].artifact.state()), (Attached, Some(State::Attached)));
    assert!(!judged.is_deleted(inner));
}

#[test]
fn a_tag_on_the_inner_index_holds_what_it_lists_and_the_outer_one_stays() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let inner = w.index(&[a]).tag("v1");
    let outer = w.index(&[inner]);
    let judged = w.judge(&deletes());
    assert_eq!(judged.reason(a), Attached);
    assert!(!judged.is_deleted(inner) && !judged.is_deleted(outer));
}

#[test]
fn one_tagged_parent_among_untagged_ones_is_enough() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let old = w.index(&[a]);
    w.index(&[a]).tag("v1");
    let judged = w.judge(&deletes());
    assert_eq!(judged.reason(a), Attached);
    assert!(!judged.is_deleted(old));
}

#[test]
fn all_the_untagged_indexes_above_go_with_a_superseded_attestation() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let inner = w.index(&[a]);
    let (outer, other) = (w.index(&[inner]), w.index(&[a]));
    let judged = w.judge(&deletes());
    for it in [a, inner, outer, other] {
        assert_eq!((judged.reason(it), judged.is_deleted(it)), (Superseded, true));
    }
}

#[test]
fn an_archived_index_is_a_parent_and_its_children_are_not_touched() {
    for policy in [deletes(), tags()] {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        let inner = w.index(&[a]);
        w.index(&[inner]).archived();
        assert_eq!(w.judge(&policy).reason(a), NotActive);
    }
}

#[test]
fn an_archived_index_with_a_tag_still_attaches() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]).archived().tag("v1");
    assert_eq!(w.judge(&deletes()).reason(a), Attached);
}

#[test]
fn what_is_archived_beside_an_attestation_does_not_hold_it() {
    let w = World::default();
    let p = w.image("linux/amd64").archived();
    let a = w.legacy(p);
    w.index(&[p, a]);
    assert_eq!(w.judge(&deletes()).reason(a), Superseded);
}

#[test]
fn a_young_index_further_up_holds_too() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let inner = w.index(&[a]);
    w.index(&[inner]).age(days(29));
    let judged = w.judge(&deletes());
    assert_eq!(judged.reason(a), SupersededWithinGrace);
    assert!(!judged.is_deleted(inner));
}

#[test]
fn one_young_parent_among_old_ones_is_enough() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let old = w.index(&[a]);
    w.index(&[a]).age(days(29));
    let judged = w.judge(&deletes());
    assert_eq!(judged.reason(a), SupersededWithinGrace);
    assert!(!judged.is_deleted(old));
}

#[test]
fn the_age_of_a_tagged_index_does_not_matter() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]).age(hours(1)).tag("v1");
    assert_eq!(w.judge(&deletes()).reason(a), Attached);
}

#[test]
fn one_index_may_list_one_attestation_twice() {
    let w = World::default();
    let (amd, arm) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let a = w.legacy(amd);
    let index = w.index(&[amd, arm, a, a.about(arm), a]);
    let judged = w.judge(&deletes());
    assert!(judged.is_deleted(a) && judged.is_deleted(index));
    assert_eq!(judged.decision(&deletes(), a).unwrap().image.parents, [index.digest()]);
}

#[test]
fn an_index_without_a_known_media_type_is_a_parent() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    w.index(&[a]).untyped().tag("v1");
    assert_eq!(w.judge(&deletes()).reason(a), Attached);
}

#[test]
fn an_index_that_is_gone_is_no_parent() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let gone = w.index(&[a]).gone();
    let judged = w.judge(&defaults());
    assert_eq!(judged.reason(a), Orphaned);
    assert!(judged.is_deleted(a) && !judged.is_deleted(gone));
}

#[test]
fn an_index_that_lists_itself_is_a_parent_like_any_other() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let index = w.forged_index();
    index.lists(&[index, a]);
    let judged = w.judge(&deletes());
    assert!(judged.is_deleted(a) && judged.is_deleted(index));
}

#[test]
fn a_loop_passes_everything_round() {
    let holds: [fn(It<'_>) -> It<'_>; 4] =
        [|it| it.tag("v1"), |it| it.archived(), |it| it.age(days(1)), |it| it.pulled(days(1))];
    for (hold, reason) in holds.into_iter().zip([Attached, NotActive, SupersededWithinGrace, RecentlyPulled])
    {
        let w = World::default();
        let a = w.legacy(w.image("linux/amd64"));
        let (one, two, three) = (w.forged_index(), w.forged_index(), w.forged_index());
        one.lists(&[two, a]);
        two.lists(&[three]);
        hold(three.lists(&[one]));
        assert_eq!(w.judge(&deletes()).reason(a), reason);
    }
}

#[test]
fn children_that_the_repository_does_not_have_do_not_disturb() {
    let (w, elsewhere) = (World::default(), World::default());
    elsewhere.chart();
    let a = w.legacy(w.image("linux/amd64"));
    let index = w.index(&[elsewhere.image("linux/s390x"), a]);
    assert!(w.judge(&deletes()).is_deleted(index));
}
