//! No call more than ECR's batch sizes demand.

use std::collections::BTreeMap;

use ecr_emulator::buildx::Form;

use crate::harness::{Repo, World, single};

/// The look-up of replication rules, in runs that delete what is superseded.
const REPLICATION: [(&str, u64); 1] = [("DescribeRegistry", 1)];

/// What the calls of a run must be.
fn calls<'a>(expected: impl IntoIterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    let once = [("DescribeRepositories", 1), ("DescribePullThroughCacheRules", 1)];
    once.into_iter().chain(expected).map(|(name, count)| (name.to_owned(), count)).collect()
}

fn with_builds(world: &World, builds: u64, tagged: bool) -> Repo {
    let api = world.repository("team/api");
    for code in 0..builds {
        match tagged {
            true => drop(api.push(60, single(code), &format!("v{code}"))),
            false => drop(api.push_untagged(60, single(code))),
        }
    }
    api
}

fn add_orphans(api: &Repo, count: u64) {
    for run in 0..count {
        let build = single(0).form(Form::Legacy).run(run);
        api.ago(60, |ecr, name| build.push_attestations_only(ecr, name));
    }
}

#[test]
fn a_plan_of_live_builds_reads_indexes_alone() {
    let world = World::new();
    with_builds(&world, 340, true);
    assert_eq!(world.plan().total("images"), 1_020);
    assert_eq!(world.ecr.calls(), calls([("DescribeImages", 2), ("BatchGetImage", 4)]));
}

#[test]
fn a_plan_reads_each_candidate_once() {
    let world = World::new();
    let api = with_builds(&world, 130, true);
    add_orphans(&api, 120);
    assert_eq!(world.plan().total("planned"), 120);
    assert_eq!(world.ecr.calls(), calls([("DescribeImages", 1), ("BatchGetImage", 2 + 2)]));
}

#[test]
fn an_apply_adds_a_read_a_check_and_a_deletion_for_each_hundred_orphans() {
    let world = World::new();
    let api = with_builds(&world, 130, true);
    add_orphans(&api, 120);
    assert_eq!(world.apply().total("deleted"), 120);
    let expected = [("DescribeImages", 1 + 2), ("BatchGetImage", 2 + 2 + 2), ("BatchDeleteImage", 2)];
    assert_eq!(world.ecr.calls(), calls(expected));
}

#[test]
fn superseded_builds_cost_a_read_a_check_and_a_deletion_for_each_batch_of_each_level() {
    let world = World::new().deleting_superseded().with("JANITOR_MAX_IMAGES_SHARE", "1");
    with_builds(&world, 130, false);
    assert_eq!(world.apply().total("deleted"), 260);
    let expected = [("DescribeImages", 1 + 4), ("BatchGetImage", 2 + 2 + 4), ("BatchDeleteImage", 4)];
    assert_eq!(world.ecr.calls(), calls(REPLICATION.into_iter().chain(expected)));
}

#[test]
fn platform_images_are_read_together_with_the_attestations() {
    let world = World::new()
        .deleting_superseded()
        .with("JANITOR_SUPERSEDED_IMAGES", "delete")
        .with("JANITOR_MAX_IMAGES_SHARE", "1");
    with_builds(&world, 40, false);
    assert_eq!(world.apply().total("deleted"), 120);
    let expected = [("DescribeImages", 1 + 3), ("BatchGetImage", 1 + 1 + 3), ("BatchDeleteImage", 3)];
    assert_eq!(world.ecr.calls(), calls(REPLICATION.into_iter().chain(expected)));
}

#[test]
fn resource_tags_are_asked_for_only_where_the_configuration_needs_them() {
    let world = World::new().config("[select]\nrequire_tag = { \"ecr-janitor\" = \"enabled\" }");
    for name in ["team/api", "team/web", "other"] {
        world.repository(name).label("ecr-janitor", "enabled");
    }
    world.plan();
    assert_eq!(world.ecr.calls(), calls([("DescribeImages", 3), ("ListTagsForResource", 3)]));
}

#[test]
fn an_empty_registry_costs_two_calls() {
    let world = World::new();
    assert_eq!(world.apply().total("repositories"), 0);
    assert_eq!(world.ecr.calls(), calls([]));
}
