//! Several registries in one command: the `[[target]]` of a configuration.

use ecr_emulator::{Fault, FaultRule, Settings, When};
use serde_json::{Value, json};
use usage_test_server::UsageServer;

use crate::harness::{World, oci, single};

const ROLE: &str = "arn:aws:iam::222222222222:role/ecr-janitor";

fn registry(account: &str, region: &str) -> Settings {
    Settings { account: account.into(), region: region.into() }
}

/// Three registries with the same repositories: two orphans each.
fn world(more: &str) -> World {
    let world = World::new();
    world.repository("team/api").orphans(40, oci(1));
    world.repository("team/web").push(40, single(2), "v1");
    for (account, region) in
        [("222222222222", "eu-west-1"), ("222222222222", "us-east-1"), ("333333333333", "eu-west-1")]
    {
        world.ecr.copy_home_to(&registry(account, region));
    }
    world.config(&format!(
        "[[target]]\nrole_arn = '{ROLE}'\nregions = ['eu-west-1', 'us-east-1']\nexternal_id = 'fleet-1'\n\
         [[target]]\nrole_arn = 'arn:aws:iam::{{account}}:role/ecr-janitor'\naccounts = ['333333333333']\nregions = ['eu-west-1']\n{more}"
    ))
}

/// The images of a repository of another registry.
fn images(world: &World, account: &str, region: &str, name: &str) -> usize {
    let answer =
        world.ecr.call_in(&registry(account, region), "ListImages", json!({"repositoryName": name})).unwrap();
    answer["imageIds"].as_array().unwrap().len()
}

/// Account, Region and planned or deleted images of each target.
fn counts(report: &Value, count: &str) -> Vec<(String, String, Option<u64>)> {
    let target = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        (text("account"), text("region"), it["report"]["totals"][count].as_u64())
    };
    report["targets"].as_array().unwrap().iter().map(target).collect()
}

fn expected(counts: [Option<u64>; 3]) -> Vec<(String, String, Option<u64>)> {
    let places =
        [("222222222222", "eu-west-1"), ("222222222222", "us-east-1"), ("333333333333", "eu-west-1")];
    places
        .into_iter()
        .zip(counts)
        .map(|((account, region), it)| (account.into(), region.into(), it))
        .collect()
}

#[test]
fn a_plan_has_a_section_for_each_account_and_region() {
    let world = world("");
    let plan = world.cli(&["plan", "--output", "json"]);
    plan.exited(0);
    let report = plan.json();
    assert_eq!(counts(&report, "planned"), expected([Some(2); 3]));
    assert_eq!((report["totals"]["planned"].as_u64(), report["complete"].as_bool()), (Some(6), Some(true)));
    assert_eq!(report["targets"][0]["role_arn"], json!(ROLE));
    // The registry of the caller itself is none of the targets.
    assert_eq!(world.ecr.calls().get("BatchDeleteImage"), None);
    let table = world.cli(&["plan"]);
    table.exited(0);
    assert!(table.stdout.contains("222222222222/us-east-1/team/api"), "{}", table.stdout);
    assert!(table.stdout.contains("333333333333/eu-west-1/team/api"), "{}", table.stdout);
}

#[test]
fn an_apply_deletes_in_all_of_them_and_nowhere_else() {
    let world = world("");
    let apply = world.cli(&["apply", "--yes", "--output", "json"]);
    apply.exited(0);
    assert_eq!(counts(&apply.json(), "deleted"), expected([Some(2); 3]));
    for (account, region) in
        [("222222222222", "eu-west-1"), ("222222222222", "us-east-1"), ("333333333333", "eu-west-1")]
    {
        assert_eq!(images(&world, account, region, "team/api"), 0);
        assert_ne!(images(&world, account, region, "team/web"), 0);
    }
    assert_eq!(
        world.find("team/api").contents().len(),
        2,
        "the caller's own registry is none of the targets"
    );
}

#[test]
fn the_trouble_of_one_touches_no_other() {
    let world = world("");
    world.ecr.fault(FaultRule {
        operation: "AssumeRole".into(),
        repository: Some(ROLE.into()),
        when: When::Always,
        fault: Fault::AccessDenied,
    });
    let apply = world.cli(&["apply", "--yes", "--output", "json"]);
    apply.exited(3);
    let report = apply.json();
    assert_eq!(counts(&report, "deleted"), expected([None, None, Some(2)]));
    let error = report["targets"][0]["error"].as_str().unwrap();
    assert!(error.contains(ROLE) && error.contains("trust policy"), "{error}");
    assert_eq!(report["complete"], json!(false));
    assert!(apply.stderr.contains("account 222222222222, Region eu-west-1: "), "{}", apply.stderr);
    let none = world.cli(&["plan", "--target", "222222222222"]);
    none.exited(1);
}

#[test]
fn one_target_is_chosen_by_account_and_region() {
    let world = world("");
    let one = world.cli(&["plan", "--target", "222222222222", "--region", "us-east-1", "--output", "json"]);
    one.exited(0);
    let report = one.json();
    assert_eq!((&report["account"], &report["region"]), (&json!("222222222222"), &json!("us-east-1")));
    let out = world.file("plan.json").display().to_string();
    let several = world.cli(&["plan", "--out", &out]);
    several.exited(2);
    assert!(several.stderr.contains("--target and --region"), "{}", several.stderr);
    world.cli(&["plan", "--target", "333333333333", "--out", &out]).exited(0);
    let apply = world.cli(&["apply", &out, "--target", "333333333333", "--yes", "--output", "json"]);
    apply.exited(0);
    assert_eq!(apply.json()["totals"]["deleted"], json!(2));
    let wrong = world.cli(&["apply", &out, "--target", "222222222222", "--region", "eu-west-1", "--yes"]);
    wrong.exited(2);
    let missing = world.cli(&["plan", "--region", "ap-south-1"]);
    missing.exited(2);
    assert!(missing.stderr.contains("no [[target]]"), "{}", missing.stderr);
}

#[test]
fn a_name_counts_as_unknown_only_where_no_registry_has_it() {
    let world = world("");
    let elsewhere = registry("333333333333", "eu-west-1");
    world
        .ecr
        .call_in(&elsewhere, "DeleteRepository", json!({"repositoryName": "team/api", "force": true}))
        .unwrap();
    let plan = world.cli(&["plan", "--repository", "team/api", "--output", "json"]);
    plan.exited(0);
    assert_eq!(counts(&plan.json(), "planned"), expected([Some(2), Some(2), Some(0)]));
    let unknown = world.cli(&["plan", "--repository", "team/apl"]);
    unknown.exited(2);
    assert!(
        unknown.stderr.contains("in any of these registries") && unknown.stderr.contains("team/api"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_fleet_shares_one_allowance_of_deletions() {
    let world = world("[limits]\nmax_deletions = 4\n");
    let each = world.cli(&["plan", "--output", "json"]);
    assert_eq!(counts(&each.json(), "planned"), expected([Some(2); 3]));
    let fleet = world.cli(&["fleet", "apply", "--yes", "--output", "json"]);
    fleet.exited(0);
    let report = fleet.json();
    assert_eq!(report["totals"]["deleted"], json!(4));
    assert_eq!(report["totals"]["limit_reached"], json!(2));
    let rest = world.cli(&["fleet", "plan", "--output", "json", "--exit-code"]);
    rest.exited(10);
    assert_eq!(rest.json()["totals"]["planned"], json!(2));
}

#[test]
fn other_commands_answer_for_each_target_or_find_the_one() {
    let world = world("");
    let doctor = world.cli(&["doctor", "--output", "json"]);
    let report = doctor.json();
    let identities =
        report["targets"].as_array().unwrap().iter().map(|it| it["result"]["account"].as_str().unwrap());
    assert_eq!(identities.collect::<Vec<_>>(), ["222222222222", "222222222222", "333333333333"]);
    let sources = world.cli(&["sources", "--output", "json"]);
    sources.exited(0);
    assert_eq!(sources.json()["targets"].as_array().unwrap().len(), 3);
    let several = world.cli(&["explain", "team/web:v1"]);
    several.exited(2);
    let one = world.cli(&[
        "explain",
        "333333333333.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1",
        "--output",
        "json",
    ]);
    one.exited(0);
    let restore = world.cli(&["restore", "team/api", "--yes"]);
    restore.exited(2);
    assert!(restore.stderr.contains("several [[target]]"), "{}", restore.stderr);
}

#[test]
fn what_runs_in_one_account_is_kept_in_all() {
    // A source of one that cannot be asked stops what it could have protected in every one.
    let world =
        world("[in_use]\nsources = ['lambda']\n[policy]\nsuperseded = 'delete'\nsuperseded_since = 'push'\n");
    let plan = world.cli(&["plan", "--output", "json"]);
    plan.exited(3);
    for target in plan.json()["targets"].as_array().unwrap() {
        let sources = target["report"]["in_use"].as_array().unwrap();
        let names: Vec<&str> = sources.iter().map(|it| it["source"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "lambda in account 222222222222, Region eu-west-1",
                "lambda in account 222222222222, Region us-east-1",
                "lambda in account 333333333333, Region eu-west-1",
            ]
        );
        assert!(sources.iter().all(|it| it["detail"].is_string()));
    }
}

#[test]
fn a_function_of_one_account_holds_the_image_of_another() {
    let server = UsageServer::start();
    let world = world(
        "[in_use]\nsources = ['lambda']\n[policy]\npreset = 'recommended'\nsuperseded_since = 'push'\n",
    )
    .with("AWS_ENDPOINT_URL_LAMBDA", &server.endpoint());
    let web = world.find("team/web");
    let [used, dead] = [3, 4].map(|code| web.push_untagged(300, single(code)));
    for (account, region) in
        [("222222222222", "eu-west-1"), ("222222222222", "us-east-1"), ("333333333333", "eu-west-1")]
    {
        world.ecr.copy_home_to(&registry(account, region));
    }
    let image = format!("333333333333.dkr.ecr.eu-west-1.amazonaws.com/team/web@{}", used.platforms[0]);
    server.change(|it| it.function("checkout", "7", &image, &image));
    let report = world.cli(&["plan", "--output", "json", "--repository", "team/web"]).json();
    let target = &report["targets"][2];
    let rows = target["report"]["repositories"][0]["decisions"].as_array().unwrap();
    let outcome = |digest: &String| {
        let row = rows.iter().find(|row| row["digest"] == json!(digest)).unwrap();
        format!("{} {}", row["reason"].as_str().unwrap(), row["outcome"].as_str().unwrap())
    };
    assert_eq!(outcome(&used.attestations[0]), "in-use kept");
    assert_eq!(outcome(&dead.attestations[0]), "superseded planned");
}

#[test]
fn what_runs_is_asked_everywhere_even_where_one_registry_is_worked_on() {
    let world =
        world("[in_use]\nsources = ['lambda']\n[policy]\nsuperseded = 'delete'\nsuperseded_since = 'push'\n")
            .with("JANITOR_MODE", "apply");
    let sources = |report: &Value| -> usize {
        let all =
            report["in_use"].as_array().unwrap().iter().map(|it| it["source"].as_str().unwrap().to_owned());
        all.filter(|name| name.contains("222222222222")).count()
    };
    let one = world.cli(&["plan", "--target", "333333333333", "--output", "json"]);
    assert_eq!(sources(&one.json()), 2);
    let event = json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "account": "333333333333", "region": "eu-west-1",
        "detail": {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "team/api"}});
    let mut function = world.lambda();
    function.response(&event);
    let told = function.stop().into_iter().filter(|line| line["message"] == "warning");
    let told: Vec<String> = told.map(|line| line["detail"].as_str().unwrap().to_owned()).collect();
    assert!(told.iter().any(|it| it.contains("lambda in account 222222222222")), "{told:?}");
}

#[test]
fn the_loss_of_tags_is_accepted_in_one_registry_at_a_time() {
    let world = world("").with("JANITOR_MODE", "apply");
    let several = world.cli(&["plan", "--accept-tag-loss", "team/api"]);
    several.refused(2, &["--accept-tag-loss is of one registry"]);
    world.cli(&["plan", "--accept-tag-loss", "team/api", "--target", "333333333333"]).exited(0);
    let failure = world.lambda().failure(&json!({"accept_tag_loss": ["team/api"]}));
    assert!(failure.contains("accept_tag_loss is of one registry"), "{failure}");
}

#[test]
fn one_registry_by_two_ways_is_refused() {
    let own = "[[target]]\nregions = ['us-east-1']\n[[target]]\nrole_arn = 'arn:aws:iam::123456789012:role/x'\nregions = ['us-east-1']\n";
    let world = world("").config(own);
    let apply = world.cli(&["apply", "--yes"]);
    apply.exited(2);
    let told = "two [[target]] lead to account 123456789012, Region us-east-1";
    assert!(apply.stderr.contains(told), "{}", apply.stderr);
    assert_eq!(world.ecr.calls().get("BatchDeleteImage"), None);
}

/// A world whose function applies, and leaves the files of a fleet's run in a folder.
fn fleet(more: &str) -> World {
    let world = world(more).with("JANITOR_MODE", "apply");
    let state = world.file("state").display().to_string();
    world.with("JANITOR_MEMORY_LOCATION", &state)
}

/// The report of the last step of a fleet's run, as it is in its place.
fn merged(world: &World, id: &str, phase: &str) -> Value {
    let path = world.file(&format!("state/fleet/{id}/{phase}/report.json"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// The units that a step names.
fn units(world: &World, step: &Value) -> Vec<Value> {
    let path = world.file(&format!("state/{}", step["key"].as_str().unwrap()));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What a report says of its repositories, without what only memory knows.
fn essence(report: &Value) -> Value {
    let mut report = report.clone();
    for pointer in (0..3).flat_map(|target| (0..2).map(move |repository| (target, repository))) {
        let (target, repository) = pointer;
        let path = format!("/targets/{target}/report/repositories/{repository}/decisions");
        for row in report.pointer_mut(&path).and_then(Value::as_array_mut).into_iter().flatten() {
            row.as_object_mut().unwrap().remove("untagged_at");
        }
    }
    let of = |it: &Value| json!({"totals": it["totals"]["deleted"], "repositories": it["repositories"]});
    let mut targets: Vec<Value> =
        report["targets"].as_array().unwrap().iter().map(|it| of(&it["report"])).collect();
    targets.sort_by_key(ToString::to_string);
    json!(targets)
}

#[test]
fn the_function_runs_in_each_target_and_answers_as_one() {
    let world = world("").with("JANITOR_MODE", "apply");
    let mut function = world.lambda();
    let report = function.response(&json!({}));
    assert_eq!(counts(&report, "deleted"), expected([Some(2); 3]));
    let short = function
        .response(&json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {}}));
    assert_eq!(short["targets"].as_array().unwrap().len(), 3);
    assert!(short["summary"].as_str().unwrap().contains("222222222222"), "{short:#}");
    let lines = function.stop();
    let accounts = lines
        .iter()
        .filter(|line| line["message"] == "run")
        .map(|line| line["account"].as_str().unwrap().to_owned());
    assert_eq!(accounts.collect::<Vec<_>>()[..3], ["222222222222", "222222222222", "333333333333"]);
}

#[test]
fn an_image_action_is_worked_on_where_it_happened() {
    let world = world("").with("JANITOR_MODE", "apply");
    let mut function = world.lambda();
    let event = |account: &str| {
        json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "account": account, "region": "eu-west-1",
            "detail": {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "team/api"}})
    };
    let record =
        json!({"messageId": "1", "eventSource": "aws:sqs", "body": event("333333333333").to_string()});
    let answer = function.response(&json!({"Records": [record]}));
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(images(&world, "333333333333", "eu-west-1", "team/api"), 0);
    assert_eq!(images(&world, "222222222222", "eu-west-1", "team/api"), 2);
    function.response(&event("222222222222"));
    assert_eq!(images(&world, "222222222222", "eu-west-1", "team/api"), 0);
    assert_eq!(images(&world, "222222222222", "us-east-1", "team/api"), 2);
}

#[test]
fn the_steps_of_a_fleet_give_the_sum_of_single_runs() {
    let world = fleet("");
    let single = world.fork().with("JANITOR_MEMORY_LOCATION", "none");
    let mut function = world.lambda();
    let list = function.response(&json!({"fleet": "list", "id": "night-1", "chunk": 1}));
    assert_eq!((&list["items"], &list["failed"], &list["mode"]), (&json!(6), &json!(0), &json!("apply")));
    for unit in units(&world, &list) {
        let answer = function.response(&unit);
        assert_eq!(answer["complete"], json!(true), "{answer:#}");
    }
    assert_eq!(images(&world, "333333333333", "eu-west-1", "team/api"), 2, "a plan deletes nothing");
    let planned = function.response(&json!({"fleet": "merge", "id": "night-1", "phase": "plan"}));
    assert_eq!((&planned["totals"]["planned"], &planned["next"]["items"]), (&json!(6), &json!(3)));
    for unit in units(&world, &planned["next"]) {
        assert_eq!(unit["max_deletions"], json!(2));
        function.response(&unit);
    }
    let done = function.response(&json!({"fleet": "merge", "id": "night-1", "phase": "apply"}));
    assert_eq!((&done["totals"]["deleted"], &done["complete"]), (&json!(6), &json!(true)));
    assert_eq!(done.get("next"), None);
    let page =
        std::fs::read_to_string(world.file(&format!("state/{}", done["page"].as_str().unwrap()))).unwrap();
    assert!(page.contains("333333333333/eu-west-1/team/api"));
    let report = merged(&world, "night-1", "apply");
    let alone = single.lambda().response(&json!({}));
    assert_eq!(essence(&report), essence(&alone));
}

#[test]
fn a_unit_that_was_killed_is_told_and_a_redrive_finishes_it() {
    let world = fleet("[limits]\nmax_deletions = 5\n");
    let mut function = world.lambda();
    let list = function.response(&json!({"fleet": "list", "id": "n", "chunk": 1}));
    units(&world, &list).iter().for_each(|unit| drop(function.response(unit)));
    let planned = function.response(&json!({"fleet": "merge", "id": "n", "phase": "plan"}));
    let due = units(&world, &planned["next"]);
    let shares: Vec<u64> = due.iter().map(|unit| unit["max_deletions"].as_u64().unwrap()).collect();
    assert_eq!(shares.iter().sum::<u64>(), 5, "{shares:?}");
    // The first one never ran.
    due[1..].iter().for_each(|unit| drop(function.response(unit)));
    let merge = json!({"fleet": "merge", "id": "n", "phase": "apply"});
    let half = function.response(&merge);
    assert_eq!(half["complete"], json!(false));
    let report = merged(&world, "n", "apply");
    let errors: Vec<&str> =
        report["targets"].as_array().unwrap().iter().filter_map(|it| it["error"].as_str()).collect();
    assert!(errors.len() == 1 && errors[0].contains("has no report"), "{errors:?}");
    function.response(&due[0]);
    let whole = function.response(&merge);
    assert_eq!((&whole["totals"]["deleted"], &whole["complete"]), (&json!(5), &json!(true)));
}

#[test]
fn reports_of_an_earlier_listing_under_the_same_id_do_not_count() {
    let world = fleet("");
    let mut function = world.lambda();
    let list = json!({"fleet": "list", "id": "again"});
    let first = function.response(&list);
    units(&world, &first).iter().for_each(|unit| drop(function.response(unit)));
    let merge = json!({"fleet": "merge", "id": "again", "phase": "plan", "mode": "plan"});
    assert_eq!(function.response(&merge)["complete"], json!(true));
    function.response(&list);
    assert_eq!(function.response(&merge)["complete"], json!(false), "nothing was planned since");
}

#[test]
fn a_unit_can_only_narrow_what_is_configured() {
    let world = fleet("");
    let unit = |role: &str, region: &str, phase: &str| {
        json!({"fleet": "run", "id": "n", "item": "0", "listing": "l", "phase": phase, "role_arn": role, "region": region,
            "repositories": ["team/api"]})
    };
    let mut function = world.lambda();
    let stranger = "arn:aws:iam::444444444444:role/ecr-janitor";
    assert!(function.failure(&unit(stranger, "eu-west-1", "plan")).contains("no [[target]] has"));
    assert!(function.failure(&unit(ROLE, "ap-south-1", "plan")).contains("Region ap-south-1"));
    let mut odd = unit(ROLE, "eu-west-1", "plan");
    odd["repositories"] = json!(["team/*"]);
    assert!(function.failure(&odd).contains("no patterns"));
    odd["repositories"] = json!(["team/api"]);
    odd["id"] = json!("../elsewhere");
    assert!(function.failure(&odd).contains("no id of a run"));
    // Allowed by the configuration, and yet nothing that the listing made.
    function.response(&json!({"fleet": "list", "id": "n"}));
    let mut other = unit(ROLE, "eu-west-1", "plan");
    other["item"] = json!("report");
    assert!(function.failure(&other).contains("not of the run n as it was listed"));
    let only_plan = fleet("").with("JANITOR_MODE", "plan");
    let refused = only_plan.lambda().failure(&unit(ROLE, "eu-west-1", "apply"));
    assert!(refused.contains("configured with mode = \"plan\""), "{refused}");
    let without = world.fork().with("JANITOR_MEMORY_LOCATION", "none");
    assert!(without.lambda().failure(&json!({"fleet": "list"})).contains("memory.location"));
}
