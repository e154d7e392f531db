//! What people see: the output of whole commands, at three widths.
//!
//! The captures are in `snapshots/`. After a change on purpose: `INSTA_UPDATE=always cargo test --test e2e captures`.

use ecr_emulator::artifacts;
use ecr_emulator::buildx::Form;
use ecr_emulator::{Fault, When};
use serde_json::Value;

use crate::emulator::Served;
use crate::harness::{World, legacy, oci, single, trouble_in, without_dates};

const WIDTHS: [&str; 3] = ["60", "80", "120"];

/// Runs a command at each width, and compares what it prints with its capture. Nothing is wider than the terminal.
fn captured(world: &mut World, name: &str, arguments: &[&str], code: i32) {
    for width in WIDTHS {
        world.set("COLUMNS", width);
        world.ecr.reset_calls();
        // Each width as the first run sees it.
        let _ = std::fs::remove_dir_all(world.file("state"));
        let outcome = world.cli(arguments);
        assert_eq!(outcome.code, code, "{outcome:?}");
        let wide: usize = width.parse().unwrap();
        // A digest is never broken.
        let is_digest = |line: &&str| line.contains("sha256:") && line.trim().split(' ').count() == 1;
        let long = outcome.stdout.lines().filter(|line| line.chars().count() > wide && !is_digest(line));
        let long: Vec<&str> = long.collect();
        assert!(long.is_empty(), "wider than {width}: {long:#?}");
        let folder = world.file("").display().to_string();
        let shown = without_dates(&outcome.stdout).replace(&folder, "FOLDER/");
        insta::assert_snapshot!(format!("{name}-{width}"), shown);
    }
}

/// A registry with something of everything, and some trouble.
fn registry() -> World {
    let world = World::new().with_state().with("AWS_MAX_ATTEMPTS", "1");
    world.busy("team/api");
    world.busy("platform/a-rather-long-name-of-a-team/and-of-its-service");
    for number in 1..=3 {
        world.repository(&format!("idle/{number}")).push(60, oci(number), "v1");
    }
    world.repository("hub/library/nginx");
    world.pull_through("hub");
    for name in ["denied/one", "denied/two"] {
        let denied = world.repository(name);
        world.ecr.fault(trouble_in(&denied, "DescribeImages", When::Always, Fault::AccessDenied));
    }
    world
}

#[test]
fn a_plan() {
    captured(&mut registry(), "plan", &["plan"], 3);
}

#[test]
fn a_plan_with_details() {
    let mut world = World::new().with_state();
    world.busy("team/api");
    captured(&mut world, "details", &["plan", "--details"], 0);
    let named = world.cli(&["plan", "--repository", "team/api"]).stdout;
    assert!(named.contains("would be deleted: orphaned"), "naming a repository shows its details: {named}");
    let folded = world.cli(&["plan"]).stdout;
    assert!(!folded.contains("would be deleted: orphaned"), "{folded}");
}

#[test]
fn no_name_breaks_on_a_narrow_terminal() {
    let policy = "[policy]\norphaned = \"tag\"\nsuperseded = \"delete\"\nsuperseded_since = \"push\"";
    let world = World::new().with_state().config(policy).with("COLUMNS", "60");
    world.busy("team/api");
    let api = world.find("team/api");
    api.push_untagged(90, oci(100));
    api.orphans(60, oci(101));
    let report = world.cli(&["plan", "--output", "json"]).json();
    let shown = world.cli(&["plan", "--details"]).stdout;
    let decisions = report["repositories"][0]["decisions"].as_array().unwrap();
    let changes: Vec<&Value> = decisions.iter().filter(|it| it["outcome"] == "planned").collect();
    let [tagged, attested] =
        ["new_tag", "platform"].map(|it| changes.iter().any(|change| change[it].is_string()));
    assert!(tagged && attested, "{changes:#?}");
    for change in changes {
        let short = |digest: &str| digest["sha256:".len()..][..12].to_owned();
        let row = format!(
            "    {}  {}  ",
            short(change["digest"].as_str().unwrap()),
            change["kind"].as_str().unwrap()
        );
        let below =
            match (change["new_tag"].as_str(), change["platform"].as_str(), change["subject"].as_str()) {
                (Some(tag), ..) => format!("      -> {tag}"),
                (None, Some(platform), Some(subject)) => format!("      {platform} {}", short(subject)),
                (None, None, Some(subject)) => short(subject),
                _ => continue,
            };
        let mut lines = shown.lines().skip_while(|line| !line.starts_with(row.trim_end()));
        let first = lines.next().unwrap_or_else(|| panic!("{row:?} is not in {shown}"));
        let is_whole = first.contains(&below) || lines.next().is_some_and(|second| second == below);
        assert!(is_whole, "{below:?} is not in {shown}");
    }
    let indexes: Vec<&str> = shown.lines().filter(|line| line.contains("  index  ")).collect();
    assert!(!indexes.is_empty() && indexes.iter().all(|line| line.ends_with(" -")), "{shown}");
}

#[test]
fn a_plan_of_more_than_one_run_may_do() {
    let mut world =
        World::new().with_state().config("[policy]\npreset = \"recommended\"\nsuperseded_since = \"push\"");
    world.busy("team/api");
    let api = world.find("team/api");
    for run in 0..5 {
        api.push_untagged(90, single(100 + run));
    }
    captured(&mut world, "waiting", &["plan", "--max-deletions", "7"], 0);
}

#[test]
fn an_image_that_is_nearly_full_of_referrers() {
    let mut world = World::new().with_state();
    let cached = world.repository("ci/cached");
    let build = cached.push(90, single(1), "v1");
    for run in 2..=90 {
        let again = cached.push_untagged(70, single(1).run(run));
        cached.delete([&again.root]);
    }
    cached.ago(60, |ecr, name| artifacts::notation_signature(ecr, name, &build.platforms[0]));
    captured(&mut world, "nearly-full", &["plan"], 0);
}

#[test]
fn an_apply_in_which_something_failed() {
    for width in WIDTHS {
        let mut world = World::new().with_state().with("AWS_MAX_ATTEMPTS", "1").with("COLUMNS", width);
        let [good, bad] = ["team/good", "team/bad"].map(|name| world.repository(name));
        good.orphans(60, legacy(1));
        bad.orphans(60, legacy(2));
        bad.orphans(60, single(3).form(Form::Legacy));
        world.ecr.fault(trouble_in(&bad, "BatchDeleteImage", When::Always, Fault::AccessDenied));
        world.set("COLUMNS", width);
        let outcome = world.cli(&["apply", "--yes"]);
        assert_eq!(outcome.code, 3, "{outcome:?}");
        insta::assert_snapshot!(format!("failed-{width}"), without_dates(&outcome.stdout));
    }
}

#[test]
fn an_empty_registry() {
    captured(&mut World::new().with_state(), "empty", &["plan"], 0);
}

/// The registry of the demo, and the program beside it.
fn demo() -> (Served, World) {
    let served = Served::start(&["--demo"]);
    let world = World::new().with_state().with("AWS_ENDPOINT_URL", &served.1);
    (served, world)
}

#[test]
fn the_pipelines_of_the_demo() {
    let (_served, mut world) = demo();
    captured(&mut world, "sources", &["sources"], 0);
}

#[test]
fn the_inside_of_an_image_of_the_demo() {
    let (_served, mut world) = demo();
    captured(&mut world, "inside", &["explain", "team/web:latest"], 0);
}

#[test]
fn three_hundred_repositories_take_a_line_each_and_idle_ones_none() {
    let world = World::new().with_state();
    for number in 0..300 {
        let repository = world.repository(&format!("team/{number}"));
        match number {
            0..20 => drop(repository.orphans(60, single(1))),
            _ => drop(repository.push(60, single(1), "v1")),
        }
    }
    let outcome = world.cli(&["plan"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines.len() < 40, "{outcome:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("team/")).count(), 20);
    assert!(outcome.stdout.contains("280 more repositories with nothing to do"), "{outcome:?}");
    assert!(outcome.stdout.contains("plan: 20 planned"), "{outcome:?}");
}

#[test]
fn repositories_stand_in_the_order_that_is_asked_for() {
    let world = World::new().with_state();
    let [few, many] = ["aa", "bb"].map(|name| world.repository(name));
    few.orphans(60, single(1));
    few.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, Some("v1")));
    few.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 2, Some("v2")));
    many.orphans(60, oci(2));
    let first = |sort: &[&str]| {
        let shown = world.cli(&[&["plan"], sort].concat()).stdout;
        let mut lines = shown.lines().skip_while(|line| !line.starts_with("REPOSITORY"));
        lines.nth(1).unwrap().chars().next().unwrap()
    };
    assert_eq!(first(&[]), 'b', "most attestations");
    for (sort, expected) in [("attestations", 'b'), ("images", 'a'), ("changes", 'b'), ("name", 'a')] {
        assert_eq!(first(&["--sort", sort]), expected, "{sort}");
    }
}
