//! Undoing: what was deleted is in the backup, is told by `history`, and comes back by `restore`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use ecr_emulator::{Fault, UnreferencedLayers, When};

use crate::harness::{Repo, Report, World, legacy, oci, trouble};

fn world() -> World {
    let world = World::new().with_state().deleting_superseded();
    world.ecr.set_unreferenced_layers(UnreferencedLayers::Dropped);
    world
}

/// A repository with dead attestations, loose and below an index that lost its tag.
fn seeded(world: &World) -> Repo {
    let api = world.repository("team/api");
    api.push(1, oci(1), "live");
    api.orphans(60, legacy(2));
    api.orphans(60, oci(3));
    api.push_untagged(100, oci(4));
    api
}

/// The bytes and the media types, which are what comes back: push times do not.
fn bytes(api: &Repo) -> BTreeMap<String, (String, String)> {
    api.contents().into_iter().map(|(digest, it)| (digest, (it.manifest, it.media_type))).collect()
}

fn run_id(report: &Report) -> String {
    report.0["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn what_a_run_deleted_comes_back_byte_for_byte() {
    let world = world();
    let api = seeded(&world);
    let (before, bytes_before) = (api.contents(), bytes(&api));
    let report = world.apply();
    let gone = api.lost_since(&before);
    assert_eq!(gone.len(), 7, "{gone:?}");
    assert_eq!(report.0["backup"]["fully_restorable"], 7);
    let run = run_id(&report);
    let told = world.cli(&["history"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for text in [
        run.as_str(),
        "account 123456789012",
        "team/api: 7 deleted",
        "all fully restorable",
        "restorable until",
    ] {
        assert!(told.stdout.contains(text), "{text}: {}", told.stdout);
    }
    let restored = world.cli(&["restore", "--run", &run, "--yes", "--output", "json"]);
    assert_eq!(restored.code, 0, "{}{}", restored.stdout, restored.stderr);
    assert_eq!(restored.json()["totals"]["restored"], 7);
    assert_eq!(bytes(&api), bytes_before);

    let told = world.cli(&["history"]).stdout;
    assert!(
        told.contains("Restored since then (known from memory):\n  team/api: 7 images, last on 20"),
        "{told}"
    );
    let told = world.cli(&["history", &run]).stdout;
    assert_eq!(told.matches(", restored on 20").count(), 7, "{told}");
    let json = world.cli(&["history", &run, "--output", "json"]).json();
    assert_eq!(
        (&json["restored"][0]["name"], &json["restored"][0]["images"]),
        (&"team/api".into(), &7.into())
    );
    assert!(json["images"][0]["restored_at"].is_string());
    let again = world.cli(&["restore", "--run", &run, "--yes"]);
    assert_eq!((again.code, again.stdout.trim()), (0, "team/api: 7 already there"));
}

#[test]
fn what_was_restored_is_left_alone_by_the_next_run() {
    let world = world();
    let api = seeded(&world);
    let before = bytes(&api);
    let run = run_id(&world.apply());
    assert_eq!(world.cli(&["restore", "--run", &run, "--yes"]).code, 0);
    let report = world.apply();
    assert_eq!((report.total("deleted"), bytes(&api)), (0, before));
}

#[test]
fn single_images_and_whole_repositories_come_back_too() {
    let world = world();
    let api = seeded(&world);
    let (before, bytes_before) = (api.contents(), bytes(&api));
    world.apply();
    let gone = api.lost_since(&before);
    let [one, other] = [0, 1].map(|nth| gone.iter().nth(nth).unwrap());
    assert_eq!(world.cli(&["restore", &format!("team/api@{one}"), "--yes"]).code, 0);
    assert!(api.has(one));
    let told = world.cli(&["restore", &format!("team/api@{}", &other[..19]), "--yes"]);
    assert!(told.code == 0 && api.has(other), "the first digits are enough: {told:?}");
    assert!(told.stdout.contains("(grace_period)"), "{}", told.stdout);
    assert_eq!(world.cli(&["restore", "team/api", "--yes"]).code, 0);
    assert_eq!(bytes(&api), bytes_before);
}

#[test]
fn what_holds_for_all_that_was_restored_is_said_once() {
    let world = world();
    for name in ["team/api", "team/web", "shop/x"] {
        world.repository(name).orphans(60, legacy(1));
    }
    let run = run_id(&world.apply());
    let told = world.cli(&["restore", "--run", &run, "--yes"]).stdout;
    assert_eq!((told.matches("2 restored").count(), told.matches("grace_period").count()), (3, 1), "{told}");
    let details = world.cli(&["plan", "--details"]).stdout;
    assert!(details.contains("2 unread (young, tagged or"), "{details}");
}

#[test]
fn history_names_the_images_of_a_run() {
    let world = world();
    let api = seeded(&world);
    let before = api.contents();
    let run = run_id(&world.apply());
    let told = world.cli(&["history", &run]);
    for digest in api.lost_since(&before) {
        assert!(told.stdout.contains(&format!("team/api@{digest}")), "{}", told.stdout);
    }
    let json = world.cli(&["history", &run, "--output", "json"]).json();
    assert_eq!(json["images"].as_array().unwrap().len(), 7);
    assert_eq!(json["runs"][0]["repositories"][0]["deleted"], 7);
    let other = world.cli(&["history", "--repository", "team/web", "--output", "json"]).json();
    assert_eq!(other["runs"], serde_json::json!([]));
}

#[test]
fn nothing_is_written_without_consent() {
    let world = world();
    let api = seeded(&world);
    let run = run_id(&world.apply());
    let left = api.contents();
    world.cli(&["restore", "--run", &run]).refused(2, &["--yes"]);
    assert_eq!(api.contents(), left);
}

#[test]
fn what_the_backup_does_not_know_is_told() {
    let world = world();
    seeded(&world);
    world.apply();
    let nobody = format!("team/api@sha256:{}", "0".repeat(64));
    for arguments in [vec!["restore", nobody.as_str(), "--yes"], vec!["restore", "--run", "nobody", "--yes"]]
    {
        let outcome = world.cli(&arguments);
        assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
    }
    for (image, text) in [
        ("team/apo", "did you mean \"team/api\""),
        ("team/api:v1", "names a tag"),
        ("123456789012.dkr.ecr.eu-west-9.amazonaws.com/team/api", "give --region eu-west-9"),
    ] {
        world.cli(&["restore", image, "--yes"]).refused(2, &[text]);
    }
    world.cli(&["restore", "--yes"]).refused(2, &["--run RUN_ID"]);
    assert!(world.cli(&["history", "nobody"]).code == 1);
}

#[test]
fn apply_is_refused_without_a_place_for_backups() {
    let world = World::new().without("JANITOR_BACKUP_KEEP");
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    let told = ["backup.location", "backup.keep", "nothing was done"];
    world.cli(&["apply", "--yes"]).refused(2, &told);
    assert_eq!((api.count(&orphans), world.ecr.calls().len()), (2, 0));
    let plan = world.cli(&["plan"]);
    assert_eq!(plan.code, 0);
    assert!(plan.stdout.contains("there is no place for backups"), "{}", plan.stdout);
    let world = world.with("JANITOR_MODE", "apply");
    let mut function = world.lambda();
    assert!(function.failure(&serde_json::json!({})).contains("backup.location"));
    function.response(&serde_json::json!({"mode": "plan"}));
}

#[test]
fn every_run_says_that_backups_are_switched_off() {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    for arguments in [vec!["plan"], vec!["apply", "--yes"]] {
        let told = world.cli(&arguments);
        assert!(told.stdout.contains("backups are switched off"), "{}", told.stdout);
    }
}

#[test]
fn what_cannot_be_stored_is_not_deleted() {
    let world = world();
    let api = seeded(&world);
    let before = api.contents();
    world.ecr.fault(trouble("GetDownloadUrlForLayer", When::Always, Fault::AccessDenied));
    let report = world.cli(&["apply", "--yes", "--output", "json"]).report(3);
    let lost = api.lost_since(&before);
    assert!(lost.iter().all(|digest| report.decision(&api, digest)["kind"] == "index"), "{lost:?}");
    let failed = report.decisions(&api).iter().filter(|it| it["outcome"] == "failed");
    let codes: Vec<&str> = failed.map(|it| it["code"].as_str().unwrap()).collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == "backup-failed"), "{codes:?}");
}

#[test]
fn backups_older_than_they_are_kept_are_removed() {
    let world = world();
    let api = seeded(&world);
    world.apply();
    let store = world.file("state/ecr-janitor/backup/123456789012/us-east-1");
    let names = || -> Vec<String> {
        let files = fs::read_dir(store.join("team/api")).unwrap();
        files.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
    };
    for name in names() {
        let old = name.replacen(&name[1..5], "2019", 1);
        fs::rename(store.join("team/api").join(&name), store.join("team/api").join(&old)).unwrap();
    }
    fs::write(store.join("team/api/mine.txt"), "not the janitor's").unwrap();
    api.orphans(60, legacy(9));
    world.apply();
    let left = names();
    assert!(left.len() == 2 && left.contains(&"mine.txt".to_owned()), "{left:?}");
    assert!(!left.iter().any(|name| name.starts_with("_2019")), "{left:?}");
}

#[test]
fn history_and_report_agree_on_sizes_and_on_what_can_be_restored() {
    let world = world().with("JANITOR_SUPERSEDED_IMAGES", "delete");
    let api = seeded(&world);
    let report = world.apply();
    let run = world.cli(&["history", "--output", "json"]).json()["runs"][0]["repositories"][0].clone();
    assert_eq!(run["deleted_bytes"], report.of(&api)["bytes_deleted"]);
    assert_eq!(run["backed_up"]["fully_restorable"], report.0["backup"]["fully_restorable"]);
    assert!(report.0["backup"]["manifest_only"].as_u64().unwrap() > 1, "{:#}", report.0["backup"]);
}

#[test]
fn a_shell_that_allows_few_open_files_costs_nothing() {
    let world = world();
    let api = world.repository("team/api");
    api.push(1, oci(1), "live");
    for code in 2..152 {
        api.orphans(60, oci(code));
    }
    world.ecr.set_latency(None, Duration::from_millis(50));
    let run = world.cli_with_open_files(48, &["apply", "--yes", "--output", "json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.json()["totals"]["failed"], 0);
    assert!(run.json()["totals"]["deleted"].as_u64().unwrap() >= 150, "{:#}", run.json()["totals"]);
}

#[test]
fn a_backup_that_lost_something_is_told_and_is_no_success() {
    let world = world();
    let api = seeded(&world);
    let run = run_id(&world.apply());
    let store = world.file("state/ecr-janitor/backup/123456789012/us-east-1/team/api");
    let mut packs: Vec<_> = fs::read_dir(&store).unwrap().map(|it| it.unwrap().path()).collect();
    packs.sort();
    fs::write(&packs[0], "damaged").unwrap();
    fs::remove_file(&packs[1]).unwrap();
    let told = world.cli(&["restore", "--run", &run, "--yes"]);
    assert_eq!(told.code, 3, "{told:?}");
    let said = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("are not there any more") && said.contains("cannot be used"), "{said}");
    assert_eq!(world.cli(&["history"]).code, 0);
    assert!(api.contents().len() > 4, "the rest is back");
}

#[test]
fn a_restore_is_narrowed_too() {
    let world = world();
    let api = seeded(&world);
    let run = run_id(&world.apply());
    let left = api.contents();
    for what in [&["--run", run.as_str()][..], &["team/api"]] {
        let arguments = [&["restore", "--yes", "--repository", "other/*"], what].concat();
        world.cli(&arguments).refused(2, &["--repository excludes"]);
    }
    assert_eq!(api.contents(), left);
}

#[test]
fn a_repository_that_is_gone_has_to_be_created_first() {
    let world = world();
    let api = seeded(&world);
    world.repository("other");
    let run = run_id(&world.apply());
    api.vanish();
    let told = world.cli(&["restore", "--run", &run, "--yes"]);
    assert!(told.code == 3 && told.stdout.contains("create-repository"), "{told:?}");
}
