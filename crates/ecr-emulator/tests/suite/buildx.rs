//! The seeder makes what BuildKit makes.

use ecr_emulator::Emulator;
use ecr_emulator::buildx::{Build, Form, Mode, Provenance, Slsa, merge};
use serde_json::{Value, json};

use crate::support::{OCI_INDEX, OCI_MANIFEST, REPO, emulator};

fn manifest(emulator: &Emulator, digest: &str) -> Value {
    serde_json::from_str(&emulator.image(REPO, digest).unwrap().manifest).unwrap()
}

#[test]
fn an_index_lists_platforms_then_attestations() {
    let emulator = emulator();
    let build = Build::new(&["linux/amd64", "linux/arm64/v8"]);
    let pushed = build.push(&emulator, REPO, Some("v1")).unwrap();
    let index = manifest(&emulator, &pushed.root);
    let children = index["manifests"].as_array().unwrap();
    assert_eq!(index["mediaType"], OCI_INDEX);
    assert_eq!(children.len(), 4);
    assert_eq!(children[1]["platform"], json!({ "architecture": "arm64", "os": "linux", "variant": "v8" }));
    let size = emulator.image(REPO, &pushed.attestations[1]).unwrap().manifest.len();
    assert_eq!(
        children[3],
        json!({
            "mediaType": OCI_MANIFEST,
            "digest": pushed.attestations[1],
            "size": size,
            "annotations": {
                "vnd.docker.reference.digest": pushed.platforms[1],
                "vnd.docker.reference.type": "attestation-manifest",
            },
            "platform": { "architecture": "unknown", "os": "unknown" },
        })
    );
}

#[test]
fn the_oci_form_says_what_it_is() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let text = emulator.image(REPO, &pushed.attestations[0]).unwrap().manifest;
    assert!(text.starts_with("{\n  \"schemaVersion\": 2,\n  \"mediaType\": "), "{text}");
    let attestation = manifest(&emulator, &pushed.attestations[0]);
    assert_eq!(attestation["artifactType"], "application/vnd.docker.attestation.manifest.v1+json");
    assert_eq!(
        attestation["config"],
        json!({
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
            "data": "e30=",
        })
    );
    let size = emulator.image(REPO, &pushed.platforms[0]).unwrap().manifest.len();
    let subject = json!({ "mediaType": OCI_MANIFEST, "digest": pushed.platforms[0], "size": size });
    assert_eq!(attestation["subject"], subject);
}

#[test]
fn the_legacy_form_has_the_made_up_config_over_its_layers() {
    let emulator = emulator();
    let build = Build::new(&["linux/amd64"]).form(Form::Legacy).sbom(true);
    let pushed = build.push(&emulator, REPO, None).unwrap();
    let attestation = manifest(&emulator, &pushed.attestations[0]);
    let layers = attestation["layers"].as_array().unwrap();
    let types: Vec<_> = layers.iter().map(|l| &l["annotations"]["in-toto.io/predicate-type"]).collect();
    assert_eq!(types, ["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"]);
    let config = emulator.blob(REPO, attestation["config"]["digest"].as_str().unwrap()).unwrap();
    let expected = format!(
        r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{},{}]}}}}"#,
        layers[0]["digest"], layers[1]["digest"]
    );
    assert_eq!(String::from_utf8(config).unwrap(), expected);
    assert_eq!(expected.len(), 241);
    for absent in ["artifactType", "subject", "annotations"] {
        assert_eq!(attestation.get(absent), None);
    }
    let statement = emulator.blob(REPO, layers[1]["digest"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    let hex = statement["subject"][0]["digest"]["sha256"].as_str().unwrap();
    assert_eq!(format!("sha256:{hex}"), pushed.platforms[0]);
}

#[test]
fn the_same_code_built_again_has_new_attestations_of_the_same_images() {
    let emulator = emulator();
    let build = Build::new(&["linux/amd64"]).code(7);
    let first = build.clone().run(1).push(&emulator, REPO, Some("latest")).unwrap();
    let second = build.clone().run(2).push(&emulator, REPO, Some("latest")).unwrap();
    assert_eq!(first.platforms, second.platforms);
    assert_ne!(first.attestations, second.attestations);
    assert_eq!(emulator.image(REPO, &first.root).unwrap().tags, [""; 0]);
    assert_eq!(emulator.image_count(REPO), 5);
    // The very same build again changes nothing.
    assert_eq!(build.run(2).push(&emulator, REPO, Some("latest")).unwrap(), second);
    assert_eq!(emulator.image_count(REPO), 5);
}

#[test]
fn a_push_under_way_has_only_attestations_and_can_be_finished() {
    let emulator = emulator();
    let build = Build::new(&["linux/amd64", "linux/arm64"]);
    let early = build.push_attestations_only(&emulator, REPO).unwrap();
    assert_eq!(emulator.image_count(REPO), 2);
    assert_eq!(build.push(&emulator, REPO, Some("v1")).unwrap().attestations, early);
}

#[test]
fn a_merge_copies_the_descriptors() {
    let emulator = emulator();
    let amd = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let arm = Build::new(&["linux/arm64"]).push(&emulator, REPO, None).unwrap();
    let merged = merge(&emulator, REPO, &[&amd.root, &arm.root, &amd.root], Some("v1")).unwrap();
    let children = manifest(&emulator, &merged)["manifests"].clone();
    let mut expected = manifest(&emulator, &amd.root)["manifests"].as_array().unwrap().clone();
    expected.extend(manifest(&emulator, &arm.root)["manifests"].as_array().unwrap().clone());
    assert_eq!(children, json!(expected));
}

/// The statements of the first attestation, by predicate type; each is checked against its descriptor.
fn statements(emulator: &Emulator, build: &Build) -> Vec<Value> {
    let pushed = build.push(emulator, REPO, None).unwrap();
    let attestation = manifest(emulator, &pushed.attestations[0]);
    let layers = attestation["layers"].as_array().unwrap().iter().map(|layer| {
        let bytes = emulator.blob(REPO, layer["digest"].as_str().unwrap()).unwrap();
        assert_eq!(layer["size"], bytes.len());
        let statement: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(statement["predicateType"], layer["annotations"]["in-toto.io/predicate-type"]);
        let platform = pushed.platforms[0].strip_prefix("sha256:").unwrap();
        assert_eq!(statement["subject"][0]["digest"]["sha256"], platform);
        statement
    });
    layers.collect()
}

fn told(mode: Mode, slsa: Slsa) -> Provenance {
    Provenance::new()
        .mode(mode)
        .slsa(slsa)
        .builder_id("https://github.com/acme/shop/actions/runs/7/attempts/1")
        .entry_point("deploy/Dockerfile")
        .build_arg("VERSION", "1.2.3")
        .material("pkg:docker/alpine@3.22?platform=linux%2Famd64", &format!("sha256:{}", "a".repeat(64)))
        .built_at(1_767_312_000_000, 1_767_312_090_500)
}

#[test]
fn provenance_v1_tells_who_built_what() {
    let emulator = emulator();
    let told = told(Mode::Min, Slsa::V1).checkout("https://github.com/acme/shop", "c0ffee");
    let build = Build::new(&["linux/amd64"]).provenance(told);
    let statement = &statements(&emulator, &build)[0];
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let (definition, run) =
        (&statement["predicate"]["buildDefinition"], &statement["predicate"]["runDetails"]);
    let metadata = &run["metadata"];
    assert_eq!(run["builder"]["id"], "https://github.com/acme/shop/actions/runs/7/attempts/1");
    assert_eq!(metadata["startedOn"], "2026-01-02T00:00:00Z");
    assert_eq!(metadata["finishedOn"], "2026-01-02T00:01:30.5Z");
    let vcs = &metadata["buildkit_metadata"]["vcs"];
    assert_eq!(
        (&vcs["source"], &vcs["revision"]),
        (&json!("https://github.com/acme/shop"), &json!("c0ffee"))
    );
    assert_eq!(definition["externalParameters"]["configSource"], json!({ "path": "deploy/Dockerfile" }));
    assert_eq!(
        definition["resolvedDependencies"],
        json!([{
            "uri": "pkg:docker/alpine@3.22?platform=linux%2Famd64",
            "digest": { "sha256": "a".repeat(64) },
        }])
    );
    // mode=min keeps build arguments and steps to itself.
    let completeness = &metadata["buildkit_completeness"];
    assert_eq!(completeness, &json!({ "request": false, "resolvedDependencies": false }));
    assert!(!statement.to_string().contains("1.2.3") && !statement.to_string().contains("llbDefinition"));
}

#[test]
fn provenance_of_mode_max_has_arguments_steps_and_layers() {
    let emulator = emulator();
    let git = ("https://github.com/acme/shop.git#refs/heads/main", "c0ffee");
    for (slsa, request, config, steps, meta) in [
        (
            Slsa::V1,
            "/predicate/buildDefinition/externalParameters/request",
            "/predicate/buildDefinition/externalParameters/configSource",
            "/predicate/buildDefinition/internalParameters/buildConfig",
            "/predicate/runDetails/metadata/buildkit_metadata",
        ),
        (
            Slsa::V02,
            "/predicate/invocation/parameters",
            "/predicate/invocation/configSource",
            "/predicate/buildConfig",
            "/predicate/metadata/https:~1~1mobyproject.org~1buildkit@v1#metadata",
        ),
    ] {
        let told = told(Mode::Max, slsa).git_context(git.0, git.1);
        let statement = statements(&emulator, &Build::new(&["linux/amd64"]).provenance(told)).remove(0);
        let at = |pointer: &str| statement.pointer(pointer).unwrap_or(&Value::Null).clone();
        assert_eq!(at(request)["args"]["build-arg:VERSION"], "1.2.3");
        assert_eq!(
            (at(config)["uri"].clone(), at(config)["digest"]["sha1"].clone()),
            (git.0.into(), git.1.into())
        );
        assert_eq!(at(steps)["llbDefinition"].as_array().unwrap().len(), 3);
        let layer = at(meta)["layers"]["step1:0"][0][0].clone();
        assert!(
            emulator
                .call(
                    "BatchCheckLayerAvailability",
                    json!({
                        "repositoryName": REPO, "layerDigests": [layer["digest"]],
                    })
                )
                .unwrap()["layers"][0]["layerSize"]
                == layer["size"]
        );
    }
}

#[test]
fn provenance_v02_tells_the_same_in_its_own_members() {
    let emulator = emulator();
    let told = told(Mode::Min, Slsa::V02).checkout("https://github.com/acme/shop", "c0ffee");
    let build = Build::new(&["linux/arm64/v8"]).form(Form::Legacy).provenance(told);
    let statement = &statements(&emulator, &build)[0];
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v0.1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v0.2");
    let predicate = &statement["predicate"];
    assert_eq!(predicate["builder"]["id"], "https://github.com/acme/shop/actions/runs/7/attempts/1");
    assert_eq!(predicate["invocation"]["configSource"], json!({ "entryPoint": "deploy/Dockerfile" }));
    assert_eq!(predicate["invocation"]["environment"], json!({ "platform": "linux/arm64/v8" }));
    assert_eq!(predicate["materials"][0]["digest"], json!({ "sha256": "a".repeat(64) }));
    assert_eq!(predicate["metadata"]["buildStartedOn"], "2026-01-02T00:00:00Z");
    let completeness = json!({ "parameters": false, "environment": true, "materials": false });
    assert_eq!(predicate["metadata"]["completeness"], completeness);
    let vcs = &predicate["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["vcs"];
    assert_eq!(vcs["revision"], "c0ffee");
}

#[test]
fn an_sbom_lists_packages() {
    let emulator = emulator();
    let build = Build::new(&["linux/arm64"]).sbom(true);
    let document = &statements(&emulator, &build)[0]["predicate"];
    assert_eq!(
        (&document["spdxVersion"], &document["SPDXID"]),
        (&json!("SPDX-2.3"), &json!("SPDXRef-DOCUMENT"))
    );
    let packages = document["packages"].as_array().unwrap();
    let ids: Vec<&Value> = packages.iter().map(|package| &package["SPDXID"]).collect();
    for relationship in document["relationships"].as_array().unwrap() {
        assert!(ids.contains(&&relationship["relatedSpdxElement"]), "{relationship}");
    }
    let purl = &packages[3]["externalRefs"][0]["referenceLocator"];
    assert_eq!(purl, "pkg:apk/alpine/musl@1.2.5-r10?arch=aarch64&distro=alpine-3.22.1");
}
