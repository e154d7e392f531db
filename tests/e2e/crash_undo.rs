//! Runs with backups that are killed at every single call, or that work beside another: nothing is deleted that the
//! backup cannot bring back.

use std::collections::BTreeMap;

use ecr_emulator::{Fault, UnreferencedLayers, When};

use crate::harness::crash::{FRESH, each};
use crate::harness::{Held, Hold, Listed, Moment, World, legacy, oci, single, trouble};

const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];
const REPOSITORIES: [&str; 2] = ["team/api", "team/web"];

/// Work of every kind whose bytes a backup has in full: layers of platform images go with the last image that has
/// them, so that these are left alone.
fn world() -> World {
    let world = World::new().with_state().deleting_superseded().with("JANITOR_CONCURRENCY", "1");
    world.ecr.set_unreferenced_layers(UnreferencedLayers::Dropped);
    let api = world.repository(REPOSITORIES[0]);
    api.push(60, oci(1), "v1");
    api.push_untagged(60, oci(2));
    api.push_untagged(60, legacy(3));
    let inner = api.push_untagged(60, single(4));
    api.index(60, &[Listed::Plain(&inner.root)], None);
    api.push_untagged(60, oci(1).run(1));
    api.orphans(60, legacy(6));
    let web = world.repository(REPOSITORIES[1]);
    web.push_untagged(60, single(1));
    web.orphans(60, single(2));
    world
}

/// Bytes and media types of all images, which are what comes back: push times do not.
type Bytes = BTreeMap<(&'static str, String), (String, String)>;

fn bytes(world: &World) -> Bytes {
    let of = |name: &'static str| {
        let images = world.ecr.images(name).into_iter();
        images.map(move |image| ((name, image.digest), (image.manifest, image.media_type)))
    };
    REPOSITORIES.into_iter().flat_map(of).collect()
}

/// The runs that the backup is of.
fn runs(world: &World) -> Vec<String> {
    let history = world.cli(&["history", "--output", "json"]);
    assert_eq!(history.code, 0, "{}", history.stderr);
    let runs = history.json()["runs"].as_array().unwrap().clone();
    runs.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
}

/// Restores what every run deleted: then all is as it was, byte for byte.
fn everything_comes_back(world: &World, before: &Bytes) {
    if bytes(world) == *before {
        return;
    }
    for run in runs(world) {
        let restored = world.cli(&["restore", "--run", &run, "--yes"]);
        assert_eq!(restored.code, 0, "{}{}", restored.stdout, restored.stderr);
    }
    let after = bytes(world);
    let lost: Vec<_> = before.keys().filter(|id| !after.contains_key(*id)).collect();
    assert!(lost.is_empty(), "not restored: {lost:?}");
    assert_eq!(after, *before);
}

/// How often an undisturbed run calls each operation, and how much it deletes.
fn undisturbed(world: &World) -> (BTreeMap<String, u64>, usize) {
    let world = world.fork();
    let before = bytes(&world).len();
    world.apply();
    let calls = world.ecr.calls().into_iter().filter(|(operation, _)| !operation.starts_with("GET "));
    (calls.collect(), before - bytes(&world).len())
}

#[test]
fn what_a_killed_run_deleted_comes_back_byte_for_byte() {
    let world = world();
    let before = bytes(&world);
    let (calls, deleted) = undisturbed(&world);
    assert!(calls["GetDownloadUrlForLayer"] > 0 && deleted > 10, "{calls:?}, {deleted}");
    // Whether a read was done before the program died makes no difference to what is stored.
    let moments =
        |operation: &str| if operation == "BatchDeleteImage" { &MOMENTS[..] } else { &MOMENTS[..1] };
    let positions: Vec<(String, u64, Moment)> = calls
        .into_iter()
        .flat_map(|(operation, count)| (1..=count).map(move |nth| (operation.clone(), nth)))
        .flat_map(|(operation, nth)| moments(&operation).iter().map(move |it| (operation.clone(), nth, *it)))
        .collect();
    each(&positions, 8, |(operation, nth, moment)| {
        let world = world.fork();
        let ended = world.kill_at(Hold::of(&world, operation, *nth, *moment), FRESH);
        assert!(ended.is_none(), "call {nth} of {operation} never came");
        // A call that was sent in the last moment may still come; what counts is what was there then.
        everything_comes_back(&world.fork(), &before);
    });
    println!("{} kills", positions.len());
}

#[test]
fn what_the_run_after_a_killed_one_deleted_comes_back_too() {
    let world = world();
    let before = bytes(&world);
    let (calls, _) = undisturbed(&world);
    let positions: Vec<u64> = (1..=calls["BatchDeleteImage"]).collect();
    each(&positions, 8, |nth| {
        let world = world.fork();
        let hold = Hold::of(&world, "BatchDeleteImage", *nth, Moment::After);
        assert!(world.kill_at(hold, FRESH).is_none());
        let world = world.fork();
        world.apply();
        everything_comes_back(&world, &before);
    });
}

#[test]
fn two_runs_at_once_over_one_folder_lose_nothing() {
    let world = world();
    let before = bytes(&world);
    let (calls, deleted) = undisturbed(&world);
    let positions: Vec<(String, u64)> = calls
        .into_iter()
        .flat_map(|(operation, count)| (1..=count).map(move |nth| (operation.clone(), nth)))
        .collect();
    each(&positions, 8, |(operation, nth)| {
        let world = world.fork();
        let first = Held::at_call(&world, operation, *nth, FRESH);
        first.wait();
        let second = world.cli_beside(FRESH);
        let (code, _) = first.end();
        // The one that came too late for an image says so, and has failed in nothing.
        assert!([Some(0), Some(3)].contains(&code) && [0, 3].contains(&second.code), "{operation} {nth}");
        assert!(before.len() - bytes(&world).len() >= deleted, "{operation} {nth}: too little went");
        everything_comes_back(&world, &before);
    });
    println!("{} pairs of runs", positions.len());
}

#[test]
fn what_a_killed_run_left_without_an_index_goes_in_the_next_run() {
    let world = world().with("JANITOR_SUPERSEDED_IMAGES", "delete").with("JANITOR_MAX_IMAGES_SHARE", "1");
    let left = |world: &World| bytes(world).into_keys().collect::<Vec<_>>();
    let (calls, _) = undisturbed(&world);
    let done = world.fork();
    done.apply();
    let positions: Vec<u64> = (1..=calls["BatchDeleteImage"]).collect();
    each(&positions, 8, |nth| {
        let world = world.fork();
        let hold = Hold::of(&world, "BatchDeleteImage", *nth, Moment::After);
        assert!(world.kill_at(hold, FRESH).is_none());
        let world = world.fork();
        world.apply();
        assert_eq!(left(&world), left(&done), "killed after deletion {nth}");
    });
}

#[test]
fn so_it_does_after_a_deletion_whose_answer_was_lost() {
    let world = world().with("JANITOR_SUPERSEDED_IMAGES", "delete").with("JANITOR_MAX_IMAGES_SHARE", "1");
    let world = world.with("AWS_MAX_ATTEMPTS", "1");
    let left = |world: &World| bytes(world).into_keys().collect::<Vec<_>>();
    let (calls, _) = undisturbed(&world);
    let done = world.fork();
    done.apply();
    let lost = [Fault::DropAfter, Fault::Cut, Fault::Garbage];
    let cuts = (1..=calls["BatchDeleteImage"]).flat_map(|nth| lost.clone().map(|fault| (nth, fault)));
    each(&cuts.collect::<Vec<_>>(), 8, |(nth, fault)| {
        let world = world.fork();
        world.ecr.fault(trouble("BatchDeleteImage", When::Nth(*nth), fault.clone()));
        world.cli(FRESH);
        world.ecr.clear_faults();
        world.apply();
        assert_eq!(left(&world), left(&done), "{fault:?} of deletion {nth}");
    });
}
