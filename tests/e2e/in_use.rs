//! What runs: images of functions, services and tasks that were never pulled again stay, and what cannot be asked keeps
//! what it could have named.

use ecr_emulator::buildx::Pushed;
use serde_json::{Value, json};
use usage_test_server::UsageServer;

use crate::harness::{Outcome, Repo, World, legacy, single};

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A world in which the recommended policy holds, and these sources are asked.
fn world(server: &UsageServer, sources: &str) -> World {
    let endpoint = server.endpoint();
    World::new()
        .superseded_since_push()
        .with("JANITOR_PRESET", "recommended")
        .with("JANITOR_IN_USE_SOURCES", sources)
        .with("AWS_ENDPOINT_URL_LAMBDA", &endpoint)
        .with("AWS_ENDPOINT_URL_ECS", &endpoint)
        .with("AWS_ENDPOINT_URL_INSPECTOR2", &endpoint)
        .with("AWS_MAX_ATTEMPTS", "2")
}

/// A repository with a live build and two that were superseded long ago.
fn seeded(world: &World) -> (Repo, Pushed, Pushed) {
    let api = world.repository("team/api");
    api.push(1, single(1), "live");
    let [first, second] = [2, 3].map(|code| api.push_untagged(300, single(code)));
    (api, first, second)
}

fn uri(repo: &Repo, digest: &str) -> String {
    format!("{HOST}/{}@{digest}", repo.name)
}

fn run_by_function(server: &UsageServer, repo: &Repo, pushed: &Pushed) {
    let image = uri(repo, &pushed.platforms[0]);
    let tagged = format!("{HOST}/{}:main", repo.name);
    server.change(|it| it.function("checkout", "7", &tagged, &image));
}

fn all_of(pushed: &Pushed) -> Vec<&String> {
    let index = pushed.index.iter();
    index.chain(&pushed.platforms).chain(&pushed.attestations).collect()
}

fn goes_and_stays(repo: &Repo, gone: &Pushed, left: &Pushed) {
    assert!(all_of(gone).into_iter().all(|digest| !repo.has(digest)), "{gone:?}");
    assert!(all_of(left).into_iter().all(|digest| repo.has(digest)), "{left:?}");
}

#[test]
fn a_function_keeps_the_image_that_it_has_run_for_long_with_its_index_and_attestation() {
    let server = UsageServer::start();
    let world = world(&server, "lambda");
    let (api, used, dead) = seeded(&world);
    run_by_function(&server, &api, &used);
    let report = world.apply();
    goes_and_stays(&api, &dead, &used);
    let row = report.decision(&api, &used.attestations[0]);
    assert_eq!((&row["reason"], &row["outcome"]), (&json!("in-use"), &json!("kept")));
    assert_eq!(row["because"], json!([used.platforms[0], "Lambda function checkout, version 7"]));
    // The tag names nothing here, and the digest comes from the listing too.
    assert_eq!(report.0["in_use"], json!([{"source": "lambda", "images": 3, "elsewhere": 0}]));
    let told = world.cli(&["explain", &format!("team/api@{}", used.platforms[0])]).stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("is in use: Lambda function checkout, version 7"), "{told}");
}

#[test]
fn without_the_source_it_is_gone() {
    let server = UsageServer::start();
    let world = world(&server, "");
    let (api, used, _) = seeded(&world);
    run_by_function(&server, &api, &used);
    world.apply();
    assert!(!api.has(&used.platforms[0]));
}

#[test]
fn a_service_keeps_what_ecs_resolved_for_it_and_a_task_what_it_runs() {
    let server = UsageServer::start();
    let world = world(&server, "ecs");
    let (api, used, other) = seeded(&world);
    server.change(|it| {
        let image = format!("{HOST}/team/api:moved");
        let definition = it.task_definition("api", &[&image]);
        it.service("prod", "api", &definition, &[(image.clone(), used.index.clone())]);
        it.task("prod", "1", &definition, &[(image, Some(other.platforms[0].clone()))]);
    });
    let report = world.apply();
    assert!(all_of(&used).into_iter().chain(all_of(&other)).all(|digest| api.has(digest)));
    let because = |pushed: &Pushed| report.decision(&api, &pushed.attestations[0])["because"][1].clone();
    assert_eq!((because(&used), because(&other)), (json!("ECS service prod/api"), json!("ECS task prod/1")));
}

#[test]
fn what_a_pod_runs_stays_where_inspector_sees_it() {
    let server = UsageServer::start();
    let world = world(&server, "inspector");
    let (api, used, dead) = seeded(&world);
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/team/api/{}", used.platforms[0]);
    server.change(|it| it.covered(&arn, 2, None));
    world.apply();
    goes_and_stays(&api, &dead, &used);
}

#[test]
fn a_source_that_is_denied_keeps_what_it_could_have_named_and_is_told_once() {
    let server = UsageServer::start();
    let world = world(&server, "lambda,ecs");
    let (api, used, other) = seeded(&world);
    let lost = api.orphans(60, legacy(9));
    let second = world.repository("team/web");
    second.push(1, single(10), "live");
    let unused = second.push_untagged(300, single(11));
    server.refuse("GetFunction", (403, "AccessDeniedException"), 1000);
    run_by_function(&server, &api, &used);
    let outcome = world.cli(&["apply", "--yes", "--output", "json"]);
    let report = outcome.report(3);
    for (repo, pushed) in [(&api, &used), (&api, &other), (&second, &unused)] {
        assert!(all_of(pushed).into_iter().all(|digest| repo.has(digest)));
        let verdict = report.verdict(repo, &pushed.attestations[0]);
        assert_eq!(verdict, ("in-use-unknown", "kept"));
    }
    assert!(!api.has(&lost[0]), "nobody can run what attests nothing that is here");
    assert_eq!(report.0["complete"], json!(false));
    let warnings: Vec<&str> =
        outcome.stderr.lines().filter(|line| line.contains("could not be read")).collect();
    assert_eq!(warnings.len(), 1, "{}", outcome.stderr);
    assert!(warnings[0].contains("allow lambda:GetFunction to this role or user"), "{}", warnings[0]);
    assert!(report.0["in_use"][0]["detail"].is_string() && report.0["in_use"][1]["detail"].is_null());
}

#[test]
fn what_begins_to_run_between_a_plan_and_its_apply_stays() {
    let server = UsageServer::start();
    let world = world(&server, "lambda");
    let (api, used, dead) = seeded(&world);
    world.save_plan();
    run_by_function(&server, &api, &used);
    let report = world.apply_saved().report(0);
    goes_and_stays(&api, &dead, &used);
    for digest in all_of(&used) {
        let row = report.decision(&api, digest);
        assert_eq!((&row["outcome"], &row["code"]), (&json!("changed-since-plan"), &json!("in-use")));
    }
}

#[test]
fn a_saved_plan_is_not_carried_out_blindly_where_the_source_fails_by_then() {
    let server = UsageServer::start();
    let world = world(&server, "lambda");
    let (api, first, second) = seeded(&world);
    let lost = api.orphans(60, legacy(9));
    world.save_plan();
    server.refuse("ListFunctions", (403, "AccessDeniedException"), 1000);
    let report = world.apply_saved().report(3);
    assert!(all_of(&first).into_iter().chain(all_of(&second)).all(|digest| api.has(digest)));
    assert!(!api.has(&lost[0]));
    assert_eq!(report.decision(&api, &first.attestations[0])["code"], json!("in-use-unknown"));
}

#[test]
fn throttling_that_ends_is_no_failure() {
    let server = UsageServer::start();
    let world = world(&server, "lambda");
    let (api, used, dead) = seeded(&world);
    run_by_function(&server, &api, &used);
    server.refuse("ListFunctions", (429, "TooManyRequestsException"), 1);
    world.apply();
    goes_and_stays(&api, &dead, &used);
}

#[test]
fn the_function_asks_too_and_fails_where_it_may_not() {
    let server = UsageServer::start();
    let world = world(&server, "lambda").with("JANITOR_MODE", "apply");
    let (api, used, dead) = seeded(&world);
    run_by_function(&server, &api, &used);
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    goes_and_stays(&api, &dead, &used);
    assert_eq!(report.0["complete"], json!(true));
    server.refuse("ListFunctions", (403, "AccessDeniedException"), 1000);
    let report = function.report(&json!({}));
    assert_eq!(report.0["complete"], json!(false));
    let log = function.stop();
    let is_warning = |line: &&Value| line["message"] == "warning" && line["level"] == "WARN";
    let told = log.iter().filter(is_warning).filter(|line| line["detail"].to_string().contains("lambda"));
    assert_eq!(told.count(), 1);
    let run = log.iter().rfind(|line| line["message"] == "run").unwrap();
    assert_eq!(run["level"], "ERROR");
}

#[test]
fn the_function_runs_no_commands() {
    let world = World::new().with("JANITOR_IN_USE_SOURCES", "command:kubectl get pods");
    world.repository("team/api");
    let failure = world.lambda().failure(&json!({}));
    assert!(failure.contains("works on the command line alone"), "{failure}");
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn a_command_names_what_runs() {
    let server = UsageServer::start();
    let world = world(&server, "command:cat pods.txt");
    let (api, used, dead) = seeded(&world);
    let pods = format!("# pods\n{}\nnginx:1.27\n", uri(&api, &used.platforms[0]));
    std::fs::write(world.file("pods.txt"), pods).unwrap();
    world.apply();
    goes_and_stays(&api, &dead, &used);
    std::fs::write(world.file("pods.txt"), "").unwrap();
    let outcome: Outcome = world.cli(&["plan"]);
    assert_eq!(outcome.code, 3);
    let told = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("names no image"), "{told}");
}

#[test]
fn doctor_reads_every_source() {
    let server = UsageServer::start();
    let world = world(&server, "lambda,ecs");
    let (api, used, _) = seeded(&world);
    run_by_function(&server, &api, &used);
    server.refuse("ListClusters", (400, "AccessDeniedException"), 1000);
    let outcome = world.cli(&["doctor", "--output", "json"]);
    assert_eq!(outcome.code, 3);
    let checks = outcome.json()["checks"].clone();
    let checks: Vec<&Value> =
        checks.as_array().unwrap().iter().filter(|check| check["subject"] == "In use").collect();
    assert_eq!(checks[0]["text"], "lambda names 3 images that may be here");
    assert_eq!((&checks[0]["status"], &checks[1]["status"]), (&json!("ok"), &json!("fail")));
    assert!(checks[1]["text"].as_str().unwrap().contains("allow ecs:ListClusters"));
}

#[test]
fn a_list_that_names_nothing_which_is_there_is_no_silent_protection() {
    let server = UsageServer::start();
    let world = world(&server, "file:in-use.txt");
    let (api, used, _) = seeded(&world);
    let warned = |line: &str| {
        std::fs::write(world.file("in-use.txt"), line).unwrap();
        let told = world.cli(&["plan", "--output", "json"]);
        let warnings = told.json()["warnings"].to_string();
        warnings.contains("none of them is there: nothing is kept on their account")
    };
    assert!(warned(&format!("{HOST}/team/api@sha256:{:064}", 1)));
    assert!(warned("team/api:moved"));
    assert!(!warned(&format!("team/api@{}\nteam/api:moved", used.platforms[0])));
    // A run of one repository does not see the others.
    world.repository("team/web");
    std::fs::write(world.file("in-use.txt"), uri(&api, &used.platforms[0])).unwrap();
    let one = world.cli(&["plan", "--repository", "team/web", "--output", "json"]);
    assert!(!one.json()["warnings"].to_string().contains("none of them is there"), "{}", one.stdout);
}

#[test]
fn a_queues_message_comes_again_where_something_stays_because_a_source_was_throttled() {
    let server = UsageServer::start();
    let world = world(&server, "lambda").with("JANITOR_MODE", "apply");
    seeded(&world);
    world.repository("team/web").push(1, single(10), "live");
    let message = |(id, repository): (usize, &&str)| {
        let detail = json!({"result": "SUCCESS", "action-type": "PUSH", "repository-name": repository});
        let body = json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": detail});
        json!({"messageId": id.to_string(), "eventSource": "aws:sqs", "body": body.to_string()})
    };
    let records: Vec<Value> = ["team/api", "team/web"].iter().enumerate().map(message).collect();
    let event = json!({"Records": records});
    let mut function = world.lambda();
    let mut come_again = |operation: &str, fault, times| {
        server.refuse(operation, fault, times);
        function.response(&event)["batchItemFailures"].clone()
    };
    let throttled = (429, "TooManyRequestsException");
    // In the other repository nothing waits for the source.
    assert_eq!(come_again("ListFunctions", throttled, 2), json!([{"itemIdentifier": "0"}]));
    assert_eq!(come_again("ListFunctions", (403, "AccessDeniedException"), 1), json!([]));
    assert_eq!(come_again("ListFunctions", throttled, 0), json!([]));
}

#[test]
fn a_command_is_told_without_its_arguments() {
    let secret = "hunter2hunter2";
    let world = World::new()
        .superseded_since_push()
        .with("JANITOR_PRESET", "recommended")
        .with("JANITOR_IN_USE_SOURCES", &format!("command:cat {secret}"));
    let (api, used, _) = seeded(&world);
    let told = |command: &[&str]| {
        let outcome = world.cli(command);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(all.contains("cat ...") && !all.contains(secret), "{all}");
    };
    told(&["plan"]);
    told(&["doctor"]);
    told(&["plan", "--output", "json"]);
    std::fs::write(world.file(secret), format!("{}\n", uri(&api, &used.platforms[0]))).unwrap();
    told(&["plan", "--output", "json"]);
    told(&["explain", &format!("team/api@{}", used.platforms[0])]);
}

#[test]
fn explain_fails_as_documented_where_a_source_cannot_be_read_and_tells_the_image_all_the_same() {
    let server = UsageServer::start();
    let world = world(&server, "lambda");
    let (_, used, _) = seeded(&world);
    let explain = |code, image: &str| {
        let outcome = world.cli(&["explain", image]);
        assert_eq!(outcome.code, code, "{outcome:?}");
        outcome
    };
    let image = format!("team/api@{}", used.attestations[0]);
    explain(0, &image);
    server.refuse("ListFunctions", (403, "AccessDeniedException"), 1000);
    let told = explain(3, &image);
    assert!(told.stdout.contains("in-use-unknown") && told.stderr.contains("could not be read"), "{told:?}");
    explain(3, "team/api");
}
