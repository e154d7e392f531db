//! Manifests as the tools write them.

use ecr_emulator::Emulator;
use serde_json::{Value, json};

use crate::oracle_parse::digest_of;
use crate::world::{About, Item, NAME, Said, What, World};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The bytes of an item, given the digests of those before it, and their media type.
pub(crate) fn write(world: &World, digests: &[String], number: usize) -> (String, &'static str) {
    let item = &world.items[number];
    let media_type = match item.what {
        What::Index => OCI_INDEX,
        What::List => DOCKER_LIST,
        What::DockerImage => DOCKER_MANIFEST,
        _ => OCI_MANIFEST,
    };
    let mut manifest = if item.what.is_index() {
        let listed = item.lists.iter().map(|(child, said)| describe(world, digests, *child, *said));
        json!({"manifests": listed.collect::<Vec<_>>(), "annotations": {"number": number.to_string()}})
    } else {
        image(item, number)
    };
    manifest["schemaVersion"] = json!(2);
    manifest["mediaType"] = json!(media_type);
    let subject = item.about.filter(|_| names_its_subject(item.what)).map(|about| match about {
        About::It(number) => digests[number].clone(),
        About::Missing => digest_of("missing"),
    });
    if let Some(digest) = subject {
        manifest["subject"] = json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": 476});
    }
    (manifest.to_string(), media_type)
}

/// Lets the repository have what a manifest needs.
pub(crate) fn declare_blobs(emulator: &Emulator, bytes: &str) {
    let manifest: Value = serde_json::from_str(bytes).unwrap();
    let layers = manifest["layers"].as_array().into_iter().flatten();
    for digest in layers.chain([&manifest["config"]]).filter_map(|blob| blob["digest"].as_str()) {
        emulator.declare_blob(NAME, digest, 100).unwrap();
    }
}

/// A legacy attestation says nothing of what it attests.
fn names_its_subject(what: What) -> bool {
    !matches!(what, What::Legacy | What::LegacyTwo)
}

fn image(item: &Item, number: usize) -> Value {
    let salt = |part: &str| digest_of(&format!("{number} {part}"));
    let layer = |media_type: &str| json!({"mediaType": media_type, "digest": salt(media_type), "size": 100});
    let artifact = |artifact_type: &str, config: Value, layers: Value| json!({"artifactType": artifact_type, "config": config, "layers": layers});
    let config = |media_type: &str| json!({"mediaType": media_type, "digest": salt("config"), "size": 100});
    let empty = json!({"mediaType": EMPTY, "digest": digest_of("{}"), "size": 2});
    let attestation = "application/vnd.docker.attestation.manifest.v1+json";
    match item.what {
        What::Image => json!({"config": config(IMAGE_CONFIG), "layers": [layer(TAR)]}),
        What::DockerImage => json!({
            "config": config("application/vnd.docker.container.image.v1+json"),
            "layers": [layer("application/vnd.docker.image.rootfs.diff.tar.gzip")],
        }),
        What::Scratch => json!({"config": config(IMAGE_CONFIG), "layers": null}),
        What::Legacy => legacy(vec![layer(IN_TOTO)]),
        What::LegacyTwo => {
            legacy(vec![layer(IN_TOTO), json!({"mediaType": IN_TOTO, "digest": salt("two"), "size": 7})])
        }
        What::Oci => artifact(attestation, empty, json!([layer(IN_TOTO)])),
        What::Signed => json!({
            "config": config(IMAGE_CONFIG),
            "layers": [layer("application/vnd.in-toto.provenance+dsse")],
        }),
        What::Statement => artifact(IN_TOTO, empty, json!([layer(IN_TOTO)])),
        What::Odd => artifact(attestation, config(EMPTY), json!([layer(IN_TOTO)])),
        What::Mixed => json!({"config": config(IMAGE_CONFIG), "layers": [layer(TAR), layer(IN_TOTO)]}),
        What::Signature => {
            let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
            artifact(bundle, empty, json!([layer(bundle)]))
        }
        What::Chart => json!({
            "config": config("application/vnd.cncf.helm.config.v1+json"),
            "layers": [layer("application/vnd.cncf.helm.chart.content.v1.tar+gzip")],
        }),
        What::Cache => {
            json!({"config": config("application/vnd.buildkit.cacheconfig.v0"), "layers": [layer(TAR)]})
        }
        What::Soci => artifact(
            "application/vnd.amazon.soci.index.v2+json",
            empty,
            json!([layer("application/octet-stream")]),
        ),
        What::Index | What::List => unreachable!("an index has children"),
    }
}

/// The configuration is a function of the layers.
fn legacy(layers: Vec<Value>) -> Value {
    let ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = format!(
        r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":{}}}}}"#,
        json!(ids)
    );
    json!({"config": {"mediaType": IMAGE_CONFIG, "digest": digest_of(&config), "size": 167}, "layers": layers})
}

fn describe(world: &World, digests: &[String], child: usize, said: Said) -> Value {
    let item = &world.items[child];
    let of = match item.about {
        Some(About::It(number)) => Some(number),
        _ => None,
    };
    let said = match said {
        Said::Natural if item.what.is_image() => Said::Platform,
        Said::Natural if matches!(item.what, What::Legacy | What::LegacyTwo | What::Oci | What::Signed) => {
            of.map_or(Said::Claimed, Said::ClaimedOf)
        }
        Said::Natural if item.what == What::Soci => Said::SociArtifact,
        Said::Natural => Said::Bare,
        said => said,
    };
    let platform = |os: &str, architecture: &str| json!({"os": os, "architecture": architecture});
    let (unknown, real) = (platform("unknown", "unknown"), platform("linux", ["amd64", "arm64"][child % 2]));
    let claim = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let (platform, annotations, artifact) = match said {
        Said::Natural | Said::Bare => (None, None, None),
        Said::Unknown => (Some(unknown), None, None),
        Said::Claimed => (Some(unknown), Some(claim), None),
        Said::ClaimedOf(of) => {
            let mut claim = claim;
            claim["vnd.docker.reference.digest"] = json!(digests[of]);
            (Some(unknown), Some(claim), None)
        }
        Said::ClaimedArtifact => {
            (Some(unknown), Some(claim), Some("application/vnd.docker.attestation.manifest.v1+json"))
        }
        Said::Platform => (Some(real), None, None),
        Said::HalfPlatform => (Some(platform("linux", "unknown")), Some(claim), None),
        Said::SociArtifact => (None, None, Some("application/vnd.amazon.soci.index.v2+json")),
        Said::PlatformArtifact => (Some(real), None, Some("application/vnd.example")),
        Said::ClaimedPlatform => (Some(real), Some(claim), None),
        Said::Builder => (Some(unknown), Some(json!({"vnd.docker.reference.type": "builder"})), None),
        Said::ClaimedOther => (Some(unknown), Some(claim), Some("application/vnd.example")),
    };
    let mut descriptor = json!({"mediaType": OCI_MANIFEST, "digest": digests[child], "size": 566});
    for (key, value) in [
        ("platform", platform),
        ("annotations", annotations),
        ("artifactType", artifact.map(|artifact| json!(artifact))),
    ] {
        if let Some(value) = value {
            descriptor[key] = value;
        }
    }
    descriptor
}
