//! Runs that are cut at every single call: killed, answered by trouble, or out of time.
//!
//! After each: nothing is lost and the report is true; and the next run brings what an undisturbed one brings.

use std::time::Duration;

use ecr_attestation_janitor::cli::local_lambda::Answer;
use ecr_emulator::{Fault, When};
use serde_json::json;

use crate::harness::crash::scene::Scene;
use crate::harness::crash::verdict::{
    next_invocation_finishes, next_run_finishes, nothing_is_lost, outcome_is_true, report_is_true,
};
use crate::harness::crash::{FRESH, SAVED, each};
use crate::harness::{Hold, Moment, Report, World, trouble};

const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];

/// How many calls an undisturbed run makes.
fn calls(world: &World, arguments: &[&str]) -> u64 {
    let world = world.fork();
    assert_eq!(world.cli(arguments).code, 0);
    world.ecr.calls().values().sum()
}

/// Every k-th call of every operation of an undisturbed run.
fn places(world: &World, arguments: &[&str]) -> Vec<(String, u64)> {
    let world = world.fork();
    assert_eq!(world.cli(arguments).code, 0);
    let calls = world.ecr.calls();
    calls
        .into_iter()
        .flat_map(|(operation, count)| (1..=count).map(move |k| (operation.clone(), k)))
        .collect()
}

/// Kills a run at each of these calls, before and after ECR did it.
fn kill_everywhere(scene: &Scene, arguments: &[&str], calls: impl Iterator<Item = u64>) {
    let positions: Vec<(u64, Moment)> = calls.flat_map(|n| MOMENTS.map(|moment| (n, moment))).collect();
    each(&positions, 8, |(n, moment)| {
        let world = scene.world.fork();
        let ended = world.kill_at(Hold::new(&world, *n, *moment), arguments);
        assert!(ended.is_none(), "call {n} never came");
        // A call that was sent in the last moment may still come; the next run is about what was there then.
        let world = world.fork();
        nothing_is_lost(scene, &world);
        next_run_finishes(scene, &world, arguments);
    });
    println!("{} kills, {} states", positions.len(), scene.states());
}

#[test]
fn a_saved_plan_that_is_killed_anywhere_is_finished_by_applying_it_again() {
    let scene = Scene::new();
    kill_everywhere(&scene, SAVED, 1..=calls(&scene.world, SAVED));
}

#[test]
fn it_is_so_too_where_repositories_are_worked_on_at_once() {
    let mut scene = Scene::new();
    scene.world.set("JANITOR_CONCURRENCY", "4");
    kill_everywhere(&scene, SAVED, 1..=calls(&scene.world, SAVED));
}

#[test]
fn a_run_that_is_killed_anywhere_is_finished_by_the_next_run() {
    let scene = Scene::new();
    kill_everywhere(&scene, FRESH, 1..=calls(&scene.world, FRESH));
}

#[test]
fn a_run_over_several_batches_that_is_killed_anywhere_is_finished_by_applying_its_plan_again() {
    let scene = Scene::of_batches();
    kill_everywhere(&scene, SAVED, 1..=calls(&scene.world, SAVED));
}

#[test]
fn a_function_that_is_killed_anywhere_is_finished_by_the_next_invocation() {
    let scene = Scene::new();
    let calls = calls(&scene.world, FRESH);
    let positions: Vec<(u64, Moment)> = (1..=calls).flat_map(|n| MOMENTS.map(|moment| (n, moment))).collect();
    each(&positions, 8, |(n, moment)| {
        let world = scene.world.fork();
        let answer = world.lambda().kill_at(Hold::new(&world, *n, *moment), &json!({}));
        assert!(answer.is_none(), "call {n} never came");
        nothing_is_lost(&scene, &world);
        next_invocation_finishes(&scene, &world, world.lambda());
    });
    println!("{} kills, {} states", positions.len(), scene.states());
}

/// What can happen to a call. Whether a read was done before its answer was lost makes no difference to anybody.
fn faults(operation: &str) -> Vec<Fault> {
    let mut faults = vec![Fault::ServerError, Fault::AccessDenied, Fault::Drop, Fault::Garbage];
    if ["BatchDeleteImage", "PutImage"].contains(&operation) {
        faults.extend([Fault::DropAfter, Fault::Cut]);
    }
    if operation.starts_with("Batch") {
        faults.extend([Fault::Partial, Fault::Silent]);
    }
    faults
}

/// Answers one call after the other with each of its faults.
fn fail_everywhere(scene: &Scene, arguments: &[&str], attempts: &str, faults: fn(&str) -> Vec<Fault>) {
    let places = places(&scene.world, arguments).into_iter();
    let cuts: Vec<_> = places
        .flat_map(|place| faults(&place.0).into_iter().map(move |fault| (place.clone(), fault)))
        .collect();
    each(&cuts, 8, |((operation, k), fault)| {
        let mut world = scene.world.fork();
        world.set("AWS_MAX_ATTEMPTS", attempts);
        world.ecr.fault(trouble(operation, When::Nth(*k), fault.clone()));
        let outcome = world.cli(arguments);
        nothing_is_lost(scene, &world);
        outcome_is_true(&world, &outcome);
        world.ecr.clear_faults();
        next_run_finishes(scene, &world, arguments);
    });
    println!("{} faults, {} states", cuts.len(), scene.states());
}

#[test]
fn a_saved_plan_that_fails_anywhere_is_finished_by_applying_it_again() {
    fail_everywhere(&Scene::new(), SAVED, "1", faults);
}

#[test]
fn a_run_that_fails_anywhere_is_finished_by_the_next_run() {
    fail_everywhere(&Scene::new(), FRESH, "1", faults);
}

#[test]
fn a_run_that_tries_again_after_a_lost_answer_is_true() {
    let lost = |operation: &str| match operation {
        "BatchDeleteImage" | "PutImage" => vec![Fault::DropAfter, Fault::Cut],
        _ => Vec::new(),
    };
    fail_everywhere(&Scene::new(), FRESH, "3", lost);
}

#[test]
fn a_function_that_runs_out_of_time_anywhere_answers_and_the_next_invocation_finishes() {
    let scene = Scene::new();
    let ages = Duration::from_secs(600);
    let places = places(&scene.world, FRESH);
    let faults = [Fault::Hang(ages), Fault::HangAfter(ages)];
    let cuts: Vec<_> =
        places.iter().flat_map(|place| faults.iter().map(move |fault| (place, fault))).collect();
    each(&cuts, 16, |((operation, k), fault)| {
        let world = scene.world.fork();
        let mut function = world.lambda();
        function.failure(&json!({"wake": "up"}));
        world.ecr.reset_calls();
        world.ecr.fault(trouble(operation, When::Nth(*k), (*fault).clone()));
        match function.invoke_for(Duration::from_secs(2), &json!({})) {
            Some(Answer::Response(report)) => report_is_true(&world, &Report(report)),
            Some(Answer::Error(error)) => assert_eq!(world.writes(), [], "{error}"),
            None => panic!("no answer though call {k} of {operation} hangs"),
        }
        // A call that was sent in the last moment may still come; the next run is about what was there then.
        let world = world.fork();
        nothing_is_lost(&scene, &world);
        next_invocation_finishes(&scene, &world, world.lambda());
    });
    println!("{} hanging calls, {} states", cuts.len(), scene.states());
}
