//! Whoever may write to a repository, send an event or edit a plan file is not thereby anybody's friend.

use ecr_attestation_janitor::cli::local_lambda::Answer;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::planner::plan_file::{SavedPlan, checksum};
use ecr_attestation_janitor::report::plan::{ImageFacts, Step};
use ecr_emulator::artifacts;
use jiff::Timestamp;
use serde_json::json;

use crate::harness::{Outcome, World, legacy, set, single};

/// Clears the screen, sets a colour, turns the line around, begins a row.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\n  0123456789ab  image\r\u{7f}";

/// Demands that a terminal shows this as it is.
fn assert_harmless(text: &str) {
    let is_harmful = |c: char| (c.is_control() && c != '\n') || ('\u{2028}'..='\u{202e}').contains(&c);
    assert!(!text.contains(is_harmful), "{text:?}");
}

fn shown(outcome: &Outcome, code: i32) -> &str {
    assert_eq!(outcome.code, code, "{outcome:?}");
    assert_harmless(&outcome.stdout);
    assert_harmless(&outcome.stderr);
    &outcome.stdout
}

#[test]
fn what_a_manifest_says_of_itself_cannot_forge_the_answer_about_it() {
    let mut world = World::new();
    let api = world.repository("team/api");
    let attestation = api.attestation(60, HOSTILE);
    let artifact = api.artifact(60, HOSTILE);
    for (digest, line) in [(&attestation, "a BuildKit attestation"), (&artifact, "some other OCI artifact")] {
        let image = format!("team/api@{digest}");
        world.set("COLUMNS", "80");
        let narrow = world.cli(&["explain", &image]);
        let begins = |line: &str| HOSTILE.split_whitespace().any(|word| line.starts_with(word));
        assert_eq!(shown(&narrow, 0).lines().find(|line| begins(line)), None);
        world.set("COLUMNS", "10000");
        let answer = world.cli(&["explain", &image]);
        let lines: Vec<&str> = shown(&answer, 0).lines().filter(|it| it.contains("0123456789ab")).collect();
        assert!(lines.len() <= 2 && lines[0].contains(line), "{lines:?}");
        // The statement that is no JSON is named, by the type that its manifest gives, in a row of its own.
        let [first, rest @ ..] = lines.as_slice() else { unreachable!() };
        assert!(first.starts_with("What it is      "), "{first}");
        assert!(rest.iter().all(|line| line.starts_with("Not read        ")), "{rest:?}");
        let answer = world.cli(&["explain", &image, "--output", "json"]);
        shown(&answer, 0);
        let answer = answer.json();
        let said = [&answer["predicate_types"][0], &answer["artifact_type"]];
        assert!(said.contains(&&json!(HOSTILE)), "programs get what is written: {answer}");
    }
    shown(&world.cli(&["plan"]), 0);
    assert_eq!(world.apply().with_outcome(&api, "deleted"), set(&[attestation]));
}

#[test]
fn a_manifest_of_four_mebibytes_is_read_proven_and_told_in_short() {
    let world = World::new();
    let api = world.repository("team/api");
    let attestation = api.attestation(60, &"x".repeat(4 * 1024 * 1024 - 1500));
    let answer = world.cli(&["explain", &format!("team/api@{attestation}")]);
    assert!(shown(&answer, 0).len() < 10_000);
    assert_eq!(world.apply().with_outcome(&api, "deleted"), set(&[attestation]));
}

#[test]
fn a_manifest_that_claims_very_many_layers_costs_nobody_else_anything() {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let claim = format!(
        r#"{{"schemaVersion":2,"manifests":[],"layers":[{}{{"digest":"","size":0}}]}}"#,
        r#"{"digest":"","size":0},"#.repeat(150_000)
    );
    let huge = api.ago(60, |ecr, name| {
        ecr.put_image(name, &claim, Some("application/vnd.oci.image.index.v1+json"), None)
    });
    let web = world.repository("team/web");
    let others = web.orphans(60, legacy(2));
    let report = world.apply();
    assert_eq!(report.verdict(&api, &orphans[0]), ("may-be-listed", "kept"), "nobody knows what it lists");
    let row = report.decision(&api, &huge);
    let detail = row["detail"].as_str().unwrap();
    assert_eq!((&row["kind"], &row["reason"]), (&json!("index"), &json!("unreadable")));
    assert!(detail.contains("more than 50000 descriptors") && detail.len() < 1000, "{detail}");
    assert_eq!((api.count(&orphans), web.count(&others)), (2, 0));
}

/// Saves a plan, changes it, and puts its checksum right, as whoever edits a file could.
fn forge(world: &World, change: impl FnOnce(&mut SavedPlan)) -> Outcome {
    world.save_plan();
    let path = world.file("plan.json");
    let mut plan: SavedPlan = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut plan);
    plan.checksum = checksum(&serde_json::to_value(&plan).unwrap());
    std::fs::write(&path, serde_json::to_vec(&plan).unwrap()).unwrap();
    world.apply_saved()
}

fn image_of(step: &mut Step) -> &mut ImageFacts {
    match step {
        Step::Delete(deletion) => &mut deletion.image,
        Step::Tag(tagging) => &mut tagging.image,
    }
}

#[test]
fn a_forged_plan_file_deletes_nothing_that_is_tagged() {
    let world = World::new();
    let api = world.repository("team/api");
    api.orphans(60, single(1));
    let live = api.push(60, single(2), "v1");
    let before = api.contents();
    let digest: Digest = live.root.parse().unwrap();
    let told = forge(&world, |plan| {
        let image = image_of(&mut plan.repositories[0].decisions[0]);
        (image.digest, image.tags) = (digest, vec!["v1".into()]);
    });
    told.refused(2, &["plan.json", "it has a user's tag", &live.root]);
    let hidden = forge(&world, |plan| image_of(&mut plan.repositories[0].decisions[0]).digest = digest);
    assert_eq!(hidden.report(0).verdict(&api, &live.root), ("orphaned", "changed-since-plan"));
    assert_eq!(api.contents(), before);
}

#[test]
fn a_forged_plan_file_deletes_nothing_that_its_bytes_do_not_prove() {
    let world = World::new();
    let api = world.repository("team/api");
    api.orphans(60, single(1));
    let stray = api.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, None));
    let before = api.contents();
    let explained = world.cli(&["explain", &format!("team/api@{stray}"), "--output", "json"]).json();
    let pushed_at: Timestamp = explained["pushed_at"].as_str().unwrap().parse().unwrap();
    let forged = forge(&world, |plan| {
        let image = image_of(&mut plan.repositories[0].decisions[0]);
        (image.digest, image.pushed_at) = (stray.parse().unwrap(), Some(pushed_at));
    });
    assert_eq!(forged.report(3).decision(&api, &stray)["code"], "not-proven", "an image is no attestation");
    assert_eq!(api.contents(), before);
}

#[test]
fn a_forged_plan_file_cannot_write_to_the_terminal() {
    let world = World::new();
    let api = world.repository("team/api");
    api.orphans(60, single(1));
    let elsewhere = forge(&world, |plan| plan.region = HOSTILE.into());
    shown(&elsewhere, 2);
    elsewhere.refused(2, &["it was made for Region"]);
    forge(&world, |plan| {
        let image = image_of(&mut plan.repositories[0].decisions[0]);
        (image.platform, image.pushed_at) = (Some(HOSTILE.into()), None);
    });
    let table = world.cli(&["apply", "plan.json", "--yes"]);
    assert!(shown(&table, 0).contains("changed since the plan"));
}

#[test]
fn a_hostile_event_is_refused_in_one_line() {
    for format in ["JSON", "Text"] {
        let world = World::new().with("AWS_LAMBDA_LOG_FORMAT", format);
        world.repository("team/api").orphans(60, single(1));
        let mut function = world.lambda();
        for event in [json!({ HOSTILE: 1 }), json!({"mode": HOSTILE}), json!({"repositories": [HOSTILE]})] {
            let Answer::Error(error) = function.invoke(&event) else { panic!("{event}") };
            let message = error["errorMessage"].as_str().unwrap();
            assert_harmless(message);
            assert!(!message.contains('\n'), "{message}");
        }
        let many = json!({"repositories": vec!["a*"; 20_000]});
        assert!(function.failure(&many).contains("more than 10000 repository patterns"));
        let log = function.stop_and_read();
        assert_eq!(log.len(), 4);
        log.iter().for_each(|line| assert_harmless(line));
    }
}
