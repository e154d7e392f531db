//! `explain`: what is this image?

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Busy, Listed, World, legacy, oci, single};

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Asks for an image by its digest.
fn explained(world: &World, repository: &str, digest: &str) -> Value {
    let outcome = world.cli(&["explain", &format!("{repository}@{digest}"), "--output", "json"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.json()
}

fn text(world: &World, image: &str) -> String {
    let outcome = world.cli(&["explain", image]);
    let place = "ecr-janitor: account 123456789012, Region us-east-1, configuration: built-in defaults";
    assert_eq!((outcome.code, outcome.stderr.starts_with(place)), (0, true), "{outcome:?}");
    outcome.stdout
}

fn busy() -> (World, Busy) {
    let world = World::new();
    let busy = world.busy("team/api");
    (world, busy)
}

#[test]
fn attestations_of_both_forms_are_told_with_their_state_and_what_becomes_of_them() {
    let (world, busy) = busy();
    let world = world.superseded_since_push();
    let old = busy.repo.push_untagged(60, legacy(8));
    for (digest, form, state, action, reason) in [
        (&busy.live_oci.attestations[0], "oci", "attached", "keep", "attached"),
        (&busy.live_legacy.attestations[0], "legacy", "attached", "keep", "attached"),
        (&busy.superseded.attestations[0], "oci", "superseded", "keep", "superseded"),
        (&old.attestations[0], "legacy", "superseded", "keep", "superseded"),
        (&busy.oci_orphans[0], "oci", "orphaned", "delete", "orphaned"),
        (&busy.legacy_orphans[0], "legacy", "orphaned", "delete", "orphaned"),
    ] {
        let it = explained(&world, "team/api", digest);
        let told = ["kind", "form", "state", "action", "reason"].map(|key| it[key].as_str().unwrap());
        assert_eq!(told, ["attestation", form, state, action, reason]);
        assert_eq!(it["digest"], **digest);
    }
}

#[test]
fn everything_else_is_told_by_what_it_is() {
    let (world, busy) = busy();
    for (digest, kind) in [
        (&busy.live_oci.platforms[0], "image"),
        (&busy.live_oci.root, "index"),
        (&busy.cosign_tag, "signature"),
        (&busy.cosign_bundle, "signature"),
        (&busy.notation, "signature"),
        (&busy.soci[0], "soci-index"),
        (&busy.soci[1], "soci-index"),
        (&busy.cache, "cache"),
        (&busy.chart, "chart"),
        (&busy.tagged_image, "image"),
        (&busy.untagged_image, "image"),
        (&busy.in_flight[0], "attestation"),
    ] {
        let it = explained(&world, "team/api", digest);
        assert_eq!((&it["kind"], &it["action"]), (&kind.into(), &"keep".into()), "{it:#}");
    }
}

#[test]
fn an_attestation_names_who_lists_it_and_what_it_speaks_of() {
    let (world, busy) = busy();
    let live = &busy.live_oci;
    let it = explained(&world, "team/api", &live.attestations[1]);
    assert_eq!(it["subject"], json!({"digest": live.platforms[1], "is_present": true}));
    assert_eq!(it["listed_by"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&it["listed_by"][0]["index"], &it["listed_by"][0]["tags"]),
        (&json!(live.root), &json!(["v1"]))
    );
    assert_eq!((&it["platform"], &it["predicate_types"][0]), (&json!("linux-arm64"), &json!(PROVENANCE)));
}

#[test]
fn people_get_the_same_in_sentences() {
    let (world, busy) = busy();
    let live = &busy.live_legacy;
    let text = text(&world, &format!("team/api@{}", live.attestations[0]));
    for part in [
        "BuildKit attestation",
        PROVENANCE,
        "linux-amd64",
        &live.platforms[0],
        &live.root,
        "tagged v2",
        "keeps it (attached), because the index",
        "(the tag v2) lists it",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn the_rule_that_matched_is_told_in_a_sentence() {
    let (world, busy) = busy();
    let world = world.superseded_since_push();
    let (tagged, young) = (busy.repo.attestation(60, "a"), busy.repo.attestation(0, "b"));
    busy.repo.tag(&tagged, "mine");
    for (digest, rule) in [
        (&busy.live_oci.platforms[0], "it is a platform image, and the index"),
        (&busy.untagged_image, "it is a platform image, and only attestations are touched"),
        (&tagged, "it has the tag mine, which the janitor did not write"),
        (&young, "less than grace_period (48h) ago"),
        (&busy.live_oci.attestations[0], "(the tag v1) lists it"),
        (&busy.superseded.attestations[0], "has no tag, nor has any index above, and superseded = \"keep\""),
        (&busy.legacy_orphans[0], "no index lists it"),
    ] {
        let it = explained(&world, "team/api", digest);
        assert!(it["sentence"].as_str().is_some_and(|told| told.contains(rule)), "{it:#}");
    }
}

#[test]
fn it_names_what_the_reason_rests_on_and_what_would_change_it() {
    let (world, busy) = busy();
    let world = world.superseded_since_push();
    let it = explained(&world, "team/api", &busy.live_oci.attestations[0]);
    assert_eq!((&it["reason"], &it["because"]), (&json!("attached"), &json!([busy.live_oci.root, "v1"])));
    let it = explained(&world, "team/api", &busy.superseded.attestations[0]);
    assert_eq!(it["because"], json!([busy.superseded.root]));
    let by_key = json!({
        "key": "superseded", "value": "delete", "then": {"action": "delete", "reason": "superseded"},
        "sentence": "with superseded = \"delete\": deleted (superseded)",
    });
    assert_eq!(it["what_would_change"], json!([by_key]));
    let text = text(&world, &format!("team/api@{}", busy.superseded.attestations[0]));
    assert!(text.contains("with superseded = \"delete\": deleted (superseded)"), "{text}");
}

#[test]
fn it_tells_until_when_a_young_one_is_kept() {
    let (world, busy) = busy();
    let it = explained(&world, "team/api", &busy.in_flight[0]);
    let waits = &it["what_would_change"][0];
    let [pushed, until] =
        [&it["pushed_at"], &waits["at"]].map(|at| at.as_str().unwrap().parse::<Timestamp>().unwrap());
    assert_eq!((&it["reason"], until), (&json!("within-grace"), pushed + SignedDuration::from_hours(48)));
    assert_eq!(waits["then"], json!({"action": "delete", "reason": "orphaned"}));
}

#[test]
fn an_image_is_found_by_tag_by_digest_and_by_the_first_digits() {
    let (world, busy) = busy();
    let root = &busy.live_oci.root;
    let digits = &root["sha256:".len()..][..12];
    for name in ["team/api:v1", &format!("team/api@{root}"), &format!("team/api@{digits}")] {
        assert!(text(&world, name).contains(root.as_str()), "{name}");
    }
}

#[test]
fn an_index_tells_what_it_lists() {
    let (world, busy) = busy();
    let it = explained(&world, "team/api", &busy.live_oci.root);
    assert_eq!(it["lists"], json!({"images": 2, "attestations": 2, "indexes": 0}));
    let [live, legacy] = [&busy.live_oci.root, &busy.live_legacy.root].map(|root| Listed::Plain(root));
    let outer = busy.repo.index(60, &[live, legacy], Some("outer"));
    let it = explained(&world, "team/api", &outer);
    assert_eq!(it["lists"], json!({"images": 0, "attestations": 0, "indexes": 2}));
}

#[test]
fn all_indexes_that_list_an_attestation_are_named_with_the_tags_above_them() {
    let world = World::new();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1));
    let second = api.index(60, &[Listed::Plain(&build.attestations[0])], Some("second"));
    api.index(60, &[Listed::Plain(&build.root)], Some("outer"));
    let it = explained(&world, "team/api", &build.attestations[0]);
    let listed = it["listed_by"].as_array().unwrap().iter();
    let listed: BTreeSet<_> = listed
        .map(|index| [&index["index"], &index["tags"], &index["tags_above"]].map(Value::to_string))
        .collect();
    let expected =
        [[json!(build.root), json!([]), json!(["outer"])], [json!(second), json!(["second"]), json!([])]];
    assert_eq!(listed, expected.iter().map(|index| index.each_ref().map(Value::to_string)).collect());
}

#[test]
fn an_orphans_missing_subject_is_told() {
    let (world, busy) = busy();
    let it = explained(&world, "team/api", &busy.oci_orphans[0]);
    assert_eq!(it["subject"]["is_present"], false);
    assert_eq!(it["listed_by"], json!([]));
    assert!(
        text(&world, &format!("team/api@{}", busy.legacy_orphans[0])).contains("no index in this repository")
    );
}

#[test]
fn the_repository_is_summed_up() {
    let (world, busy) = busy();
    let outcome = world.cli(&["explain", "team/api", "--output", "json"]);
    let it = outcome.json();
    assert_eq!(it["images"], busy.repo.contents().len());
    assert_eq!((&it["kinds"]["attestation"], &it["kinds"]["index"]), (&12.into(), &4.into()));
    assert_eq!((&it["attestations"]["orphaned"], &it["pending"]), (&4.into(), &4.into()));
    assert!(text(&world, "team/api").contains("4  of the attestations are orphaned"));
}

#[test]
fn what_came_in_the_last_30_days_is_counted() {
    let world = World::new();
    let api = world.repository("team/api");
    for days in [29, 3, 31, 60] {
        api.attestation(days, &format!("{days}"));
        api.artifact(days, &format!("application/{days}"));
    }
    let overview = |name| world.cli(&["explain", name, "--output", "json"]).json();
    let it = overview("team/api");
    assert_eq!(it["attestations_of_the_last_30_days"], 2);
    assert!(it["advice"].is_string());
    world.repository("team/web").artifact(3, "application/x");
    let it = overview("team/web");
    assert_eq!((&it["attestations_of_the_last_30_days"], &it["advice"]), (&json!(0), &json!(null)));
}

#[test]
fn an_archived_image_is_told_as_that() {
    let world = World::new();
    let api = world.repository("team/api");
    let [archived, active] = ["a", "b"].map(|predicate| api.attestation(60, predicate));
    api.archive(&archived);
    let is_active = |digest| explained(&world, "team/api", digest)["is_active"].clone();
    assert_eq!((is_active(&archived), is_active(&active)), (json!(false), json!(true)));
}

#[test]
fn it_tells_how_to_stop_making_more_of_them() {
    let world = World::new();
    let api = world.repository("team/api");
    let build = api.push(3, oci(1), "v1");
    for image in ["team/api".to_owned(), format!("team/api@{}", build.attestations[0])] {
        let text = text(&world, &image);
        for advice in ["provenance: false", "--provenance=false", "BUILDX_NO_DEFAULT_ATTESTATIONS=1"] {
            assert!(text.contains(advice), "{advice} is not in {text}");
        }
    }
}

#[test]
fn what_is_not_there_is_a_mistake() {
    let (world, _) = busy();
    for (image, text) in [
        ("team/api:v9", "v9"),
        ("team/api@sha256:0000000000000000000000000000000000000000000000000000000000000000", "000000"),
        ("team/apj:v1", "team/apj"),
        ("team/api@xyz", "xyz"),
        ("team/*", "team/*"),
    ] {
        world.cli(&["explain", image]).refused(2, &[text]);
    }
}

#[test]
fn a_digest_that_is_too_short_to_tell_is_a_mistake() {
    let (world, _) = busy();
    world.cli(&["explain", "team/api@abc"]).refused(2, &["abc"]);
}

#[test]
fn explaining_writes_nothing() {
    let (world, busy) = busy();
    explained(&world, "team/api", &busy.oci_orphans[0]);
    text(&world, "team/api");
    assert_eq!(world.writes(), []);
}

#[test]
fn it_tells_why_a_whole_repository_is_left_alone() {
    let (world, busy) = busy();
    let archived = busy.repo.push_untagged(60, oci(9));
    busy.repo.archive(&archived.root);
    busy.repo.ecr.set_pushed_at("team/api", &archived.root, None);
    let orphan = format!("team/api@{}", busy.legacy_orphans[0]);
    let text = text(&world, &orphan);
    assert!(text.contains("nothing") && text.contains(&archived.root), "{text}");
    let it = world.cli(&["explain", &orphan, "--output", "json"]).json();
    let uncertain = ["reason", "state", "listed_by"].map(|key| it[key].clone());
    assert_eq!((uncertain, &it["action"]), ([json!(null), json!(null), json!(null)], &json!("keep")));
    assert!(it["sentence"].as_str().is_some_and(|told| told.contains(&archived.root)), "{it:#}");
    assert!(!text.contains("no index"), "{text}");
}

#[test]
fn beside_an_index_that_cannot_be_read_no_listing_is_complete() {
    let (world, busy) = busy();
    let archived = busy.repo.push_untagged(1, legacy(9));
    busy.repo.archive(&archived.root);
    let live = &busy.live_legacy;
    let young = explained(&world, "team/api", &busy.in_flight[0]);
    assert_eq!((&young["reason"], &young["listed_by"]), (&json!("within-grace"), &json!(null)));
    assert_eq!((&young["state"], &young["may_be_listed_by_others"]), (&json!(null), &json!(true)));
    let known = explained(&world, "team/api", &live.attestations[0]);
    assert_eq!((&known["state"], known["listed_by"].as_array().map(Vec::len)), (&json!("attached"), Some(1)));
}

#[test]
fn what_lists_an_image_is_unknown_where_an_index_cannot_be_read() {
    let (world, busy) = busy();
    let archived = busy.repo.push_untagged(60, legacy(9));
    busy.repo.archive(&archived.root);
    let it = explained(&world, "team/api", &archived.attestations[0]);
    assert_eq!(
        (&it["kind"], &it["listed_by"], &it["action"]),
        (&json!("attestation"), &json!(null), &json!("keep"))
    );
    assert_eq!((&it["reason"], &it["state"]), (&json!("may-be-listed"), &json!(null)));
    let text = text(&world, &format!("team/api@{}", archived.attestations[0]));
    assert!(text.contains("unknown: not every index here can be read"), "{text}");
}

#[test]
fn a_repository_that_is_not_selected_can_be_explained() {
    let world = World::new().with("JANITOR_EXCLUDE", "*");
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let text = text(&world, &format!("team/api@{}", orphans[0]));
    assert!(text.contains("BuildKit attestation") && text.contains("not-selected"), "{text}");
}

#[test]
fn a_pull_through_cache_is_not_even_read() {
    let world = World::new();
    let api = world.repository("hub/nginx");
    api.orphans(60, legacy(1));
    world.pull_through("hub");
    world.cli(&["explain", "hub/nginx"]).refused(2, &["pull-through"]);
    assert_eq!(world.ecr.calls().get("DescribeImages"), None);
}

#[test]
fn a_suspect_is_told() {
    let world = World::new();
    let api = world.repository("team/api");
    let statements = api.statements(60, 1);
    let it = explained(&world, "team/api", &statements);
    assert_eq!((&it["kind"], &it["action"]), (&"suspect".into(), &"keep".into()));
}

#[test]
fn what_is_told_fits_the_terminal_but_for_digests() {
    let mut world = World::new();
    let busy = world.busy("team/api");
    for (width, image) in [("60", "team/api"), ("80", "team/api"), ("60", busy.legacy_orphans[0].as_str())] {
        world.set("COLUMNS", width);
        let image = if image.starts_with("sha256") { format!("team/api@{image}") } else { image.to_owned() };
        let text = text(&world, &image);
        let wide: usize = width.parse().unwrap();
        let long = text.lines().find(|line| line.chars().count() > wide && !line.contains("sha256:"));
        assert_eq!(long, None, "wider than {width}");
    }
}
