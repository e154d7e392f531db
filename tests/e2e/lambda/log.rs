//! What the function logs, line by line.

use std::collections::BTreeSet;

use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use super::{applying, lines};
use crate::harness::{Hold, Moment, World, legacy, set, trouble};

#[test]
fn every_line_of_the_log_is_a_flat_object_with_the_required_keys() {
    let world = World::new();
    world.busy("team/api");
    let mut function = world.lambda();
    function.report(&json!({}));
    function.failure(&json!({"force": true}));
    let log = function.stop();
    let required = [
        "timestamp",
        "level",
        "message",
        "service",
        "cold_start",
        "function_request_id",
        "xray_trace_id",
        "run_id",
    ];
    for line in &log {
        for key in required {
            assert!(!line[key].is_null(), "{key} is missing in {line}");
        }
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert_eq!(line["service"], "ecr-janitor");
    }
    assert!(log.len() > 6, "{}", log.len());
}

#[test]
fn the_log_has_a_line_for_each_repository_and_ends_with_the_run() {
    let world = applying().superseded_since_push();
    let busy = world.busy("team/api");
    world.repository("team/web");
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    let log = function.stop();
    let named: BTreeSet<&str> =
        lines(&log, "repository").map(|line| line["repository"].as_str().unwrap()).collect();
    assert_eq!((lines(&log, "repository").count(), named), (2, BTreeSet::from(["team/api", "team/web"])));
    let run = log.last().unwrap();
    assert_eq!((&run["message"], lines(&log, "run").count()), (&json!("run"), 1));
    assert_eq!((&run["deleted"], &run["complete"], &run["level"]), (&json!(4), &json!(true), &json!("INFO")));
    assert_eq!(run["api_calls"], report.0["totals"]["api_calls"]);
    let first = lines(&log, "decision").find(|line| line["digest"] == *busy.oci_orphans[0]).unwrap();
    assert_eq!((&first["outcome"], &first["repository"]), (&json!("deleted"), &json!("team/api")));
    let api = lines(&log, "repository").find(|line| line["repository"] == "team/api").unwrap();
    assert_eq!(api["kept_by_reason"], json!({"attached": 6, "superseded": 2}));
    assert_eq!(lines(&log, "decision").count(), 4, "what is only kept is only counted");
}

/// What Lambda kills in the middle has said what it did so far.
#[test]
fn decisions_are_logged_as_ecr_answers() {
    let world = applying();
    let repositories = ["team/api", "team/web"].map(|name| world.repository(name));
    let orphans = repositories.each_ref().map(|repository| repository.orphans(60, legacy(1)));
    let world = world.with("JANITOR_CONCURRENCY", "1");
    // Two calls list the registry; planning and applying make two and three for each repository.
    let second_deletion = Hold::new(&world, 2 + 2 * 2 + 2 * 3, Moment::Before);
    let log = world.lambda().log_until(second_deletion, &json!({}));
    let deleted: BTreeSet<String> =
        lines(&log, "decision").map(|line| line["digest"].as_str().unwrap().to_owned()).collect();
    assert!(orphans.iter().any(|orphans| deleted == set(orphans)), "{deleted:?}");
    assert!(lines(&log, "decision").all(|line| line["outcome"] == "deleted"));
}

#[test]
fn a_run_in_which_something_failed_is_an_error_in_the_log_alone() {
    let world = applying();
    let api = world.repository("team/api");
    api.orphans(60, legacy(1));
    world.ecr.fault(trouble("BatchDeleteImage", When::Always, Fault::AccessDenied));
    let mut function = world.lambda();
    function.report(&json!({}));
    let log = function.stop();
    assert_eq!(log.last().unwrap()["level"], "ERROR");
    assert!(lines(&log, "decision").all(|line| line["level"] == "ERROR"));
}

#[test]
fn the_log_level_of_lambda_is_honoured() {
    let world = applying().with("AWS_LAMBDA_LOG_LEVEL", "ERROR");
    let busy = world.busy("team/api");
    let mut function = world.lambda();
    assert_eq!(function.report(&json!({})).total("deleted"), busy.orphans().len() as u64);
    function.failure(&json!({"force": true}));
    let log = function.stop();
    assert!(log.iter().all(|line| line["level"] == "ERROR"), "{log:#?}");
    let refused = lines(&log, "nothing was done").next().unwrap();
    assert!(refused["error"].as_str().unwrap().contains("force"));
}

#[test]
fn the_log_can_be_plain_text() {
    let world = World::new().with("AWS_LAMBDA_LOG_FORMAT", "Text");
    let busy = world.busy("team/api");
    let mut function = world.lambda();
    function.report(&json!({}));
    let lines = function.stop_and_read();
    let told = lines.iter().filter(|line| line.contains(" INFO decision ")).count();
    assert_eq!((told, lines.iter().any(|line| line.contains(&busy.oci_orphans[0]))), (4, true));
    let json: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(json.len(), 1, "CloudWatch reads metrics as JSON alone: {json:?}");
    assert_eq!(json[0]["message"], "metrics");
}

#[test]
fn one_process_serves_many_invocations() {
    let world = World::new();
    world.busy("team/api");
    let mut function = world.lambda();
    let reports = [function.report(&json!({})), function.report(&json!({}))];
    for report in &reports {
        assert_eq!(report.0["totals"]["api_calls"], reports[0].0["totals"]["api_calls"], "counted per run");
        assert_eq!(report.total("planned"), 4);
    }
    let log = function.stop();
    let of = |id: &Value| {
        let cold: BTreeSet<bool> = log
            .iter()
            .filter(|line| line["function_request_id"] == *id)
            .map(|line| line["cold_start"].as_bool().unwrap())
            .collect();
        cold.into_iter().collect::<Vec<_>>()
    };
    let runs: Vec<&Value> = lines(&log, "run").collect();
    assert_eq!(
        (of(&runs[0]["function_request_id"]), of(&runs[1]["function_request_id"])),
        (vec![true], vec![false])
    );
    assert_ne!(runs[0]["run_id"], runs[1]["run_id"]);
}
