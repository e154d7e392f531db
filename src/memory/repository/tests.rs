//! Memory over nights: what it says, and what it must never say.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::*;
use crate::oci::attestation::{Classified, Form, Kind};

const DAY: i64 = 24 * 3600;

fn day(days: i64) -> Timestamp {
    Timestamp::from_second((20_000 + days) * DAY).unwrap()
}

fn id() -> RepositoryId {
    RepositoryId { registry: "123456789012".into(), region: "eu-west-1".into(), name: "team/api".into() }
}

fn empty() -> RepositoryMemory {
    RepositoryMemory::empty(id())
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn sight(name: &str) -> Sight {
    let digest = digest(name);
    Sight { digest, pushed_at: Some(day(-300)), pulled_at: None, has_user_tag: false, subject: None }
}

fn tagged(name: &str) -> Sight {
    Sight { has_user_tag: true, ..sight(name) }
}

/// An index that lists these as images for a real platform.
fn index(children: &[&str]) -> (Digest, String) {
    let platform = r#""platform":{"os":"linux","architecture":"amd64"}"#;
    let child = |name: &&str| format!(r#"{{"digest":"{}",{platform}}}"#, digest(name));
    let children: Vec<_> = children.iter().map(child).collect();
    let bytes = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","));
    (Digest::of(bytes.as_bytes()), bytes)
}

fn reads(indexes: &[&(Digest, String)]) -> Reads {
    let mut reads = Reads::default();
    indexes.iter().for_each(|(digest, bytes)| reads.add_index(*digest, bytes.as_bytes()));
    reads
}

fn seen(memory: &mut RepositoryMemory, sights: &[Sight], days: i64) {
    memory.observe(sights, Reads::default(), day(days));
}

fn untagged_at(memory: &RepositoryMemory, sight: &Sight, days: i64) -> Option<Timestamp> {
    memory.recall(sight, day(days)).untagged_at
}

#[test]
fn an_image_lost_its_tag_when_it_was_first_seen_without() {
    let mut memory = empty();
    seen(&mut memory, &[tagged("it")], 0);
    assert_eq!(untagged_at(&memory, &tagged("it"), 1), None);
    seen(&mut memory, &[sight("it")], 2);
    seen(&mut memory, &[sight("it")], 3);
    assert_eq!(untagged_at(&memory, &sight("it"), 9), Some(day(2)));
    seen(&mut memory, &[tagged("it")], 4);
    seen(&mut memory, &[sight("it")], 5);
    assert_eq!(untagged_at(&memory, &sight("it"), 9), Some(day(5)), "it had it back in between");
}

#[test]
fn what_was_never_seen_before_lost_its_tag_just_now() {
    let mut memory = empty();
    assert_eq!(untagged_at(&memory, &sight("it"), 7), Some(day(7)));
    seen(&mut memory, &[sight("it")], 7);
    assert_eq!(untagged_at(&memory, &sight("it"), 9), Some(day(7)));
    let pushed_again = Sight { pushed_at: Some(day(8)), ..sight("it") };
    assert_eq!(untagged_at(&memory, &pushed_again, 9), Some(day(8)), "never before its push");
}

#[test]
fn what_comes_back_is_new() {
    let mut memory = empty();
    seen(&mut memory, &[sight("it")], 0);
    seen(&mut memory, &[], 1);
    assert!(memory.was_here(digest("it")));
    assert_eq!(untagged_at(&memory, &sight("it"), 2), Some(day(2)));
    seen(&mut memory, &[sight("it")], 2);
    assert_eq!(untagged_at(&memory, &sight("it"), 9), Some(day(2)));
}

#[test]
fn a_clock_that_jumps_makes_nothing_older() {
    let mut memory = empty();
    seen(&mut memory, &[tagged("it")], 100);
    seen(&mut memory, &[sight("it")], 10);
    assert_eq!(untagged_at(&memory, &sight("it"), 101), Some(day(100)), "one that went back");
    assert_eq!(memory.ahead_of(day(10)), Some(day(100)));
    assert_eq!(untagged_at(&memory, &sight("new"), 50), Some(day(100)));
    assert_eq!(memory.ahead_of(day(100)), None);
    let later = |milliseconds| day(200).checked_add(jiff::SignedDuration::from_millis(milliseconds)).unwrap();
    memory.observe(&[], Reads::default(), later(100));
    assert_eq!(memory.ahead_of(later(150)), None, "the next run, within the same second");
}

#[test]
fn what_is_gone_is_forgotten_in_time_unless_something_refers_to_it() {
    let referrer = Sight { subject: Some(digest("subject")), ..sight("referrer") };
    let mut memory = empty();
    seen(&mut memory, &[sight("it"), sight("subject"), referrer.clone()], 0);
    seen(&mut memory, std::slice::from_ref(&referrer), 1);
    seen(&mut memory, std::slice::from_ref(&referrer), 90);
    assert!(memory.was_here(digest("it")));
    seen(&mut memory, &[referrer], 91);
    assert!(!memory.was_here(digest("it")));
    assert!(memory.was_here(digest("subject")));
    seen(&mut memory, &[], 92);
    assert!(!memory.was_here(digest("subject")));
}

#[test]
fn what_was_read_is_known_the_next_time() {
    let subject = Some(digest("subject"));
    let fact = ManifestFact { classified: Classified::attestation(Form::Oci), subject };
    let index = index(&["child"]);
    let here = [Sight { digest: index.0, ..sight("") }, sight("attestation"), sight("other")];
    let mut read = reads(&[&index]);
    read.add_manifest(digest("attestation"), fact);
    let mut memory = empty();
    memory.observe(&here, read, day(0));
    let recalled: Vec<_> = here.iter().map(|sight| memory.recall(sight, day(1)).fact).collect();
    assert_eq!(recalled, [None, Some(fact), None]);
    let bytes: Vec<_> = memory.index_bytes().collect();
    assert_eq!(bytes, [(index.0, index.1.clone().into_bytes())]);
    memory.observe(&here, reads(&[&index]), day(1));
    assert_eq!(memory.index_bytes().count(), 1, "once");
    seen(&mut memory, &here[1..], 2);
    assert_eq!(memory.index_bytes().count(), 0, "not of what is gone");
}

#[test]
fn the_janitors_reads_are_no_pulls() {
    let pulled = |days| Sight { pulled_at: Some(day(days)), ..sight("it") };
    let read = || {
        let mut reads = Reads::default();
        let classified = Classified::other(Kind::Image);
        reads.add_manifest(digest("it"), ManifestFact { classified, subject: None });
        reads
    };
    let mut memory = empty();
    memory.observe(&[pulled(-100)], read(), day(0));
    let by_others = |memory: &RepositoryMemory, days| memory.recall(&pulled(days), day(9)).pulled_at;
    assert_eq!(by_others(&memory, 0), Some(day(-100)));
    assert_eq!(by_others(&memory, 2), Some(day(2)));
    assert!(memory.explains_pull(digest("it"), day(1)) && !memory.explains_pull(digest("it"), day(2)));
    memory.note_read(digest("it"), Some(day(0)), day(5));
    assert_eq!(by_others(&memory, 5), Some(day(-100)));
    memory.note_read(digest("unknown"), None, day(5));
    assert!(!memory.was_here(digest("unknown")));
}

#[test]
fn what_only_deleted_indexes_listed_was_left_behind() {
    let (one, two) = (index(&["left", "shared"]), index(&["shared"]));
    let here = [&one.0, &two.0].map(|digest| Sight { digest: *digest, ..sight("") });
    let here = [here.to_vec(), vec![sight("left"), sight("shared")]].concat();
    let mut memory = empty();
    memory.observe(&here, reads(&[&one, &two]), day(0));
    memory.delete(&BTreeSet::from([one.0]), day(0));
    let left = |memory: &RepositoryMemory, name| memory.recall(&sight(name), day(1)).left_behind;
    let by_one = Some(LeftBehind { by: one.0, as_platform_image: true });
    assert_eq!([left(&memory, "left"), left(&memory, "shared")], [by_one, by_one]);
    // What comes back, or is restored, is somebody's again.
    let mut again = memory.clone();
    seen(&mut again, &here[..2], 1);
    seen(&mut again, &here[2..], 2);
    assert_eq!(left(&again, "left"), None);
    let mut restored = memory.clone();
    restored.restore([digest("left")], day(1));
    assert_eq!(left(&restored, "left"), None);
    // The other index goes without the janitor: the first run that misses it must know.
    let mut next = memory.clone();
    next.conclude_deletion(&here[2..], day(1));
    assert_eq!([left(&next, "left"), left(&next, "shared")], [by_one, None]);
    seen(&mut memory, &here[2..], 1);
    assert_eq!([left(&memory, "left"), left(&memory, "shared")], [by_one, None]);
}

#[test]
fn what_a_killed_run_was_about_to_delete_and_is_gone_it_deleted() {
    let (one, two) = (index(&["a"]), index(&["b"]));
    let indexes = [&one.0, &two.0].map(|digest| Sight { digest: *digest, ..sight("") });
    let children = vec![sight("a"), sight("b")];
    let all = [indexes.to_vec(), children.clone()].concat();
    let left = |memory: &RepositoryMemory| {
        ["a", "b"].map(|name| memory.recall(&sight(name), day(1)).left_behind.map(|left| left.by))
    };
    let mut memory = empty();
    memory.observe(&all, reads(&[&one, &two]), day(0));
    memory.begin_deletion(&BTreeSet::from([one.0]));
    let next = |sights: &[Sight]| {
        let id = memory.id();
        let mut memory = RepositoryMemory::from_bytes(&memory.to_bytes().unwrap(), id).unwrap();
        memory.conclude_deletion(sights, day(1));
        memory.observe(sights, Reads::default(), day(1));
        memory
    };
    // The other one went without the janitor.
    assert_eq!(left(&next(&children)), [Some(one.0), None]);
    // What is still here was not deleted, and who deletes it later is not the janitor.
    let mut still_here = next(&all);
    assert_eq!(left(&still_here), [None, None]);
    still_here.conclude_deletion(&children, day(2));
    seen(&mut still_here, &children, 2);
    assert_eq!(left(&still_here), [None, None]);
    // Nor is anything about to be deleted after a run that came to its end.
    memory.delete(&BTreeSet::new(), day(0));
    memory.conclude_deletion(&children, day(1));
    seen(&mut memory, &children, 1);
    assert_eq!(left(&memory), [None, None]);
}

#[test]
fn a_child_that_was_more_than_a_platform_image_was_not_left_as_one() {
    let plain = index(&["child"]);
    let bytes = plain.1.replace(r#""os":"linux""#, r#""os":"unknown""#).replace("amd64", "unknown");
    let odd = (Digest::of(bytes.as_bytes()), bytes);
    let here = [plain.0, odd.0, digest("child")].map(|digest| Sight { digest, ..sight("") });
    let mut memory = empty();
    memory.observe(&here, reads(&[&plain, &odd]), day(0));
    memory.delete(&BTreeSet::from([odd.0]), day(0));
    memory.delete(&BTreeSet::from([plain.0]), day(0));
    let left = memory.recall(&here[2], day(1)).left_behind.unwrap();
    assert_eq!(left, LeftBehind { by: plain.0, as_platform_image: false });
}

#[test]
fn losing_more_tags_than_the_share_is_told_until_it_is_old() {
    let names: Vec<String> = (0..40).map(|nth| nth.to_string()).collect();
    let sights = |lost: usize| -> Vec<Sight> {
        names
            .iter()
            .enumerate()
            .map(|(nth, name)| Sight { has_user_tag: nth >= lost, ..sight(name) })
            .collect()
    };
    let month = SignedDuration::from_hours(30 * 24);
    let mut memory = empty();
    seen(&mut memory, &sights(0), 0);
    let loss = |memory: &RepositoryMemory, lost, days| memory.tag_loss(&sights(lost), month, day(days));
    assert_eq!(loss(&memory, 40, 1), TagLoss { tagged_before: 0, lost: 0 }, "no run has acted yet");
    memory.accept_tags(&sights(0));
    let told = loss(&memory, 21, 1);
    assert_eq!(told, TagLoss { tagged_before: 40, lost: 21 });
    assert!(told.exceeds(0.5) && !loss(&memory, 20, 1).exceeds(0.5));
    seen(&mut memory, &sights(21), 1);
    assert!(loss(&memory, 21, 30).exceeds(0.5));
    assert_eq!(loss(&memory, 21, 31).lost, 0, "old");
    memory.accept_tags(&sights(21));
    assert_eq!(loss(&memory, 21, 2), TagLoss { tagged_before: 19, lost: 0 }, "accepted");
    assert!(!TagLoss { tagged_before: 11, lost: 10 }.exceeds(0.0));
    assert!(TagLoss { tagged_before: 11, lost: 11 }.exceeds(0.9));
}

#[test]
fn what_was_restored_is_new_and_known_to_be_restored() {
    let mut memory = empty();
    seen(&mut memory, &[sight("it")], 0);
    memory.delete(&BTreeSet::from([digest("it")]), day(1));
    memory.restore([digest("it"), digest("never seen")], day(40));
    for name in ["it", "never seen"] {
        let recalled = memory.recall(&sight(name), day(41));
        assert_eq!(recalled.restored_at, Some(day(40)));
        assert_eq!(recalled.untagged_at, Some(day(41)));
    }
    let restored: BTreeSet<_> = memory.restored().collect();
    assert_eq!(restored, ["it", "never seen"].map(|name| (digest(name), day(40))).into());
}

#[test]
fn a_memory_is_read_back_as_it_was_written_and_otherwise_not_at_all() {
    let index = index(&["child"]);
    let here = [Sight { digest: index.0, ..sight("") }, tagged("child")];
    let mut memory = empty();
    memory.observe(&here, reads(&[&index]), day(0));
    memory.accept_tags(&here);
    let bytes = memory.to_bytes().unwrap();
    assert_eq!(RepositoryMemory::from_bytes(&bytes, &id()), Ok(memory));
    for cut in 0..bytes.len() {
        assert!(RepositoryMemory::from_bytes(&bytes[..cut], &id()).is_err(), "{cut}");
        let mut changed = bytes.clone();
        changed[cut] ^= 1;
        assert!(RepositoryMemory::from_bytes(&changed, &id()).is_err(), "{cut}");
    }
    let other = RepositoryId { name: "team/web".into(), ..id() };
    assert_eq!(RepositoryMemory::from_bytes(&bytes, &other), Err(Unusable::Foreign(id())));
    let newer = [b"ecr-janitor memory\n".as_slice(), &[9], &bytes[20..]].concat();
    assert_eq!(RepositoryMemory::from_bytes(&newer, &id()), Err(Unusable::OtherVersion(9)));
}

#[test]
fn two_runs_memories_make_one_that_keeps_more() {
    let (one, two) = (index(&["a"]), index(&["b"]));
    let here = |names: &[Sight]| {
        let indexes = [one.0, two.0].map(|digest| Sight { digest, ..sight("") });
        [indexes.to_vec(), names.to_vec()].concat()
    };
    let mut before = empty();
    seen(&mut before, &here(&[tagged("a"), tagged("b"), sight("c")]), 0);
    let (mut first, mut second) = (before.clone(), before);
    first.observe(&here(&[sight("a"), tagged("b"), sight("c")]), reads(&[&one]), day(1));
    second.observe(&here(&[sight("a"), sight("b")]), reads(&[&two]), day(2));
    for merged in [first.clone().merge(second.clone()), second.merge(first)] {
        assert_eq!(untagged_at(&merged, &sight("a"), 9), Some(day(2)), "the later of the two");
        assert_eq!(untagged_at(&merged, &sight("b"), 9), Some(day(9)), "one of them saw its tag");
        assert_eq!(untagged_at(&merged, &sight("c"), 9), Some(day(0)), "one of them saw it");
        let known: BTreeSet<Digest> = merged.index_bytes().map(|(digest, _)| digest).collect();
        assert_eq!(known, BTreeSet::from([one.0, two.0]));
    }
}
