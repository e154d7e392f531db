//! Plans that are saved, looked at, and applied later.

use ecr_emulator::buildx::Form;
use ecr_emulator::{Fault, Settings, When};

use crate::harness::{Repo, World, legacy, oci, set, single, trouble};

fn saved() -> (World, Repo, Vec<String>) {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    world.save_plan();
    (world, api, orphans)
}

fn edit(world: &World, change: impl FnOnce(String) -> String) {
    let path = world.file("plan.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text);
    std::fs::write(path, changed).unwrap();
}

/// Applies a copy of a plan in another world, where it must be refused.
fn refused_in(other: &World, plan_of: &World, texts: &[&str]) {
    std::fs::copy(plan_of.file("plan.json"), other.file("plan.json")).unwrap();
    other.apply_saved().refused(2, texts);
    assert_eq!(other.writes(), []);
}

#[test]
fn a_saved_plan_is_done_as_it_is() {
    let (world, api, orphans) = saved();
    let before = api.contents();
    let report = world.apply_saved().report(0);
    assert_eq!(api.lost_since(&before), set(&orphans));
    assert_eq!((report.total("deleted"), &report.0["mode"]), (2, &"apply".into()));
}

#[test]
fn what_became_an_orphan_since_is_not_touched() {
    let (world, api, orphans) = saved();
    let later = api.orphans(60, legacy(2));
    world.apply_saved().report(0);
    assert_eq!((api.count(&orphans), api.count(&later)), (0, 2));
}

#[test]
fn the_policy_of_now_does_not_change_a_saved_plan() {
    let (mut world, api, orphans) = saved();
    let old = api.push_untagged(60, oci(2));
    world.set("JANITOR_SUPERSEDED", "delete");
    world.set("JANITOR_ORPHANED", "keep");
    world.apply_saved().report(0);
    assert_eq!((api.count(&orphans), api.has(&old.root)), (0, true));
}

#[test]
fn each_image_is_checked_again() {
    let (world, api, orphans) = saved();
    api.tag(&orphans[0], "mine");
    let report = world.apply_saved().report(0);
    assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "changed-since-plan"));
    assert_eq!((api.has(&orphans[0]), api.has(&orphans[1])), (true, false));
}

#[test]
fn a_plan_needs_consent_like_any_apply() {
    let (world, api, orphans) = saved();
    world.cli(&["apply", "plan.json"]).refused(2, &["--yes"]);
    assert_eq!((api.count(&orphans), world.ecr.calls().len()), (2, 0));
}

#[test]
fn applying_a_plan_twice_is_harmless() {
    let (world, api, orphans) = saved();
    world.apply_saved().report(0);
    world.ecr.reset_calls();
    let report = world.apply_saved().report(0);
    assert_eq!(report.with_outcome(&api, "already-gone"), set(&orphans));
    assert_eq!((world.writes(), &report.0["complete"]), (vec![], &true.into()));
}

#[test]
fn applying_a_plan_again_finishes_what_was_cut() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let builds = [api.push_untagged(60, oci(1)), api.push_untagged(60, oci(2))];
    world.save_plan();
    api.delete(builds.iter().map(|build| &build.root));
    api.delete(&builds[1].attestations);
    let report = world.apply_saved().report(0);
    assert_eq!(api.contents().len(), 0);
    assert_eq!((report.total("already_gone"), report.total("deleted")), (4, 6));
}

#[test]
fn applying_a_plan_of_tags_again_finishes_it_and_writes_no_tag_twice() {
    let world = World::new().with("JANITOR_ATTACHED", "tag");
    let api = world.repository("team/api");
    let build = api.push(60, oci(1), "v1");
    world.save_plan();
    world.ecr.fault(trouble("PutImage", When::Nth(1), Fault::AccessDenied));
    world.apply_saved().report(3);
    world.ecr.clear_faults();
    for tags in [1, 0] {
        world.ecr.reset_calls();
        world.apply_saved().report(0);
        assert_eq!(world.writes().len(), tags);
    }
    assert!(build.attestations.iter().all(|attestation| api.tags(attestation).len() == 1));
}

#[test]
fn a_plan_of_superseded_builds_does_them_in_order() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, oci(1));
    world.save_plan();
    world.apply_saved().report(0);
    assert_eq!(world.call_that_deleted(&build.root), Some(0));
    assert_eq!(world.call_that_deleted(&build.attestations[0]), Some(1));
}

#[test]
fn an_edited_plan_is_refused() {
    let (world, api, orphans) = saved();
    let innocent = api.push(60, oci(2), "v1").attestations[0].clone();
    edit(&world, |text| text.replace(&orphans[0], &innocent));
    world.apply_saved().refused(2, &["plan.json", "changed"]);
    assert_eq!(world.writes(), []);
}

#[test]
fn a_plan_of_another_version_is_refused() {
    let (world, ..) = saved();
    edit(&world, |text| text.replace("\"schema_version\": 2", "\"schema_version\": 1"));
    world.apply_saved().refused(2, &["version 1"]);
    assert_eq!(world.writes(), []);
}

#[test]
fn what_is_no_plan_is_refused() {
    let (world, ..) = saved();
    for text in ["", "no plan", "{}", "[]", "{\"schema_version\": 2}"] {
        edit(&world, |_| text.to_owned());
        world.apply_saved().refused(2, &["plan.json"]);
    }
    world.cli(&["apply", "nowhere.json", "--yes"]).refused(2, &["nowhere.json"]);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn a_report_is_no_plan() {
    let (world, ..) = saved();
    let report = world.cli(&["plan", "--output", "json"]).stdout;
    edit(&world, |_| report);
    world.apply_saved().refused(2, &["plan.json"]);
    assert_eq!(world.writes(), []);
}

#[test]
fn a_plan_of_another_registry_is_refused() {
    let (world, ..) = saved();
    let other = World::of(Settings { account: "210987654321".to_owned(), ..Settings::default() });
    other.repository("team/api").orphans(60, legacy(1));
    refused_in(&other, &world, &["account", "123456789012", "210987654321"]);
}

#[test]
fn a_plan_of_another_region_is_refused() {
    let (world, ..) = saved();
    let other = World::of(Settings { region: "eu-central-1".to_owned(), ..Settings::default() });
    other.repository("team/api").orphans(60, legacy(1));
    refused_in(&other, &world, &["Region", "us-east-1", "eu-central-1"]);
}

#[test]
fn limits_in_force_when_a_plan_is_applied_hold() {
    let (mut world, api, orphans) = saved();
    world.set("JANITOR_MAX_DELETIONS", "1");
    let report = world.apply_saved().report(0);
    let deleted = report.with_outcome(&api, "deleted");
    assert_eq!(report.with_outcome(&api, "limit-reached"), &set(&orphans) - &deleted);
    assert_eq!((deleted.len(), api.count(&orphans)), (1, 1));
}

#[test]
fn limits_that_were_raised_since_the_plan_do_not_hold_any_more() {
    let mut world = World::new().with("JANITOR_MAX_DELETIONS", "1");
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    world.save_plan();
    world.set("JANITOR_MAX_DELETIONS", "2");
    world.apply_saved().report(0);
    assert_eq!(api.count(&orphans), 0);
}

#[test]
fn a_repository_that_is_gone_or_excluded_by_now_is_left_out() {
    let mut world = World::new();
    let [gone, excluded, stays] = ["gone", "excluded", "stays"].map(|name| world.repository(name));
    let orphans = [&gone, &excluded, &stays].map(|repository| repository.orphans(60, legacy(1)));
    world.save_plan();
    gone.vanish();
    world.set("JANITOR_EXCLUDE", "excluded");
    let report = world.apply_saved().report(0);
    assert_eq!((report.left_alone(&gone), report.left_alone(&excluded)), ("repository-gone", "not-selected"));
    assert_eq!((excluded.count(&orphans[1]), stays.count(&orphans[2])), (2, 0));
}

#[test]
fn a_repository_that_must_opt_in_by_now_and_did_not_is_left_out() {
    let mut world = World::new();
    let [yes, no] = ["yes", "no"].map(|name| world.repository(name));
    let orphans = [&yes, &no].map(|repository| repository.orphans(60, legacy(1)));
    world.save_plan();
    yes.label("ecr-janitor", "enabled");
    world.set("JANITOR_REQUIRE_TAG", "ecr-janitor=enabled");
    let report = world.apply_saved().report(0);
    assert_eq!((report.left_alone(&yes), report.left_alone(&no)), ("", "not-opted-in"));
    assert_eq!((yes.count(&orphans[0]), no.count(&orphans[1])), (0, 2));
}

#[test]
fn a_plan_can_be_narrowed_when_it_is_applied() {
    let world = World::new();
    let [api, web] = ["team/api", "team/web"].map(|name| world.repository(name));
    let orphans = [&api, &web].map(|repository| repository.orphans(60, single(1).form(Form::Legacy)));
    world.save_plan();
    assert_eq!(world.cli(&["apply", "plan.json", "--yes", "--repository", "*/web"]).code, 0);
    assert_eq!((api.count(&orphans[0]), web.count(&orphans[1])), (1, 0));
}

#[test]
fn an_empty_plan_can_be_saved_and_applied() {
    let world = World::new();
    let api = world.repository("team/api");
    api.push(60, oci(1), "v1");
    world.save_plan();
    assert_eq!(world.apply_saved().report(0).total("deleted"), 0);
    assert_eq!(world.writes(), []);
}

#[test]
fn a_plan_that_cannot_be_written_is_told() {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    world.cli(&["plan", "--out", "no/such/folder/plan.json"]).refused(2, &["no/such/folder/plan.json"]);
}

#[test]
fn a_saved_plan_says_where_it_belongs() {
    let (world, ..) = saved();
    let plan: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(world.file("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["schema_version"], 2);
    assert_eq!((&plan["account"], &plan["region"]), (&"123456789012".into(), &"us-east-1".into()));
}

#[test]
fn what_somebody_pulled_since_the_plan_stays() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let builds = [api.push_untagged(60, oci(1)), api.push_untagged(60, oci(2))];
    world.save_plan();
    api.pulled(0, &builds[0].root);
    let report = world.apply_saved().report(0);
    assert_eq!(report.verdict(&api, &builds[0].root).1, "changed-since-plan");
    let held_back = report.with_outcome(&api, "held-back");
    assert_eq!(held_back, set(&builds[0].attestations));
    assert_eq!(report.verdict(&api, &builds[1].root).1, "deleted");
}

#[test]
fn the_reads_of_planning_are_nobodys_pulls_however_much_later_the_plan_is_applied() {
    for records in [true, false] {
        let world = World::new().deleting_superseded();
        let api = world.repository("team/api");
        let build = api.push_untagged(60, oci(1));
        world.save_plan();
        // ECR refreshes a pull time once a day: the reads of the apply may not be recorded at all.
        world.ecr.set_pull_time_updates(records);
        world.apply_saved().report(0);
        assert!(!api.has(&build.root));
    }
}

#[test]
fn what_was_restored_from_the_archive_since_the_plan_stays() {
    let (world, api, orphans) = saved();
    api.archive(&orphans[0]);
    api.ago(0, |ecr, name| {
        let id = serde_json::json!({"imageDigest": orphans[0]});
        let target =
            serde_json::json!({"repositoryName": name, "imageId": id, "targetStorageClass": "STANDARD"});
        ecr.call("UpdateImageStorageClass", target)
    });
    let report = world.apply_saved().report(0);
    assert_eq!(report.verdict(&api, &orphans[0]).1, "changed-since-plan");
}

#[test]
fn a_plan_that_is_too_old_is_refused() {
    let (world, ..) = saved();
    world.edit_plan(|plan| plan["created_at"] = "2020-01-01T00:00:00Z".into());
    world.apply_saved().refused(2, &["plan.json", "2020-01-01T00:00:00Z", "7 days"]);
    assert_eq!(world.writes(), []);
}

#[test]
fn a_tag_that_the_template_does_not_make_is_a_users() {
    let (world, _, orphans) = saved();
    let tag = format!("mine-{}", &orphans[0][7..19]);
    world.edit_plan(|plan| plan["repositories"][0]["decisions"][0]["tags"] = vec![tag].into());
    world.apply_saved().refused(2, &["plan.json", "tag_template"]);
    assert_eq!(world.writes(), []);
}
