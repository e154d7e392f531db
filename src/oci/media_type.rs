//! The media types the janitor knows by name, and what ECR's listing tells by them.
//!
//! Sources: the OCI image specification 1.1, Docker's registry documentation, BuildKit's
//! `docs/attestations/attestation-storage.md`, and the writers named beside each.

/// BuildKit's attestation manifest in the OCI-artifact form (the default since BuildKit 0.32): its `artifactType`.
pub const DOCKER_ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
/// The OCI image configuration: real images have it, and so do attestations in the legacy form.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The configuration of an image in Docker's own format.
pub const DOCKER_IMAGE_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// The OCI empty descriptor, whose content is `{}`.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// An in-toto statement, as BuildKit stores it.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

const DOCKER_SCHEMA1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
const ARTIFACT_MANIFESTS: [&str; 2] =
    ["application/vnd.oci.artifact.manifest.v1+json", "application/vnd.cncf.oras.artifact.manifest.v1+json"];

/// The types that BatchGetImage is always asked to accept: without the index types ECR's response is undefined.
pub const ACCEPTED: [&str; 8] = [
    OCI_MANIFEST,
    OCI_INDEX,
    DOCKER_MANIFEST,
    DOCKER_LIST,
    DOCKER_SCHEMA1[0],
    DOCKER_SCHEMA1[1],
    ARTIFACT_MANIFESTS[0],
    ARTIFACT_MANIFESTS[1],
];

/// The structure that a manifest's media type promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An OCI index or a Docker manifest list.
    Index,
    /// An image manifest: `config` and `layers`. Only these can be attestations.
    Manifest,
    /// A known format that is neither: Docker schema 1, or one of the two withdrawn artifact manifests.
    Withdrawn,
    /// Absent or unrecognized; must be treated as a possible index.
    Unknown,
}

/// The structure that a manifest media type promises.
pub fn shape(media_type: Option<&str>) -> Shape {
    match media_type {
        Some(OCI_INDEX | DOCKER_LIST) => Shape::Index,
        Some(OCI_MANIFEST | DOCKER_MANIFEST) => Shape::Manifest,
        Some(other) if DOCKER_SCHEMA1.contains(&other) || ARTIFACT_MANIFESTS.contains(&other) => {
            Shape::Withdrawn
        }
        _ => Shape::Unknown,
    }
}

/// Whether this is the layer type of an in-toto statement, plain or (docker/attest) in a DSSE envelope.
/// Compared exactly: `application/vnd.dsse.envelope.v1+json` is cosign's, and people verify those.
pub fn is_in_toto_layer(media_type: &str) -> bool {
    media_type == IN_TOTO
        || media_type
            .strip_prefix("application/vnd.in-toto.")
            .and_then(|rest| rest.strip_suffix("+dsse"))
            .is_some_and(|name| !name.is_empty() && !name.contains('+'))
}

/// Whether this is the type of a file system layer of a runnable image.
pub fn is_image_layer(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_type_has_its_shape_and_nothing_else_is_known() {
        use Shape::{Index, Manifest, Unknown, Withdrawn};
        let shapes = ACCEPTED.map(|accepted| shape(Some(accepted)));
        assert_eq!(shapes, [Manifest, Index, Manifest, Index, Withdrawn, Withdrawn, Withdrawn, Withdrawn]);
        for foreign in [None, Some(""), Some("application/json"), Some(IMAGE_CONFIG)] {
            assert_eq!(shape(foreign), Unknown, "{foreign:?}");
        }
    }

    #[test]
    fn an_in_toto_layer_is_the_plain_one_or_a_named_one_in_an_envelope() {
        for layer in [IN_TOTO, "application/vnd.in-toto.provenance+dsse", "application/vnd.in-toto.x.y+dsse"]
        {
            assert!(is_in_toto_layer(layer), "{layer}");
        }
        for other in [
            "",
            "application/vnd.in-toto",
            "application/vnd.in-toto.+dsse",
            "application/vnd.in-toto.provenance",
            "application/vnd.in-toto.provenance+json+dsse",
            "application/vnd.dsse.envelope.v1+json",
            "application/VND.in-toto+json",
        ] {
            assert!(!is_in_toto_layer(other), "{other}");
        }
    }

    #[test]
    fn a_layer_of_an_image_is_a_file_system() {
        for layer in [
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ] {
            assert!(is_image_layer(layer), "{layer}");
        }
        for other in ["", IN_TOTO, EMPTY, IMAGE_CONFIG] {
            assert!(!is_image_layer(other), "{other}");
        }
    }
}
