//! What others do between the plan and the write.

use ecr_emulator::buildx::{Build, Pushed};
use ecr_emulator::{Fault, When};

use crate::harness::{Listed, Repo, Report, World, legacy, oci, set, single, trouble};

/// The second DescribeImages of a run over one repository: the first one lists it, this one looks again right
/// before the first batch.
const RECHECK: (&str, u64) = ("DescribeImages", 2);
/// The last moment before a deletion.
const DELETE: (&str, u64) = ("BatchDeleteImage", 1);

/// Applies, with something that happens right before a call.
fn apply_while(
    world: &World,
    api: &Repo,
    call: (&str, u64),
    happens: impl FnOnce(&Repo) + Send + 'static,
) -> Report {
    let repository = api.clone();
    world.ecr.before(call.0, call.1, move |_| happens(&repository));
    world.apply()
}

fn with_orphans() -> (World, Repo, Vec<String>) {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    (world, api, orphans)
}

fn with_superseded(build: Build) -> (World, Repo, Pushed) {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let pushed = api.push_untagged(60, build);
    (world, api, pushed)
}

#[test]
fn an_orphan_that_gets_a_tag_stays() {
    let (world, api, orphans) = with_orphans();
    let tagged = orphans[0].clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.tag(&tagged, "mine"));
    assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "changed-since-plan"));
    assert_eq!(report.verdict(&api, &orphans[1]), ("orphaned", "deleted"));
    assert_eq!(api.tags(&orphans[0]), ["mine"]);
}

#[test]
fn an_orphan_that_a_new_index_adopts_is_protected_by_ecr() {
    for moment in [RECHECK, DELETE] {
        let (world, api, orphans) = with_orphans();
        let adopted = orphans[0].clone();
        let report = apply_while(&world, &api, moment, move |api| {
            drop(api.index(0, &[Listed::Plain(&adopted)], Some("v2")))
        });
        assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "protected-by-ecr"));
        assert_eq!(report.verdict(&api, &orphans[1]), ("orphaned", "deleted"));
        assert_eq!((report.total("protected_by_ecr"), report.total("deleted")), (1, 1));
        assert!(api.has(&orphans[0]));
    }
}

#[test]
fn an_orphan_that_is_deleted_meanwhile_does_not_hold_up_the_rest() {
    for moment in [RECHECK, DELETE] {
        let (world, api, orphans) = with_orphans();
        let deleted = orphans[0].clone();
        let report = apply_while(&world, &api, moment, move |api| api.delete([&deleted]));
        assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "already-gone"));
        assert_eq!(report.verdict(&api, &orphans[1]), ("orphaned", "deleted"));
        assert_eq!((report.total("already_gone"), report.total("deleted")), (1, 1));
        assert_eq!(report.0["complete"], true);
    }
}

/// Documentation is silent about ids and a filter in one call.
#[test]
fn without_its_filter_the_recheck_takes_nothing_for_gone() {
    let (world, api, orphans) = with_orphans();
    world.ecr.set_ids_with_filter(false);
    let deleted = orphans[0].clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.delete([&deleted]));
    assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "changed-since-plan"));
    assert_eq!(report.verdict(&api, &orphans[1]), ("orphaned", "deleted"));
    assert_eq!(world.ecr.calls()["DescribeImages"], 4, "listing, with filter, without, without the deleted");
}

#[test]
fn all_of_a_batch_may_be_gone() {
    let (world, api, orphans) = with_orphans();
    let deleted = orphans.clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.delete(&deleted));
    assert_eq!(report.with_outcome(&api, "already-gone"), set(&orphans));
    assert_eq!(world.writes(), []);
}

#[test]
fn an_orphan_that_is_archived_meanwhile_stays() {
    let (world, api, orphans) = with_orphans();
    let archived = orphans[0].clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.archive(&archived));
    assert_eq!(report.verdict(&api, &orphans[0]), ("orphaned", "changed-since-plan"));
    assert!(api.has(&orphans[0]));
}

#[test]
fn an_orphan_that_was_deleted_and_pushed_again_stays() {
    let (world, api, orphans) = with_orphans();
    let again = orphans.clone();
    let report = apply_while(&world, &api, RECHECK, move |api| {
        api.delete(&again);
        api.ago(0, |ecr, name| legacy(1).push_attestations_only(ecr, name));
    });
    assert_eq!(report.with_outcome(&api, "changed-since-plan"), set(&orphans));
    assert_eq!(api.count(&orphans), 2);
}

#[test]
fn an_orphan_whose_pull_is_recorded_meanwhile_stays() {
    let (world, api, orphans) = with_orphans();
    let pulled = orphans[0].clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.pulled(1, &pulled));
    assert_eq!(report.with_outcome(&api, "changed-since-plan"), set([&orphans[0]]));
    assert_eq!(report.with_outcome(&api, "deleted"), set([&orphans[1]]));
}

#[test]
fn the_reads_of_the_run_itself_are_nobodys_pulls() {
    let (world, api, build) = with_superseded(oci(1));
    world.ecr.set_pull_time_updates(true);
    world.apply();
    assert_eq!((api.contents().len(), api.has(&build.root)), (0, false));
}

#[test]
fn a_superseded_index_that_gets_a_tag_stays_with_all_that_it_lists() {
    let (world, api, build) = with_superseded(oci(1));
    let before = api.contents().len();
    let root = build.root.clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.tag(&root, "rollback"));
    assert_eq!(report.verdict(&api, &build.root), ("superseded", "changed-since-plan"));
    assert_eq!(api.contents().len(), before);
    assert_eq!((world.writes(), report.total("deleted")), (vec![], 0));
}

#[test]
fn a_superseded_index_that_is_deleted_meanwhile_is_done_and_its_children_go_on() {
    let (world, api, build) = with_superseded(oci(1));
    let root = build.root.clone();
    let report = apply_while(&world, &api, RECHECK, move |api| api.delete([&root]));
    assert_eq!(report.verdict(&api, &build.root), ("superseded", "already-gone"));
    assert_eq!(api.contents().len(), 0);
}

#[test]
fn children_that_a_new_index_adopts_stay_when_the_old_index_goes() {
    let (world, api, build) = with_superseded(single(1));
    let (attestation, platform) = (build.attestations[0].clone(), build.platforms[0].clone());
    let report = apply_while(&world, &api, DELETE, move |api| {
        let listed = Listed::AttestationOf(&attestation, &platform);
        api.index(0, &[Listed::Amd64(&platform), listed], Some("v2"));
    });
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("superseded", "protected-by-ecr"));
    assert!(api.has(&build.platforms[0]) && !api.has(&build.root));
    assert_eq!(report.0["complete"], true, "ECR's protection is no failure");
}

#[test]
fn an_inner_index_stays_when_the_outer_one_could_not_go() {
    let (world, api, build) = with_superseded(single(1));
    let outer = api.index(60, &[Listed::Plain(&build.root)], None);
    let tagged = outer.clone();
    let before = api.contents().len();
    apply_while(&world, &api, RECHECK, move |api| api.tag(&tagged, "v1"));
    assert_eq!((api.contents().len(), world.writes()), (before, vec![]));
}

#[test]
fn a_repository_that_is_deleted_before_the_first_write_is_no_failure() {
    let (world, api, _) = with_orphans();
    let report = apply_while(&world, &api, RECHECK, |api| api.vanish());
    assert_eq!(report.total("failed"), 0);
}

/// The SDK would send it again without a new look.
#[test]
fn an_index_that_gets_its_tag_between_two_attempts_stays() {
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Drop, Fault::Garbage] {
        let (world, api, build) = with_superseded(oci(1));
        let before = api.contents().len();
        world.ecr.fault(trouble("BatchDeleteImage", When::Nth(1), fault.clone()));
        let root = build.root.clone();
        let second_look = ("DescribeImages", 3);
        let report = apply_while(&world, &api, second_look, move |api| api.tag(&root, "prod"));
        assert_eq!(report.verdict(&api, &build.root), ("superseded", "changed-since-plan"), "{fault:?}");
        assert_eq!((api.contents().len(), world.ecr.calls()["BatchDeleteImage"]), (before, 1));
    }
}

#[test]
fn what_was_pushed_again_after_a_lost_answer_stays() {
    let (world, api, orphans) = with_orphans();
    world.ecr.fault(trouble("BatchDeleteImage", When::Nth(1), Fault::DropAfter));
    let report = apply_while(&world, &api, ("DescribeImages", 3), |api| {
        api.ago(0, |ecr, name| legacy(1).push_attestations_only(ecr, name));
    });
    assert_eq!((api.count(&orphans), world.ecr.calls()["BatchDeleteImage"]), (2, 1));
    for orphan in &orphans {
        let decision = report.decision(&api, orphan);
        assert_eq!(decision["outcome"], "changed-since-plan");
        assert!(decision["detail"].as_str().unwrap().contains("it may be deleted"), "{decision}");
    }
}
