//! Writing tags instead of deleting.

use ecr_emulator::{Change, Fault, When};
use serde_json::json;

use crate::harness::{Listed, Repo, World, legacy, oci, set, single, trouble};

fn tagging(policy: &str) -> (World, Repo) {
    let world = World::new().with(policy, "tag");
    let api = world.repository("team/api");
    (world, api)
}

fn digits(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

/// The tag that the default template makes.
fn default_tag(platform: &str, digest: &str) -> String {
    format!("attestation-{platform}-{}", digits(digest))
}

#[test]
fn attached_attestations_get_a_tag_that_tells_platform_and_digest() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, oci(1), "v1");
    let report = world.apply();
    for (attestation, platform) in build.attestations.iter().zip(["linux-amd64", "linux-arm64"]) {
        assert_eq!(api.tags(attestation), [default_tag(platform, attestation)]);
        assert_eq!(report.verdict(&api, attestation), ("attached", "tagged"));
    }
    assert_eq!((report.total("tagged"), report.total("deleted")), (2, 0));
}

#[test]
fn what_the_plan_read_is_not_read_again_for_its_tag() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    api.push(60, oci(1), "v1");
    assert_eq!(world.apply().total("tagged"), 2);
    let calls = world.ecr.calls();
    // Of the index, of the attestations, and of the tags, whether they are free.
    assert_eq!((calls["BatchGetImage"], calls["PutImage"]), (3, 2));
    let (world, api) = tagging("JANITOR_ORPHANED");
    (0..2).for_each(|n| drop(api.attestation(60, &format!("{n}{}", "x".repeat(700_000)))));
    assert_eq!(world.apply().total("tagged"), 2);
    assert_eq!(world.ecr.calls()["BatchGetImage"], 2, "megabytes are kept");
}

#[test]
fn orphans_get_a_tag_too() {
    let (world, api) = tagging("JANITOR_ORPHANED");
    let orphans = api.orphans(60, legacy(1));
    world.apply();
    assert_eq!(api.tags(&orphans[0]), [default_tag("unknown", &orphans[0])]);
}

#[test]
fn superseded_attestations_get_a_tag_and_keep_their_index() {
    let (world, api) = tagging("JANITOR_SUPERSEDED");
    let world = world.superseded_since_push();
    api.push(60, single(2), "v1");
    let build = api.push_untagged(60, single(1));
    world.apply();
    assert_eq!(api.tags(&build.attestations[0]), [default_tag("linux-amd64", &build.attestations[0])]);
    assert!(api.has(&build.root));
}

#[test]
fn the_template_makes_the_tag() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let world = world.with("JANITOR_TAG_TEMPLATE", "{subject}.{platform}_{digest}");
    let build = api.push(60, single(1), "v1");
    world.apply();
    let (attestation, platform) = (&build.attestations[0], &build.platforms[0]);
    let tag = format!("{}.linux-amd64_{}", digits(platform), digits(attestation));
    assert_eq!(api.tags(attestation), [tag]);
}

#[test]
fn tagging_changes_nothing_but_tags() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    for (code, tag) in [(1, "v1"), (2, "v2")] {
        api.push(60, oci(code), tag);
        api.push(60, legacy(code + 10), &format!("{tag}-old"));
    }
    let before = api.contents();
    world.apply();
    let after = api.contents();
    assert_eq!(after.len(), before.len());
    for (digest, image) in &before {
        assert_eq!(
            (&after[digest].manifest, after[digest].pushed_at_ms),
            (&image.manifest, image.pushed_at_ms)
        );
    }
    assert!(world.writes().iter().all(|entry| matches!(entry.kind, Change::Tagged { moved_from: None, .. })));
}

#[test]
fn a_second_run_tags_nothing_again() {
    for policy in ["JANITOR_ATTACHED", "JANITOR_ORPHANED", "JANITOR_SUPERSEDED"] {
        let (world, api) = tagging(policy);
        let world = world.superseded_since_push();
        api.push(60, single(1), "v1");
        api.push_untagged(60, single(2));
        api.orphans(60, legacy(3));
        let first = world.apply();
        world.ecr.reset_calls();
        let second = world.apply();
        assert!(first.total("tagged") > 0 && second.total("tagged") == 0, "{policy}");
        assert_eq!((world.writes(), world.ecr.calls().get("PutImage")), (vec![], None));
    }
}

#[test]
fn the_bearer_of_the_janitors_own_tag_is_kept_for_the_same_reason_as_before() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, single(1), "v1");
    world.apply();
    assert_eq!(world.apply().verdict(&api, &build.attestations[0]), ("attached", "kept"));
}

#[test]
fn a_tag_that_another_image_holds_is_never_moved() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, oci(1), "v1");
    let tag = default_tag("linux-amd64", &build.attestations[0]);
    api.tag(&build.platforms[0], &tag);
    let report = world.apply_with(3);
    let decision = report.decision(&api, &build.attestations[0]);
    assert_eq!((&decision["outcome"], &decision["code"]), (&json!("failed"), &json!("tag-in-use")));
    assert_eq!(api.ecr.digest_of_tag(&api.name, &tag).as_ref(), Some(&build.platforms[0]));
    assert_eq!(api.tags(&build.attestations[1]).len(), 1, "the other one goes on");
    assert_eq!(report.0["complete"], false);
}

#[test]
fn a_tag_that_is_taken_after_the_plan_was_saved_is_not_moved() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, oci(1), "v1");
    world.save_plan();
    let tag = default_tag("linux-amd64", &build.attestations[0]);
    api.tag(&build.platforms[0], &tag);
    let report = world.apply_saved().report(3);
    assert_eq!(report.decision(&api, &build.attestations[0])["code"], "tag-in-use");
    assert_eq!(api.ecr.digest_of_tag(&api.name, &tag).as_ref(), Some(&build.platforms[0]));
    assert_eq!(report.verdict(&api, &build.attestations[1]), ("attached", "tagged"));
}

#[test]
fn a_tag_that_is_taken_between_plan_and_write_is_not_moved() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, single(1), "v1");
    let tag = default_tag("linux-amd64", &build.attestations[0]);
    let (thief, taken, victim) = (api.clone(), tag.clone(), build.platforms[0].clone());
    world.ecr.before("DescribeImages", 2, move |_| thief.tag(&victim, &taken));
    let report = world.apply_with(3);
    assert_eq!(report.decision(&api, &build.attestations[0])["code"], "tag-in-use");
    assert_eq!(api.ecr.digest_of_tag(&api.name, &tag).as_ref(), Some(&build.platforms[0]));
}

#[test]
fn an_immutable_repository_takes_new_tags_once() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    api.ecr
        .call("PutImageTagMutability", json!({"repositoryName": api.name, "imageTagMutability": "IMMUTABLE"}))
        .unwrap();
    let build = api.push(60, single(1), "v1");
    assert_eq!(world.apply().total("tagged"), 1);
    assert_eq!(api.tags(&build.attestations[0]).len(), 1);
    assert_eq!(world.apply().total("tagged"), 0);
}

#[test]
fn an_immutable_tag_that_another_image_holds_is_in_use() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    api.ecr
        .call("PutImageTagMutability", json!({"repositoryName": api.name, "imageTagMutability": "IMMUTABLE"}))
        .unwrap();
    let build = api.push(60, single(1), "v1");
    let (thief, victim) = (api.clone(), build.platforms[0].clone());
    let tag = default_tag("linux-amd64", &build.attestations[0]);
    world.ecr.before("PutImage", 1, move |_| thief.tag(&victim, &tag));
    let report = world.apply_with(3);
    assert_eq!(report.decision(&api, &build.attestations[0])["code"], "tag-in-use");
}

#[test]
fn an_orphan_with_the_janitors_own_tag_is_deleted_when_the_policy_changes() {
    let (mut world, api) = tagging("JANITOR_ORPHANED");
    let orphans = api.orphans(60, legacy(1));
    world.apply();
    world.set("JANITOR_ORPHANED", "delete");
    assert_eq!(world.apply().with_outcome(&api, "deleted"), set(&orphans));
    assert_eq!(api.count(&orphans), 0);
}

#[test]
fn an_image_with_two_of_the_janitors_tags_is_one_deletion() {
    let (mut world, api) = tagging("JANITOR_ORPHANED");
    let orphans = api.orphans(60, legacy(1));
    for platform in ["unknown", "linux-amd64"] {
        api.tag(&orphans[0], &default_tag(platform, &orphans[0]));
    }
    world.set("JANITOR_ORPHANED", "delete");
    let report = world.apply();
    assert_eq!((report.total("deleted"), api.count(&orphans)), (2, 0));
    assert_eq!(report.decision(&api, &orphans[0])["tags"].as_array().unwrap().len(), 2);
}

#[test]
fn a_tagged_attestation_does_not_hold_its_index() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let world = world.deleting_superseded();
    let old = api.push(60, single(1), "main");
    world.apply();
    assert_eq!(api.tags(&old.attestations[0]).len(), 1);
    api.push(60, single(2), "main");
    let report = world.apply();
    assert_eq!(report.verdict(&api, &old.attestations[0]), ("superseded", "deleted"));
    assert!(!api.has(&old.root) && !api.has(&old.attestations[0]));
}

#[test]
fn tags_of_another_template_belong_to_the_user() {
    let (mut world, api) = tagging("JANITOR_ORPHANED");
    let orphans = api.orphans(60, legacy(1));
    world.apply();
    world.set("JANITOR_ORPHANED", "delete");
    world.set("JANITOR_TAG_TEMPLATE", "att-{digest}");
    world.ecr.reset_calls();
    world.apply();
    assert_eq!((api.count(&orphans), world.writes()), (2, vec![]));
}

#[test]
fn the_janitors_tag_on_another_image_is_a_users_tag() {
    let (mut world, api) = tagging("JANITOR_ORPHANED");
    let orphans = api.orphans(60, legacy(1));
    api.tag(&orphans[0], &default_tag("unknown", &orphans[1]));
    world.set("JANITOR_ORPHANED", "delete");
    world.apply();
    assert_eq!((api.has(&orphans[0]), api.has(&orphans[1])), (true, false));
}

#[test]
fn what_only_a_parent_proves_can_be_tagged() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, single(1), "v1");
    let statements = api.statements(60, 1);
    api.index(60, &[Listed::AttestationOf(&statements, &build.platforms[0])], Some("signed"));
    world.apply();
    assert_eq!(api.tags(&statements), [default_tag("linux-amd64", &statements)]);
}

#[test]
fn what_is_too_large_to_be_read_together_is_tagged_from_a_saved_plan_all_the_same() {
    const MIB: usize = 1024 * 1024;
    let (world, api) = tagging("JANITOR_ORPHANED");
    let large: Vec<_> = (0..5).map(|n| api.attestation(60, &format!("{n}{}", "x".repeat(MIB)))).collect();
    let orphans = api.orphans(60, legacy(1));
    world.save_plan();
    api.tag(&api.large(60, 1, 4 * MIB), &default_tag("unknown", &orphans[0]));
    let report = world.apply_saved().report(3);
    assert_eq!(report.decision(&api, &orphans[0])["code"], "tag-in-use");
    for attestation in large.iter().chain(&orphans[1..]) {
        assert_eq!(api.tags(attestation), [default_tag("unknown", attestation)]);
    }
    assert_eq!((report.total("tagged"), report.total("failed")), (6, 1));
}

#[test]
fn an_attestation_that_changed_since_the_plan_gets_no_tag() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, oci(1), "v1");
    world.save_plan();
    api.tag(&build.attestations[0], "mine");
    let report = world.apply_saved().report(0);
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("attached", "changed-since-plan"));
    assert_eq!(api.tags(&build.attestations[0]), ["mine"]);
}

#[test]
fn a_tag_that_may_not_be_written_is_a_failure() {
    let (world, api) = tagging("JANITOR_ATTACHED");
    let build = api.push(60, oci(1), "v1");
    world.ecr.fault(trouble("PutImage", When::Nth(1), Fault::AccessDenied));
    let report = world.apply_with(3);
    assert_eq!((report.total("tagged"), report.total("failed")), (1, 1));
    assert_eq!(build.attestations.iter().flat_map(|digest| api.tags(digest)).count(), 1);
}
