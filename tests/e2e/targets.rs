//! Several registries in one command: the `[[target]]` of a configuration.

use ecr_emulator::{Fault, FaultRule, Settings, When};
use serde_json::{Value, json};

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
