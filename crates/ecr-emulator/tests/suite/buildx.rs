//! The seeder makes what BuildKit makes.

use ecr_emulator::Emulator;
use ecr_emulator::buildx::{Build, Form, merge};
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
