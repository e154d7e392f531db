//! `in-use` and `in-use-unknown`: what runs somewhere, and what nobody knows to run.

use super::world::*;
use crate::config::policy::Action;
use crate::report::reason::Reason::*;

/// An image, its attestation, their index, and one above.
fn build(w: &World) -> [It<'_>; 4] {
    let p = w.image("linux/amd64");
    let a = w.oci(p);
    let inner = w.index(&[p, a]);
    [p, a, inner, w.index(&[inner])]
}

#[test]
fn what_runs_keeps_its_indexes_and_all_that_they_list() {
    for used in 0..4 {
        let w = World::default();
        let all = build(&w);
        all[used].in_use("function web, version 3");
        let judged = w.judge(&recommended());
        assert_eq!(judged.reason(all[1]), InUse, "{used}");
        assert!(all.iter().all(|it| !judged.is_deleted(*it)), "{used}");
    }
}

#[test]
fn an_image_that_several_untagged_indexes_hold_keeps_all_of_them() {
    let w = World::default();
    let p = w.image("linux/amd64").in_use("service web");
    let (first, second) = (w.oci(p), w.oci(p));
    let indexes = [w.index(&[p, first]), w.index(&[p, second])];
    let judged = w.judge(&recommended());
    assert_eq!((judged.reason(first), judged.reason(second)), (InUse, InUse));
    assert!(indexes.iter().all(|it| !judged.is_deleted(*it)));
}

#[test]
fn an_image_that_a_tag_reaches_keeps_no_other_index() {
    let w = World::default();
    let [p, a, inner, outer] = build(&w);
    p.in_use("service web");
    let live = w.oci(p);
    w.index(&[p, live]).tag("v1");
    let judged = w.judge(&recommended());
    assert_eq!((judged.reason(a), judged.reason(live)), (Superseded, Attached));
    assert!(judged.is_deleted(inner) && judged.is_deleted(outer) && !judged.is_deleted(p));
}

#[test]
fn what_runs_is_needed_with_all_that_belongs_to_it() {
    let w = World::default();
    let [p, _, inner, _] = build(&w);
    p.in_use("service web");
    let other = w.image("linux/arm64").in_use("service arm");
    let (only, another) = (w.oci(other), w.oci(p));
    let signatures = [w.signature(p), w.signature(inner)];
    let judged = w.judge(&recommended());
    assert!(signatures.iter().all(|it| !judged.is_deleted(*it)));
    assert_eq!(judged.reason(only), SubjectPresent, "the only attestation of something that runs");
    assert_eq!(judged.reason(another), Orphaned, "an index that stays lists another");
}

#[test]
fn it_comes_right_after_a_user_s_tag() {
    let w = World::default();
    let [_, a, ..] = build(&w);
    a.in_use("function web").archived().age(A_SECOND);
    assert_eq!(w.judge(&recommended()).reason(a), InUse);
    a.tag("mine");
    assert_eq!(w.judge(&recommended()).reason(a), Tagged);
}

#[test]
fn a_running_index_with_a_tag_is_in_use_too_and_what_it_lists_gets_no_tag() {
    let w = World::default();
    let [_, a, _, outer] = build(&w);
    outer.tag("v1").in_use("function web");
    let verdict = w.judge(&tags())[a];
    assert_eq!((verdict.reason, verdict.action), (InUse, Action::Keep));
}

#[test]
fn a_source_that_cannot_be_read_keeps_what_it_could_have_named() {
    let w = World::default();
    w.without_source("lambda");
    let [p, a, inner, outer] = build(&w);
    let orphan = w.oci(w.image("linux/arm64"));
    let dead = w.legacy(p);
    let signature = w.signature(orphan);
    let judged = w.judge(&recommended());
    assert_eq!(judged.reason(a), InUseUnknown);
    assert_eq!(judged.reason(orphan), InUseUnknown);
    assert_eq!(judged.reason(dead), Orphaned, "it names no subject");
    assert!([p, inner, outer, signature].iter().all(|it| !judged.is_deleted(*it)));
    assert!(judged.is_deleted(dead));
}

#[test]
fn such_a_source_keeps_what_earlier_runs_left_behind() {
    let w = World::default();
    let left = w.image("linux/amd64").stranded();
    assert!(w.judge(&recommended()).is_deleted(left));
    w.without_source("lambda");
    assert!(!w.judge(&recommended()).is_deleted(left));
}

#[test]
fn whatever_else_keeps_something_is_told_before_a_source_that_cannot_be_read() {
    let w = World::default();
    w.without_source("lambda");
    let [_, a, inner, _] = build(&w);
    inner.age(days(10));
    assert_eq!(w.judge(&recommended()).reason(a), SupersededWithinGrace);
    let attached = w.oci(w.image("linux/arm64"));
    w.index(&[attached]).tag("v1");
    assert_eq!(w.judge(&tags()).reason(attached), Attached);
}

#[test]
fn who_uses_it_is_named() {
    let w = World::default();
    let [p, a, _, outer] = build(&w);
    outer.in_use("function web, version 3").in_use("function web, version 4");
    let policy = recommended();
    let judged = w.judge(&policy);
    let users = ["function web, version 3", "function web, version 4"].map(str::to_owned);
    let named: Vec<String> = [outer.digest().to_string()].into_iter().chain(users).collect();
    assert_eq!(judged.decision(&policy, a).unwrap().image.because, named);
    let told = judged.why(&policy, a);
    let short = outer.digest().short();
    let expected =
        format!("the index {short} above it is in use: function web, version 3 and function web, version 4");
    assert_eq!(told.sentence, expected);
    let image = judged.why(&policy, p).sentence;
    assert_eq!(image, format!("it is a platform image, and {expected}"));
}

#[test]
fn an_image_that_only_the_index_above_holds_is_named_with_its_users() {
    let w = World::default();
    let [p, a, ..] = build(&w);
    p.in_use("service web");
    let judged = w.judge(&recommended());
    let short = p.digest().short();
    let told = judged.why(&recommended(), a).sentence;
    assert_eq!(told, format!("{short}, which an untagged index above it holds, is in use: service web"));
}

#[test]
fn the_source_that_could_not_be_read_is_named() {
    let w = World::default();
    w.without_source("lambda");
    let [_, a, ..] = build(&w);
    let left = w.image("linux/arm64").stranded();
    let judged = w.judge(&recommended());
    assert_eq!(judged.decision(&recommended(), a).unwrap().image.because, ["lambda"]);
    let told = judged.why(&recommended(), a).sentence;
    assert_eq!(told, "nobody knows whether it is in use: lambda could not be read");
    let image = judged.why(&recommended(), left).sentence;
    assert_eq!(image, format!("it is a platform image, and {told}"));
}
