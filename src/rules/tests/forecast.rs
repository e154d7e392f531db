//! What would go under another policy or later, and what a plan leaves without an index.

use super::world::*;
use crate::config::policy::Preset;
use crate::report::counts::{Going, WhatIf};

#[test]
fn what_another_preset_would_delete_is_told_before_anything_of_it_is_read() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (superseded, orphan) = (w.legacy(p), w.legacy(w.image("linux/arm64").tag("v1")));
    w.index(&[p, superseded]);
    let judged = w.judge(&defaults());
    assert!(!judged.was_read(superseded));
    let orphans = Going { attestations: 1, bytes: orphan.size(), ..Going::default() };
    assert_eq!(judged.what_if(&defaults()).now, orphans);
    let bytes = [p, superseded, orphan].map(It::size).iter().sum();
    let all = Going { attestations: 2, indexes: 1, images: 1, bytes, ..Going::default() };
    assert_eq!(judged.what_if(&recommended()).now, all);
}

#[test]
fn what_goes_is_the_same_whether_its_verdicts_are_at_hand_or_not() {
    let w = World::default();
    let p = w.image("linux/amd64");
    w.index(&[p, w.legacy(p)]);
    for policy in [defaults(), recommended()] {
        let judged = w.judge(&policy);
        assert_eq!(judged.what_is_planned(&policy), judged.what_if(&policy));
    }
}

#[test]
fn what_follows_its_subject_is_counted_with_it() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let attestation = w.legacy(p);
    w.index(&[p, attestation]);
    w.signature(p);
    let Going { attestations, images, others, .. } = w.judge(&recommended()).what_if(&recommended()).now;
    assert_eq!((attestations, images, others), (1, 1, 1));
}

#[test]
fn what_only_waits_goes_later_and_what_was_pulled_does_not() {
    let w = World::default();
    for pulled in [false, true] {
        let p = w.image(if pulled { "linux/arm64" } else { "linux/amd64" }).age(days(10));
        let index = w.index(&[p, w.legacy(p).age(days(10))]).age(days(10));
        if pulled {
            index.pulled(days(5));
        }
    }
    let what_if = w.judge(&defaults()).what_if(&recommended());
    assert_eq!(what_if.now, Going::default());
    let Going { attestations, indexes, images, .. } = what_if.later;
    assert_eq!((attestations, indexes, images), (1, 1, 1));
}

#[test]
fn what_nothing_shows_to_be_an_attestation_is_not_counted() {
    let w = World::default();
    w.legacy(w.image("linux/arm64"));
    assert_eq!(w.judge_unread(&defaults()).what_if(&defaults()).now.attestations, 0);
    w.oci(w.image("linux/amd64"));
    assert_eq!(w.judge_unread(&defaults()).what_if(&defaults()).now.attestations, 1, "by its type");
    let p = w.image("linux/s390x");
    w.index(&[p, w.legacy(p).listed(As::Bare)]);
    assert_eq!(w.judge(&defaults()).what_if(&recommended()).now.attestations, 2, "not that in the index");
}

#[test]
fn images_are_stranded_that_no_index_lists_any_more() {
    let w = World::default();
    let [p, tagged, shared] = ["linux/amd64", "linux/arm64", "linux/s390x"].map(|it| w.image(it));
    tagged.tag(&format!("sha256-{}.sig", w.chart().digest().hex()));
    let chart = w.chart();
    w.index(&[p, tagged, shared, chart, w.legacy(p)]);
    w.index(&[shared]).tag("v1");
    w.image("linux/riscv64");
    assert_eq!(w.judge(&deletes()).stranded(), (1, p.size()));
    assert_eq!(w.judge(&deletes_images()).stranded(), (0, 0));
}

#[test]
fn what_was_pulled_goes_if_it_is_not_pulled_again() {
    let w = World::default();
    for pulled in [false, true] {
        let p = w.image(if pulled { "linux/arm64" } else { "linux/amd64" });
        let index = w.index(&[p, w.legacy(p)]);
        if pulled {
            index.pulled(days(5));
        }
    }
    let judged = w.judge(&recommended());
    let what_if = judged.what_if(&recommended());
    assert_eq!((what_if.now.attestations, what_if.later.attestations), (1, 1));
    let unless_pulled = what_if.unless_pulled.unwrap();
    assert_eq!((unless_pulled.attestations, unless_pulled.indexes, unless_pulled.images), (2, 2, 2));
    // Under a policy that keeps it in any case a pull makes no difference.
    assert_eq!(judged.what_if(&defaults()).unless_pulled, None);
}

#[test]
fn sums_have_what_is_pulled_in_one_repository_and_what_goes_in_another() {
    let going = |attestations| Going { attestations, ..Going::default() };
    let what_if = |later, unless_pulled: Option<u64>| WhatIf {
        preset: Preset::Orphans,
        now: Going::default(),
        later: going(later),
        unless_pulled: unless_pulled.map(going),
    };
    for (one, two, sum) in [
        (what_if(1, None), what_if(2, None), None),
        (what_if(1, Some(4)), what_if(2, None), Some(6)),
        (what_if(1, None), what_if(2, Some(4)), Some(5)),
        (what_if(1, Some(4)), what_if(2, Some(4)), Some(8)),
    ] {
        let mut all = one;
        all.add(&two);
        assert_eq!((all.later, all.unless_pulled), (going(3), sum.map(going)));
    }
}

#[test]
fn young_images_that_nobody_read_are_counted_as_what_they_may_be() {
    let w = World::default();
    w.legacy(w.image("linux/amd64").tag("v1")).age(A_SECOND);
    let what_if = w.judge(&defaults()).what_if(&defaults());
    assert_eq!((what_if.now, what_if.later.attestations, what_if.later.unread), (Going::default(), 0, 1));
}

#[test]
fn what_neither_a_tag_nor_a_use_reaches_lives_no_more() {
    let w = World::default();
    let [p, q, lone, used] =
        ["linux/amd64", "linux/arm64", "linux/s390x", "linux/riscv64"].map(|it| w.image(it));
    let inner = w.index(&[p, w.legacy(p)]);
    w.index(&[inner]).tag("v1");
    w.index(&[q, w.legacy(q)]);
    used.in_use("function web");
    let _ = lone;
    // An index and two images, whatever the policy does with them.
    for policy in [defaults(), recommended()] {
        assert_eq!(w.judge(&policy).unreached(&policy), 3);
    }
}
