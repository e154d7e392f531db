//! The Lambda function: events in, a report out, the rest in the log.

mod deadline;
mod log;
mod metrics;

use std::collections::BTreeSet;

use ecr_emulator::buildx::Form;
use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use crate::harness::{Report, World, legacy, set, single, trouble, trouble_in};

/// A function that applies.
fn applying() -> World {
    World::new().with("JANITOR_MODE", "apply")
}

/// What ECR tells EventBridge after a push.
fn pushed(repository: &str) -> Value {
    json!({
        "version": "0",
        "id": "13cde686-328b-6117-af20-0e5566167482",
        "source": "aws.ecr",
        "detail-type": "ECR Image Action",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "action-type": "PUSH",
            "repository-name": repository,
            "image-digest": "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234",
            "image-tag": "latest",
        },
    })
}

fn scheduled(source: &str, detail: Value) -> Value {
    json!({"source": source, "detail-type": "Scheduled Event", "detail": detail, "resources": []})
}

/// A batch of messages, numbered from 0.
fn batch(bodies: &[Value]) -> Value {
    let record = |(id, body): (usize, &Value)| {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        json!({"messageId": id.to_string(), "eventSource": "aws:sqs", "body": body})
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

fn failed_items(answer: &Value) -> Vec<&str> {
    let items = answer["batchItemFailures"].as_array().unwrap().iter();
    items.map(|item| item["itemIdentifier"].as_str().unwrap()).collect()
}

fn lines<'a>(log: &'a [Value], message: &'a str) -> impl Iterator<Item = &'a Value> {
    log.iter().filter(move |line| line["message"] == message)
}

#[test]
fn without_a_configuration_it_plans_and_writes_nothing() {
    let world = World::new();
    let busy = world.busy("team/api");
    let report = world.lambda().report(&json!({}));
    assert_eq!(report.0["mode"], "plan");
    assert_eq!(report.with_outcome(&busy.repo, "planned"), busy.orphans());
    assert_eq!(world.writes(), []);
}

#[test]
fn a_schedule_runs_what_is_configured() {
    let details = [json!({}), json!("{}"), json!(""), json!(null)];
    for (source, detail) in ["aws.events", "aws.scheduler"].into_iter().zip(details) {
        let world = applying();
        let busy = world.busy("team/api");
        let before = busy.repo.contents();
        let report = world.lambda().report(&scheduled(source, detail));
        assert_eq!(busy.repo.lost_since(&before), busy.orphans());
        assert_eq!((report.total("deleted"), &report.0["mode"]), (4, &json!("apply")));
    }
}

#[test]
fn a_schedule_may_carry_a_manual_event() {
    let world = applying();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let mut function = world.lambda();
    for detail in [json!({"mode": "plan"}), json!("{\"mode\": \"plan\"}")] {
        let report = function.report(&scheduled("aws.scheduler", detail));
        assert_eq!((report.total("planned"), api.count(&orphans)), (2, 2));
    }
}

#[test]
fn a_push_event_runs_its_repository_alone() {
    let world = applying();
    let [api, apis] = ["team/api", "team/apis"].map(|name| world.repository(name));
    let (gone, stay) = (api.orphans(60, legacy(1)), apis.orphans(60, legacy(1)));
    let report = world.lambda().report(&pushed("team/api"));
    assert_eq!(report.names(), ["team/api"]);
    assert_eq!((api.count(&gone), apis.count(&stay)), (0, 2));
}

#[test]
fn a_push_event_of_a_repository_that_is_not_selected_touches_nothing() {
    let world = applying().with("JANITOR_EXCLUDE", "team/*");
    let api = world.repository("team/api");
    api.orphans(60, legacy(1));
    let report = world.lambda().report(&pushed("team/api"));
    assert_eq!((report.names().len(), world.writes()), (0, vec![]));
}

#[test]
fn a_manual_event_narrows_by_names_and_wildcards() {
    let world = applying();
    for name in ["team/api", "team/web-1", "team/web-2", "other"] {
        world.repository(name).orphans(60, legacy(1));
    }
    let report = world.lambda().report(&json!({"repositories": ["team/api", "team/web-*"]}));
    assert_eq!(report.names(), ["team/api", "team/web-1", "team/web-2"]);
    assert_eq!(report.total("deleted"), 6);
}

#[test]
fn a_manual_event_may_only_plan_what_is_configured_to_be_applied() {
    let world = applying();
    world.repository("team/api").orphans(60, legacy(1));
    let report = world.lambda().report(&json!({"mode": "plan"}));
    assert_eq!((report.total("planned"), world.writes()), (2, vec![]));
}

#[test]
fn an_event_cannot_make_a_planning_function_apply() {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    let mut function = world.lambda();
    let message = function.failure(&json!({"mode": "apply"}));
    assert!(message.contains("apply") && message.contains("plan"), "{message}");
    function.failure(&scheduled("aws.scheduler", json!({"mode": "apply"})));
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn an_event_may_ask_for_what_is_configured_anyway() {
    let world = applying();
    world.repository("team/api").orphans(60, legacy(1));
    assert_eq!(world.lambda().report(&json!({"mode": "apply"})).total("deleted"), 2);
}

#[test]
fn narrowing_to_nothing_is_an_empty_report() {
    let world = applying().with("JANITOR_REPOSITORIES", "team/*");
    for name in ["team/api", "other"] {
        world.repository(name).orphans(60, legacy(1));
    }
    let mut function = world.lambda();
    for names in [json!([]), json!(["other"]), json!(["team/web"]), json!(["none-*"])] {
        let report = function.report(&json!({"repositories": names}));
        assert_eq!((report.names().len(), report.total("images")), (0, 0), "{names}");
        assert_eq!(report.0["complete"], true);
    }
    assert_eq!(world.writes(), []);
}

#[test]
fn anything_else_is_a_clear_error_and_touches_nothing() {
    let world = applying();
    world.repository("team/api").orphans(60, legacy(1));
    let mut function = world.lambda();
    for (event, part) in [
        (json!({"mod": "plan"}), "mod"),
        (json!({"mode": "plan", "force": true}), "force"),
        (json!({"mode": "delete"}), "delete"),
        (json!({"repositories": "team/api"}), "repositories"),
        (json!({"repositories": ["Team/API"]}), "Team/API"),
        (json!([]), "object"),
        (json!("plan"), "object"),
        (json!(null), "object"),
        (json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}), "aws.s3"),
        (scheduled("aws.scheduler", json!("{")), "detail"),
        (scheduled("aws.events", json!({"force": 1})), "force"),
        (json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}}), "repository-name"),
        (json!({"Records": [{"eventSource": "aws:sns", "body": "{}"}]}), "SQS"),
    ] {
        let message = function.failure(&event);
        assert!(message.contains(part), "{event} -> {message}");
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn a_queue_runs_each_repository_once_and_bad_messages_do_not_come_again() {
    let world = applying();
    let [api, web, other] = ["team/api", "team/web", "other"].map(|name| world.repository(name));
    let orphans = [&api, &web, &other].map(|repository| repository.orphans(60, legacy(1)));
    let bodies = [pushed("team/api"), json!("nonsense"), pushed("team/web"), pushed("team/api"), json!({})];
    let mut function = world.lambda();
    let answer = function.response(&batch(&bodies));
    assert_eq!(failed_items(&answer), [""; 0]);
    assert_eq!(answer.as_object().unwrap().len(), 1);
    assert_eq!(api.count(&orphans[0]) + web.count(&orphans[1]), 0);
    assert_eq!(other.count(&orphans[2]), 2);
    assert_eq!(world.ecr.calls()["DescribeRepositories"], 1);
    let log = function.stop();
    let run = lines(&log, "run").next().unwrap();
    assert_eq!((&run["deleted"], &run["repositories"]), (&json!(4), &json!(2)));
    let bad = lines(&log, "bad message").map(|line| (&line["level"], &line["message_id"]));
    assert_eq!(bad.collect::<Vec<_>>(), [(&json!("ERROR"), &json!("1")), (&json!("ERROR"), &json!("4"))]);
}

#[test]
fn a_message_with_an_impossible_name_does_not_spoil_its_batch() {
    let world = applying();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let answer = world.lambda().response(&batch(&[pushed("Not A Name"), pushed("team/api")]));
    assert_eq!(failed_items(&answer), [""; 0]);
    assert_eq!(api.count(&orphans), 0);
}

#[test]
fn a_message_comes_again_if_time_heals_what_its_repository_failed_of() {
    let world = applying().with("AWS_MAX_ATTEMPTS", "1");
    let names = ["good", "denied", "down", "unreadable", "unlisted"];
    let [good, denied, down, unreadable, unlisted] = names.map(|name| world.repository(name));
    for repository in [&good, &denied, &down, &unlisted] {
        repository.orphans(60, legacy(1));
    }
    let live = unreadable.push(60, legacy(1), "v1");
    unreadable.ecr.corrupt_manifest(&unreadable.name, &live.root, "{}");
    world.ecr.fault(trouble_in(&denied, "BatchDeleteImage", When::Always, Fault::AccessDenied));
    world.ecr.fault(trouble_in(&down, "BatchDeleteImage", When::Always, Fault::ServerError));
    world.ecr.fault(trouble_in(&unlisted, "DescribeImages", When::Always, Fault::ServerError));
    let answer = world.lambda().response(&batch(&names.map(pushed)));
    assert_eq!(failed_items(&answer), ["2", "4"]);
}

#[test]
fn a_deletion_starts_no_run() {
    let world = applying();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let mut event = pushed("team/api");
    event["detail"]["action-type"] = json!("DELETE");
    let mut function = world.lambda();
    let answer = function.response(&event);
    assert_eq!((&answer["totals"]["images"], &answer["account"]), (&json!(0), &json!("123456789012")));
    assert!(answer["summary"].as_str().unwrap().contains("deletions"), "{answer}");
    assert_eq!(function.response(&batch(&[event])), json!({"batchItemFailures": []}));
    assert!(world.ecr.calls().is_empty());
    function.response(&pushed("team/api"));
    assert_eq!(api.count(&orphans), 0);
}

#[test]
fn schedules_and_pushes_are_answered_with_the_short_form() {
    let world = World::new().config("[policy]\norphaned = \"delete\"");
    world.busy("team/api");
    let mut function = world.lambda();
    for event in [scheduled("aws.scheduler", json!({})), pushed("team/api")] {
        let short = function.response(&event);
        assert_eq!(
            short["repositories"],
            json!([{"name": "team/api", "status": "done", "images": 35, "attestations": 12, "planned": 4, "kept": 8}])
        );
        for part in [
            "plan in account 123456789012, Region us-east-1",
            "janitor.toml",
            "team/api: 4 planned, 8 attestations kept",
        ] {
            assert!(short["summary"].as_str().unwrap().contains(part), "{short:#}");
        }
    }
    let report = function.report(&json!({}));
    assert_eq!(report.0["repositories"][0]["decisions"].as_array().unwrap().len(), 4);
}

#[test]
fn every_line_of_a_run_says_where_it_was_and_its_last_one_under_what() {
    let world = World::new();
    world.busy("team/api");
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    let log = function.stop();
    for line in &log {
        for key in ["run_id", "account", "region"] {
            assert_eq!(line[key], report.0[key], "{line}");
        }
    }
    let run = lines(&log, "run").next().unwrap();
    assert_eq!(run["configuration"], report.0["configuration"]);
    assert!(report.0["configuration"].as_str().unwrap().contains("janitor.toml"), "{run}");
}

#[test]
fn a_message_of_a_repository_that_is_gone_or_not_selected_is_done() {
    let world = applying().with("JANITOR_EXCLUDE", "other");
    world.repository("other");
    let answer = world.lambda().response(&batch(&[pushed("gone"), pushed("other")]));
    assert_eq!(answer, json!({"batchItemFailures": []}));
}

#[test]
fn the_answer_has_the_decisions_that_change_something_and_the_log_has_them_all_at_debug() {
    let world = World::new().superseded_since_push().with("AWS_LAMBDA_LOG_LEVEL", "DEBUG");
    let busy = world.busy("team/api");
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    let digests: BTreeSet<String> = report.with_outcome(&busy.repo, "planned");
    assert_eq!((report.decisions(&busy.repo).len(), &digests), (4, &busy.orphans()));
    assert_eq!((report.total("kept"), &report.0["decisions_truncated"]), (8, &json!(8)));
    let log = function.stop();
    let told: BTreeSet<&str> = lines(&log, "decision").map(|line| line["digest"].as_str().unwrap()).collect();
    assert_eq!((lines(&log, "decision").count(), told.len()), (12, 12));
    let superseded = lines(&log, "decision").find(|line| line["digest"] == *busy.superseded.attestations[0]);
    assert_eq!(superseded.unwrap()["reason"], "superseded");
    assert_eq!(superseded.unwrap()["level"], "DEBUG");
}

#[test]
fn a_warm_instance_has_all_its_retries_again() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "4").with("JANITOR_CONCURRENCY", "100");
    (0..100).for_each(|number| drop(world.repository(&format!("team/{number}"))));
    world.ecr.fault(trouble("DescribeImages", When::Always, Fault::ServerError));
    let mut function = world.lambda();
    assert_eq!(function.report(&json!({})).0["complete"], false, "their retries use up the quota");
    world.ecr.clear_faults();
    world.ecr.fault(trouble("DescribeRepositories", When::Nth(1), Fault::ServerError));
    assert_eq!(function.report(&json!({})).0["complete"], true);
}

#[test]
fn failures_are_in_the_answer() {
    let world = applying();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    world.ecr.fault(trouble("BatchDeleteImage", When::Always, Fault::AccessDenied));
    let report = world.lambda().report(&json!({}));
    assert_eq!(report.with_outcome(&api, "failed"), set(&orphans));
    assert_eq!(report.0["complete"], false);
}

#[test]
fn the_report_is_that_of_the_command_line() {
    let world = World::new();
    world.busy("team/api");
    let keys = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let (cli, lambda) = (world.plan(), world.lambda().report(&json!({})));
    let ours = |report: &Report| {
        let mut repository = report.0["repositories"][0].clone();
        repository["decisions"] = json!([]);
        repository
    };
    assert_eq!(ours(&cli), ours(&lambda));
    assert!(keys(&cli.0).is_subset(&keys(&lambda.0)));
}

#[test]
fn an_answer_fits_lambda_and_counts_what_was_left_out() {
    let world = World::new();
    let api = world.repository("team/api");
    for run in 0..17_000 {
        let build = single(1).form(Form::Legacy).run(run);
        api.ago(60, |ecr, name| build.push_attestations_only(ecr, name));
    }
    let report = world.lambda().report(&json!({}));
    let cut = report.0["decisions_truncated"].as_u64().unwrap_or_default();
    assert!(cut > 0, "the test must be large enough");
    assert_eq!(report.decisions(&api).len() as u64 + cut, 17_000);
    let counts = ["planned", "limit_reached"].map(|key| report.of(&api)[key].as_u64().unwrap());
    assert_eq!(counts, [1_000, 16_000], "a run has a pace");
}

#[test]
fn the_shipped_test_events_do_what_their_names_say() {
    let world = World::new();
    let busy = world.busy("team/api");
    let mut function = world.lambda();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/events");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let event = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        match path.file_stem().unwrap().to_str().unwrap() {
            "bad" => drop(function.failure(&event)),
            "ecr-deletion" => assert_eq!(function.response(&event)["repositories"], json!([])),
            "scheduled" | "ecr-image-action" => {
                assert_eq!(function.response(&event)["repositories"][0]["planned"], 4, "{path:?}")
            }
            name if name.starts_with("sqs") => {
                assert_eq!(function.response(&event), json!({"batchItemFailures": []}))
            }
            name => assert_eq!(function.report(&event).of(&busy.repo)["planned"], 4, "{name}"),
        }
    }
}

#[test]
fn what_waits_for_its_turn_is_in_the_report_and_no_failure() {
    let world = applying().with("JANITOR_MAX_DELETIONS", "1");
    let busy = world.busy("team/api");
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    let deleted = report.with_outcome(&busy.repo, "deleted");
    assert_eq!(report.with_outcome(&busy.repo, "limit-reached"), &busy.orphans() - &deleted);
    assert_eq!((&report.0["complete"], deleted.len()), (&json!(true), 1));
    let log = function.stop();
    assert_eq!(log.last().unwrap()["level"], "INFO");
    assert!(
        log.iter().any(|line| line["detail"].as_str().is_some_and(|text| text.contains("max_deletions")))
    );
}

#[test]
fn a_bad_configuration_fails_each_invocation() {
    let world = World::new().config("[policy]\norphand = \"keep\"");
    world.repository("team/api");
    let mut function = world.lambda();
    for _ in 0..2 {
        let message = function.failure(&json!({}));
        assert!(message.contains("orphand") && message.contains("policy.orphaned"), "{message}");
    }
    assert!(world.ecr.calls().is_empty());
    assert!(function.stop().iter().all(|line| line["level"] == "ERROR"));
}

#[test]
fn missing_credentials_fail_the_invocation() {
    let world = World::new().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    world.repository("team/api");
    let message = world.lambda().failure(&json!({}));
    assert!(message.to_lowercase().contains("credentials"), "{message}");
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn pull_through_rules_that_cannot_be_read_fail_the_invocation() {
    let world = applying();
    world.repository("team/api").orphans(60, legacy(1));
    world.ecr.fault(trouble("DescribePullThroughCacheRules", When::Always, Fault::AccessDenied));
    let message = world.lambda().failure(&json!({}));
    assert!(message.contains("ecr:DescribePullThroughCacheRules"), "{message}");
    assert_eq!(world.writes(), []);
}

#[test]
fn a_repository_that_fails_does_not_fail_the_invocation() {
    let world = applying();
    let [good, bad] = ["good", "bad"].map(|name| world.repository(name));
    let orphans = good.orphans(60, legacy(1));
    world.ecr.fault(trouble_in(&bad, "DescribeImages", When::Always, Fault::AccessDenied));
    let report = world.lambda().report(&json!({}));
    assert_eq!((report.left_alone(&bad), &report.0["complete"]), ("access-denied", &json!(false)));
    assert_eq!(good.count(&orphans), 0);
}
