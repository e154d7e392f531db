//! The pace: what one run does of a plan, the oldest first.

use ecr_emulator::artifacts;
use ecr_emulator::buildx::{Form, Pushed};

use crate::harness::{Repo, World, legacy, set, single};

/// A repository with so many orphans among so many images.
fn repository(world: &World, name: &str, orphans: u64, images: u64) -> Repo {
    let repository = world.repository(name);
    for run in 0..orphans {
        repository.orphans(60, single(1).form(Form::Legacy).run(run));
    }
    for seed in orphans..images {
        repository.ago(60, |ecr, name| artifacts::plain_image(ecr, name, seed, Some(&format!("v{seed}"))));
    }
    repository
}

/// Superseded builds of one platform each, the first one the oldest.
fn builds(world: &World, name: &str, count: u64) -> (Repo, Vec<Pushed>) {
    let repository = world.repository(name);
    let days = 60 + count as i64;
    let builds = (0..count).map(|code| repository.push_untagged(days - code as i64, single(code))).collect();
    (repository, builds)
}

fn deleting_builds() -> World {
    World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete")
}

#[test]
fn a_run_deletes_the_oldest_as_far_as_its_pace_and_the_next_one_goes_on() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "4").with("JANITOR_ATTACHED", "tag");
    let [api, web] = ["team/api", "team/web"].map(|name| world.repository(name));
    let (young, old) = (api.orphans(60, legacy(1)), web.orphans(70, legacy(2)));
    let oldest = api.orphans(80, legacy(3));
    api.push(60, single(1), "v1");
    let report = world.apply();
    assert_eq!((report.total("limit_reached"), report.total("deleted"), report.total("tagged")), (2, 4, 1));
    assert_eq!(report.with_outcome(&api, "limit-reached"), set(&young));
    assert_eq!((api.count(&oldest), web.count(&old)), (0, 0));
    assert_eq!((&report.0["complete"], report.of(&api)["status"].as_str()), (&true.into(), Some("done")));
    let report = world.apply();
    assert_eq!((report.total("limit_reached"), report.total("deleted"), api.count(&young)), (0, 2, 0));
}

#[test]
fn a_run_exactly_at_its_limit_is_done() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "6");
    let all = ["team/api", "team/web"].map(|name| repository(&world, name, 3, 3));
    assert_eq!(world.apply().total("deleted"), 6);
    assert!(all.iter().all(|repository| repository.contents().is_empty()));
}

#[test]
fn what_waits_is_told_with_the_number_of_runs_it_takes() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "1");
    repository(&world, "team/api", 4, 4);
    for (arguments, runs) in [(&["plan"][..], 3), (&["apply", "--yes"], 3), (&["plan"], 2)] {
        let outcome = world.cli(arguments);
        assert_eq!(outcome.code, 0);
        let told = format!("{runs} deletions for about {runs} more runs");
        assert!(outcome.stdout.contains(&told), "{told:?} is not in {}", outcome.stdout);
        assert!(outcome.stdout.contains("waiting for their turn"), "{}", outcome.stdout);
    }
    let outcome = world.cli(&["plan", "--output", "json"]);
    assert!(outcome.stderr.contains("limit reached: 2 deletions wait for about 2 more runs"), "{outcome:?}");
    assert_eq!(outcome.json()["totals"]["runs_left"], 2);
}

#[test]
fn a_plan_shows_what_would_wait_and_changes_are_pending() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "1");
    let api = world.repository("team/api");
    api.orphans(60, legacy(1));
    let report = world.plan();
    assert_eq!((report.total("planned"), report.total("limit_reached")), (1, 1));
    assert_eq!(world.cli(&["plan", "--exit-code"]).code, 10);
    assert_eq!(world.ecr.journal(), []);
}

#[test]
fn a_unit_larger_than_the_limit_goes_alone_and_whole() {
    let world = deleting_builds().with("JANITOR_MAX_DELETIONS", "2");
    let (api, builds) = builds(&world, "team/api", 2);
    let report = world.apply();
    assert_eq!((report.total("deleted"), report.total("limit_reached")), (3, 3));
    assert_eq!((api.has(&builds[0].root), api.contents().len()), (false, 3));
}

#[test]
fn younger_units_do_not_pass_one_that_waits() {
    let world = deleting_builds().with("JANITOR_MAX_DELETIONS", "3");
    let api = world.repository("team/api");
    let oldest = api.orphans(80, single(1));
    let build = api.push_untagged(70, single(2));
    let youngest = api.orphans(60, single(3));
    assert_eq!(world.apply().total("deleted"), 1, "the build needs three of the two that are left");
    assert_eq!((api.count(&oldest), api.has(&build.root), api.count(&youngest)), (0, true, 1));
}

#[test]
fn half_of_a_repository_s_platform_images_go_in_one_run() {
    let world = deleting_builds();
    let (api, builds) = builds(&world, "team/api", 24);
    let orphans = api.orphans(60, legacy(100));
    let report = world.apply();
    // Twelve builds of three images, and what has no platform image.
    assert_eq!((report.total("deleted"), report.total("limit_reached")), (12 * 3 + 2, 12 * 3));
    assert!(builds[..12].iter().all(|build| !api.has(&build.root)), "the oldest go first");
    assert!(builds[12..].iter().all(|build| api.has(&build.root)));
    assert_eq!((api.count(&orphans), &report.0["complete"]), (0, &true.into()));
}

#[test]
fn attestations_and_indexes_alone_have_no_share() {
    let world = World::new().deleting_superseded().with("JANITOR_MAX_IMAGES_SHARE", "0");
    let (api, _) = builds(&world, "team/api", 24);
    assert_eq!(world.apply().total("deleted"), 48);
    assert_eq!(api.contents().len(), 24);
}

#[test]
fn ten_platform_images_may_go_whatever_the_share() {
    let world = deleting_builds().with("JANITOR_MAX_IMAGES_SHARE", "0");
    let ((ten, _), (more, _)) = (builds(&world, "ten", 10), builds(&world, "more", 12));
    world.apply();
    assert_eq!((ten.contents().len(), more.contents().len()), (0, 2 * 3));
}

#[test]
fn tags_do_not_count_as_deletions() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "0").with("JANITOR_ATTACHED", "tag");
    world.repository("team/api").push(60, single(1), "v1");
    assert_eq!(world.apply().total("tagged"), 1);
}

#[test]
fn no_deletions_may_be_allowed_at_all() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "0");
    repository(&world, "team/api", 1, 1);
    let outcome = world.cli(&["apply", "--yes"]);
    assert!(outcome.stdout.contains("1 deletion until max_deletions is raised"), "{outcome:?}");
    assert_eq!((outcome.code, world.writes()), (0, vec![]));
}
