//! Indexes that list themselves, or each other: no hash allows them, so they are forged. Nothing hangs, planner and
//! model agree all the same, and a registry that shows such a thing is not believed.

use std::collections::BTreeMap;

use ecr_attestation_janitor::config::Config;
use ecr_attestation_janitor::inventory::{ImageIndex, Inventory};
use ecr_attestation_janitor::oci::media_type;
use ecr_attestation_janitor::registry::ReadRepository as _;
use ecr_attestation_janitor::rules::judge;
use ecr_attestation_janitor::rules::reads::{self, Purpose};
use ecr_emulator::ImageView;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::in_process::{Connection, Retries};
use crate::reference::{Ruling, decide_over};
use crate::run::plans;
use crate::world::{NAME, Stage, World};

/// The images of a stage, with more children for its indexes: any image, later ones and themselves included.
fn forge(stage: &Stage, links: &[(Index, Index)]) -> Vec<ImageView> {
    let mut views = stage.emulator.images(NAME);
    let is_index = |view: &&mut ImageView| view.manifest.contains("\"manifests\"");
    let all: Vec<String> = views.iter().map(|view| view.digest.clone()).collect();
    let mut indexes: Vec<&mut ImageView> = views.iter_mut().filter(is_index).collect();
    for (parent, child) in links.iter().filter(|_| !indexes.is_empty()).collect::<Vec<_>>() {
        let (at, child) = (parent.index(indexes.len()), &all[child.index(all.len())]);
        let mut manifest: Value = serde_json::from_str(&indexes[at].manifest).unwrap();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let listed = json!({"mediaType": media_type, "digest": child, "size": 1});
        manifest["manifests"].as_array_mut().unwrap().push(listed);
        indexes[at].manifest = manifest.to_string();
    }
    views
}

/// What the rules say, read as a survey reads, but for the hashes.
fn plan(world: &World, stage: &Stage, views: &[ImageView]) -> BTreeMap<String, Ruling> {
    let policy = Config::parse(&world.setting.toml(NAME), &BTreeMap::new()).unwrap().policy_of(NAME);
    let now = Timestamp::from_millisecond(world.now).unwrap();
    let ecr = Connection::new(&World { page: 1000, ..world.clone() }, stage, Retries::Usual).ecr;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let listing = runtime.block_on(ecr.images(NAME).try_concat()).unwrap();
    let mut inventory = Inventory::new(listing);
    let texts: BTreeMap<&str, &str> =
        views.iter().map(|view| (view.digest.as_str(), view.manifest.as_str())).collect();
    let might_be_index = |inventory: &Inventory, position| {
        use media_type::Shape::{Index, Unknown};
        matches!(inventory.image(position).shape, Index | Unknown)
    };
    for digest in stage.running(world) {
        inventory.in_use.add(digest.parse().unwrap(), "model".into());
    }
    if world.lacks_source {
        inventory.in_use.add_unread("model".into());
    }
    inventory.deletions_are_replicated = world.replicates && world.setting.effective().superseded == "delete";
    let mut wanted: Vec<(ImageIndex, Purpose)> = inventory
        .positions()
        .filter(|p| might_be_index(&inventory, *p))
        .map(|p| (p, Purpose::Proof))
        .collect();
    loop {
        for (position, purpose) in wanted {
            let digest = inventory.image(position).digest.to_string();
            let bytes = texts[digest.as_str()].as_bytes();
            let added = match purpose {
                Purpose::SubjectAlone => inventory.add_subject(position, bytes),
                Purpose::Proof | Purpose::Subject => inventory.add_bytes(position, bytes),
            };
            added.unwrap();
        }
        inventory.link();
        let verdicts = judge(&inventory, &policy, now);
        wanted = reads::wanted(&inventory, &policy, &verdicts).collect();
        if wanted.is_empty() {
            let word =
                |value: Value| -> &'static str { value.as_str().map_or("-", |word| word.to_owned().leak()) };
            let listed = verdicts.iter().filter(|(_, verdict)| verdict.is_listed());
            return listed
                .map(|(position, it)| {
                    let ruling = Ruling {
                        kind: word(json!(it.kind())),
                        form: it.artifact.form().map(|form| word(json!(form))),
                        state: it.artifact.state().map(|state| word(json!(state))),
                        action: word(json!(it.action)),
                        reason: word(json!(it.reason)),
                    };
                    (inventory.image(position).digest.to_string(), ruling)
                })
                .collect();
        }
    }
}

proptest! {
    #![proptest_config(crate::config(1))]

    #[test]
    fn planner_and_model_agree_on_loops(
        world in crate::generate::world(1..12),
        links in proptest::collection::vec(any::<(Index, Index)>(), 1..8),
    ) {
        let mut world = World { reads_archived: true, ..world };
        world.items.iter_mut().for_each(|item| item.corrupt = false);
        let stage = world.stage();
        let views = forge(&stage, &links);
        let (found, expected) = (plan(&world, &stage, &views), decide_over(&world, &stage, &views).unwrap().rulings);
        for digest in found.keys().chain(expected.keys()) {
            prop_assert_eq!(found.get(digest), expected.get(digest), "{}", stage.name(digest));
        }
    }
}

#[test]
fn a_registry_that_shows_a_loop_is_not_believed() {
    let world = crate::interleave::small_worlds().remove(0);
    let stage = world.stage();
    let index = &stage.digests[2];
    let manifest = stage.emulator.image(NAME, index).unwrap().manifest;
    let looping = manifest.replacen(&stage.digests[0], index, 1);
    stage.emulator.corrupt_manifest(NAME, index, &looping);
    let planned = plans(&world, &stage);
    let decisions = planned.decisions();
    let reason = |digest: &str| &decisions[digest]["reason"];
    assert_eq!(reason(index), "unreadable");
    assert_eq!(reason(&stage.digests[1]), "may-be-listed", "it could list anything that is older");
    assert!(decisions.values().all(|decision| decision["action"] == "keep"));
}
