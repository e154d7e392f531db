//! What CloudWatch reads from the log.

use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use super::{applying, lines};
use crate::harness::{World, legacy, oci, trouble};

/// Runs the function as it is scheduled, and gives the metrics and the whole log.
fn metrics(world: &World) -> (Value, Vec<Value>) {
    let mut function = world.lambda();
    function.report(&json!({}));
    let log = function.stop();
    let all: Vec<Value> = lines(&log, "metrics").cloned().collect();
    assert_eq!(all.len(), 1, "one document a run");
    (all[0].clone(), log)
}

#[test]
fn a_run_s_metrics_are_what_happened_in_the_registry() {
    let world = applying().deleting_superseded();
    let busy = world.busy("team/api");
    let (metrics, log) = metrics(&world);
    let gone: usize = world.deletions().iter().map(Vec::len).sum();
    let calls: u64 = world.ecr.calls().values().sum();
    assert_eq!((&metrics["Deleted"], &metrics["ApiCalls"]), (&json!(gone), &json!(calls)));
    assert_eq!((&metrics["Repositories"], &metrics["ColdStart"]), (&json!(1), &json!(1)));
    assert_eq!(metrics["AttestationsOrphaned"], busy.orphans().len());
    assert_eq!((&metrics["IncompleteRuns"], &metrics["BreakerTrips"]), (&json!(0), &json!(0)));
    assert_eq!(metrics["FunctionName"], "ecr-janitor");
    let run = lines(&log, "run").next().unwrap();
    assert_eq!(metrics["BytesDeleted"], run["bytes_deleted"]);
    assert_eq!(metrics["run_id"], run["run_id"]);
}

#[test]
fn limits_and_throttling_show_in_the_metrics() {
    let world = applying().with("JANITOR_MAX_DELETIONS", "1");
    world.repository("team/api").orphans(60, legacy(1));
    world.ecr.fault(trouble("DescribeImages", When::Nth(1), Fault::Throttle));
    let (metrics, _) = metrics(&world);
    assert_eq!((&metrics["BreakerTrips"], &metrics["LimitReached"]), (&json!(0), &json!(1)));
    assert_eq!((&metrics["IncompleteRuns"], &metrics["Throttles"]), (&json!(0), &json!(1)));
}

#[test]
fn metrics_come_through_at_any_log_level() {
    let world = World::new().with_backups().with("AWS_LAMBDA_LOG_LEVEL", "WARN");
    world.busy("team/api");
    let (metrics, log) = metrics(&world);
    assert_eq!((log.len(), &metrics["level"]), (1, &json!("WARN")), "Lambda's own filter reads the level");
}

#[test]
fn an_image_that_collects_attestations_is_seen_before_ecr_refuses_more() {
    let world = World::new();
    let api = world.repository("team/api");
    // Rebuilt from the cache: the images are the same, and each build brings two attestations of them.
    let builds: Vec<_> = (1..=7).map(|run| api.push(60, oci(1).run(run), "main")).collect();
    let report = world.plan();
    let pressure = &report.of(&api)["referrer_pressure"];
    assert_eq!(pressure["attestations"], 7);
    assert!(builds[0].platforms.iter().any(|platform| pressure["subject"] == *platform), "{pressure}");
    assert_eq!(report.total("referrer_pressure"), 7);
    let (metrics, _) = metrics(&world);
    assert_eq!(metrics["ReferrerPressure"], 7);
    assert_eq!(metrics["referrer_pressure_repository"], "team/api");
}
