//! The janitor's own tag, and those it would write.

use super::world::*;
use crate::config::policy::{Action, Policy};
use crate::report::outcome::OutcomeName as Outcome;
use crate::report::reason::Reason::*;

#[test]
fn the_bearer_of_the_janitors_own_tag_counts_as_untagged() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (orphan, superseded) = (w.legacy(p).own_tag(), w.legacy(p).own_tag());
    w.index(&[superseded]);
    let judged = w.judge(&deletes());
    assert_eq!((judged.reason(orphan), judged.reason(superseded)), (Orphaned, Superseded));
    assert!(judged.is_deleted(orphan) && judged.is_deleted(superseded));
}

#[test]
fn the_other_two_placeholders_may_have_become_anything() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let policy = Policy { tag_template: "{subject}.{digest}.{platform}".parse().unwrap(), ..defaults() };
    let a = w.legacy(p);
    a.tag(&format!("none.{}.windows-amd64", a.digest().short()));
    assert!(w.judge(&policy).is_deleted(a));
}

#[test]
fn it_is_not_tagged_again() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let [orphan, superseded, attached] = [0; 3].map(|_| w.legacy(p).own_tag());
    w.index(&[superseded]);
    w.index(&[attached]).tag("v1");
    let judged = w.judge(&tags());
    for (it, reason) in [(orphan, Orphaned), (superseded, Superseded), (attached, Attached)] {
        assert_eq!((judged.reason(it), judged[it].action), (reason, Action::Keep));
        assert_eq!(judged.decision(&tags(), it).unwrap().outcome, Outcome::Kept);
    }
}

#[test]
fn a_user_tag_beside_it_holds() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64")).own_tag().tag("v1");
    w.index(&[a]);
    assert_eq!(w.judge(&deletes()).reason(a), Tagged);
}

#[test]
fn the_tag_of_an_older_template_is_a_user_tag() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64")).own_tag();
    w.index(&[a]);
    let policy = Policy { tag_template: "att-{digest}".parse().unwrap(), ..deletes() };
    assert_eq!(w.judge(&policy).reason(a), Tagged);
}

#[test]
fn a_tag_made_for_another_image_is_a_user_tag() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.legacy(p).tag(&format!("attestation-linux-amd64-{}", p.digest().short()));
    w.index(&[a]);
    assert_eq!(w.judge(&deletes()).reason(a), Tagged);
}

#[test]
fn on_an_index_it_is_a_tag_like_any_other() {
    let w = World::default();
    let a = w.legacy(w.image("linux/amd64"));
    let index = w.index(&[a]).own_tag();
    let judged = w.judge(&deletes());
    assert_eq!(judged.reason(a), Attached);
    assert!(!judged.is_deleted(index));
}

#[test]
fn a_new_tag_tells_the_platform_that_is_attested() {
    let w = World::default();
    let (arm, other) = (w.image("linux/arm64/v8"), w.image("linux/amd64"));
    let (a, bare) = (w.legacy(arm), w.legacy(arm));
    w.index(&[other, arm, a]).tag("v1");
    let judged = w.judge(&tags());
    let tag = |it: It| judged.decision(&tags(), it).unwrap().new_tag.unwrap();
    assert_eq!(tag(a), format!("attestation-linux-arm64-v8-{}", a.digest().short()));
    assert_eq!(tag(bare), format!("attestation-unknown-{}", bare.digest().short()));
}

#[test]
fn a_wanted_tag_that_another_image_holds_is_not_planned() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (taken, free) = (w.legacy(p), w.legacy(p));
    w.chart().tag(&format!("attestation-unknown-{}", taken.digest().short()));
    let judged = w.judge(&tags());
    let decision = judged.decision(&tags(), taken).unwrap();
    assert_eq!((decision.outcome, decision.code.as_deref()), (Outcome::Failed, Some("tag-in-use")));
    assert_eq!(judged.decision(&tags(), free).unwrap().outcome, Outcome::Planned);
}
