//! `sources`: which pipelines make the attestations, and how to stop them.

use ecr_emulator::buildx::{Build, Form, Provenance};
use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use crate::emulator::Served;
use crate::harness::{Repo, World, oci, single, trouble, trouble_in};

fn github(repository: &str, run: u64) -> Provenance {
    Provenance::new().builder_id(&format!("https://github.com/{repository}/actions/runs/{run}"))
}

fn build(code: u64, repository: &str) -> Build {
    single(code).run(code).provenance(github(repository, code))
}

fn sources(world: &World, arguments: &[&str]) -> Value {
    let outcome = world.cli(&[&["sources", "--output", "json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.json()
}

fn column<'a>(pipelines: &'a Value, key: &str) -> Vec<&'a Value> {
    pipelines.as_array().unwrap().iter().map(|it| &it[key]).collect()
}

/// The registry of the demo.
fn demo() -> (Served, World) {
    let served = Served::start(&["--demo"]);
    let mut world = World::new();
    world.set("AWS_ENDPOINT_URL", &served.1);
    (served, world)
}

#[test]
fn the_demo_has_five_pipelines_and_each_has_its_change() {
    let (_served, world) = demo();
    let it = sources(&world, &[]);
    let pipelines = &it["pipelines"];
    let kinds: Vec<&str> = column(pipelines, "kind").iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(kinds, ["github-actions", "gitlab", "github-actions", "codebuild", "buildx"]);
    assert_eq!(
        column(pipelines, "source"),
        [
            "github.com/acme/api",
            "gitlab.com/acme/web",
            "github.com/acme/matrix",
            "github.com/acme/signed",
            "github.com/acme/tools",
        ]
    );
    assert_eq!(pipelines[2]["workflow"], ".github/workflows/bake.yml");
    assert_eq!((&pipelines[0]["buildkit"], &pipelines[4]["form"]), (&json!("v0.32.0"), &json!("legacy")));
    for (nth, change) in [
        (0, "`provenance: false` below `with:`"),
        (1, ".gitlab-ci.yml"),
        (3, "buildspec.yml"),
        (4, "docker buildx build"),
    ] {
        assert!(pipelines[nth]["change"].as_str().unwrap().contains(change), "{nth}: {}", pipelines[nth]);
    }
    let shares: f64 = column(pipelines, "share").iter().map(|it| it.as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 0.01, "{shares}");
    let repositories = column(pipelines, "repositories");
    assert_eq!(repositories[0], &json!(["team/api"]));
}

/// Every line that the README shows of the demo is what the demo prints.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let (_served, mut world) = demo();
    world.set("COLUMNS", "100");
    let readme = include_str!("../../README.md");
    let examples = readme.split("```text\n$ ecr-janitor ").skip(1);
    // The whole plan is compared elsewhere (documents.rs).
    let examples: Vec<&str> = examples.filter(|example| !example.starts_with("plan\n")).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let (command, shown) = example.split("\n```").next().unwrap().split_once('\n').unwrap();
        let arguments: Vec<&str> = command.split(' ').collect();
        let printed = world.cli(&arguments).stdout;
        let printed: Vec<&str> = printed.lines().collect();
        for line in shown.lines().filter(|line| *line != "...") {
            assert!(printed.contains(&line), "{line:?} is not in {printed:#?}");
        }
    }
}

#[test]
fn pipelines_are_summed_over_repositories_and_ordered_by_what_they_cost() {
    let world = World::new();
    let [one, two] = ["team/one", "team/two"].map(|name| world.repository(name));
    one.push(3, oci(1).run(1).provenance(github("acme/busy", 1)), "v1");
    one.push(40, build(2, "acme/old"), "v2");
    one.push(50, build(3, "acme/old"), "v3");
    one.push(60, build(4, "acme/old"), "v4");
    two.push(10, build(5, "acme/busy"), "v1");
    let it = sources(&world, &[]);
    let pipelines = &it["pipelines"];
    assert_eq!(column(pipelines, "source"), ["github.com/acme/busy", "github.com/acme/old"]);
    let busy = &pipelines[0];
    for (key, value) in [
        ("attestations", json!(3)),
        ("attestations_of_the_last_30_days", json!(3)),
        ("pushes", json!(2)),
        ("share", json!(1.0)),
        ("form", json!("oci")),
        ("repositories", json!(["team/one", "team/two"])),
    ] {
        assert_eq!(busy[key], value, "{key} of {busy:#}");
    }
    assert_eq!((&pipelines[1]["attestations"], &pipelines[1]["share"]), (&json!(3), &json!(0.0)));
    assert!(busy["last_push"].as_str() > busy["first_push"].as_str());
    assert_eq!(column(&it["repositories"], "attestations"), [5, 1]);
    let only = sources(&world, &["team/tw*"]);
    assert_eq!(column(&only["repositories"], "name"), ["team/two"]);
    world.cli(&["sources", "team/three"]).refused(2, &["there is no repository \"team/three\""]);
}

#[test]
fn what_was_read_once_is_known_and_unread_ones_count_with_the_nearest() {
    let world = World::new().with_state();
    let api = world.repository("team/api");
    for week in 0..6 {
        let by = if week < 3 { "acme/new" } else { "acme/old" };
        api.push(3 + 7 * week, build(week.unsigned_abs(), by), &format!("v{week}"));
    }
    let it = sources(&world, &["--statements", "2"]);
    let counts = |it: &Value| {
        let pipelines = it["pipelines"].as_array().unwrap().iter();
        let mut counts: Vec<(String, u64, u64)> = pipelines
            .map(|it| {
                let number = |key: &str| it[key].as_u64().unwrap();
                (it["source"].as_str().unwrap().to_owned(), number("attestations"), number("statements_read"))
            })
            .collect();
        counts.sort();
        counts
    };
    let of = |name: &str, all, read| (format!("github.com/acme/{name}"), all, read);
    let told = counts(&it);
    assert_eq!(told.iter().map(|(_, all, _)| all).sum::<u64>(), 6);
    assert_eq!(told.iter().map(|(.., read)| read).sum::<u64>(), 2);
    assert_eq!(counts(&sources(&world, &[])), [of("new", 3, 3), of("old", 3, 3)]);
    world.ecr.reset_calls();
    assert_eq!(counts(&sources(&world, &[])), [of("new", 3, 3), of("old", 3, 3)]);
    assert_eq!(world.ecr.calls().get("GetDownloadUrlForLayer"), None, "memory knows them");
    let report = world.plan();
    let in_report = &report.of(&api)["sources"];
    assert_eq!(column(in_report, "attestations"), [3, 3]);
    assert_eq!(in_report[0]["kind"], "github-actions");
}

#[test]
fn it_tells_whether_a_change_helped() {
    let world = World::new().with_state();
    let [stopped, resumed] = ["team/stopped", "team/resumed"].map(|name| world.repository(name));
    let plain = |repository: &Repo, day: i64| {
        repository.push(day, single(day.unsigned_abs()).form(Form::None), &format!("p{day}"));
    };
    stopped.push(30, build(1, "acme/a"), "v1");
    resumed.push(90, build(2, "acme/b"), "v1");
    [20, 10, 5].into_iter().for_each(|day| plain(&stopped, day));
    [80, 70, 60].into_iter().for_each(|day| plain(&resumed, day));
    resumed.push(4, build(3, "acme/b"), "v2");
    let it = sources(&world, &[]);
    let repositories = &it["repositories"];
    assert_eq!(column(repositories, "trend"), ["resumed", "stopped"]);
    assert_eq!(repositories[1]["pushes_since"], 3);
    let text = world.cli(&["sources"]).stdout;
    assert!(text.contains("team/stopped: no new attestations since"), "{text}");
    assert!(text.contains("team/resumed: attestations arrive again since"), "{text}");
    // What is deleted stays known.
    let world = world.with("JANITOR_PRESET", "recommended");
    stopped.try_to_delete(&stopped.ecr.images(&stopped.name)[0].digest);
    assert_eq!(column(&sources(&world, &[])["repositories"], "trend"), ["resumed", "stopped"]);
}

#[test]
fn without_the_permission_it_counts_and_says_what_is_missing() {
    let world = World::new();
    let api = world.repository("team/api");
    (0..5).for_each(|week| {
        drop(api.push(7 * week + 3, build(week.unsigned_abs(), "acme/a"), &format!("v{week}")))
    });
    world.ecr.fault(trouble("GetDownloadUrlForLayer", When::Always, Fault::AccessDenied));
    let it = sources(&world, &[]);
    assert_eq!(column(&it["pipelines"], "kind"), ["unknown"]);
    assert_eq!(column(&it["pipelines"], "attestations"), [5]);
    let unread = it["repositories"][0]["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 1, "the others would fail as well: {unread:?}");
    assert!(unread[0]["detail"].as_str().unwrap().contains("allow ecr:GetDownloadUrlForLayer"), "{unread:?}");
    let text = world.with("COLUMNS", "2000").cli(&["sources"]).stdout;
    assert!(text.contains("no statement was read") && text.contains("GetDownloadUrlForLayer"), "{text}");
}

#[test]
fn a_repository_that_cannot_be_read_fails_alone() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "1");
    let [good, bad] = ["team/good", "team/bad"].map(|name| world.repository(name));
    good.push(3, build(1, "acme/a"), "v1");
    bad.push(3, build(2, "acme/a"), "v1");
    world.ecr.fault(trouble_in(&bad, "DescribeImages", When::Always, Fault::AccessDenied));
    let outcome = world.cli(&["sources", "--output", "json"]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let it = outcome.json();
    assert_eq!(column(&it["pipelines"], "attestations"), [1]);
    assert!(it["repositories"][0]["detail"].as_str().unwrap().contains("ecr:DescribeImages"), "{it:#}");
}

#[test]
fn a_registry_without_attestations_has_no_pipelines() {
    let world = World::new();
    world.repository("team/api");
    assert_eq!(sources(&world, &[])["pipelines"], json!([]));
    let text = world.cli(&["sources"]).stdout;
    assert_eq!(text.trim(), "There are no attestations in 1 repository.");
}

#[test]
fn the_function_reads_one_statement_a_repository_and_night_if_asked() {
    let world = World::new().with_state();
    let [one, two] = ["team/one", "team/two"].map(|name| world.repository(name));
    for week in 0..4 {
        one.push(7 * week + 3, build(week.unsigned_abs(), "acme/a"), &format!("v{week}"));
    }
    two.push(3, build(9, "acme/b"), "v1");
    let state = world.file("state/ecr-janitor").display().to_string();
    let world = world.with("JANITOR_MEMORY_LOCATION", &state);
    world.lambda().response(&json!({}));
    assert_eq!(world.ecr.calls().get("GetDownloadUrlForLayer"), None, "nobody asked for it");
    let world = world.with("JANITOR_MEMORY_STATEMENTS", "newest");
    for (night, read) in [(1, 2), (2, 1), (3, 1), (4, 1), (5, 0)] {
        world.ecr.reset_calls();
        world.lambda().response(&json!({}));
        let calls = world.ecr.calls().get("GetDownloadUrlForLayer").copied().unwrap_or(0);
        assert_eq!(calls, read, "night {night}");
    }
    let report = world.lambda().response(&json!({}));
    let sources = &report["repositories"][0]["sources"];
    assert_eq!(
        (&sources[0]["source"], &sources[0]["statements_read"]),
        (&json!("github.com/acme/a"), &json!(4))
    );
}

#[test]
fn the_function_that_may_not_read_statements_warns_once_and_goes_on() {
    let world = World::new().with_state();
    for name in ["team/one", "team/two"] {
        world.repository(name).push(3, build(1, "acme/a"), "v1");
    }
    let state = world.file("state/ecr-janitor").display().to_string();
    let world = world.with("JANITOR_MEMORY_LOCATION", &state).with("JANITOR_MEMORY_STATEMENTS", "newest");
    world.ecr.fault(trouble("GetDownloadUrlForLayer", When::Always, Fault::AccessDenied));
    let report = world.lambda().response(&json!({}));
    assert_eq!(report["complete"], true);
    let warnings = report["warnings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    let warnings: Vec<&str> = warnings.filter(|it| it.contains("no statement of")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("allow ecr:GetDownloadUrlForLayer"), "{warnings:?}");
}
