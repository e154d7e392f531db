//! Trouble with ECR, the network and permissions.

use ecr_emulator::buildx::Form;
use ecr_emulator::{Fault, When};

use crate::harness::{Repo, World, legacy, oci, set, single, trouble, trouble_in};

fn with_orphans() -> (World, Repo, Vec<String>) {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    (world, api, orphans)
}

#[test]
fn a_throttled_run_comes_to_the_same_result() {
    let world = World::new().deleting_superseded();
    let repositories: Vec<_> = (0..4).map(|n| world.busy(&format!("team/{n}"))).collect();
    let before: Vec<_> = repositories.iter().map(|busy| busy.repo.contents()).collect();
    world.ecr.fault(trouble("*", When::Share(0.3), Fault::Throttle));
    let report = world.apply();
    for (busy, before) in repositories.iter().zip(&before) {
        let old = busy.superseded.attestations.iter().chain([&busy.superseded.root]);
        assert_eq!(busy.repo.lost_since(before), &set(old) | &busy.orphans());
    }
    assert_eq!(report.total("deleted"), 28);
    assert_eq!(report.0["totals"]["api_calls"], serde_json::json!(world.ecr.calls()), "retries are counted");
}

/// The SDK stops trying again when a client has failed some hundred times in all, which a large registry reaches.
#[test]
fn a_large_registry_that_throttles_every_call_at_first_is_done_to_the_end() {
    let world = World::new().with("JANITOR_CONCURRENCY", "16");
    let repositories: Vec<_> = (0..120).map(|n| world.repository(&format!("team/{n}"))).collect();
    let orphans: Vec<_> = repositories.iter().map(|repository| repository.orphans(60, legacy(1))).collect();
    for repository in &repositories {
        for (operation, k) in [("DescribeImages", 1..=2), ("BatchGetImage", 1..=2)] {
            k.for_each(|k| world.ecr.fault(trouble_in(repository, operation, When::Nth(k), Fault::Throttle)));
        }
    }
    assert_eq!(world.apply().total("deleted"), 240);
    assert!(repositories.iter().zip(&orphans).all(|(repository, orphans)| repository.count(orphans) == 0));
}

/// Together they would need more memory than a small function has: they are read in parts.
#[test]
fn manifests_as_large_as_they_may_be_are_read_all_the_same() {
    const MIB: usize = 1024 * 1024;
    let (world, api, orphans) = with_orphans();
    let sizes = [4 * MIB, 4 * MIB, MIB, MIB, MIB, MIB];
    let large: Vec<_> = (0..).zip(sizes).map(|(seed, bytes)| api.large(60, seed, bytes)).collect();
    let report = world.apply();
    assert_eq!((api.count(&orphans), api.count(&large)), (0, large.len()));
    assert_eq!(report.of(&api)["not_attestations"]["image"], large.len());
    let reads = world.ecr.calls()["BatchGetImage"];
    assert!(reads > 1 && reads < 20, "{reads}");
}

#[test]
fn one_trouble_of_any_kind_is_survived() {
    let faults = [Fault::ServerError, Fault::Unavailable, Fault::Throttle, Fault::Drop, Fault::DropAfter];
    for operation in ["DescribeRepositories", "DescribeImages", "BatchGetImage", "BatchDeleteImage"] {
        for fault in &faults {
            let (world, api, orphans) = with_orphans();
            world.ecr.fault(trouble(operation, When::Nth(1), fault.clone()));
            let outcome = world.cli(&["apply", "--yes"]);
            assert_eq!((outcome.code, api.count(&orphans)), (0, 0), "{operation} {fault:?} {outcome:?}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_never_taken_for_a_short_one() {
    let (world, api, _) = with_orphans();
    world.ecr.fault(trouble("DescribeImages", When::Nth(1), Fault::Garbage));
    let report = world.apply_with(3);
    assert_eq!((report.left_alone(&api), world.writes()), ("listing-incomplete", vec![]));
    let (world, api, orphans) = with_orphans();
    let live = api.push(60, oci(2), "v1");
    world.ecr.fault(trouble("BatchGetImage", When::Nth(1), Fault::Garbage));
    let report = world.apply_with(3);
    assert_eq!(report.verdict(&api, &orphans[0]), ("may-be-listed", "kept"));
    assert_eq!((report.verdict(&api, &live.root), world.writes()), (("unreadable", "failed"), vec![]));
    let (world, api, orphans) = with_orphans();
    world.ecr.fault(trouble("BatchDeleteImage", When::Nth(1), Fault::Garbage));
    assert_eq!(
        world.apply().with_outcome(&api, "deleted"),
        set(&orphans),
        "it was looked at, and sent again"
    );
}

#[test]
fn a_deletion_whose_answer_was_lost_is_not_counted_as_ours() {
    let (world, api, orphans) = with_orphans();
    world.ecr.fault(trouble("BatchDeleteImage", When::Nth(1), Fault::DropAfter));
    let report = world.apply();
    assert_eq!(report.with_outcome(&api, "already-gone"), set(&orphans));
    assert_eq!(report.total("deleted"), 0);
}

#[test]
fn a_missing_permission_to_delete_fails_the_images_and_is_named() {
    let (world, api, orphans) = with_orphans();
    world.ecr.fault(trouble("BatchDeleteImage", When::Always, Fault::AccessDenied));
    let report = world.apply_with(3);
    assert_eq!(report.with_outcome(&api, "failed"), set(&orphans));
    let decision = report.decision(&api, &orphans[0]);
    assert_eq!(decision["code"], "AccessDeniedException");
    assert!(decision["detail"].as_str().unwrap().contains("ecr:BatchDeleteImage"));
    assert_eq!((report.total("failed"), &report.0["complete"]), (2, &false.into()));
}

#[test]
fn a_failed_batch_does_not_hold_up_the_next_one_or_another_repository() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "1").with("JANITOR_MAX_IMAGES_SHARE", "1");
    let world = world.with("JANITOR_CONCURRENCY", "1");
    let [big, other] = ["big", "other"].map(|name| world.repository(name));
    for run in 0..101 {
        big.orphans(60, single(1).form(Form::Legacy).run(run));
    }
    let orphans = other.orphans(60, legacy(1));
    world.ecr.fault(trouble_in(&big, "BatchDeleteImage", When::Nth(1), Fault::ServerError));
    let report = world.apply_with(3);
    assert_eq!((report.total("failed"), report.total("deleted")), (100, 3));
    assert_eq!((big.contents().len(), other.count(&orphans)), (100, 0));
}

#[test]
fn children_of_an_index_that_could_not_be_deleted_stay() {
    let world = World::new().deleting_superseded().with("AWS_MAX_ATTEMPTS", "1");
    let api = world.repository("team/api");
    let build = api.push_untagged(60, oci(1));
    world.ecr.fault(trouble("BatchDeleteImage", When::Nth(1), Fault::ServerError));
    let report = world.apply_with(3);
    assert_eq!((report.total("failed"), report.total("held_back"), report.total("deleted")), (1, 2, 0));
    assert!(api.has(&build.root) && api.count(&build.attestations) == 2);
    assert_eq!(world.ecr.calls()["BatchDeleteImage"], 1, "what cannot succeed is not tried");
}

#[test]
fn candidates_whose_read_fails_are_failed_and_other_repositories_go_on() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "1");
    let [good, bad] = ["good", "bad"].map(|name| world.repository(name));
    let orphans = [&good, &bad].map(|repository| repository.orphans(60, legacy(1)));
    world.ecr.fault(trouble_in(&bad, "BatchGetImage", When::Always, Fault::ServerError));
    let report = world.apply_with(3);
    assert_eq!(report.with_outcome(&bad, "failed"), set(&orphans[1]));
    assert_eq!((good.count(&orphans[0]), bad.count(&orphans[1])), (0, 2));
}

#[test]
fn one_failed_read_of_many_fails_only_its_own_batch() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "1").with("JANITOR_MAX_IMAGES_SHARE", "1");
    let api = world.repository("team/api");
    for run in 0..150 {
        api.orphans(60, single(1).form(Form::Legacy).run(run));
    }
    world.ecr.fault(trouble("BatchGetImage", When::Nth(1), Fault::ServerError));
    let report = world.apply_with(3);
    assert_eq!(report.total("failed") + report.total("deleted"), 150);
    assert!(report.total("failed") > 0 && report.total("deleted") > 0, "{:#}", report.0["totals"]);
}

#[test]
fn indexes_whose_read_fails_keep_what_they_may_list() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "1");
    let api = world.repository("team/api");
    let live = api.push(60, oci(1), "v1");
    let [same_age, younger] = [(60, 2), (57, 3)].map(|(days, code)| api.orphans(days, legacy(code)));
    world.ecr.fault(trouble("BatchGetImage", When::Nth(1), Fault::ServerError));
    let report = world.apply_with(3);
    assert_eq!(report.verdict(&api, &live.root), ("unreadable", "failed"));
    assert_eq!(report.verdict(&api, &same_age[0]), ("may-be-listed", "kept"));
    assert_eq!(report.with_outcome(&api, "deleted"), set(&younger));
}

#[test]
fn a_recheck_that_fails_deletes_nothing() {
    let (world, api, orphans) = with_orphans();
    let world = world.with("AWS_MAX_ATTEMPTS", "1");
    world.ecr.fault(trouble("DescribeImages", When::From(2), Fault::ServerError));
    let report = world.apply_with(3);
    assert_eq!(report.with_outcome(&api, "failed"), set(&orphans));
    assert_eq!(world.writes(), []);
}

#[test]
fn without_credentials_nothing_can_be_done() {
    let (world, ..) = with_orphans();
    let world = world.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    for arguments in [&["plan"][..], &["apply", "--yes"], &["explain", "team/api"]] {
        world.cli(arguments).refused(1, &["credentials"]);
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn without_a_region_nothing_can_be_done() {
    let (world, ..) = with_orphans();
    world.without("AWS_REGION").cli(&["plan"]).refused(1, &["AWS_REGION"]);
}

#[test]
fn an_unreachable_registry_is_told_in_one_line() {
    let (world, ..) = with_orphans();
    let world = world.with("AWS_ENDPOINT_URL", "http://127.0.0.1:1").with("AWS_MAX_ATTEMPTS", "1");
    world.cli(&["plan"]).refused(1, &["Describe", "AWS_ENDPOINT_URL"]);
}

#[test]
fn a_registry_that_always_fails_is_told_in_one_line() {
    let (world, ..) = with_orphans();
    let world = world.with("AWS_MAX_ATTEMPTS", "1");
    world.ecr.fault(trouble("DescribeRepositories", When::Always, Fault::ServerError));
    world.cli(&["plan"]).refused(1, &["DescribeRepositories", "ServerException"]);
}

#[test]
fn expired_credentials_are_told() {
    let (world, ..) = with_orphans();
    let world = world.with("AWS_MAX_ATTEMPTS", "1");
    world.ecr.fault(trouble("*", When::Always, Fault::ExpiredToken));
    world.cli(&["plan"]).refused(1, &["ExpiredToken", "renew"]);
}

#[test]
fn permissions_that_everything_needs_are_named() {
    for operation in ["DescribeRepositories", "DescribePullThroughCacheRules"] {
        let (world, ..) = with_orphans();
        world.ecr.fault(trouble(operation, When::Always, Fault::AccessDenied));
        world.cli(&["apply", "--yes"]).refused(1, &[&format!("ecr:{operation}")]);
        assert_eq!(world.writes(), []);
    }
}

#[test]
fn a_missing_permission_to_read_tags_leaves_the_repository_alone() {
    let (world, api, _) = with_orphans();
    let world = world.config("[select]\nrequire_tag = { \"ecr-janitor\" = \"enabled\" }");
    api.label("ecr-janitor", "enabled");
    world.ecr.fault(trouble("ListTagsForResource", When::Always, Fault::AccessDenied));
    let report = world.apply_with(3);
    assert_eq!((report.left_alone(&api), world.writes()), ("access-denied", vec![]));
}
