//! A small registry with work of every kind, and what an undisturbed run makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use ecr_emulator::buildx::Build;
use ecr_emulator::{Change, Emulator, ImageView, artifacts};
use serde_json::Value;

use crate::harness::{Listed, World, legacy, oci, single};

const CONFIG: &str = "[policy]
superseded = \"delete\"
superseded_since = \"push\"
superseded_images = \"delete\"
superseded_without_tags = \"delete\"
attached = \"tag\"
[limits]
max_images_share = 1.0
";

pub(crate) const REPOSITORIES: [&str; 2] = ["team/api", "team/web"];

/// An image: its repository and its digest.
pub(crate) type Id = (String, String);

/// All images.
pub(crate) type State = BTreeMap<Id, ImageView>;

/// A registry before the run, and after an undisturbed one.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) before: State,
    pub(crate) end: State,
    seen: Mutex<Vec<State>>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        // What is only kept is logged at DEBUG.
        let world = World::new()
            .config(CONFIG)
            .with("JANITOR_CONCURRENCY", "1")
            .with("JANITOR_MODE", "apply")
            .with("AWS_LAMBDA_LOG_LEVEL", "DEBUG");
        fill_api(&world);
        fill_web(&world);
        Self::of(world)
    }

    /// More superseded builds than go into one batch.
    pub(crate) fn of_batches() -> Self {
        let world = World::new().config(CONFIG).with("JANITOR_CONCURRENCY", "1");
        world.repository(REPOSITORIES[0]);
        let web = world.repository(REPOSITORIES[1]);
        (0..101).for_each(|code| drop(web.push_untagged(60, single(code))));
        Self::of(world)
    }

    fn of(world: World) -> Self {
        world.save_plan();
        let [saved, fresh] = [world.fork(), world.fork()];
        saved.apply_saved().report(0);
        fresh.apply();
        let (before, end) = (state(&world.ecr), state(&saved.ecr));
        assert_eq!(state(&fresh.ecr), end, "a saved plan and a fresh one come to the same");
        Self { world, before, end, seen: Mutex::default() }
    }

    /// Whether no cut left the registry so before: the next run knows nothing but the registry.
    pub(crate) fn is_new(&self, world: &World) -> bool {
        let (now, mut seen) = (state(&world.ecr), self.seen.lock().unwrap());
        let is_new = !seen.contains(&now);
        if is_new {
            seen.push(now);
        }
        is_new
    }

    /// How many different states the cuts left.
    pub(crate) fn states(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn fill_api(world: &World) {
    let api = world.repository(REPOSITORIES[0]);
    let live = api.push(60, oci(1), "v1");
    api.ago(60, |ecr, name| artifacts::cosign_bundle_referrer(ecr, name, &live.root));
    api.push_untagged(60, oci(2));
    api.push_untagged(60, legacy(3));
    let inner = api.push_untagged(60, single(4));
    api.index(60, &[Listed::Plain(&inner.root)], None);
    // Two that share their images with each other, and one that shares them with what is tagged.
    let again = |build: Build| drop(api.push_untagged(60, build));
    [oci(5), oci(5).run(1), oci(1).run(1)].into_iter().for_each(again);
    api.orphans(60, legacy(6));
    api.orphans(60, oci(7));
    api.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, None));
    api.ago(0, |ecr, name| oci(8).push_attestations_only(ecr, name));
}

fn fill_web(world: &World) {
    let web = world.repository(REPOSITORIES[1]);
    web.push_untagged(60, single(1));
    web.orphans(60, single(2));
}

/// All images, without the times of pulls.
pub(crate) fn state(ecr: &Emulator) -> State {
    let images = |name: &'static str| ecr.images(name).into_iter().map(move |image| (name, image));
    let images = REPOSITORIES.into_iter().flat_map(images);
    let view = |image: ImageView| ImageView { pulled_at_ms: None, ..image };
    images.map(|(name, image)| ((name.to_owned(), image.digest.clone()), view(image))).collect()
}

/// What calls changed since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) deleted: BTreeSet<Id>,
    pub(crate) tagged: BTreeSet<(Id, String)>,
}

pub(crate) fn changes(world: &World) -> Changes {
    let mut changes = Changes::default();
    for entry in world.writes() {
        match entry.kind {
            Change::Deleted { digest } => assert!(changes.deleted.insert((entry.repository, digest))),
            Change::Tagged { digest, tag, moved_from: None } => {
                assert!(changes.tagged.insert(((entry.repository, digest), tag)));
            }
            other => panic!("{other:?} in {}", entry.repository),
        }
    }
    changes
}

/// The digests that an index lists.
pub(crate) fn children(image: &ImageView) -> Vec<String> {
    let manifest: Value = serde_json::from_str(&image.manifest).unwrap();
    let listed = manifest["manifests"].as_array().into_iter().flatten();
    listed.map(|child| child["digest"].as_str().unwrap().to_owned()).collect()
}
