//! `apply`: what is deleted, what stays, and in which order.

use std::collections::BTreeSet;

use ecr_emulator::artifacts;
use ecr_emulator::buildx::{Form, merge};

use crate::harness::{Listed, World, legacy, oci, set, single};

#[test]
fn orphans_are_deleted_and_everything_else_stays_as_it_was() {
    let world = World::new();
    let busy = world.busy("team/api");
    let before = busy.repo.contents();
    let report = world.apply();
    assert_eq!(busy.repo.lost_since(&before), busy.orphans());
    assert_eq!(report.with_outcome(&busy.repo, "deleted"), busy.orphans());
    assert_eq!((report.total("deleted"), &report.0["complete"]), (4, &true.into()));
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    world.busy("team/api");
    world.apply();
    world.ecr.reset_calls();
    assert_eq!(world.apply().total("deleted"), 0);
    assert_eq!(world.writes(), []);
    assert_eq!(world.cli(&["plan", "--exit-code"]).code, 0);
}

#[test]
fn the_report_counts_what_ecr_deleted() {
    let world = World::new();
    let busy = world.busy("team/api");
    let report = world.apply();
    let deleted: BTreeSet<String> = world.deletions().concat().into_iter().collect();
    assert_eq!(report.with_outcome(&busy.repo, "deleted"), deleted);
    let sizes = report.decisions(&busy.repo).iter().filter(|decision| decision["outcome"] == "deleted");
    let bytes: u64 = sizes.map(|decision| decision["size_bytes"].as_u64().unwrap()).sum();
    assert!(bytes > 0);
    assert_eq!(report.total("bytes_deleted"), bytes);
}

#[test]
fn nothing_that_a_tag_reaches_is_ever_deleted() {
    let world = World::new()
        .deleting_superseded()
        .with("JANITOR_SUPERSEDED_IMAGES", "delete")
        .with("JANITOR_ORPHANED_WITH_SUBJECT", "delete")
        .with("JANITOR_SUPERSEDED_AFTER", "0s")
        .with("JANITOR_KEEP_PULLED_WITHIN", "0s")
        .with("JANITOR_MAX_IMAGES_SHARE", "1");
    let busy = world.busy("team/api");
    let before = busy.repo.contents();
    world.apply();
    let builds = [&busy.superseded.platforms, &busy.superseded.attestations];
    let superseded = set(builds.into_iter().flatten().chain([&busy.superseded.root]));
    assert_eq!(busy.repo.lost_since(&before), &superseded | &busy.orphans());
}

#[test]
fn an_index_goes_before_its_attestations_and_never_in_the_same_call() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let builds = [api.push_untagged(60, oci(1)), api.push_untagged(60, legacy(2))];
    let report = world.apply();
    let attestations = set(builds.iter().flat_map(|build| &build.attestations));
    let indexes = set(builds.iter().map(|build| &build.root));
    let calls: Vec<BTreeSet<String>> = world.deletions().iter().map(set).collect();
    assert_eq!(calls, [indexes, attestations]);
    assert_eq!((report.total("deleted"), report.total("protected_by_ecr")), (6, 0));
}

#[test]
fn a_moved_tag_makes_the_old_build_superseded() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let (old, new) = (api.push(60, oci(1), "main"), api.push(60, oci(2), "main"));
    let before = api.contents();
    world.apply();
    assert_eq!(api.lost_since(&before), set(old.attestations.iter().chain([&old.root])));
    assert_eq!(api.count(&new.attestations), 2);
}

#[test]
fn platform_images_stay_unless_they_are_asked_for() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let old = api.push_untagged(60, oci(1));
    world.apply();
    assert_eq!((api.count(&old.platforms), api.has(&old.root)), (2, false));
}

#[test]
fn platform_images_of_a_superseded_build_go_last_where_they_are_asked_for() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let old = api.push_untagged(60, oci(1));
    let report = world.apply();
    let order = [&old.root, &old.attestations[0], &old.platforms[0]];
    assert_eq!(order.map(|digest| world.call_that_deleted(digest)), [Some(0), Some(1), Some(2)]);
    assert_eq!(api.contents().len(), 0);
    assert_eq!(report.decision(&api, &old.platforms[0])["kind"], "image");
}

#[test]
fn a_platform_image_that_another_index_lists_stays() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let old = api.push(60, oci(1).run(1), "main");
    let new = api.push(60, oci(1).run(2), "main");
    assert_eq!(old.platforms, new.platforms, "the same code, built twice");
    let before = api.contents();
    world.apply();
    assert_eq!(api.lost_since(&before), set(old.attestations.iter().chain([&old.root])));
}

#[test]
fn a_platform_image_that_somebody_needs_stays() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let old = api.push_untagged(60, oci(1));
    api.ago(60, |ecr, name| artifacts::cosign_bundle_referrer(ecr, name, &old.platforms[0]));
    api.tag(&old.platforms[1], "arm64");
    world.apply();
    assert_eq!((api.count(&old.platforms), api.has(&old.root)), (2, false));
}

#[test]
fn images_built_on_many_runners_and_merged_stay_with_all_their_indexes() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let runners = [api.push_untagged(60, single(1)), api.push_untagged(60, single(2))];
    api.ago(60, |ecr, name| merge(ecr, name, &[&runners[0].root, &runners[1].root], Some("v1")));
    let before = api.contents();
    let report = world.apply();
    assert_eq!(api.lost_since(&before), BTreeSet::new());
    assert_eq!(report.verdict(&api, &runners[0].attestations[0]), ("attached", "kept"));
}

#[test]
fn merged_builds_go_as_a_whole_once_no_tag_is_left() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let runners = [api.push_untagged(60, single(1)), api.push_untagged(60, single(2))];
    let merged = api.ago(60, |ecr, name| merge(ecr, name, &[&runners[0].root, &runners[1].root], None));
    let before = api.contents();
    world.apply();
    let gone = runners.iter().flat_map(|runner| [&runner.root, &runner.attestations[0]]);
    assert_eq!(api.lost_since(&before), set(gone.chain([&merged])));
    assert_eq!(world.deletions().iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn an_attestation_that_a_live_index_shares_stays_when_the_old_index_goes() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let old = api.push_untagged(60, oci(1));
    let shared = Listed::AttestationOf(&old.attestations[0], &old.platforms[0]);
    api.index(60, &[Listed::Amd64(&old.platforms[0]), shared], Some("amd64-only"));
    let before = api.contents();
    let report = world.apply();
    assert_eq!(report.verdict(&api, &old.attestations[0]), ("attached", "kept"));
    assert_eq!(api.lost_since(&before), set([&old.root, &old.attestations[1]]));
}

#[test]
fn nested_indexes_go_level_by_level_in_one_run() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    let middle = api.index(60, &[Listed::Plain(&build.root)], None);
    let outer = api.index(60, &[Listed::Plain(&middle)], None);
    world.apply();
    let order = [&outer, &middle, &build.root, &build.attestations[0]];
    assert_eq!(order.map(|digest| world.call_that_deleted(digest)), [Some(0), Some(1), Some(2), Some(3)]);
    assert!(api.has(&build.platforms[0]));
}

#[test]
fn a_tag_far_above_attaches_an_attestation() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    let middle = api.index(60, &[Listed::Plain(&build.root)], None);
    api.index(60, &[Listed::Plain(&middle)], Some("v1"));
    let report = world.apply();
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("attached", "kept"));
    assert_eq!(world.writes(), []);
}

#[test]
fn what_only_a_parent_proves_goes_with_its_parent() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let image = api.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, None));
    let statements = api.statements(60, 1);
    let children = [Listed::Amd64(&image), Listed::AttestationOf(&statements, &image)];
    let index = api.index(60, &children, None);
    let before = api.contents();
    let report = world.apply();
    assert_eq!(report.decision(&api, &statements)["form"], "by-parent");
    assert_eq!(api.lost_since(&before), set([&index, &statements]));
}

#[test]
fn no_index_goes_for_the_sake_of_a_suspect() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    api.index(60, &[Listed::Amd64(&build.attestations[0])], None);
    let report = world.apply();
    assert_eq!(report.decision(&api, &build.attestations[0])["kind"], "suspect");
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("not-an-attestation", "kept"));
    assert_eq!(world.writes(), []);
}

#[test]
fn what_an_index_lists_as_an_image_is_no_orphan() {
    let world = World::new();
    let api = world.repository("team/api");
    let attestation = &api.orphans(60, single(1).form(Form::Legacy))[0];
    api.index(60, &[Listed::Amd64(attestation)], None);
    world.apply();
    assert_eq!(world.writes(), []);
}

#[test]
fn an_image_that_an_index_calls_an_attestation_is_left_alone() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let image = api.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, None));
    api.index(60, &[Listed::AttestationOf(&image, &image)], None);
    world.apply();
    assert_eq!(world.writes(), []);
}

#[test]
fn orphans_go_by_the_hundred() {
    let world = World::new().with("JANITOR_MAX_IMAGES_SHARE", "1");
    let api = world.repository("team/api");
    for run in 0..205 {
        let build = single(1).form(Form::Legacy).run(run);
        api.ago(60, |ecr, name| build.push_attestations_only(ecr, name));
    }
    assert_eq!(world.apply().total("deleted"), 205);
    assert_eq!(sizes(&world), [5, 100, 100]);
}

/// How many images each deletion named: of batches that go side by side, nobody knows which comes first.
fn sizes(world: &World) -> Vec<usize> {
    let mut sizes: Vec<usize> = world.deletions().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn superseded_indexes_go_by_the_hundred_and_their_children_follow_at_once() {
    for concurrency in ["1", "auto"] {
        let world = World::new().deleting_superseded().with("JANITOR_MAX_IMAGES_SHARE", "1");
        let world = world.with("JANITOR_CONCURRENCY", concurrency);
        let api = world.repository("team/api");
        let builds: Vec<_> = (0..105).map(|code| api.push_untagged(60, single(code))).collect();
        assert_eq!(world.apply().total("deleted"), 210);
        assert_eq!(sizes(&world), [5, 5, 100, 100]);
        for build in builds {
            let index = world.call_that_deleted(&build.root).unwrap();
            let attestation = world.call_that_deleted(&build.attestations[0]).unwrap();
            assert!(attestation > index, "{concurrency}");
            assert!(concurrency == "auto" || attestation == index + 1, "one batch after the other");
        }
    }
}

#[test]
fn a_signed_attestation_stays() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    api.ago(60, |ecr, name| artifacts::cosign_bundle_referrer(ecr, name, &orphans[0]));
    api.ago(60, |ecr, name| artifacts::cosign_signature_tag(ecr, name, &orphans[1]));
    let signed = api.push_untagged(60, oci(2));
    api.ago(60, |ecr, name| artifacts::notation_signature(ecr, name, &signed.root));
    let report = world.apply();
    for attestation in orphans.iter().chain(&signed.attestations) {
        assert_eq!(report.verdict(&api, attestation), ("has-referrers", "kept"));
    }
    assert_eq!(world.writes(), []);
}

#[test]
fn tags_in_the_style_of_cosign_point_at_what_they_protect() {
    for suffix in ["", ".sig", ".att", ".sbom"] {
        let world = World::new();
        let api = world.repository("team/api");
        let orphans = api.orphans(60, legacy(1));
        let tag = format!("{}{suffix}", orphans[0].replace(':', "-"));
        api.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, Some(&tag)));
        world.apply();
        assert_eq!((api.has(&orphans[0]), api.has(&orphans[1])), (true, false), "{tag}");
    }
}

#[test]
fn an_index_that_refers_to_an_image_is_a_referrer_and_stays() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    let image = api.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 1, Some("v1")));
    api.delete([&build.root]);
    api.index_about(60, &image, &[Listed::AttestationOf(&build.attestations[0], &build.platforms[0])]);
    let report = world.apply();
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("has-referrers", "kept"));
    assert_eq!(world.writes(), []);
}

#[test]
fn an_index_may_list_a_child_twice() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    api.delete([&build.root]);
    let listed = || Listed::AttestationOf(&build.attestations[0], &build.platforms[0]);
    let index = api.index(60, &[listed(), Listed::Amd64(&build.platforms[0]), listed()], None);
    let before = api.contents();
    world.apply();
    assert_eq!(api.lost_since(&before), set([&index, &build.attestations[0]]));
}

#[test]
fn the_last_attestation_of_an_image_that_is_needed_stays() {
    let world = World::new();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, oci(1));
    api.delete([&build.root]);
    build.platforms.iter().zip(["amd64", "arm64"]).for_each(|(platform, tag)| api.tag(platform, tag));
    let report = world.apply();
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("subject-present", "kept"));
    assert_eq!(report.decision(&api, &build.attestations[0])["state"], "orphaned");
    assert_eq!(world.writes(), []);
}

#[test]
fn the_last_attestation_of_an_image_goes_where_that_is_asked_for() {
    let world = World::new().with("JANITOR_ORPHANED_WITH_SUBJECT", "delete");
    let api = world.repository("team/api");
    let build = api.push_untagged(60, oci(1));
    api.delete([&build.root]);
    build.platforms.iter().zip(["amd64", "arm64"]).for_each(|(platform, tag)| api.tag(platform, tag));
    let before = api.contents();
    world.apply();
    assert_eq!(api.lost_since(&before), set(&build.attestations));
}

#[test]
fn the_last_attestation_of_an_image_that_nobody_needs_is_an_orphan() {
    let world = World::new();
    let api = world.repository("team/api");
    let (live, build) = (api.push(60, oci(1), "v1"), api.push_untagged(60, oci(2)));
    api.delete([&build.root]);
    let before = api.contents();
    world.apply();
    assert_eq!(api.lost_since(&before), set(&build.attestations));
    assert_eq!(api.count(&live.attestations), 2);
}

#[test]
fn only_the_newest_unlisted_attestation_of_a_needed_image_stays() {
    let world = World::new();
    let api = world.repository("team/api");
    let runs = [(61, 1), (60, 2), (62, 3)].map(|(days, run)| api.push_untagged(days, single(1).run(run)));
    api.delete(runs.iter().map(|build| &build.root));
    api.tag(&runs[0].platforms[0], "v1");
    let before = api.contents();
    let report = world.apply();
    assert_eq!(report.reason(&api, &runs[1].attestations[0]), "subject-present");
    assert_eq!(api.lost_since(&before), set([&runs[0].attestations[0], &runs[2].attestations[0]]));
}

#[test]
fn an_older_attestation_of_an_image_goes_when_an_index_lists_a_newer_one() {
    let world = World::new();
    let api = world.repository("team/api");
    let (first, second) = (api.push_untagged(60, oci(1).run(1)), api.push(60, oci(1).run(2), "v1"));
    api.delete([&first.root]);
    let before = api.contents();
    let report = world.apply();
    assert_eq!(report.reason(&api, &first.attestations[0]), "orphaned");
    assert_eq!(api.lost_since(&before), set(&first.attestations));
    assert_eq!(api.count(&second.attestations), 2);
}

#[test]
fn the_last_attestation_is_the_one_that_the_plan_itself_would_leave() {
    for (superseded, reason) in [("keep", "orphaned"), ("delete", "subject-present")] {
        let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED", superseded);
        let api = world.repository("team/api");
        let (first, second) = (api.push_untagged(60, oci(1).run(1)), api.push_untagged(60, oci(1).run(2)));
        // Only what is needed keeps its last attestation.
        first.platforms.iter().zip(["amd64", "arm64"]).for_each(|(platform, tag)| api.tag(platform, tag));
        api.delete([&first.root]);
        let report = world.apply();
        assert_eq!(report.reason(&api, &first.attestations[0]), reason);
        assert!(api.count(&first.attestations) + api.count(&second.attestations) > 0);
    }
}

#[test]
fn a_build_that_is_pulled_by_digest_stays() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let (by_index, by_platform) = (api.push_untagged(200, oci(1)), api.push_untagged(200, oci(2)));
    api.pulled(80, &by_index.root);
    api.pulled(80, &by_platform.platforms[1]);
    let report = world.apply();
    for attestation in by_index.attestations.iter().chain(&by_platform.attestations) {
        assert_eq!(report.verdict(&api, attestation), ("recently-pulled", "kept"));
    }
    assert_eq!(world.writes(), []);
}

#[test]
fn a_pull_long_ago_or_of_an_image_that_a_tag_reaches_too_does_not_matter() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let long_ago = api.push_untagged(200, oci(1));
    api.pulled(100, &long_ago.root);
    let old = api.push(60, oci(2).run(1), "main");
    api.push(60, oci(2).run(2), "main");
    api.pulled(1, &old.platforms[0]);
    let report = world.apply();
    for build in [long_ago, old] {
        assert_eq!(report.verdict(&api, &build.attestations[0]), ("superseded", "deleted"));
    }
}

#[test]
fn a_pull_of_a_platform_image_by_its_own_tag_does_not_matter() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let old = api.push_untagged(60, single(1));
    api.tag(&old.platforms[0], "v1-amd64");
    api.pulled(1, &old.platforms[0]);
    let report = world.apply();
    assert_eq!(report.verdict(&api, &old.attestations[0]), ("superseded", "deleted"));
    assert_eq!(api.tags(&old.platforms[0]), ["v1-amd64"]);
}

#[test]
fn the_janitors_own_reads_count_as_pulls_unless_its_role_is_excluded() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let old = api.push_untagged(60, oci(1));
    world.ecr.set_pull_time_updates(true);
    assert_eq!(world.plan().reason(&api, &old.attestations[0]), "superseded");
    assert_eq!(world.apply().verdict(&api, &old.attestations[0]), ("recently-pulled", "kept"));
}

#[test]
fn an_index_must_be_old_enough_by_the_longer_of_two_periods() {
    let mut world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    let attestation = build.attestations[0].as_str();
    api.index(20, &[Listed::AttestationOf(attestation, &build.platforms[0])], None);
    let mut reason = |grace: &str, after: &str| {
        world.set("JANITOR_GRACE_PERIOD", grace);
        world.set("JANITOR_SUPERSEDED_AFTER", after);
        world.plan().reason(&api, attestation).to_owned()
    };
    assert_eq!(reason("48h", "30d"), "superseded-within-grace");
    assert_eq!(reason("30d", "1d"), "superseded-within-grace");
    assert_eq!(reason("48h", "10d"), "superseded");
}

#[test]
fn an_index_of_unknown_age_is_young() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    api.ecr.set_pushed_at(&api.name, &build.root, None);
    let report = world.apply();
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("superseded-within-grace", "kept"));
}

#[test]
fn nothing_within_the_grace_period_is_touched() {
    let world = World::new().deleting_superseded().with("JANITOR_ATTACHED", "tag");
    let api = world.repository("team/api");
    let builds = [api.push(1, oci(1), "v1"), api.push_untagged(1, oci(2))];
    api.orphans(1, legacy(3));
    let report = world.apply();
    for build in builds {
        assert_eq!(report.verdict(&api, &build.attestations[0]), ("within-grace", "kept"));
    }
    assert_eq!(world.writes(), []);
}

#[test]
fn the_grace_period_can_be_shorter() {
    let world = World::new().with("JANITOR_GRACE_PERIOD", "20h");
    let api = world.repository("team/api");
    let orphans = api.orphans(1, legacy(1));
    let before = api.contents();
    world.apply();
    assert_eq!(api.lost_since(&before), set(&orphans));
}

#[test]
fn an_archived_attestation_stays() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    api.archive(&build.attestations[0]);
    let report = world.apply();
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("not-active", "kept"));
    assert_eq!(world.writes(), []);
}

#[test]
fn an_attestation_that_somebody_tagged_stays() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let [live, old] = [api.push(60, single(1), "v1"), api.push_untagged(60, single(2))];
    let orphan = &api.orphans(60, legacy(3))[0];
    for (digest, tag) in [(&live.attestations[0], "a"), (&old.attestations[0], "b"), (orphan, "c")] {
        api.tag(digest, tag);
    }
    let report = world.apply();
    assert_eq!(report.verdict(&api, &live.attestations[0]), ("tagged", "kept"));
    assert_eq!(report.verdict(&api, &old.attestations[0]), ("tagged", "kept"));
    assert!(api.has(orphan) && api.has(&old.root));
    assert_eq!(world.deletions().concat().len(), 1, "the other orphan");
}

#[test]
fn an_index_that_shares_its_attestation_with_a_younger_one_waits_for_it() {
    let world = World::new().deleting_superseded();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    api.index(1, &[Listed::AttestationOf(&build.attestations[0], &build.platforms[0])], None);
    let report = world.apply();
    assert_eq!(report.reason(&api, &build.attestations[0]), "superseded-within-grace");
    assert_eq!(world.writes(), []);
}

#[test]
fn many_repositories_are_finished_in_one_run() {
    let world = World::new();
    let repositories: Vec<_> = (0..12).map(|n| world.repository(&format!("team/{n}"))).collect();
    let orphans: Vec<_> = repositories.iter().map(|repository| repository.orphans(60, legacy(1))).collect();
    assert_eq!(world.apply().total("deleted"), 24);
    for (repository, orphans) in repositories.iter().zip(&orphans) {
        assert_eq!(repository.count(orphans), 0);
    }
}

#[test]
fn narrowing_an_apply_leaves_the_other_repositories_alone() {
    let world = World::new();
    let [api, web] = ["team/api", "team/web"].map(|name| world.repository(name));
    let (gone, stay) = (api.orphans(60, legacy(1)), web.orphans(60, legacy(1)));
    assert_eq!(world.cli(&["apply", "--yes", "--repository", "team/api"]).code, 0);
    assert_eq!((api.count(&gone), web.count(&stay)), (0, 2));
}

#[test]
fn the_mode_of_the_configuration_is_the_lambda_functions_alone() {
    let world = World::new().config("mode = \"plan\"");
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    world.apply();
    assert_eq!(api.count(&orphans), 0);
}
