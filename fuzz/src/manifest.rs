//! Manifests: nobody can make an attestation of anything that does not fulfil the table's conditions.

use ecr_attestation_janitor::inventory::{Evidence, Image, ImageStatus, Inventory};
use ecr_attestation_janitor::oci::attestation::{Form, Kind, ListedType, classify};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::manifest::Manifest;
use ecr_attestation_janitor::oci::media_type::Shape;
use serde_json::Value;

use super::assert_line;

/// The bytes are a manifest's.
pub fn run(bytes: &[u8]) {
    add_to_an_inventory(bytes);
    let manifest = match Manifest::parse(bytes) {
        Ok(manifest) => manifest,
        Err(malformed) => return assert_line(&malformed.to_string()),
    };
    if let Err(malformed) = manifest.children() {
        assert_line(&malformed.to_string());
    }
    assert!(manifest.predicate_types().len() <= manifest.layers().len());
    let class = classify(&manifest);
    assert_eq!(class.kind == Kind::Attestation, class.form.is_some());
    // Two readers may still differ on what both ignore; nothing rests on that.
    let Ok(json) = serde_json::from_slice(bytes) else { return };
    let proven = form(&json);
    assert_eq!(class.form, proven, "{json}");
    assert_eq!(class.kind == Kind::Index, is_index(&json), "{json}");
}

/// The conditions under which bytes prove an attestation, said once more and as plainly as possible.
pub fn form(manifest: &Value) -> Option<Form> {
    let is_absent = |key: &str| manifest.get(key).is_none_or(Value::is_null);
    let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str);
    let layers = manifest.get("layers")?.as_array()?;
    let is_image_manifest = manifest.get("schemaVersion") == Some(&Value::from(2))
        && ["manifests", "fsLayers", "blobs"].iter().all(|key| manifest.get(*key).is_none())
        && !text("/mediaType").is_some_and(|it| OTHERS.contains(&it));
    if !is_image_manifest || !is_in_toto(layers) {
        return None;
    }
    if text("/artifactType") == Some("application/vnd.docker.attestation.manifest.v1+json") {
        return (text("/config/digest") == Some(&Digest::of(b"{}").to_string())).then_some(Form::Oci);
    }
    let diff_ids: Vec<&str> =
        layers.iter().map(|layer| layer.get("digest").and_then(Value::as_str).unwrap_or_default()).collect();
    let config = format!(
        r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":{}}}}}"#,
        Value::from(diff_ids)
    );
    let is_legacy = is_absent("artifactType")
        && is_absent("subject")
        && text("/config/mediaType") == Some("application/vnd.oci.image.config.v1+json")
        && text("/config/digest") == Some(&Digest::of(config.as_bytes()).to_string());
    is_legacy.then_some(Form::Legacy)
}

/// Whether there are layers, all of them in-toto statements.
pub fn is_in_toto(layers: &[Value]) -> bool {
    let is_statement = |layer: &Value| {
        let media_type = layer.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        let middle =
            media_type.strip_prefix("application/vnd.in-toto").and_then(|it| it.strip_suffix("json"));
        middle == Some("+")
            || (media_type.starts_with("application/vnd.in-toto.")
                && media_type.ends_with("+dsse")
                && media_type.matches('+').count() == 1
                && media_type != "application/vnd.in-toto.+dsse")
    };
    !layers.is_empty() && layers.iter().all(is_statement)
}

/// Whether it is an index by its own words.
pub fn is_index(manifest: &Value) -> bool {
    let media_type = manifest.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    manifest.get("manifests").is_some() || OTHERS[..2].contains(&media_type)
}

/// The media types of manifests that are no image manifests; the first two are indexes.
const OTHERS: [&str; 6] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.cncf.oras.artifact.manifest.v1+json",
];

/// Whatever the listing promised of these bytes, taking them in ends, and bytes that prove nothing stay unproven.
fn add_to_an_inventory(bytes: &[u8]) {
    for shape in [Shape::Index, Shape::Manifest, Shape::Withdrawn, Shape::Unknown] {
        let image = Image {
            digest: Digest::of(bytes),
            pushed_at: None,
            activated_at: None,
            pulled_at: None,
            untagged_at: None,
            size_bytes: 0,
            tags: Box::default(),
            status: ImageStatus::Active,
            shape,
            listed_type: ListedType::Unknown,
            subject: None,
            evidence: Evidence::Unread,
        };
        let mut inventory = Inventory::new(vec![image]);
        let index = inventory.position(Digest::of(bytes)).unwrap();
        let added = inventory.add_bytes(index, bytes);
        inventory.link();
        match added {
            Ok(()) => assert!(!matches!(inventory.image(index).evidence, Evidence::Unread)),
            Err(malformed) => assert_line(&malformed.to_string()),
        }
    }
}
