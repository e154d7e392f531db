//! Time that ends before the work does.

use std::collections::BTreeSet;
use std::time::Duration;

use ecr_attestation_janitor::cli::local_lambda::Answer;
use ecr_emulator::{Fault, When};
use serde_json::json;

use super::applying;
use crate::harness::{Lambda, Repo, Report, World, legacy, set, trouble_in};

/// A registry whose listings are slow, worked on one repository at a time.
fn slow(world: World, names: &[&str], latency: u64) -> (World, Vec<Repo>) {
    let world = world.with("JANITOR_CONCURRENCY", "1");
    let repositories: Vec<Repo> = names.iter().map(|name| world.repository(name)).collect();
    repositories.iter().for_each(|repository| drop(repository.orphans(60, legacy(1))));
    world.ecr.set_latency(Some("DescribeImages"), Duration::from_millis(latency));
    (world, repositories)
}

/// Invokes for a short time; the answer must come before Lambda would kill the function.
fn in_time(function: &mut Lambda<'_>, milliseconds: u64) -> Report {
    match function.invoke_for(Duration::from_millis(milliseconds), &json!({})) {
        Some(Answer::Response(report)) => Report(report),
        other => panic!("no report in time: {other:?}"),
    }
}

/// Starts the process, so that its start takes nothing of a short time.
fn warm(function: &mut Lambda<'_>) {
    assert_eq!(function.report(&json!({"repositories": []})).names().len(), 0);
}

fn reached(report: &Report) -> BTreeSet<&str> {
    let reason = |name: &str| report.find(name).unwrap()["reason"] == "deadline";
    report.names().into_iter().filter(|name| !reason(name)).collect()
}

#[test]
fn a_run_that_has_too_little_time_answers_in_time_and_says_what_is_left() {
    let (world, repositories) = slow(World::new(), &["r1", "r2", "r3", "r4", "r5", "r6"], 700);
    let mut function = world.lambda();
    warm(&mut function);
    let report = in_time(&mut function, 3_000);
    let done = reached(&report);
    assert!((1..6).contains(&done.len()), "{done:?}");
    assert_eq!((&report.0["complete"], report.names().len()), (&json!(false), repositories.len()));
    let log = function.stop();
    let run = log.last().unwrap();
    assert_eq!((&run["message"], &run["level"]), (&json!("run"), &json!("ERROR")));
}

#[test]
fn the_next_run_begins_with_what_the_last_one_did_not_reach() {
    let (world, _) = slow(World::new(), &["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"], 700);
    let mut function = world.lambda();
    warm(&mut function);
    let (first, second) = (in_time(&mut function, 3_000), in_time(&mut function, 3_000));
    let (first, second) = (reached(&first), reached(&second));
    assert!((1..5).contains(&first.len()) && !second.is_empty(), "{first:?} {second:?}");
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
}

#[test]
fn no_repository_starves_beside_one_that_is_left_alone() {
    let names = ["r1", "r2", "r3", "left-out"];
    let (world, _) = slow(World::new().with("JANITOR_EXCLUDE", "left-out"), &names, 1_000);
    let mut function = world.lambda();
    warm(&mut function);
    let reports: Vec<Report> = (0..5).map(|_| in_time(&mut function, 2_000)).collect();
    assert!(reports.iter().all(|report| reached(report).len() < names.len()), "time must be short");
    let all: BTreeSet<&str> = reports.iter().flat_map(reached).collect();
    assert_eq!(all, BTreeSet::from(names));
}

#[test]
fn runs_that_are_cut_short_finish_the_work_together() {
    let (world, repositories) = slow(applying(), &["r1", "r2", "r3", "r4"], 300);
    let mut function = world.lambda();
    warm(&mut function);
    let reports: Vec<Report> = (0..8).map(|_| in_time(&mut function, 2_000)).collect();
    assert_eq!(reports[0].0["complete"], false);
    assert_eq!(repositories.iter().map(|repository| repository.contents().len()).sum::<usize>(), 0);
}

#[test]
fn what_was_planned_is_applied_while_time_lasts_and_the_rest_is_called_deadline() {
    let names = ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"];
    let (world, repositories) = slow(applying(), &names, 0);
    world.ecr.set_latency(Some("BatchDeleteImage"), Duration::from_millis(700));
    let mut function = world.lambda();
    warm(&mut function);
    let report = in_time(&mut function, 3_000);
    assert!(report.total("deleted") > 0 && report.total("deadline") > 0, "{:#}", report.0["totals"]);
    assert_eq!((&report.0["complete"], report.total("planned")), (&json!(false), 0));
    for repository in &repositories {
        assert!(report.with_outcome(repository, "deleted").iter().all(|digest| !repository.has(digest)));
        assert!(report.with_outcome(repository, "deadline").iter().all(|digest| repository.has(digest)));
    }
}

#[test]
fn a_repository_that_hangs_keeps_no_other_from_being_applied() {
    for operation in ["DescribeImages", "BatchGetImage"] {
        let world = applying();
        let [hanging, other] = ["team/api", "team/web"].map(|name| world.repository(name));
        let orphans = [&hanging, &other].map(|repository| repository.orphans(60, legacy(1)));
        world.ecr.fault(trouble_in(&hanging, operation, When::Always, Fault::HangForever));
        let mut function = world.lambda();
        warm(&mut function);
        let report = in_time(&mut function, 4_000);
        assert_eq!(report.left_alone(&hanging), "deadline", "{operation}");
        assert_eq!(report.with_outcome(&other, "deleted"), set(&orphans[1]));
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_is_a_failure_that_names_the_doubt() {
    let world = applying();
    let repository = world.repository("team/api");
    let orphans = repository.orphans(60, legacy(1));
    world.ecr.set_latency(Some("BatchDeleteImage"), Duration::from_secs(600));
    let mut function = world.lambda();
    warm(&mut function);
    let report = in_time(&mut function, 2_000);
    assert_eq!((&report.0["complete"], report.total("deleted")), (&json!(false), 0));
    assert_eq!(report.with_outcome(&repository, "failed"), set(&orphans));
    let detail = report.decision(&repository, &orphans[0])["detail"].as_str().unwrap();
    assert!(detail.contains("may be deleted"), "{detail}");
}

#[test]
fn tags_that_wait_for_their_turn_do_not_outlive_the_function() {
    let world = applying().with("JANITOR_ATTACHED", "tag").with("JANITOR_CONCURRENCY", "64");
    let repositories: Vec<Repo> = (0..60).map(|n| world.repository(&format!("r{n}"))).collect();
    repositories.iter().for_each(|repository| drop(repository.push(60, legacy(1), "v1")));
    let mut function = world.lambda();
    warm(&mut function);
    let report = in_time(&mut function, 4_000);
    assert!(report.total("tagged") > 0 && report.total("deadline") > 0, "{:#}", report.0["totals"]);
    assert_eq!((report.total("tagged"), report.total("failed")), (world.writes().len() as u64, 0));
}

#[test]
fn a_registry_that_does_not_answer_does_not_outlive_the_function() {
    let world = applying();
    world.repository("team/api");
    world.ecr.set_latency(Some("DescribeRepositories"), Duration::from_secs(600));
    let mut function = world.lambda();
    function.failure(&json!({"force": true}));
    let answer = function.invoke_for(Duration::from_secs(3), &json!({}));
    assert!(answer.is_some(), "killed without a word");
}
