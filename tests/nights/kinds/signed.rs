//! Repositories in which something refers to what is pushed.

use ecr_emulator::{Emulator, artifacts};
use serde_json::{Value, json};

use super::BOTH;
use crate::repository::{Class, Id, Repository};

/// Managed signing: a signature of every manifest, signatures aside.
pub(super) fn managed(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let Some(built) = r.moves(day, "main") else { return };
    r.release(built.root);
    for signed in [vec![built.root], built.platforms, built.attestations].concat() {
        r.add(artifacts::notation_signature, signed);
    }
}

/// cosign 2 signs the index.
pub(super) fn cosign_tags(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    if let Some(built) = r.moves(day, "main") {
        r.release(built.root);
        r.add(artifacts::cosign_signature_tag, built.root);
    }
}

/// `cosign sign --recursive`: the index and its images.
pub(super) fn cosign_bundles(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let Some(built) = r.moves(day, "main") else { return };
    r.release(built.root);
    for signed in [vec![built.root], built.platforms].concat() {
        r.add(artifacts::cosign_bundle_referrer, signed);
    }
}

/// Each platform is pushed by digest and attested twice by that digest; the merged index is attested once more.
pub(super) fn per_platform(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let code = r.commit(day, &[]);
    let mut parts = Vec::new();
    for platform in BOTH {
        let mut build = code.clone();
        build.platforms = vec![platform.to_owned()];
        let Some(built) = r.push(day, &build, None) else { return };
        r.add(artifacts::cosign_bundle_referrer, built.root);
        r.add(artifacts::notation_signature, built.root);
        parts.push(built);
    }
    r.hour(day, 11);
    if let Some(merged) = r.merge(day, &parts, "main") {
        r.release(merged.root);
        r.add(artifacts::cosign_bundle_referrer, merged.root);
    }
}

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v2+json";

/// A build that never was in this registry, as `soci convert` pushes it: images and attestations written anew, without
/// annotations on the attestations, and a SOCI index for each image.
pub(super) fn soci(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let source = Emulator::new();
    source.create_repository(r.kind.name).expect("a new repository");
    let pushed = r.commit(day, &BOTH).push(&source, r.kind.name, None).expect("nothing refuses it");
    let bytes = |digest: &str| -> Value {
        let image = source.image(r.kind.name, digest).expect("it was pushed");
        serde_json::from_str(&image.manifest).expect("manifests are JSON")
    };
    let (images, attestations): (Vec<Value>, Vec<Value>) = pushed
        .platforms
        .iter()
        .zip(&pushed.attestations)
        .map(|(image, of)| (bytes(image), bytes(of)))
        .unzip();
    let mut listed = Vec::new();
    let mut tables = Vec::new();
    for ((image, attestation), platform) in images.into_iter().zip(attestations).zip(["amd64", "arm64"]) {
        let Some((image, image_id)) = rewrite(r, &source, Class::Image, image) else { return };
        let Some((mut of_it, id)) = rewrite(r, &source, Class::Attestation, typed(attestation)) else {
            return;
        };
        r.manifests[id].subject = Some(image_id);
        let mut image = image;
        image["platform"] = json!({ "architecture": platform, "os": "linux" });
        of_it["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
        if let Some(table) = soci_index(r, image_id) {
            tables.push(table);
        }
        listed.extend([image, of_it]);
    }
    listed.extend(tables);
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed });
    if let Some(root) = r.put(Class::Index, &index.to_string(), OCI_INDEX, Some("main")) {
        r.release(root);
    }
}

/// `soci convert` gives every config the type of an image's.
fn typed(mut attestation: Value) -> Value {
    attestation["config"]["mediaType"] = OCI_CONFIG.into();
    attestation
}

/// Pushes a manifest in other bytes with the blobs of another registry; returns its descriptor.
fn rewrite(r: &mut Repository, source: &Emulator, class: Class, manifest: Value) -> Option<(Value, Id)> {
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let digest = blob["digest"].as_str().expect("a descriptor");
        match source.blob(r.kind.name, digest) {
            Some(bytes) => drop(r.emulator.push_blob(r.kind.name, &bytes).expect("a blob")),
            None => {
                let size = blob["size"].as_u64().expect("a descriptor");
                r.emulator.declare_blob(r.kind.name, digest, size).expect("a blob");
            }
        }
    }
    let text = manifest.to_string();
    let id = r.put(class, &text, OCI_MANIFEST, None)?;
    let descriptor =
        json!({ "mediaType": OCI_MANIFEST, "digest": r.manifests[id].digest, "size": text.len() });
    Some((descriptor, id))
}

fn soci_index(r: &mut Repository, image: Id) -> Option<Value> {
    let of = r.manifests[image].digest.clone();
    let id = r.add(artifacts::soci_index_v2, image)?;
    let digest = r.manifests[id].digest.clone();
    let size = r.emulator.image(r.kind.name, &digest)?.manifest.len();
    Some(json!({
        "mediaType": OCI_MANIFEST, "digest": digest, "size": size, "artifactType": SOCI_INDEX,
        "annotations": { "com.amazon.soci.image-manifest-digest": of },
    }))
}
