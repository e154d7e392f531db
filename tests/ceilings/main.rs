//! The memory of the function, under a limit: very many images, and repositories that somebody filled to end the run.
//!
//! The limit is one on the process's data (`ulimit -d`): with one byte more it ends. What a function has beside its data
//! is its program, of some 20 MB.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![cfg(target_os = "linux")]

mod registry;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ecr_attestation_janitor::cli::local_lambda::{Answer, LocalFunction};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_emulator::Emulator;
use ecr_emulator::buildx::{Build, Form};
use registry::{Images, Manifests, ORIGINAL, serve};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the program itself takes of a function's memory.
const PROGRAM_MB: u64 = 24;
const PATIENCE: Duration = Duration::from_secs(800);
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// The function as a program that has no more data than a function of so many MB.
fn limited(folder: &Path, mb: u64) -> PathBuf {
    let script = folder.join("bootstrap");
    let data_kb = (mb - PROGRAM_MB) * 1000;
    let text = format!("#!/bin/sh\nulimit -d {data_kb}\nexec '{}'\n", env!("CARGO_BIN_EXE_bootstrap"));
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// The report of a function of so many MB.
async fn report(mb: u64, images: Images, repositories: usize, variables: &[(&str, &str)]) -> Value {
    let folder = TempDir::new().unwrap();
    let url = serve(images, repositories).await;
    let config = folder.path().join("janitor.toml");
    std::fs::write(&config, "").unwrap();
    let size = mb.to_string();
    let given = [
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", size.as_str()),
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("JANITOR_CONFIG", config.to_str().unwrap()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "nothing"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let variables = given.into_iter().chain(variables.iter().copied());
    let mut function = LocalFunction::start(&limited(folder.path(), mb), variables).await.unwrap();
    let answer = function.invoke(&json!({}), PATIENCE).await;
    let log = function.stop().await;
    match answer.unwrap_or_else(|error| panic!("{error}: {:?}", log.last())) {
        Answer::Response(report) => report,
        Answer::Error(error) => panic!("{error}"),
    }
}

/// Builds as CI leaves them: some with a tag, most superseded, and orphans.
fn builds(images: u64) -> Emulator {
    let emulator = Emulator::new();
    emulator.set_image_limit(usize::MAX);
    emulator.create_repository(ORIGINAL).unwrap();
    emulator.set_clock(Some(emulator.now() - 100 * 24 * 3600 * 1000));
    for code in 0..images / 5 {
        let build = Build::new(&["linux/amd64", "linux/arm64"]).code(code).form(Form::Oci);
        let tag = (code % 10 == 0).then(|| format!("v{code}"));
        build.push(&emulator, ORIGINAL, tag.as_deref()).unwrap();
    }
    emulator.set_clock(None);
    emulator
}

/// Every attestation in every index.
fn entangled(attestations: usize, indexes: usize) -> Images {
    let (mut entries, mut manifests) = (Vec::new(), Manifests::default());
    let mut put = |manifest: &str, media_type: &str, tags: &[&str]| {
        let digest = Digest::of(manifest.as_bytes()).to_string();
        entries.push(entry(&digest, media_type, tags));
        manifests.add(digest.clone(), manifest);
        digest
    };
    let descriptors: Vec<String> = (0..attestations)
        .map(|number| {
            let attestation = attestation(number);
            let digest = put(&attestation, MANIFEST, &[]);
            json!({"mediaType": MANIFEST, "digest": digest, "size": attestation.len()}).to_string()
        })
        .collect();
    let mut index = |descriptors: &[String], number: usize, tags: &[&str]| {
        let (listed, head) =
            (descriptors.join(","), format!("\"schemaVersion\":2,\"mediaType\":\"{INDEX}\""));
        let index = format!("{{{head},\"manifests\":[{listed}],\"annotations\":{{\"n\":\"{number}\"}}}}");
        put(&index, INDEX, tags);
    };
    (0..indexes).for_each(|number| index(&descriptors, number, &[]));
    index(&descriptors[..1], indexes, &["v1"]);
    Images::Listed { entries, manifests }
}

/// An attestation of an image that is not there.
fn attestation(number: usize) -> String {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ATTESTATION,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}").to_string(), "size": 2},
        "layers": [{
            "mediaType": "application/vnd.in-toto+json", "digest": Digest::of(b"statement").to_string(), "size": 9,
            "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"},
        }],
        "subject": {"mediaType": MANIFEST, "digest": format!("sha256:{number:064x}"), "size": 2},
    });
    manifest.to_string()
}

/// What DescribeImages says of an image that was pushed long ago.
fn entry(digest: &str, media_type: &str, tags: &[impl AsRef<str>]) -> Value {
    let tags: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
    json!({
        "registryId": "123456789012", "repositoryName": ORIGINAL, "imageDigest": digest, "imageTags": tags,
        "imageSizeInBytes": 1, "imagePushedAt": 1_700_000_000.0, "imageStatus": "ACTIVE",
        "imageManifestMediaType": media_type,
    })
}

/// Images of very many tags.
fn tagged(images: usize, tags: usize, length: usize) -> Images {
    let tags = |image: usize| (0..tags).map(|tag| format!("{image:0>length$}-{tag:04}")).collect::<Vec<_>>();
    let entry = |image: usize| entry(&format!("sha256:{image:064x}"), MANIFEST, &tags(image));
    Images::Listed { entries: (0..images).map(entry).collect(), manifests: Manifests::default() }
}

const DELETES: [(&str, &str); 4] = [
    ("JANITOR_PRESET", "recommended"),
    ("JANITOR_SUPERSEDED_SINCE", "push"),
    ("JANITOR_KEEP_PULLED_WITHIN", "0h"),
    ("JANITOR_MODE", "plan"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn a_hundred_repositories_fit_256_mb() {
    let (repositories, images) = (100, 30_000);
    let report = report(256, Images::Emulated(builds(images)), repositories, &DELETES).await;
    let [all, reached] = ["repositories", "images"].map(|key| report["totals"][key].as_u64().unwrap());
    assert_eq!(all, repositories as u64, "{:#}", report["totals"]);
    assert!(reached > 3 * images, "{:#}", report["totals"]);
    let skipped = report["repositories"].as_array().unwrap().iter().filter(|it| it["reason"] == "deadline");
    for repository in skipped {
        assert!(repository["detail"].as_str().unwrap().contains("no memory left"), "{repository:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn a_hundred_repositories_with_nothing_to_do_fit_256_mb() {
    let (repositories, images) = (100, 30_000);
    let report = report(256, Images::Emulated(builds(images)), repositories, &[]).await;
    assert_eq!(report["totals"]["images"], images * repositories as u64, "{:#}", report["totals"]);
    assert_eq!(report["complete"], true);
}

/// A plan of so many images, in a function of so many MB, which must reach each of them.
async fn plan_reaches(images: u64, repositories: usize, mb: u64, variables: &[(&str, &str)]) {
    let report = report(mb, Images::Emulated(builds(images)), repositories, variables).await;
    assert_eq!(report["totals"]["images"], images * repositories as u64, "{:#}", report["totals"]);
    assert_eq!(report["complete"], true, "{:#}", report["totals"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn a_repository_of_300_000_images_fits_256_mb() {
    plan_reaches(300_000, 1, 256, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn a_plan_that_is_too_large_ends_no_run_of_256_mb() {
    let report = report(256, Images::Emulated(builds(300_000)), 1, &DELETES).await;
    let repository = &report["repositories"][0];
    assert_eq!(repository["reason"], "deadline", "{repository:#}");
    let detail = repository["detail"].as_str().unwrap();
    assert!(detail.contains("give the function more memory (MemorySize)"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn a_repository_of_412_000_images_fits_512_mb() {
    plan_reaches(412_000, 1, 512, &DELETES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn ten_thousand_repositories_of_a_hundred_images_fit_512_mb() {
    plan_reaches(100, 10_000, 512, &DELETES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: make ceilings"]
async fn a_repository_of_entangled_indexes_fits_128_mb() {
    let (attestations, indexes) = (12_000, 160);
    let report = report(128, entangled(attestations, indexes), 1, &DELETES).await;
    let repository = &report["repositories"][0];
    assert_eq!(repository["images"], attestations + indexes + 1, "{repository:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_of_very_many_tags_fits_128_mb() {
    let report = report(128, tagged(1000, 700, 120), 1, &DELETES).await;
    let repository = &report["repositories"][0];
    assert_eq!(repository["reason"], "listing-incomplete", "{repository:#}");
    assert!(repository["detail"].as_str().unwrap().contains("tags"), "{repository:#}");
}
