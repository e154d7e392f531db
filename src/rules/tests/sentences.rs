//! Sentences, reasons and inventories, held against each other.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::Index;

use super::properties::{honest_recipes, needed, policy, recipes, world};
use super::world::*;
use crate::config::policy::{Action, Policy, Referrers, SupersededSince};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::reason::Reason;
use crate::rules::explanation::{Change, Why};

/// A build: an image, its attestation, their index.
fn build(w: &World) -> [It<'_>; 3] {
    let p = w.image("linux/amd64");
    let a = w.oci(p);
    [p, a, w.index(&[p, a])]
}

fn why(w: &World, policy: &Policy, it: It<'_>) -> Why {
    w.judge(policy).why(policy, it)
}

fn sentence(w: &World, policy: &Policy, it: It<'_>) -> String {
    why(w, policy, it).sentence
}

/// Three of the images: judging again and again takes its time.
fn picked(w: &World, pick: Index) -> Vec<It<'_>> {
    let all: Vec<It<'_>> = w.all().collect();
    let first = pick.index(all.len());
    all.iter().cycle().skip(first).take(3.min(all.len())).copied().collect()
}

/// The words of a sentence that are the first digits of a digest.
fn named(sentence: &str) -> BTreeSet<&str> {
    let words = sentence.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.len() == 12 && word.bytes().all(|c| c.is_ascii_hexdigit())).collect()
}

/// Every index above an image, by what the indexes that can be read list.
fn above<'w>(w: &'w World, it: It<'w>) -> Vec<It<'w>> {
    let lists = |parent: &It<'w>, child: It<'w>| {
        parent.is_readable() && parent.children().iter().any(|listed| listed.digest() == child.digest())
    };
    let mut found: Vec<It<'w>> = Vec::new();
    let mut todo = vec![it];
    while let Some(child) = todo.pop() {
        for parent in w.all().filter(|parent| lists(parent, child)) {
            if found.iter().all(|known| known.digest() != parent.digest()) {
                found.push(parent);
                todo.push(parent);
            }
        }
    }
    found
}

/// Whether some index lists an image, or one that cannot be read could.
fn may_be_listed(w: &World, policy: &Policy, it: It<'_>) -> bool {
    let lists = |index: It<'_>| {
        index.children_within(policy.grace_period).iter().any(|child| child.digest() == it.digest())
    };
    w.all().any(|index| !index.is_gone() && lists(index))
}

fn with(policy: &Policy, change: &Change) -> Option<Policy> {
    let mut policy = policy.clone();
    let value = change.value.as_deref()?;
    let action = match value {
        "tag" => Action::Tag,
        "keep" => Action::Keep,
        _ => Action::Delete,
    };
    match change.key? {
        "grace_period" => policy.grace_period = hours(1),
        "orphaned" => policy.orphaned = action,
        "orphaned_with_subject" => policy.orphaned_with_subject = action,
        "superseded" => policy.superseded = action,
        "superseded_after" => policy.superseded_after = SignedDuration::ZERO,
        "superseded_since" if value == "push" => policy.superseded_since = SupersededSince::Push,
        "superseded_since" => policy.superseded_since = SupersededSince::Untagged,
        "superseded_images" => policy.superseded_images = action,
        "superseded_without_tags" => policy.superseded_without_tags = action,
        "referrers" if value == "follow" => policy.referrers = Referrers::Follow,
        "referrers" => policy.referrers = Referrers::Hold,
        "keep_pulled_within" => policy.keep_pulled_within = SignedDuration::ZERO,
        "attached" => policy.attached = action,
        "replicated" => policy.replicated = action,
        key => panic!("{key}"),
    }
    Some(policy)
}

/// What a sentence claims of the images around it.
fn claims_are_true(
    w: &World,
    policy: &Policy,
    judged: &Judged,
    it: It<'_>,
    why: &Why,
) -> Result<(), TestCaseError> {
    let (sentence, reason) = (why.sentence.as_str(), why.reason.unwrap());
    let find = |short: &str| w.all().find(|other| other.digest().short() == short);
    let rests: BTreeSet<String> =
        why.because.iter().filter_map(|line| line.parse::<Digest>().ok()).map(|it| it.short()).collect();
    let subject = it.subject().map(|subject| subject.digest().short());
    let above = above(w, it);
    for digest in named(sentence) {
        let is_above = above.iter().any(|index| index.digest().short() == digest);
        let is_tag = why.because.iter().any(|line| line.ends_with(&format!("-{digest}")));
        let is_known = rests.contains(digest) || subject.as_deref() == Some(digest) || is_tag || is_above;
        prop_assert!(is_known, "{digest} is not in because: {why:?}");
    }
    let says = |part: &str| sentence.contains(part);
    if says("no index lists it") {
        prop_assert!(!may_be_listed(w, policy, it), "{why:?}");
    }
    if says("has no tag, nor has any index above") || says("nor any index above it has a tag") {
        prop_assert!(above.iter().all(|index| !index.has_user_tag()), "{why:?}");
    }
    if says("and ECR refuses to delete") {
        let index =
            above.iter().find(|index| rests.contains(&index.digest().short()) && index.has_user_tag());
        let Some(index) = index else { return Err(TestCaseError::fail(format!("{why:?}"))) };
        let lists = index.children().iter().any(|child| child.digest() == it.digest());
        prop_assert_eq!(says("lists it,"), lists, "{:?}", why);
    }
    if says("which it attests, is not in this repository") {
        prop_assert!(it.subject().is_none(), "everything is here: {why:?}");
    }
    if says("and nobody needs") {
        let needed = needed(w, policy);
        prop_assert!(it.subject().is_some_and(|subject| !needed.contains(&subject.digest())), "{why:?}");
    }
    if let Some((_, other)) = sentence.split_once("has another attestation: ") {
        let other = find(&other[..12]).unwrap();
        prop_assert!(judged[other].kind() == Kind::Attestation && !judged.is_deleted(other), "{why:?}");
    }
    if says("was pulled on") {
        let pulled = w.all().filter(|other| rests.contains(&other.digest().short()));
        prop_assert!(pulled.into_iter().all(|it| it.was_pulled_within(policy.keep_pulled_within)), "{why:?}");
    }
    if says("its index may still be on the way") {
        prop_assert!(it.is_younger_than(policy.grace_period), "{why:?}");
    }
    if says("archived or being activated") && !says("above it") {
        prop_assert!(it.is_archived(), "{why:?}");
    }
    if reason == Reason::Tagged {
        prop_assert!(it.has_user_tag(), "{why:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn sentences_reasons_and_inventories_agree(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let reasons = judged.all_reasons(&policy);
        for it in w.all() {
            claims_are_true(&w, &policy, &judged, it, &reasons[judged.position(it)])?;
        }
    }

    #[test]
    fn an_explanation_and_its_row_in_the_report_say_the_same(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let reasons = judged.all_reasons(&policy);
        for it in w.all() {
            let Some(row) = judged.decision(&policy, it) else { continue };
            let why = &reasons[judged.position(it)];
            prop_assert_eq!((Some(row.image.reason), &row.image.because), (why.reason, &why.because));
            let is_in_use = row.code.as_deref() == Some("tag-in-use");
            prop_assert!(row.action == why.action || is_in_use, "{:?} {:?}", row, why);
        }
    }

    #[test]
    fn the_time_that_is_told_is_the_first_at_which_something_else_decides(recipes in recipes(), policy in policy(), pick in any::<Index>()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        for it in picked(&w, pick) {
            let why = judged.why(&policy, it);
            let in_time = why.what_would_change.iter().filter(|it| it.key.is_none());
            let Some((at, then)) = in_time.into_iter().find_map(|it| it.at.zip(it.then)) else { continue };
            prop_assert!(at > now());
            let later = judged.verdict_at(&policy, at, it);
            prop_assert_eq!(then.reason, later.reason);
            let before = judged.verdict_at(&policy, at - SignedDuration::from_millis(1), it);
            prop_assert_eq!(why.reason, Some(before.reason), "{:?}", why);
        }
    }

    #[test]
    fn a_key_that_is_named_makes_the_difference_that_is_told(recipes in honest_recipes(), policy in policy(), pick in any::<Index>()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        for it in picked(&w, pick) {
            let why = judged.why(&policy, it);
            for change in &why.what_would_change {
                let (Some(other), Some(then)) = (with(&policy, change), change.then) else { continue };
                prop_assert_ne!(Some((then.action, then.reason)), why.reason.map(|it| (why.action, it)));
                if let Some(at) = change.at {
                    let later = judged.verdict_at(&other, at, it);
                    prop_assert_eq!((then.action, then.reason), (later.action, later.reason), "{:?}", change);
                    prop_assert!(then.action != Action::Keep && at > now());
                    continue;
                }
                let told = w.judge(&other);
                if w.all().any(|it| told.was_read(it) && !judged.was_read(it)) {
                    // By what is known now, it is said: another policy reads more.
                    continue;
                }
                let told = told[it];
                prop_assert_eq!((then.action, then.reason), (told.action, told.reason), "{:?} {:?}", change, why);
            }
        }
    }
}

#[test]
fn an_image_that_a_tag_holds_is_no_orphan() {
    let w = World::default();
    let [p, a, index] = build(&w);
    index.tag("v1").tag("latest");
    let told = sentence(&w, &defaults(), a);
    assert_eq!(
        told,
        format!(
            "the index {} (the tags v1 and latest) lists it, and ECR refuses to delete what a tagged index lists",
            index.digest().short()
        )
    );
    assert!(sentence(&w, &defaults(), p).starts_with("it is a platform image, and the index"));
}

#[test]
fn what_never_had_a_tagged_index_is_not_said_to_have_lost_one() {
    let w = World::default();
    let stray = w.oci(w.image("linux/amd64"));
    let told = sentence(&w, &Policy { orphaned: Action::Keep, ..defaults() }, stray);
    assert!(told.starts_with("no index lists it") && told.ends_with("and orphaned = \"keep\""), "{told}");
    let [_, a, index] = build(&w);
    let listing = format!("the only index that lists it, {}, has no tag", index.digest().short());
    let told = sentence(&w, &deletes(), a);
    assert!(told.starts_with(&listing), "{told}");
}

#[test]
fn of_an_image_below_an_index_that_stays_it_is_told_why_the_index_stays() {
    let w = World::default();
    let [p, a, index] = build(&w);
    a.age(A_SECOND);
    let policy = deletes_images();
    let told = why(&w, &policy, p);
    let [index, a] = [index, a].map(|it| it.digest().short());
    let stays = format!(
        "and the index {index}, which lists it, stays: an attestation ({a}), which it lists, stays (within-grace)"
    );
    assert_eq!(told.sentence, format!("it is a platform image, {stays}"));
    assert_eq!(told.because.len(), 2);
    let alone = w.image("linux/s390x");
    let bare = w.index(&[alone]).digest().short();
    let told = sentence(&w, &policy, alone);
    let stays = format!(
        "and the index {bare}, which lists it, stays: an index goes only with the superseded attestations that it lists: it lists none"
    );
    assert_eq!(told, format!("it is a platform image, {stays}"));
    let tags = Policy { superseded: Action::Tag, ..defaults() };
    assert!(sentence(&w, &tags, alone).ends_with("(superseded = \"tag\")"));
}

#[test]
fn an_orphan_among_many_names_the_one_that_is_kept() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    let siblings: Vec<It> = (0..97).map(|age| w.oci(p).age(days(10 + age))).collect();
    let kept = siblings[0].digest().short();
    let told = sentence(&w, &defaults(), siblings[50]);
    assert!(told.contains(&format!("has another attestation: {kept}")), "{told}");
}

#[test]
fn it_is_told_until_when_an_index_waits_and_which_key_says_so() {
    let w = World::default();
    let [_, a, index] = build(&w);
    index.untagged(days(10));
    let policy = Policy { superseded: Action::Delete, ..defaults() };
    let why = why(&w, &policy, a);
    assert_eq!(why.reason, Some(Reason::SupersededWithinGrace));
    let waits = &why.what_would_change[0];
    assert_eq!(waits.at, Some(now() + days(20)));
    assert_eq!(
        waits.sentence,
        "on 2027-02-04 at 08:00 UTC, when the last index above it will have been seen without a tag for 30d (superseded_after): deleted (superseded)"
    );
    let keys: Vec<_> = why.what_would_change.iter().filter_map(|change| change.key).collect();
    assert_eq!(keys, ["superseded_after", "superseded_since"]);
    assert!(why.sentence.contains("first seen without a tag"), "{}", why.sentence);
}

#[test]
fn the_policy_that_deletes_it_in_time_is_named_before_the_time_has_come() {
    let w = World::default();
    let [_, a, index] = build(&w);
    index.untagged(days(10));
    let why = why(&w, &defaults(), a);
    let superseded = why.what_would_change.iter().find(|it| it.key == Some("superseded")).unwrap();
    assert_eq!(superseded.at, Some(now() + days(20)));
    assert_eq!(
        superseded.sentence,
        "with superseded = \"delete\", on 2027-02-04 at 08:00 UTC: deleted (superseded)"
    );
}

#[test]
fn where_nobody_knows_when_a_tag_was_lost_no_time_is_told() {
    let w = World::default();
    let [_, a, _] = build(&w);
    let why = why(&w, &Policy { superseded: Action::Delete, ..defaults() }, a);
    assert!(why.sentence.starts_with("nobody knows since when"), "{}", why.sentence);
    assert!(why.what_would_change.iter().all(|change| change.at.is_none()));
}

#[test]
fn beside_an_index_that_cannot_be_read_nothing_is_called_an_orphan() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let (a, young) = (w.oci(p), w.oci(p).age(hours(1)));
    w.index(&[p, a]).unreadable().age(hours(1));
    for it in [a, young] {
        let why = why(&w, &defaults(), it);
        assert_eq!((why.state, why.may_be_listed), (None, true));
        assert!(!why.sentence.contains("no index"), "{}", why.sentence);
    }
}
