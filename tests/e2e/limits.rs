//! The breaker: limits on the whole plan, before the first write.

use ecr_emulator::artifacts;
use ecr_emulator::buildx::Form;

use crate::harness::{Repo, World, legacy, single};

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

#[test]
fn a_run_over_its_limit_writes_nothing_anywhere() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "5").with("JANITOR_ATTACHED", "tag");
    let [api, web] = ["team/api", "team/web"].map(|name| repository(&world, name, 3, 3));
    web.push(60, single(1), "v1");
    let report = world.apply();
    assert_eq!((report.total("limit_reached"), report.total("deleted")), (7, 0), "the tag too");
    assert_eq!((world.writes(), &report.0["complete"]), (vec![], &true.into()));
    assert_eq!(report.of(&api)["status"], "done");
}

#[test]
fn a_run_exactly_at_its_limit_is_done() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "6");
    let all = ["team/api", "team/web"].map(|name| repository(&world, name, 3, 3));
    assert_eq!(world.apply().total("deleted"), 6);
    assert!(all.iter().all(|repository| repository.contents().is_empty()));
}

#[test]
fn a_limit_is_said_loudly() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "1");
    repository(&world, "team/api", 2, 2);
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        let outcome = world.cli(arguments);
        assert_eq!(outcome.code, 0);
        assert!(outcome.stderr.contains("limit reached") && outcome.stderr.contains("max_deletions = 1"));
        assert!(outcome.stdout.contains("limit-reached"), "{}", outcome.stdout);
    }
}

#[test]
fn a_plan_over_a_limit_shows_what_it_would_stop_and_is_no_failure() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "1");
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let report = world.plan();
    assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "limit-reached"));
    assert_eq!((report.total("planned"), report.total("limit_reached")), (0, 2));
    assert_eq!(world.cli(&["plan", "--exit-code"]).code, 10, "changes are pending all the same");
}

#[test]
fn a_repository_over_its_share_is_left_alone_and_the_others_are_done() {
    let world = World::new();
    let (over, under) = (repository(&world, "over", 12, 23), repository(&world, "under", 12, 24));
    let report = world.apply();
    assert_eq!((over.contents().len(), under.contents().len()), (23, 12));
    assert_eq!((report.total("limit_reached"), report.total("deleted")), (12, 12));
}

#[test]
fn ten_deletions_or_fewer_are_never_too_large_a_share() {
    let world = World::new().with("JANITOR_MAX_IMAGES_SHARE", "0");
    let (ten, eleven) = (repository(&world, "ten", 10, 10), repository(&world, "eleven", 11, 100));
    world.apply();
    assert_eq!((ten.contents().len(), eleven.contents().len()), (0, 100));
}

#[test]
fn a_repository_stopped_by_its_share_does_not_count_for_the_run() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "5");
    let (over, small) = (repository(&world, "over", 12, 12), repository(&world, "small", 5, 5));
    world.apply();
    assert_eq!((over.contents().len(), small.contents().len()), (12, 0));
}

#[test]
fn indexes_and_images_count_as_deletions() {
    let build = || World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    for (limit, left) in [("2", 3), ("3", 0)] {
        let world = build().with("JANITOR_MAX_DELETIONS", limit);
        let api = world.repository("team/api");
        api.push_untagged(60, single(1));
        world.apply();
        assert_eq!(api.contents().len(), left);
    }
}

#[test]
fn tags_do_not_count_as_deletions() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "0").with("JANITOR_ATTACHED", "tag");
    world.repository("team/api").push(60, single(1), "v1");
    assert_eq!(world.apply().total("tagged"), 1);
}

#[test]
fn archived_images_count_in_the_share() {
    let world = World::new();
    let api = repository(&world, "team/api", 12, 24);
    let archived = api.ecr.digest_of_tag(&api.name, "v23").unwrap();
    api.archive(&archived);
    assert_eq!(world.apply().total("deleted"), 12);
}

#[test]
fn no_deletions_may_be_allowed_at_all() {
    let world = World::new().with("JANITOR_MAX_DELETIONS", "0");
    repository(&world, "team/api", 1, 1);
    world.apply();
    assert_eq!(world.writes(), []);
}
