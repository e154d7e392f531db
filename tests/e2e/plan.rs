//! `plan`: what would be done, and why.

use std::collections::BTreeSet;

use ecr_emulator::buildx::Form;
use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use crate::harness::{World, legacy, oci, set, single, trouble_in, without_dates};

#[test]
fn the_default_policy_plans_exactly_the_orphans() {
    let world = World::new();
    let busy = world.busy("team/api");
    let report = world.plan();
    assert_eq!(report.with_outcome(&busy.repo, "planned"), busy.orphans());
    assert_eq!(report.total("planned"), 4);
    assert_eq!(report.0["complete"], true);
}

#[test]
fn a_plan_writes_nothing() {
    let world = World::new().deleting_superseded().with("JANITOR_ATTACHED", "tag");
    let busy = world.busy("team/api");
    let before = busy.repo.contents();
    assert!(world.plan().total("planned") > 4);
    assert_eq!(world.writes(), []);
    assert_eq!(busy.repo.contents(), before);
}

#[test]
fn every_attestation_has_a_state_and_a_reason() {
    let world = World::new().superseded_since_push();
    let busy = world.busy("team/api");
    let report = world.plan();
    let expected = [
        (&busy.live_oci.attestations, "attached", "attached", "kept"),
        (&busy.live_legacy.attestations, "attached", "attached", "kept"),
        (&busy.superseded.attestations, "superseded", "superseded", "kept"),
        (&busy.oci_orphans, "orphaned", "orphaned", "planned"),
        (&busy.legacy_orphans, "orphaned", "orphaned", "planned"),
    ];
    for (attestations, state, reason, outcome) in expected {
        for digest in attestations {
            assert_eq!(report.decision(&busy.repo, digest)["state"], state);
            assert_eq!(report.verdict(&busy.repo, digest), (reason, outcome));
        }
    }
    assert_eq!(
        report.decisions(&busy.repo).len(),
        12,
        "two of each, and two of the build that has `main` now"
    );
}

#[test]
fn everything_in_a_repository_is_counted_by_what_it_is() {
    let world = World::new();
    let busy = world.busy("team/api");
    let report = world.plan();
    let counted = report.of(&busy.repo);
    assert_eq!(
        counted["not_attestations"],
        json!({"index": 4, "image": 9, "signature": 2, "soci-index": 2, "unread": 6})
    );
    assert_eq!(
        counted["attestations"],
        json!({
            "total": 12,
            "by_form": {"oci": 8, "legacy": 2, "unread": 2},
            "by_state": {"attached": 6, "superseded": 2, "orphaned": 4},
        })
    );
    assert_eq!(counted["images"], busy.repo.contents().len());
    assert_eq!(counted["indexes"], 4);
}

#[test]
fn a_decision_tells_what_an_attestation_is_and_what_it_speaks_of() {
    let world = World::new();
    let api = world.repository("team/api");
    let live = api.push(60, legacy(1), "v1");
    let decision = world.plan().decision(&api, &live.attestations[1]).clone();
    assert_eq!(decision["kind"], "attestation");
    assert_eq!(decision["form"], "unread");
    assert_eq!(decision["action"], "keep");
    assert_eq!(decision["parents"], json!([live.root]));
    assert_eq!(decision["subject"], json!(live.platforms[1]));
    assert_eq!(decision["platform"], "linux-arm64");
    assert_eq!(decision["tags"], json!([]));
    let pushed_at: jiff::Timestamp = decision["pushed_at"].as_str().unwrap().parse().unwrap();
    let stored = api.contents()[&live.attestations[1]].pushed_at_ms.unwrap();
    assert!((pushed_at.as_millisecond() - stored).abs() <= 1, "{pushed_at} is not {stored}");
}

#[test]
fn the_forms_of_orphans_are_proven_by_their_bytes() {
    let world = World::new();
    let busy = world.busy("team/api");
    let report = world.plan();
    for (digests, form) in [(&busy.oci_orphans, "oci"), (&busy.legacy_orphans, "legacy")] {
        for digest in digests {
            assert_eq!(report.decision(&busy.repo, digest)["form"], form);
        }
    }
}

#[test]
fn the_report_has_the_documented_shape() {
    let world = World::new();
    let busy = world.busy("team/api");
    let report = world.plan();
    let counts = "images indexes attestations planned deleted tagged kept protected_by_ecr already_gone \
                  changed_since_plan failed bytes_deleted";
    let has = |value: &Value, keys: &str| {
        let found: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted: BTreeSet<&str> = keys.split_whitespace().collect();
        assert!(wanted.is_subset(&found), "{:?} missing", wanted.difference(&found));
    };
    has(
        &report.0,
        "schema_version run_id account region configuration mode started_at finished_at complete totals repositories",
    );
    has(&report.0["totals"], &format!("{counts} repositories api_calls"));
    has(report.of(&busy.repo), &format!("{counts} name status reason decisions"));
    has(
        report.decision(&busy.repo, &busy.oci_orphans[0]),
        "digest kind form state action outcome reason parents subject tags size_bytes pushed_at",
    );
    assert_eq!((&report.0["schema_version"], &report.0["mode"]), (&json!(2), &json!("plan")));
}

#[test]
fn totals_are_the_sums_over_the_repositories() {
    let world = World::new();
    let (api, web) = (world.busy("team/api"), world.busy("team/web"));
    let report = world.plan();
    for key in ["images", "indexes", "planned", "kept"] {
        let sum = [&api, &web].map(|busy| report.of(&busy.repo)[key].as_u64().unwrap());
        assert_eq!(report.total(key), sum.iter().sum::<u64>(), "{key}");
    }
    assert_eq!(report.total("repositories"), 2);
    assert_eq!(report.0["totals"]["attestations"]["by_form"]["legacy"], 4);
}

#[test]
fn api_calls_are_the_http_requests_that_ecr_received() {
    let world = World::new();
    world.busy("team/api");
    let report = world.plan();
    assert_eq!(report.0["totals"]["api_calls"], json!(world.ecr.calls()));
}

#[test]
fn a_pending_change_is_an_exit_code_only_where_it_is_asked_for() {
    let world = World::new();
    let api = world.repository("team/api");
    assert_eq!(world.cli(&["plan", "--exit-code"]).code, 0);
    api.orphans(60, legacy(1));
    assert_eq!(world.cli(&["plan"]).code, 0);
    assert_eq!(world.cli(&["plan", "--exit-code"]).code, 10);
}

#[test]
fn a_plan_is_narrowed_by_names_and_wildcards() {
    let world = World::new();
    for name in ["team/api", "team/web", "tools/web"] {
        world.repository(name).orphans(60, legacy(1));
    }
    let names = |arguments: &[&str]| {
        let report = world.cli(&[&["plan", "--output", "json"], arguments].concat()).report(0);
        report.names().join(" ")
    };
    assert_eq!(names(&["--repository", "team/api"]), "team/api");
    assert_eq!(names(&["--repository", "*/web"]), "team/web tools/web");
    assert_eq!(names(&["--repository", "team/api", "--repository", "tools/*"]), "team/api tools/web");
}

#[test]
fn a_name_that_the_registry_does_not_have_is_a_mistake() {
    let world = World::new();
    world.repository("team/api");
    world.cli(&["plan", "--repository", "team/apj"]).refused(2, &["team/apj", "no repository"]);
}

#[test]
fn narrowing_does_not_select_what_the_configuration_leaves_out() {
    let world = World::new().config("[select]\nrepositories = [\"team/*\"]");
    world.repository("team/api");
    world.repository("other").orphans(60, legacy(1));
    let report = world.cli(&["plan", "--output", "json", "--repository", "other"]).report(0);
    assert_eq!(report.total("planned"), 0);
}

#[test]
fn the_registry_is_mentioned_whole_with_the_reason_why_a_repository_is_left_alone() {
    let world = World::new().config("[select]\nrepositories = [\"team/*\"]\nexclude = [\"*/prod\"]");
    let api = world.repository("team/api");
    let left_out = [world.repository("team/prod"), world.repository("other")];
    left_out.iter().for_each(|repository| drop(repository.orphans(60, legacy(1))));
    let report = world.plan();
    for repository in &left_out {
        assert_eq!(report.left_alone(repository), "not-selected");
    }
    assert_eq!((report.left_alone(&api), report.total("planned")), ("", 0));
}

#[test]
fn repositories_opt_in_with_a_resource_tag_where_one_is_required() {
    let world = World::new().config("[select]\nrequire_tag = { \"ecr-janitor\" = \"enabled\" }");
    let [yes, no, other] = ["yes", "no", "other"].map(|name| world.repository(name));
    yes.label("ecr-janitor", "enabled");
    other.label("ecr-janitor", "disabled");
    let orphans = [&yes, &no, &other].map(|repository| repository.orphans(60, legacy(1)));
    let report = world.plan();
    assert_eq!(report.with_outcome(&yes, "planned"), set(&orphans[0]));
    assert_eq!((report.left_alone(&no), report.left_alone(&other)), ("not-opted-in", "not-opted-in"));
    assert_eq!(report.total("planned"), 2);
}

#[test]
fn pull_through_caches_are_left_alone_and_not_even_read() {
    let world = World::new();
    let [cached, hub, hubs] = ["hub/library/nginx", "hub", "hubs/nginx"].map(|name| world.repository(name));
    cached.orphans(60, legacy(1));
    world.pull_through("hub");
    let report = world.plan();
    assert_eq!(report.left_alone(&cached), "pull-through-cache");
    assert_eq!((report.left_alone(&hub), report.left_alone(&hubs)), ("", ""));
    assert_eq!(world.ecr.calls()["DescribeImages"], 2, "one for each of the other two");
}

#[test]
fn a_root_rule_makes_the_whole_registry_a_pull_through_cache() {
    let world = World::new();
    let all = [world.repository("api"), world.repository("team/web")];
    all.iter().for_each(|repository| drop(repository.orphans(60, legacy(1))));
    world.pull_through("ROOT");
    let report = world.plan();
    for repository in &all {
        assert_eq!(report.left_alone(repository), "pull-through-cache");
    }
}

#[test]
fn a_repository_that_may_not_be_read_fails_and_the_others_go_on() {
    let world = World::new();
    let [good, bad] = ["good", "bad"].map(|name| world.repository(name));
    let orphans = good.orphans(60, legacy(1));
    world.ecr.fault(trouble_in(&bad, "DescribeImages", When::Always, Fault::AccessDenied));
    let report = world.cli(&["plan", "--output", "json"]).report(3);
    assert_eq!(report.left_alone(&bad), "access-denied");
    assert!(report.of(&bad)["detail"].as_str().unwrap().contains("ecr:DescribeImages"));
    assert_eq!(report.with_outcome(&good, "planned"), set(&orphans));
    assert_eq!(report.0["complete"], false);
}

#[test]
fn a_repository_that_is_deleted_meanwhile_is_no_failure() {
    let world = World::new();
    let [gone, stays] = ["gone", "stays"].map(|name| world.repository(name));
    let orphans = stays.orphans(60, legacy(1));
    let doomed = gone.clone();
    world.ecr.before("DescribeImages", 1, move |_| doomed.vanish());
    let report = world.plan();
    assert_eq!(report.left_alone(&gone), "repository-gone");
    assert_eq!(report.with_outcome(&stays, "planned"), set(&orphans));
}

#[test]
fn an_index_that_cannot_be_trusted_protects_what_it_may_list() {
    let empty = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    for bytes in ["{}", "no JSON", empty] {
        let world = World::new();
        let [api, web] = ["team/api", "team/web"].map(|name| world.repository(name));
        let live = api.push(60, oci(1), "v1");
        let [same_age, younger] = [(60, 2), (57, 3)].map(|(days, code)| api.orphans(days, legacy(code)));
        let others = web.orphans(60, legacy(2));
        api.ecr.corrupt_manifest(&api.name, &live.root, bytes);
        let report = world.plan();
        assert_eq!(report.verdict(&api, &live.root), ("unreadable", "kept"));
        assert_eq!(report.verdict(&api, &same_age[0]), ("may-be-listed", "kept"));
        assert_eq!(
            report.with_outcome(&api, "planned"),
            set(&younger),
            "ECR takes an index after its children"
        );
        assert_eq!(report.with_outcome(&web, "planned"), set(&others));
    }
}

#[test]
fn an_archived_index_protects_what_it_may_list() {
    let world = World::new();
    let api = world.repository("team/api");
    let archived = api.push_untagged(60, oci(1));
    let [same_age, younger] = [(60, 2), (57, 3)].map(|(days, code)| api.orphans(days, legacy(code)));
    api.archive(&archived.root);
    let report = world.plan();
    assert_eq!(report.verdict(&api, &same_age[0]), ("may-be-listed", "kept"));
    assert_eq!(report.with_outcome(&api, "planned"), set(&younger));
    let because = &report.decision(&api, &same_age[0])["because"];
    assert!(because.as_array().unwrap().contains(&json!(archived.root)), "{because}");
}

#[test]
fn an_unreadable_index_of_unknown_age_protects_its_whole_repository() {
    let world = World::new();
    let api = world.repository("team/api");
    let archived = api.push_untagged(60, oci(1));
    api.orphans(20, legacy(2));
    api.archive(&archived.root);
    api.ecr.set_pushed_at(&api.name, &archived.root, None);
    let report = world.cli(&["plan", "--output", "json"]).report(3);
    assert_eq!((report.left_alone(&api), report.total("planned")), ("index-unreadable", 0));
    let detail = report.of(&api)["detail"].as_str().unwrap();
    assert!(
        detail.contains("BatchGetImage: ImageInaccessible") && detail.contains(&archived.root),
        "{detail}"
    );
}

#[test]
fn platform_images_stay_while_an_index_cannot_be_read() {
    let world = World::new().deleting_superseded().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = world.repository("team/api");
    let (archived, old) = (api.push_untagged(60, single(1)), api.push_untagged(40, single(2)));
    api.archive(&archived.root);
    assert_eq!(world.plan().with_outcome(&api, "planned"), set([&old.root, &old.attestations[0]]));
}

#[test]
fn an_image_without_a_known_media_type_may_be_an_index_and_must_be_readable() {
    let world = World::new();
    let api = world.repository("team/api");
    let old = api.orphans(60, legacy(1));
    api.ecr.hide_media_types(&api.name, &old[0]);
    assert_eq!(world.plan().with_outcome(&api, "planned"), set(&old), "its bytes tell");
    api.ecr.corrupt_manifest(&api.name, &old[0], "{\"schemaVersion\":2}");
    let report = world.plan();
    assert_eq!(report.reason(&api, &old[0]), "unreadable");
    assert_eq!(report.verdict(&api, &old[1]), ("may-be-listed", "kept"));
}

#[test]
fn an_index_with_hidden_media_types_is_a_parent_all_the_same() {
    let world = World::new();
    let api = world.repository("team/api");
    let live = api.push(60, legacy(1), "v1");
    api.ecr.hide_media_types(&api.name, &live.root);
    assert_eq!(world.plan().reason(&api, &live.attestations[0]), "attached");
}

#[test]
fn a_listing_that_breaks_off_leaves_the_repository_alone() {
    let world = World::new().with("AWS_MAX_ATTEMPTS", "1");
    let [good, bad] = ["good", "bad"].map(|name| world.repository(name));
    let orphans = good.orphans(60, legacy(1));
    bad.orphans(60, legacy(1));
    world.ecr.fault(trouble_in(&bad, "DescribeImages", When::Always, Fault::ServerError));
    let report = world.cli(&["plan", "--output", "json"]).report(3);
    assert_eq!(report.left_alone(&bad), "listing-incomplete");
    assert_eq!(report.with_outcome(&good, "planned"), set(&orphans));
}

#[test]
fn an_orphan_whose_bytes_are_wrong_is_kept_and_the_rest_goes_on() {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    api.ecr.corrupt_manifest(&api.name, &orphans[0], "{}");
    let report = world.plan();
    assert_eq!(report.verdict(&api, &orphans[0]), ("unreadable", "kept"));
    assert_eq!(report.verdict(&api, &orphans[1]), ("orphaned", "planned"));
}

#[test]
fn an_orphan_that_is_deleted_between_listing_and_reading_is_no_failure() {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let (repository, gone) = (api.clone(), orphans[0].clone());
    world.ecr.before("BatchGetImage", 1, move |_| repository.delete([&gone]));
    let report = world.plan();
    assert_eq!(report.verdict(&api, &orphans[0]), ("unreadable", "kept"));
    assert_eq!(report.with_outcome(&api, "planned"), set([&orphans[1]]));
}

#[test]
fn an_index_that_is_deleted_between_listing_and_reading_is_no_parent() {
    let world = World::new();
    let api = world.repository("team/api");
    let build = api.push_untagged(60, single(1).form(Form::Legacy));
    let (repository, root) = (api.clone(), build.root.clone());
    world.ecr.before("BatchGetImage", 1, move |_| repository.delete([&root]));
    let report = world.plan();
    assert_eq!(report.verdict(&api, &build.attestations[0]), ("orphaned", "planned"));
}

#[test]
fn statements_that_nothing_proves_to_be_an_attestation_are_suspects() {
    let world = World::new();
    let api = world.repository("team/api");
    let statements = api.statements(60, 1);
    let report = world.plan();
    assert_eq!(report.verdict(&api, &statements), ("not-an-attestation", "kept"));
    assert_eq!(report.decision(&api, &statements)["kind"], "suspect");
    assert_eq!(report.of(&api)["not_attestations"], json!({"suspect": 1}));
}

#[test]
fn a_young_or_tagged_or_archived_stranger_is_not_even_read() {
    let world = World::new();
    let api = world.repository("team/api");
    api.orphans(0, legacy(1));
    let old = api.orphans(60, legacy(2));
    api.tag(&old[0], "mine");
    api.archive(&old[1]);
    let report = world.plan();
    assert_eq!(report.of(&api)["not_attestations"], json!({"unread": 4}));
    assert_eq!(world.ecr.calls().get("BatchGetImage"), None);
}

#[test]
fn an_unknown_push_time_is_young() {
    let world = World::new();
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    api.ecr.set_pushed_at(&api.name, &orphans[0], None);
    let report = world.plan();
    assert_eq!(report.with_outcome(&api, "planned"), set([&orphans[1]]));
}

#[test]
fn overrides_hold_for_the_repositories_that_they_name() {
    let world = World::new().config("[[override]]\nrepositories = [\"prod/*\"]\norphaned = \"keep\"");
    let [prod, test] = ["prod/api", "test/api"].map(|name| world.repository(name));
    let (kept, planned) = (prod.orphans(60, legacy(1)), test.orphans(60, legacy(1)));
    let report = world.plan();
    assert_eq!(report.verdict(&prod, &kept[0]), ("orphaned", "kept"));
    assert_eq!(report.verdict(&test, &planned[0]), ("orphaned", "planned"));
}

#[test]
fn the_table_shows_what_would_be_done_and_counts_the_rest() {
    let world = World::new().with_state().superseded_since_push();
    world.busy("team/api");
    world.repository("team/cache/nginx");
    world.pull_through("team/cache");
    let table = without_dates(&world.cli(&["plan", "--details"]).stdout);
    insta::assert_snapshot!(table, @r#"
    plan in account 123456789012, Region us-east-1, configuration: built-in defaults
      and JANITOR_SUPERSEDED_SINCE

    Attestations  12 of 35 images in 2 repositories: 6 attached, 2 superseded, 4
                  orphaned; 6 images unread (young, tagged or archived)
    Due now       4 attestations (3.7 kB)
    Due later     6 attestations (5.4 kB) in all, once waiting periods are over
    Other preset  preset = "recommended": 6 attestations, 1 index, 2 images (103.0
                  MB) now; 8 attestations, 1 index, 2 images (103.0 MB) in all, once
                  waiting periods are over
    Backup        all of it could be restored until yyyy-mm-dd

    REPOSITORY  IMAGES  ATTESTATIONS  OUTCOME
    team/api        35            12  4 planned

    Left out      team/cache/nginx (pull-through-cache)

    team/api: 35 images: 4 indexes, 12 attestations, 9 platform images, 2
      signatures, 2 soci-indexes, 6 unread (young, tagged or archived)
      4 images (3.7 kB) would be deleted: orphaned
        0d2a04e9179a  attestation  -             yyyy-mm-dd  1.0 kB
        cf02e238dd55  attestation  -             yyyy-mm-dd  1.0 kB
        7bfd2780e2d3  attestation  5510f20c8b98  yyyy-mm-dd   846 B
        9179b9a57816  attestation  747b845e41ad  yyyy-mm-dd   846 B
      kept: 6 attached, 2 superseded

    plan: 4 planned, 8 attestations kept in 2 repositories with 35 images, 5 API
      calls
    Next: ecr-janitor apply  (asks first)
    "#);
}

#[test]
fn results_go_to_stdout_and_nothing_else_does() {
    let world = World::new().with_state();
    world.busy("team/api");
    let outcome = world.cli(&["plan", "--output", "json"]);
    let place = "ecr-janitor: account 123456789012, Region us-east-1, configuration: built-in defaults\n";
    assert_eq!((outcome.report(0).total("planned"), outcome.stderr.as_str()), (4, place));
}

#[test]
fn patterns_that_match_nothing_are_told() {
    let world = World::new();
    let told = |arguments: &[&str], text: &str| {
        let outcome = world.cli(&[&["plan"], arguments].concat());
        let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(outcome.code == 0 && said.contains(text), "{outcome:?}");
    };
    told(&[], "this registry has no repositories");
    world.repository("team/api");
    told(&["--repository", "nope*"], "--repository matches no selected repository");
    let world = world.with("JANITOR_REPOSITORIES", "nope*");
    let said = world.cli(&["plan"]).stdout;
    assert!(said.contains("no repository is selected"), "{said}");
}
