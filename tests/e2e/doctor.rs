//! `doctor`: each line ok, warn or fail, with how to fix it. It changes nothing and reads no image.

use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use crate::harness::{Outcome, World, legacy, trouble};

const OWN: &str = "arn:aws:iam::123456789012:role/emulator";
const FUNCTION: &str = "arn:aws:iam::123456789012:role/service-role/janitor";

fn world(config: &str) -> World {
    let world = World::new().with_state().config(config);
    world.repository("team/api").orphans(60, legacy(1));
    world
}

fn exclude(world: &World, principal: &str) {
    world.ecr.call("RegisterPullTimeUpdateExclusion", json!({ "principalArn": principal })).unwrap();
    world.ecr.reset_calls();
}

/// Status and text of the findings about something.
fn about(outcome: &Outcome, subject: &str) -> Vec<(String, String)> {
    let json = outcome.json();
    let checks = json["checks"].as_array().unwrap().iter().filter(|it| it["subject"] == subject);
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    checks.map(|it| (text(it, "status"), text(it, "text") + " " + &text(it, "command"))).collect()
}

fn doctor(world: &World, code: i32, more: &[&str]) -> Outcome {
    let outcome = world.cli(&[&["doctor", "--output", "json"], more].concat());
    assert_eq!(outcome.code, code, "{outcome:?}");
    outcome
}

/// One finding, with this status and these texts.
fn finds(outcome: &Outcome, subject: &str, status: &str, texts: &[&str]) {
    let found = about(outcome, subject);
    let is_it = |(its, text): &(String, String)| its == status && texts.iter().all(|it| text.contains(it));
    assert!(found.iter().any(is_it), "no {status} with {texts:?} in {found:#?}");
}

#[test]
fn where_all_is_well_every_line_is_ok_and_nothing_was_touched() {
    let world = world("mode = 'apply'\n[policy]\npreset = 'recommended'\nattached = 'tag'");
    exclude(&world, OWN);
    exclude(&world, FUNCTION);
    for role in [FUNCTION, "janitor"] {
        let before = world.find("team/api").contents();
        let outcome = doctor(&world, 0, &["--function-role", role]);
        let json = outcome.json();
        let bad: Vec<&Value> =
            json["checks"].as_array().unwrap().iter().filter(|it| it["status"] != "ok").collect();
        assert!(bad.is_empty(), "{bad:#?}");
        assert_eq!((&json["account"], &json["region"]), (&"123456789012".into(), &"us-east-1".into()));
        finds(&outcome, "Permissions", "ok", &["ecr:BatchDeleteImage", "ecr:PutImage"]);
        assert!(!world.file("state").exists(), "the folder of memory and backups is left to the first run");
        assert_eq!((world.find("team/api").contents(), world.writes()), (before, vec![]));
        world.ecr.reset_calls();
    }
}

#[test]
fn what_people_see() {
    let mut world = world("[memory]\nlocation = './state'\n[backup]\nlocation = './state'\nkeep = '30d'");
    for columns in ["60", "80", "120"] {
        world.set("COLUMNS", columns);
        let outcome = world.cli(&["doctor"]);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let wide = outcome.stdout.lines().find(|line| line.chars().count() > columns.parse().unwrap());
        assert_eq!(wide, None);
        insta::assert_snapshot!(format!("doctor-{columns}"), outcome.stdout);
    }
}

#[test]
fn a_missing_permission_is_named_with_the_command_that_prints_the_policy() {
    for (mode, denied, code, status) in [
        ("plan", "BatchGetImage", 3, "fail"),
        ("plan", "BatchDeleteImage", 0, "warn"),
        ("apply", "BatchDeleteImage", 3, "fail"),
        ("apply", "GetDownloadUrlForLayer", 3, "fail"),
    ] {
        let world = world(&format!("mode = '{mode}'"));
        world.ecr.fault(trouble(denied, When::Always, Fault::AccessDenied));
        let outcome = doctor(&world, code, &[]);
        let verb = if denied == "BatchGetImage" { "plan" } else { "apply" };
        let texts = [format!("{verb} needs ecr:{denied}"), format!("ecr-janitor iam-policy --mode {verb}")];
        finds(&outcome, "Permissions", status, &[&texts[0], &texts[1]]);
    }
}

#[test]
fn without_what_everything_needs_the_rest_is_not_looked_at() {
    let world = world("");
    world.ecr.fault(trouble("DescribePullThroughCacheRules", When::Always, Fault::AccessDenied));
    let outcome = doctor(&world, 1, &[]);
    finds(&outcome, "Registry", "fail", &["allow ecr:DescribePullThroughCacheRules"]);
    assert_eq!(about(&outcome, "Permissions"), []);
    let world = world_without_credentials();
    finds(&doctor(&world, 1, &[]), "Identity", "fail", &["no AWS credentials"]);
    let outcome = doctor(&World::new().without("AWS_REGION"), 1, &[]);
    finds(&outcome, "Region", "fail", &["--region"]);
}

fn world_without_credentials() -> World {
    let world = World::new().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let home = world.file(".").display().to_string();
    world.with("HOME", &home)
}

#[test]
fn an_identity_that_sts_does_not_tell_is_no_failure() {
    let world = world("");
    world.ecr.fault(trouble("GetCallerIdentity", When::Always, Fault::AccessDenied));
    let outcome = doctor(&world, 0, &[]);
    finds(&outcome, "Identity", "warn", &["no run needs it"]);
    finds(&outcome, "Pull times", "warn", &["not checked"]);
}

#[test]
fn a_principal_that_is_not_excluded_comes_with_the_command() {
    let world = world("");
    exclude(&world, OWN);
    let outcome = doctor(&world, 0, &["--function-role", FUNCTION, "--function-role", "other"]);
    finds(&outcome, "Pull times", "ok", &["the role emulator"]);
    let command =
        format!("register-pull-time-update-exclusion --region us-east-1 --principal-arn {FUNCTION}");
    finds(&outcome, "Pull times", "warn", &["the role janitor", &command]);
    finds(&outcome, "Pull times", "warn", &["the role other", "aws iam get-role --role-name other"]);
    let outcome = doctor(&world, 0, &["--function-role", "x; rm -rf y"]);
    finds(&outcome, "Pull times", "warn", &["--role-name 'x; rm -rf y' --query"]);
    world.ecr.fault(trouble("ListPullTimeUpdateExclusions", When::Always, Fault::AccessDenied));
    let outcome = doctor(&world, 0, &[]);
    let texts = ["not checked", "allow ecr:ListPullTimeUpdateExclusions", "iam-policy --for doctor"];
    finds(&outcome, "Pull times", "warn", &texts);
}

#[test]
fn places_that_cannot_be_reached_are_named() {
    let world = world("[memory]\nlocation = './file'\n[backup]\nlocation = './file'");
    std::fs::write(world.file("file"), "").unwrap();
    let outcome = doctor(&world, 3, &[]);
    finds(&outcome, "Memory", "fail", &["file", "correct `location`"]);
    finds(&outcome, "Backups", "warn", &["file", "correct `location`"]);
    let none = World::new().config("");
    none.repository("team/api");
    let outcome = doctor(&none, 0, &[]);
    finds(&outcome, "Memory", "warn", &["memory.location"]);
    finds(&outcome, "Backups", "warn", &["backup.keep"]);
}

#[test]
fn deletions_that_are_carried_elsewhere_are_told() {
    let world = world("[policy]\npreset = 'recommended'");
    world.replicate("team");
    finds(&doctor(&world, 0, &[]), "Replication", "warn", &["1 repository", "replicated = \"delete\""]);
    world.ecr.fault(trouble("DescribeRegistry", When::Always, Fault::AccessDenied));
    finds(&doctor(&world, 0, &[]), "Replication", "warn", &["allow ecr:DescribeRegistry"]);
}

#[test]
fn lifecycle_rules_that_count_the_janitor_s_tags_are_told() {
    let world = world("[policy]\nattached = 'tag'");
    let rule = json!({"rules": [{
        "rulePriority": 1, "description": "the last thirty", "action": {"type": "expire"},
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30},
    }]});
    let put = json!({"repositoryName": "team/api", "lifecyclePolicyText": rule.to_string()});
    world.ecr.call("PutLifecyclePolicy", put).unwrap();
    let command = "aws ecr get-lifecycle-policy --repository-name team/api";
    finds(&doctor(&world, 0, &[]), "Lifecycle", "warn", &["in team/api", command]);
    world.ecr.fault(trouble("GetLifecyclePolicy", When::Always, Fault::AccessDenied));
    finds(&doctor(&world, 0, &[]), "Lifecycle", "warn", &["not checked in 1 repository"]);
}

#[test]
fn a_key_without_effect_is_told() {
    let world = world("[policy]\nsuperseded_images = 'delete'");
    finds(&doctor(&world, 0, &[]), "Configuration", "warn", &["superseded_images"]);
    let plan = world.cli(&["plan"]);
    assert!(plan.stdout.contains("superseded_images = \"delete\" has no effect"), "{plan:?}");
}

#[test]
fn bad_usage_is_refused() {
    world("[policy]\norphand = 'keep'").cli(&["doctor"]).refused(2, &["policy.orphand"]);
    world("").cli(&["doctor", "--repository", "team/apj"]).refused(2, &["did you mean \"team/api\"?"]);
}

#[test]
fn the_policy_for_doctor_is_enough_for_all_but_the_permissions_of_apply() {
    let world = world("[policy]\npreset = 'recommended'\nattached = 'tag'");
    exclude(&world, OWN);
    let policy = world.cli(&["iam-policy", "--for", "doctor"]).json();
    world.ecr.set_policy(None, Some(policy)).unwrap();
    let json = doctor(&world, 0, &[]).json();
    for check in json["checks"].as_array().unwrap().iter().filter(|it| it["status"] != "ok") {
        assert!(check["text"].as_str().unwrap().starts_with("apply needs"), "{check:#}");
    }
}

#[test]
fn the_next_command_has_the_options_of_this_one() {
    let world = world("");
    std::fs::write(world.file("it's.toml"), "").unwrap();
    let told = world.cli(&["doctor", "--config", "it's.toml", "--region", "us-east-1"]).stdout;
    assert!(told.ends_with("Next: ecr-janitor plan --config 'it'\\''s.toml' --region us-east-1\n"), "{told}");
    world.ecr.fault(trouble("DescribeRepositories", When::Always, Fault::AccessDenied));
    let told = world.cli(&["doctor", "--config", "it's.toml"]).stdout;
    assert!(told.ends_with("then run ecr-janitor doctor --config 'it'\\''s.toml' again\n"), "{told}");
}
