//! Runs that remember, and memories that lie.
//!
//! Whatever a memory says, what is deleted has no user's tag, is active and old enough, is reached by no tag, listed by
//! nothing and referred to by nothing, and is by its bytes what its rule says. Beside the two cushions (when a tag was
//! lost, and which pulls were the janitor's own) a lie can only make something pass for an image that was here before.

use std::collections::BTreeMap;

use ecr_attestation_janitor::memory::repository::{
    ManifestFact, Reads, RepositoryId, RepositoryMemory, Sight,
};
use ecr_attestation_janitor::oci::attestation::{Classified, Form, Kind};
use ecr_attestation_janitor::oci::digest::Digest;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use crate::in_process::Retries;
use crate::interference::{Deed, Ready};
use crate::interleave::{disturb_on, small_worlds};
use crate::invariants;
use crate::oracle_parse;
use crate::run::{applies, applies_while, plans};
use crate::world::{HOUR, NAME, Stage, World};

/// When each image was first seen without a tag by a run that saw it so ever since.
type Untagged = BTreeMap<String, i64>;

fn note_tags(stage: &Stage, now: i64, untagged: &mut Untagged) {
    for image in stage.emulator.images(NAME) {
        if image.tags.is_empty() {
            untagged.entry(image.digest).or_insert(now);
        } else {
            untagged.remove(&image.digest);
        }
    }
}

/// No index goes before it has been without a tag for as long as the policy says, in the eyes of the runs.
fn none_goes_early(
    world: &World,
    untagged: &Untagged,
    before: &crate::world::Contents,
    found: &invariants::Found,
) -> Result<(), String> {
    let policy = world.setting.effective();
    let longest = policy.superseded_after.max(policy.grace_period) * HOUR;
    let is_index =
        |digest: &&String| before.get(*digest).is_some_and(|image| image.manifest.contains("\"manifests\""));
    // A tag that comes and goes between two looks is seen by no run.
    let was_tagged = |digest: &&String| before.get(*digest).is_some_and(|image| !image.tags.is_empty());
    let early = found.deleted.iter().filter(is_index).filter(|it| !was_tagged(it)).find(|digest| {
        policy.superseded_since == "untagged"
            && untagged.get(*digest).is_none_or(|since| world.now - since < longest)
    });
    early.map_or(Ok(()), |digest| Err(format!("{digest} went too early")))
}

/// Runs one after the other over one memory, the next one so many hours later, while others act.
fn nights(world: &World, nights: &[(i64, Index, Index)]) -> Result<(), String> {
    let stage = world.stage().remembering();
    let deeds = Deed::all(world.items.len());
    let mut untagged = Untagged::new();
    let mut world = world.clone();
    for (hours, deed, at) in nights {
        world.now += hours * HOUR;
        stage.emulator.set_clock(Some(world.now));
        stage.emulator.reset_calls();
        note_tags(&stage, world.now, &mut untagged);
        let (deed, at) = (*deed.get(&deeds), 1 + at.index(12));
        let ready = Ready::new(deed, &stage, None);
        let ran = applies_while(&world, &stage, Retries::Usual, |session| {
            session.before(at, move |emulator| ready.perform(emulator));
        });
        let found = invariants::check(&world, &ran, &[at])
            .and_then(|found| none_goes_early(&world, &untagged, &ran.before, &found));
        found.map_err(|problem| format!("{deed:?} before {at}: {}\n{world:?}", stage.named(&problem)))?;
    }
    Ok(())
}

/// What somebody writes into a memory.
#[derive(Debug, Clone)]
struct Lies {
    /// Everything was here long ago, without a tag.
    is_old: bool,
    /// Every pull was the janitor's own.
    explains_pulls: bool,
    /// The janitor deleted an index that listed all of this.
    left_behind: Vec<Index>,
    /// What the bytes of these are said to have proved.
    facts: Vec<(Index, Classified, Option<Index>)>,
}

fn lies() -> impl Strategy<Value = Lies> {
    let classified = select(vec![
        Classified::attestation(Form::Oci),
        Classified::attestation(Form::Legacy),
        Classified::suspect(true),
        Classified::other(Kind::Image),
        Classified::other(Kind::Signature),
        Classified::other(Kind::Chart),
        Classified { is_artifact: true, ..Classified::other(Kind::SociIndex) },
    ]);
    let fact = (any::<Index>(), classified, proptest::option::weighted(0.2, any::<Index>()));
    let facts = proptest::collection::vec(fact, 0..12);
    let left = proptest::collection::vec(any::<Index>(), 0..6);
    (any::<bool>(), any::<bool>(), left, facts).prop_map(|(is_old, explains_pulls, left_behind, facts)| {
        Lies { is_old, explains_pulls, left_behind, facts }
    })
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// The memory that these lies make.
fn forge(world: &World, stage: &Stage, lies: &Lies) -> RepositoryMemory {
    let id = RepositoryId { registry: "123456789012".into(), region: "us-east-1".into(), name: NAME.into() };
    let mut memory = RepositoryMemory::empty(id);
    let views = stage.emulator.images(NAME);
    if views.is_empty() {
        return memory;
    }
    let digest = |index: &Index| -> Digest { index.get(&views).digest.parse().unwrap() };
    let listed = |index: &Index| {
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(index).to_string(),
            "size": 2,
            "platform": {"os": "linux", "architecture": "amd64"},
        })
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": lies.left_behind.iter().map(listed).collect::<Vec<_>>(),
    });
    let index = index.to_string();
    let deleted = Digest::of(index.as_bytes());
    let then = world.now - if lies.is_old { 1000 * 24 * HOUR } else { 0 };
    let sight =
        |digest| Sight { digest, pushed_at: None, pulled_at: None, has_user_tag: false, subject: None };
    let named = views.iter().filter_map(|view| {
        let manifest = serde_json::from_str(&view.manifest).ok()?;
        oracle_parse::subject(&manifest)?.parse().ok()
    });
    let all = views.iter().map(|view| view.digest.parse().unwrap()).chain(named).chain([deleted]);
    let sights: Vec<Sight> = all.map(sight).collect();
    let mut reads = Reads::default();
    for (index, classified, subject) in &lies.facts {
        let subject = subject.as_ref().map(digest);
        let classified = Classified { has_subject: subject.is_some(), ..*classified };
        reads.add_manifest(digest(index), ManifestFact { classified, subject });
    }
    reads.add_index(deleted, index.as_bytes());
    memory.observe(&sights, reads, time(then));
    memory.delete(&[deleted].into(), time(then));
    for view in views.iter().filter(|_| lies.explains_pulls) {
        if let Some(pulled) = view.pulled_at_ms {
            memory.note_read(view.digest.parse().unwrap(), None, time(pulled));
        }
    }
    memory
}

/// A run over a world with a forged memory.
fn believes(world: &World, lies: &Lies) -> Result<(), String> {
    let stage = world.stage().with_forged_memory();
    let memory = forge(world, &stage, lies);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let warning = runtime.block_on(stage.memories().update(NAME, |empty| *empty = memory));
    assert_eq!(warning, None);
    let ran = applies(world, &stage);
    let checked = invariants::check(world, &ran, &[]).map(drop);
    checked.map_err(|problem| format!("{lies:?}: {}\n{world:?}", stage.named(&problem)))
}

proptest! {
    #![proptest_config(crate::config(1))]

    #[test]
    fn a_forged_memory_takes_away_no_more_than_its_cushions(
        world in crate::generate::world(1..16),
        lies in lies(),
    ) {
        believes(&world, &lies).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(crate::config(3))]

    #[test]
    fn nothing_is_lost_by_runs_that_remember(
        world in crate::generate::world(1..16),
        hours in proptest::collection::vec((select(vec![0, 1, 24, 721, 1500]), any::<Index>(), any::<Index>()), 1..5),
    ) {
        nights(&world, &hours).map_err(TestCaseError::fail)?;
    }
}

/// A world whose runs know its indexes, and that they lost their tags long ago.
fn remembered(world: &World) -> Stage {
    let stage = world.stage().remembering();
    let long_ago = World { now: world.now - 100 * 24 * HOUR, ..world.clone() };
    plans(&long_ago, &stage);
    stage.emulator.reset_calls();
    stage
}

#[test]
fn nothing_is_lost_at_any_interleaving_with_a_run_that_remembers() {
    let mut runs = 0;
    for mut world in small_worlds().into_iter().take(1) {
        world.setting.policy.superseded_since = "untagged";
        let calls = applies(&world, &remembered(&world)).calls.len();
        for deed in Deed::all(world.items.len()) {
            for at in 1..=calls + 1 {
                disturb_on(&world, remembered(&world), &[(deed, at)])
                    .unwrap_or_else(|problem| panic!("{problem}"));
                runs += 1;
            }
        }
    }
    println!("{runs} interleavings with a memory");
    assert!(runs > 200, "{runs}");
}
