//! Ctrl-C: the first ends the batch in hand and prints the report, the second stops at once.

use ecr_emulator::buildx::Form;
use serde_json::Value;

use crate::harness::{Held, Repo, World, single};

/// A repository with so many orphans, all of which may go at once.
fn orphans(world: &World, count: u64) -> Repo {
    let api = world.repository("team/api");
    for run in 0..count {
        let build = single(1).form(Form::Legacy).run(run);
        api.ago(60, |ecr, name| build.push_attestations_only(ecr, name));
    }
    api
}

fn world() -> World {
    World::new().with("JANITOR_MAX_IMAGES_SHARE", "1")
}

fn report((code, stdout): (Option<i32>, String)) -> Value {
    assert_eq!(code, Some(130), "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn the_batch_in_hand_is_finished_and_reported_and_the_rest_is_deadline() {
    for signal in ["-INT", "-TERM"] {
        let world = world().with("JANITOR_CONCURRENCY", "1");
        let api = orphans(&world, 250);
        let mut held = Held::at(&world, "BatchDeleteImage", &["apply", "--yes", "--output", "json"]);
        let _messages = held.interrupt(signal);
        let report = report(held.end());
        let totals = &report["totals"];
        assert_eq!((&totals["deleted"], &totals["deadline"]), (&100.into(), &150.into()), "{totals:#}");
        assert_eq!((api.contents().len(), &report["complete"]), (150, &false.into()));
    }
}

#[test]
fn what_waits_for_its_turn_is_not_begun_after_an_interrupt() {
    let world = world();
    let api = orphans(&world, 1000);
    let mut held = Held::at(&world, "BatchDeleteImage", &["apply", "--yes", "--output", "json"]);
    let _messages = held.interrupt("-INT");
    let report = report(held.end());
    let total = |name: &str| report["totals"][name].as_u64().unwrap();
    assert_eq!(total("deleted") + total("deadline"), 1000, "{:#}", report["totals"]);
    assert_eq!(api.contents().len() as u64, total("deadline"));
}

#[test]
fn what_was_not_planned_yet_is_deadline_and_nothing_is_applied() {
    let world = world().with("JANITOR_CONCURRENCY", "1");
    let api = orphans(&world, 3);
    world.repository("team/web");
    let mut held = Held::at(&world, "DescribeImages", &["apply", "--yes", "--output", "json"]);
    let _messages = held.interrupt("-INT");
    let report = report(held.end());
    for repository in report["repositories"].as_array().unwrap() {
        assert_eq!(repository["reason"], "deadline", "{repository:#}");
    }
    assert_eq!((api.contents().len(), world.writes()), (3, vec![]));
}

#[test]
fn a_plan_that_was_interrupted_is_not_saved() {
    let world = world();
    orphans(&world, 3);
    let mut held = Held::at(&world, "DescribeImages", &["plan", "--out", "plan.json", "--output", "json"]);
    let messages = held.interrupt("-INT");
    report(held.end());
    let messages = messages.all();
    assert!(messages.contains("the plan is not saved"), "{messages}");
    assert_eq!(std::fs::read_dir(world.file(".")).unwrap().count(), 0);
}

#[test]
fn the_second_signal_stops_at_once() {
    let world = world();
    orphans(&world, 3);
    let mut held = Held::at(&world, "BatchDeleteImage", &["apply", "--yes", "--output", "json"]);
    let messages = held.interrupt("-INT");
    held.send("-INT");
    let messages = messages.all();
    assert!(messages.contains("stopped at once"), "{messages}");
    // The call is still held: nothing that ECR answers is waited for.
    assert_eq!(held.child.wait().unwrap().code(), Some(130));
    assert_eq!(held.world.find("team/api").contents().len(), 3);
    assert_eq!(held.end(), (Some(130), String::new()));
}
