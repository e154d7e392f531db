//! All cases on the emulator, and the list of cases against its document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecr::Client;
use ecr_contract::{Case, Evidence, Row, Target, Verdict, assumptions, cases, run, sandbox};
use ecr_emulator::buildx::Build;
use ecr_emulator::{Emulator, Fault, FaultRule, Server, UnreferencedLayers, When};

/// Cases that a run against the emulator cannot decide.
const NOT_TESTABLE: [&str; 15] = [
    "archived-images-hold-their-repository",
    "cosign-tags",
    "default-filter-applies-to-ids",
    "deletion-ends-cost",
    "index-push-against-child-deletion",
    "kms-needs-no-grant",
    "lifecycle-counts-children",
    "lifecycle-policy-removes-referrers",
    "old-images-have-no-media-type",
    "prefix-with-a-slash",
    "pull-through-prefix",
    "pull-time-is-recorded-late",
    "referrers-go-within-a-day",
    "restored-is-young",
    "tagging-tells-others",
];

/// Open cases in which the emulator takes the answer that is harder for a client.
const REFUTED: [&str; 1] = ["several-unknown-digests-are-all-named"];

const REPOSITORY: &str = "janitor-contract/test";

async fn emulator() -> (Emulator, Server, Client) {
    let emulator = Emulator::new();
    emulator.create_repository("bystander").unwrap();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let client = sandbox::emulator(&server.url());
    (emulator, server, client)
}

async fn rows(cases: Vec<Case>) -> Vec<Row> {
    let (emulator, _server, client) = emulator().await;
    let target = Target::new(client.clone(), REPOSITORY.to_owned(), Duration::ZERO);
    let work = async move { run(&target, &cases, |_| ()).await };
    let rows = sandbox::in_repository(&client, REPOSITORY, work).await.unwrap();
    assert!(!exists(&emulator, REPOSITORY));
    rows
}

fn exists(emulator: &Emulator, repository: &str) -> bool {
    emulator.call("DescribeImages", serde_json::json!({ "repositoryName": repository })).is_ok()
}

fn expect(rows: &[Row]) {
    for row in rows {
        let id = &row.case.id;
        let expected = match row.verdict {
            Verdict::Confirmed(_) => !NOT_TESTABLE.contains(id) && !REFUTED.contains(id),
            Verdict::NotTestable(_) => NOT_TESTABLE.contains(id) && !row.panicked,
            Verdict::Refuted(_) => REFUTED.contains(id) && !row.is_alarming(),
        };
        assert!(expected, "{id}: {:?}", row.verdict);
    }
}

#[tokio::test]
async fn every_case_holds_on_the_emulator() {
    expect(&rows(cases::all()).await);
}

#[tokio::test]
async fn the_permissions_in_the_readme_suffice() {
    let (emulator, _server, client) = emulator().await;
    let readme = include_str!("../README.md");
    let policy = readme.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let policy = policy.replace("REGION", "us-east-1").replace("ACCOUNT", "123456789012");
    emulator.set_policy(None, Some(serde_json::from_str(&policy).unwrap())).unwrap();
    let target = Target::new(client.clone(), REPOSITORY.to_owned(), Duration::ZERO);
    let work = async move { run(&target, &cases::all(), |_| ()).await };
    expect(&sandbox::in_repository(&client, REPOSITORY, work).await.unwrap());
}

#[tokio::test]
async fn cases_do_not_depend_on_their_order() {
    expect(&rows(cases::all().into_iter().rev().collect()).await);
}

#[tokio::test]
async fn the_repository_is_deleted_when_the_work_panics() {
    let (emulator, _server, client) = emulator().await;
    let result = sandbox::in_repository(&client, REPOSITORY, async { panic!("broken") }).await;
    let error = result.map(|(): ()| "done").unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
    assert!(!exists(&emulator, REPOSITORY));
}

#[tokio::test]
async fn archived_images_are_deleted_before_their_repository() {
    let (emulator, _server, client) = emulator().await;
    let left = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&left);
    emulator.before("DeleteRepository", 1, move |emulator| {
        *seen.lock().unwrap() = Some(emulator.images(REPOSITORY).len());
    });
    let inside = emulator.clone();
    let work = async move {
        let pushed = Build::new(&["linux/amd64"]).push(&inside, REPOSITORY, Some("v1")).unwrap();
        for digest in [&pushed.root, &pushed.platforms[0], &pushed.attestations[0]] {
            let id = serde_json::json!({ "imageDigest": digest });
            let request = serde_json::json!({
                "repositoryName": REPOSITORY, "imageId": id, "targetStorageClass": "ARCHIVE",
            });
            inside.call("UpdateImageStorageClass", request).unwrap();
        }
    };
    sandbox::in_repository(&client, REPOSITORY, work).await.unwrap();
    assert_eq!(*left.lock().unwrap(), Some(0));
    assert!(!exists(&emulator, REPOSITORY));
}

#[tokio::test]
async fn the_repository_is_deleted_when_its_images_cannot_be() {
    let (emulator, _server, client) = emulator().await;
    emulator.fault(FaultRule {
        operation: "BatchDeleteImage".into(),
        repository: None,
        when: When::Always,
        fault: Fault::AccessDenied,
    });
    let inside = emulator.clone();
    let work = async move { Build::new(&["linux/amd64"]).push(&inside, REPOSITORY, None).unwrap() };
    sandbox::in_repository(&client, REPOSITORY, work).await.unwrap();
    assert!(!exists(&emulator, REPOSITORY));
}

#[tokio::test]
async fn a_panic_is_confined_to_its_case() {
    let broken =
        |_| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> { Box::pin(async { panic!("broken") }) };
    let mut cases = cases::all();
    cases.truncate(2);
    cases[0].check = broken;
    let rows = rows(cases).await;
    assert!(rows[0].panicked && rows[0].is_alarming());
    assert!(matches!(rows[1].verdict, Verdict::Confirmed(_)));
}

/// Runs one case on an emulator that was changed first.
async fn one(id: &str, change: impl FnOnce(&Emulator)) -> Row {
    let (emulator, _server, client) = emulator().await;
    let cases: Vec<Case> = cases::all().into_iter().filter(|case| case.id == id).collect();
    let target = Target::new(client.clone(), REPOSITORY.to_owned(), Duration::ZERO);
    change(&emulator);
    let work = async move { run(&target, &cases, |_| ()).await };
    sandbox::in_repository(&client, REPOSITORY, work).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_registry_that_rewrites_manifests_is_refuted() {
    let row = one("bytes-are-kept", |emulator| {
        emulator.before("BatchGetImage", 1, |emulator| {
            for image in emulator.images(REPOSITORY) {
                emulator.corrupt_manifest(REPOSITORY, &image.digest, &image.manifest.replace(' ', ""));
            }
        });
    })
    .await;
    assert!(matches!(row.verdict, Verdict::Refuted(_)) && row.is_alarming(), "{row:?}");
}

/// A change of the emulator's behaviour.
type Variant = fn(&Emulator);

#[tokio::test]
async fn open_claims_can_be_refuted() {
    let variants: [(&str, Variant); 4] = [
        ("ids-with-filter-are-accepted", |emulator| emulator.set_ids_with_filter(false)),
        ("layers-outlive-their-manifest", |emulator| {
            emulator.set_unreferenced_layers(UnreferencedLayers::Dropped)
        }),
        ("subject-is-shown", |emulator| emulator.set_hide_subjects(true)),
        ("subject-of-an-archived-image-is-shown", |emulator| emulator.set_hide_subjects(true)),
    ];
    for (id, variant) in variants {
        let row = one(id, variant).await;
        assert!(matches!(row.verdict, Verdict::Refuted(_)) && !row.is_alarming(), "{row:?}");
    }
}

#[tokio::test]
async fn claims_that_the_default_behaviour_cannot_show_can_be_confirmed() {
    let variants: [(&str, Variant); 3] = [
        ("pull-time-is-recorded-late", |emulator| emulator.set_pull_time_updates(false)),
        ("restored-is-young", |emulator| emulator.set_activation_delay(Duration::ZERO)),
        ("several-unknown-digests-are-all-named", |emulator| emulator.set_name_all_unknown_images(true)),
    ];
    for (id, variant) in variants {
        let row = one(id, variant).await;
        assert!(matches!(row.verdict, Verdict::Confirmed(_)), "{row:?}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_inconclusive() {
    let row = one("archived-can-be-deleted", |emulator| {
        emulator.fault(FaultRule {
            operation: "UpdateImageStorageClass".into(),
            repository: None,
            when: When::Always,
            fault: Fault::AccessDenied,
        });
    })
    .await;
    let Verdict::NotTestable(why) = &row.verdict else { panic!("{row:?}") };
    assert!(why.contains("AccessDenied") && !row.is_alarming(), "{row:?}");
}

#[tokio::test]
async fn a_repository_that_cannot_be_deleted_is_named() {
    let (emulator, _server, client) = emulator().await;
    emulator.fault(FaultRule {
        operation: "DeleteRepository".into(),
        repository: None,
        when: When::Always,
        fault: Fault::AccessDenied,
    });
    let error = sandbox::in_repository(&client, REPOSITORY, async {}).await.unwrap_err().to_string();
    assert!(error.contains(REPOSITORY) && error.contains("please delete it"), "{error}");
}

/// The program in `--aws` mode, with the emulator as its endpoint.
fn program(server: &Server, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ecr-contract"))
        .args(["--aws", "--prefix", "janitor-contract"])
        .args(arguments)
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn end_of(mut child: Child) -> ExitStatus {
    for _ in 0..600 {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    child.kill().unwrap();
    panic!("the program does not end");
}

fn repositories(emulator: &Emulator) -> usize {
    let answer = emulator.call("DescribeRepositories", serde_json::json!({})).unwrap();
    answer["repositories"].as_array().unwrap().len()
}

const CONSENT: &str = "--i-know-this-creates-a-repository";

#[tokio::test]
async fn an_account_is_not_touched_without_consent() {
    let (emulator, server, _client) = emulator().await;
    assert_eq!(end_of(program(&server, &[])).await.code(), Some(2));
    assert!(emulator.calls().is_empty());
}

#[tokio::test]
async fn an_account_is_left_as_it_was() {
    let (emulator, server, _client) = emulator().await;
    let status =
        end_of(program(&server, &[CONSENT, "--only", "tag-moves", "--only", "archived-index-guards"])).await;
    assert_eq!((status.code(), repositories(&emulator)), (Some(0), 1));
    assert_eq!(emulator.calls()["DeleteRepository"], 1);
}

#[tokio::test]
async fn an_interrupted_run_cleans_up() {
    let (emulator, server, _client) = emulator().await;
    let child = program(&server, &[CONSENT]);
    while !emulator.calls().contains_key("PutImage") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(end_of(child).await.code(), Some(1));
    assert_eq!(repositories(&emulator), 1);
}

#[test]
fn ids_are_distinct_and_in_kebab_case() {
    let cases = cases::all();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id).collect();
    assert_eq!(ids.len(), cases.len());
    for id in ids {
        let fits = id.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        assert!(fits, "{id}");
    }
}

#[test]
fn texts_are_sentences_that_fit_a_table() {
    for case in cases::all() {
        let more = match case.evidence {
            Evidence::Supported { if_wrong, .. } | Evidence::Open { if_wrong } => if_wrong,
            Evidence::Refuted { fact, .. } => fact,
            Evidence::Confirmed(_) | Evidence::Documented(_) => case.claim,
        };
        for text in [case.claim, case.safeguard, more] {
            assert!(text.ends_with('.') && !text.contains('|') && !text.contains('\n'), "{}", case.id);
        }
    }
}

#[test]
fn every_status_but_open_names_a_source() {
    for case in cases::all() {
        let open = matches!(case.evidence, Evidence::Open { .. });
        assert_eq!(case.evidence.sources().is_empty(), open, "{}", case.id);
    }
}

#[test]
fn the_document_is_generated_from_the_cases() {
    let document = include_str!("../../../docs/ASSUMPTIONS.md");
    let remedy = "cargo run -p ecr-contract -- --assumptions > docs/ASSUMPTIONS.md";
    assert!(document == assumptions::document(), "out of date: {remedy}");
    for case in cases::all() {
        let row = format!("| `{}` | {} | ", case.id, case.claim);
        assert_eq!(document.lines().filter(|line| line.starts_with(&row)).count(), 1, "{}", case.id);
    }
}

#[test]
fn the_document_has_a_part_for_each_kind_of_evidence() {
    let document = assumptions::document();
    let parts: Vec<&str> = document.split("\n## ").skip(1).collect();
    let titles: Vec<&str> = parts.iter().filter_map(|part| part.lines().next()).collect();
    assert_eq!(titles, ["Confirmed", "Open", "Refuted"]);
    for case in cases::all() {
        let part = match case.evidence.status() {
            "confirmed" | "documented" => parts[0],
            "supported" | "open" => parts[1],
            _ => parts[2],
        };
        assert!(part.contains(&format!("| `{}` | ", case.id)), "{}", case.id);
    }
}
