//! `explain`: what is in an attestation.

use ecr_emulator::buildx::{Build, Form, Mode, Provenance, Slsa};
use ecr_emulator::{Fault, When};
use serde_json::{Value, json};

use crate::harness::{Repo, World, oci, single, trouble_in};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const RUN: &str = "https://github.com/acme/shop/actions/runs/7/attempts/1";
const SECRET: &str = "sec-ret-0123456789";

/// A build in GitHub Actions that was given a secret in every way that people find.
fn provenance(slsa: Slsa) -> Provenance {
    let uri = format!("https://x-access-token:{SECRET}@github.com/acme/shop.git#refs/heads/main");
    let digest = format!("sha256:{}", "ab".repeat(32));
    Provenance::new()
        .slsa(slsa)
        .mode(Mode::Max)
        .builder_id(RUN)
        .git_context(&uri, COMMIT)
        .build_arg("NPM_TOKEN", SECRET)
        .material("pkg:docker/alpine@3.22?platform=linux%2Famd64", &digest)
        .built_at(1_762_164_000_000, 1_762_164_090_000)
}

fn shop(world: &World, build: Build) -> (Repo, ecr_emulator::buildx::Pushed) {
    let shop = world.repository("team/shop");
    let pushed = shop.push(20, build, "v1");
    (shop, pushed)
}

fn inside(world: &World, image: &str) -> Value {
    let outcome = world.cli(&["explain", image, "--output", "json"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.json()["inside"].clone()
}

fn text(world: &World, image: &str) -> String {
    let outcome = world.with_columns(200).cli(&["explain", image]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.stdout
}

trait Columns {
    fn with_columns(&self, columns: usize) -> World;
}

impl Columns for World {
    /// The same registry, seen on a terminal of this width.
    fn with_columns(&self, columns: usize) -> World {
        self.fork().with("COLUMNS", &columns.to_string())
    }
}

#[test]
fn it_tells_who_built_an_image_from_what_and_when() {
    for (form, slsa) in [(Form::Oci, Slsa::V1), (Form::Oci, Slsa::V02), (Form::Legacy, Slsa::V02)] {
        let world = World::new();
        let (_, pushed) = shop(&world, single(1).form(form).sbom(true).provenance(provenance(slsa)));
        let it = inside(&world, &format!("team/shop@{}", pushed.attestations[0]));
        assert_eq!(it["attestation"], pushed.attestations[0]);
        assert_eq!(
            it["pipeline"],
            json!({"kind": "github-actions", "source": "github.com/acme/shop", "workflow": null})
        );
        assert_eq!((&it["more_attestations"], &it["unread"]), (&json!(0), &json!([])));
        let [sbom, stated] = it["statements"].as_array().unwrap().as_slice() else { panic!("{it:#}") };
        assert_eq!(sbom["sbom"]["format"], "SPDX-2.3");
        assert_eq!(sbom["sbom"]["tools"], json!(["syft-v1.29.0", "buildkit-v0.32.0"]));
        assert_eq!((&sbom["sbom"]["packages"], &sbom["is_signed"]), (&json!(5), &json!(false)));
        let provenance = &stated["provenance"];
        for (key, value) in [
            ("builder", json!(RUN)),
            ("source", json!("https://github.com/acme/shop.git#refs/heads/main")),
            ("revision", json!(COMMIT)),
            ("entry_point", json!("Dockerfile")),
            ("started_at", json!("2025-11-03T10:00:00Z")),
            ("finished_at", json!("2025-11-03T10:01:30Z")),
            ("mode", json!("max")),
            ("build_args", json!(["NPM_TOKEN"])),
            (
                "base_images",
                json!([{"name": "alpine:3.22", "digest": format!("sha256:{}", "ab".repeat(32))}]),
            ),
        ] {
            assert_eq!(provenance[key], value, "{key} of {provenance:#}");
        }
    }
}

#[test]
fn an_image_an_index_and_a_tag_tell_of_the_attestation_that_is_about_them() {
    let world = World::new();
    let (_, pushed) = shop(&world, oci(1).provenance(provenance(Slsa::V1)));
    for (image, attestation, platform, more) in [
        ("team/shop:v1".to_owned(), 0, "linux-amd64", 1),
        (format!("team/shop@{}", pushed.root), 0, "linux-amd64", 1),
        (format!("team/shop@{}", pushed.platforms[1]), 1, "linux-arm64", 0),
        (format!("team/shop@{}", pushed.attestations[1]), 1, "linux-arm64", 0),
    ] {
        let it = inside(&world, &image);
        assert_eq!(it["attestation"], pushed.attestations[attestation], "{image}");
        assert_eq!((&it["platform"], &it["more_attestations"]), (&json!(platform), &json!(more)), "{image}");
        assert_eq!(it["statements"][0]["provenance"]["builder"], RUN, "{image}");
    }
    let plain = world
        .repository("team/plain")
        .ago(9, |ecr, name| ecr_emulator::artifacts::plain_image(ecr, name, 1, Some("v1")));
    assert_eq!(inside(&world, &format!("team/plain@{plain}")), Value::Null);
}

#[test]
fn people_get_a_section_and_the_change_for_their_pipeline() {
    let world = World::new();
    shop(&world, single(1).sbom(true).provenance(provenance(Slsa::V1)));
    let text = text(&world, "team/shop:v1");
    for part in [
        "Inside          2 statements about the linux-amd64 image in sha256:",
        "States          https://slsa.dev/provenance/v1, mode=max\n",
        &format!("  Built by      {RUN}\n"),
        &format!("  Source        https://github.com/acme/shop.git#refs/heads/main at {COMMIT}\n"),
        "  Defined by    Dockerfile\n",
        "  Base images   alpine:3.22 (sha256:abababababab)\n",
        "  Built         2025-11-03T10:00:00Z, within 1m 30s\n",
        "  Build args    NPM_TOKEN (values are not shown)\n",
        "  SBOM          SPDX-2.3 by syft-v1.29.0, buildkit-v0.32.0, 5 packages\n",
        "To make no more of them, in the pipeline of github.com/acme/shop: docker/build-push-action",
        "What you give up",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn no_secret_of_a_build_is_printed() {
    let world = World::new().with_state();
    for slsa in [Slsa::V02, Slsa::V1] {
        let name = format!("team/{slsa:?}").to_lowercase();
        let repository = world.repository(&name);
        let build = single(1).provenance(provenance(slsa));
        let pushed = repository.push(20, build, "v1");
        let layers = repository.ecr.image(&name, &pushed.attestations[0]).unwrap().manifest;
        assert!(layers.contains("in-toto"), "{layers}");
    }
    for arguments in [
        &["explain", "team/v02:v1"][..],
        &["explain", "team/v1:v1"],
        &["explain", "team/v1:v1", "--output", "json"],
        &["explain", "team/v02:v1", "--output", "json"],
        &["sources"],
        &["sources", "--output", "json"],
        &["plan", "--output", "json", "--log", "log"],
    ] {
        let outcome = world.cli(arguments);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(printed.contains("acme/shop") && !printed.contains(SECRET), "{arguments:?}: {printed}");
    }
    for name in ["v1", "v02"] {
        let memory =
            world.file(&format!("state/ecr-janitor/memory/123456789012/us-east-1/team/{name}/_memory"));
        let memory = std::fs::read(memory).unwrap();
        assert!(!memory.windows(SECRET.len()).any(|it| it == SECRET.as_bytes()));
    }
}

#[test]
fn what_cannot_be_read_is_a_line_and_no_error() {
    for (operation, when, fault, told) in [
        ("GetDownloadUrlForLayer", When::Always, Fault::AccessDenied, "allow ecr:GetDownloadUrlForLayer"),
        ("GetDownloadUrlForLayer", When::Always, Fault::ServerError, "GetDownloadUrlForLayer failed with"),
        ("GET /layers", When::Always, Fault::AccessDenied, "the download of a layer failed with http-400"),
        ("GET /layers", When::Always, Fault::Garbage, "do not have that digest"),
        ("GET /layers", When::Always, Fault::Drop, "add a gateway endpoint for com.amazonaws.us-east-1.s3"),
        ("GET /layers", When::Always, Fault::Cut, "the download of a layer failed with"),
    ] {
        let mut world = World::new().with("AWS_MAX_ATTEMPTS", "1");
        let (shop, _) = shop(&world, single(1).provenance(provenance(Slsa::V1)));
        world.ecr.fault(trouble_in(&shop, operation, when, fault.clone()));
        let it = inside(&world, "team/shop:v1");
        assert_eq!((&it["statements"], &it["pipeline"]), (&json!([]), &Value::Null), "{it:#}");
        let unread = &it["unread"][0];
        let detail = unread["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{fault:?}: {detail}");
        assert_eq!(unread["predicate_type"], "https://slsa.dev/provenance/v1");
        world.set("COLUMNS", "2000");
        let outcome = world.cli(&["explain", "team/shop:v1"]);
        assert!(outcome.stdout.contains("Not read        https://slsa.dev/provenance/v1 ("), "{outcome:?}");
    }
}

#[test]
fn urls_that_run_out_are_asked_for_again_and_then_told() {
    let world = World::new();
    shop(&world, single(1).provenance(provenance(Slsa::V1)));
    world.ecr.set_layer_url_lifetime(std::time::Duration::ZERO);
    let it = inside(&world, "team/shop:v1");
    let detail = it["unread"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("http-403") && detail.contains("prod-us-east-1-starport-layer-bucket"),
        "{detail}"
    );
    assert_eq!(world.ecr.calls()["GetDownloadUrlForLayer"], 4);
}

#[test]
fn an_archived_attestation_is_told_as_that() {
    let world = World::new();
    let (shop, pushed) = shop(&world, single(1).provenance(provenance(Slsa::V1)));
    shop.archive(&pushed.attestations[0]);
    let it = inside(&world, "team/shop:v1");
    assert!(it["detail"].as_str().unwrap().contains("archived"), "{it:#}");
}

#[test]
fn statements_that_are_too_large_are_named_and_not_fetched() {
    let world = World::new();
    let shop = world.repository("team/shop");
    let attestation = shop.attestation_of_size(9, 8 * 1024 * 1024 + 1);
    let it = inside(&world, &format!("team/shop@{attestation}"));
    let unread = &it["unread"][0];
    assert_eq!(unread["size_bytes"], 8 * 1024 * 1024 + 1);
    assert!(unread["detail"].as_str().unwrap().contains("more than 8 MiB are not read"), "{unread}");
    assert_eq!(world.ecr.calls().get("GetDownloadUrlForLayer"), None);
}

#[test]
fn signed_statements_are_shown_as_signed_and_not_verified() {
    let world = World::new();
    let shop = world.repository("team/shop");
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [],
        "predicate": {"runDetails": {"builder": {"id": "https://github.com/acme/shop/actions/runs/3"}}},
    });
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::STANDARD.encode(statement.to_string());
    let envelope =
        json!({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []});
    let digest = shop.layer_of_type(9, "application/vnd.in-toto.provenance+dsse", &envelope.to_string());
    let it = inside(&world, &format!("team/shop@{digest}"));
    assert_eq!(
        (&it["statements"][0]["is_signed"], &it["pipeline"]["kind"]),
        (&json!(true), &json!("github-actions"))
    );
    let told = text(&world, &format!("team/shop@{digest}"));
    assert!(told.contains("signed (the signature was not verified)"), "{told}");
    let broken = shop.layer_of_type(9, "application/vnd.in-toto+json", "{\"_type\": \"\u{1b}[2J");
    let told = text(&world, &format!("team/shop@{broken}"));
    assert!(told.contains("it is not JSON that can be read") && !told.contains('\u{1b}'), "{told}");
}

/// Layouts that BuildKit and containerd wrote, served layer by layer as ECR does. See `tests/corpus.rs`.
#[test]
fn layouts_of_real_builders_are_read_through_the_registry() {
    let Some(corpus) = std::env::var_os("ECR_JANITOR_CORPUS") else { return };
    let world = World::new();
    for (layout, predicate_type, key, value) in [
        (
            "buildkit-0.32-provenance-max",
            "https://slsa.dev/provenance/v0.2",
            "/provenance/mode",
            json!("max"),
        ),
        (
            "buildkit-0.32-rebuilt-same-platforms",
            "https://slsa.dev/provenance/v0.2",
            "/provenance/finished_at",
            json!("2026-11-23T06:35:15.56834539Z"),
        ),
        (
            "buildkit-0.32-oci-artifact-false",
            "https://slsa.dev/provenance/v1",
            "/provenance/dockerfile_version",
            json!("1.26.0-dev"),
        ),
        ("containerd-subject-layout", "https://spdx.dev/Document", "/sbom/tools", json!(["syft-v0.105.0"])),
    ] {
        let name = format!("real/{layout}");
        let folder = std::path::Path::new(&corpus).join("layouts").join(layout);
        let roots = ecr_emulator::seed::oci_layout(&world.ecr, &name, &folder, None).unwrap();
        let it = inside(&world, &format!("{name}@{}", roots[0]));
        let statement = &it["statements"][0];
        assert_eq!(statement["predicate_type"], predicate_type, "{layout}: {it:#}");
        assert_eq!(statement.pointer(key), Some(&value), "{layout}: {it:#}");
        assert_eq!(it["unread"], json!([]), "{layout}");
    }
    let pipelines = world.cli(&["sources", "--output", "json"]).json();
    let kinds: Vec<&Value> =
        pipelines["pipelines"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["buildx", "unknown"], "{pipelines:#}");
}
