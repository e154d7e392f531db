//! Memory: what one run sees and reads, a later one knows.

use ecr_emulator::UnreferencedLayers;
use serde_json::json;

use crate::harness::{Repo, World, legacy, oci};

fn world() -> World {
    World::new().with_state().with("JANITOR_PRESET", "recommended").with("JANITOR_MAX_IMAGES_SHARE", "1")
}

/// Somebody moves the first tags to a new image.
pub(crate) fn move_tags(api: &Repo, count: u64) {
    let new = api.push(1, legacy(99), "v0");
    (1..count).for_each(|code| api.tag(&new.root, &format!("v{code}")));
}

#[test]
fn a_night_in_which_nothing_was_pushed_reads_nothing() {
    let world = world();
    let api = world.repository("team/api");
    api.push(40, oci(1), "v1");
    api.push_untagged(50, oci(2));
    world.apply();
    world.ecr.reset_calls();
    world.apply();
    let calls = world.ecr.calls();
    assert_eq!(calls.get("BatchGetImage"), None, "{calls:?}");
    assert_eq!(calls.get("GetDownloadUrlForLayer"), None, "{calls:?}");
}

#[test]
fn a_release_that_was_replaced_yesterday_stays_for_a_rollback() {
    let world = world();
    let api = world.repository("team/api");
    let release = api.push(150, oci(1), "prod");
    world.apply();
    api.push(1, oci(2), "prod");
    let report = world.apply();
    assert!(api.has(&release.root));
    for digest in &release.attestations {
        assert_eq!(report.verdict(&api, digest), ("superseded-within-grace", "kept"));
        assert!(report.decision(&api, digest)["untagged_at"].is_string());
    }
}

#[test]
fn plan_and_the_function_share_a_memory() {
    let world = world();
    let api = world.repository("team/api");
    api.push(150, oci(1), "prod");
    world.plan();
    world.ecr.reset_calls();
    let state = world.file("state/ecr-janitor").display().to_string();
    let world = world.with("JANITOR_MEMORY_LOCATION", &state);
    let mut function = world.lambda();
    function.response(&json!({}));
    assert_eq!(world.ecr.calls().get("BatchGetImage"), None);
}

#[test]
fn a_registry_that_lost_its_tags_stops_an_apply_until_somebody_accepts_it() {
    let world = world();
    let api = world.repository("team/api");
    (0..12).for_each(|code| drop(api.push(150, oci(code), &format!("v{code}"))));
    world.apply();
    move_tags(&api, 11);
    let before = api.contents();
    assert_eq!(world.cli(&["plan"]).code, 0);
    let report = world.apply_with(4);
    assert_eq!(report.left_alone(&api), "tags-vanished");
    assert!(report.of(&api)["detail"].as_str().unwrap().contains("--accept-tag-loss"));
    assert_eq!(api.lost_since(&before).len(), 0);
    world.cli(&["apply", "--yes", "--accept-tag-loss", "team/apo"]).refused(2, &["team/api"]);
    let accepted = ["apply", "--yes", "--accept-tag-loss", "team/api", "--output", "json"];
    assert_eq!(world.cli(&accepted).report(0).of(&api)["status"], "done");
    assert_eq!(world.apply().of(&api)["status"], "done");
}

#[test]
fn the_function_takes_the_acceptance_of_a_loss_in_its_event() {
    let world = world();
    let api = world.repository("team/api");
    (0..12).for_each(|code| drop(api.push(150, oci(code), &format!("v{code}"))));
    world.apply();
    move_tags(&api, 12);
    let state = world.file("state/ecr-janitor").display().to_string();
    let world = world
        .with("JANITOR_MEMORY_LOCATION", &state)
        .with("JANITOR_BACKUP_LOCATION", &state)
        .with("JANITOR_MODE", "apply");
    let mut function = world.lambda();
    assert_eq!(function.report(&json!({})).left_alone(&api), "tags-vanished");
    assert!(function.failure(&json!({"accept_tag_loss": ["team/apo"]})).contains("did you mean"));
    let report = function.report(&json!({"accept_tag_loss": ["team/api"]}));
    assert_eq!(report.of(&api)["status"], "done");
}

#[test]
fn a_saved_plan_meets_the_breaker_too() {
    let world = world();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    (0..12).for_each(|code| drop(api.push(150, oci(10 + code), &format!("v{code}"))));
    let world = world.with("JANITOR_ORPHANED", "keep");
    world.apply();
    let world = world.without("JANITOR_ORPHANED");
    world.save_plan();
    move_tags(&api, 12);
    let report = world.cli(&["apply", "plan.json", "--yes", "--output", "json"]).report(4);
    assert_eq!((report.left_alone(&api), api.count(&orphans)), ("tags-vanished", 2));
}

#[test]
fn a_memory_that_cannot_be_used_is_a_warning_and_no_failure() {
    let world = world();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, oci(1));
    std::fs::create_dir(world.file("state")).unwrap();
    std::fs::write(world.file("state/ecr-janitor"), "a file").unwrap();
    let backups = world.file("backups").display().to_string();
    let world = world.with("JANITOR_BACKUP_LOCATION", &backups);
    let report = world.apply();
    assert_eq!(api.count(&orphans), 0);
    let warnings = report.0["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|it| it.as_str().unwrap().contains("memory of team/api")), "{warnings:?}");
}

#[test]
fn images_that_a_run_left_without_an_index_go_later() {
    let world = World::new().with_state().deleting_superseded().with("JANITOR_MAX_IMAGES_SHARE", "1");
    world.ecr.set_unreferenced_layers(UnreferencedLayers::Downloadable);
    let api = world.repository("team/api");
    api.push(1, oci(9), "live");
    let old = api.push_untagged(100, oci(1));
    world.apply();
    assert_eq!((api.has(&old.root), api.count(&old.platforms)), (false, 2));
    let world = world.with("JANITOR_SUPERSEDED_IMAGES", "delete");
    world.apply();
    assert_eq!(api.count(&old.platforms), 0);
}

#[test]
fn explain_tells_the_janitors_reads_from_pulls_by_others() {
    let world = world();
    world.ecr.set_pull_time_updates(true);
    let api = world.repository("team/api");
    let orphan = api.orphans(60, legacy(1)).remove(0);
    let image = format!("team/api@{orphan}");
    assert_eq!(world.cli(&["explain", &image]).code, 0);
    let again = world.cli(&["explain", &image]).stdout;
    let line = again.lines().find(|line| line.starts_with("Last pulled")).unwrap().to_owned();
    assert!(
        line.contains("never, as far as ECR recorded") && line.contains("read by the janitor"),
        "{again}"
    );
}

#[test]
fn explain_tells_of_a_breaker_and_of_the_images_as_they_are() {
    let world = world();
    let api = world.repository("team/api");
    (0..12).for_each(|code| drop(api.push(150, oci(code), &format!("v{code}"))));
    world.apply();
    move_tags(&api, 12);
    let overview = world.cli(&["explain", "team/api", "--output", "json"]).json();
    assert_eq!(
        (&overview["kinds"]["attestation"], &overview["pending"]),
        (&json!(26), &json!(0)),
        "{overview:#}"
    );
    let root = api.contents().keys().next().unwrap().clone();
    let told = world.cli(&["explain", &format!("team/api@{root}"), "--output", "json"]).json();
    assert!(told["repository_skipped"].as_str().unwrap().contains("--accept-tag-loss team/api"), "{told:#}");
    assert_eq!(told["may_be_listed_by_others"], false);
}
