//! Classification of manifests by their own bytes: the table that decides what may ever be touched.
//!
//! Nothing here looks at sizes, platforms, names, or lists of predicate types: none of them is evidence.
//! Source of the formats: BuildKit's `docs/attestations/attestation-storage.md` and
//! `exporter/containerimage/writer.go` (`commitAttestationsManifest`).

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::oci::digest::Digest;
use crate::oci::manifest::{Descriptor, Manifest};
use crate::oci::media_type::{self, DOCKER_ATTESTATION, IMAGE_CONFIG, is_in_toto_layer};

/// The form in which a BuildKit attestation is stored, or by which it is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Form {
    /// An OCI artifact with a subject: the default since BuildKit 0.32.
    Oci,
    /// An image manifest whose configuration is computed from its layers: the default before.
    Legacy,
    /// Proven only by the descriptor in a parent index (docker/attest's signed attestations, for example).
    ByParent,
    /// Listed by an index as an attestation, kept, and therefore not read.
    Unread,
}

/// The kind of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// A BuildKit attestation manifest and nothing else.
    Attestation,
    /// It looks like one, but nothing proves it, or something contradicts it.
    Suspect,
    /// An OCI index or a Docker manifest list.
    Index,
    /// A platform image: something that runs.
    Image,
    /// A manifest with a subject that is not a BuildKit attestation.
    Referrer,
    /// A signature, or an attestation made by a signing tool (cosign, Notation, AWS Signer, sigstore).
    Signature,
    /// A SOCI index (lazy loading on AWS Fargate).
    SociIndex,
    /// A BuildKit build cache.
    Cache,
    /// A Helm chart.
    Chart,
    /// Some other OCI artifact.
    Artifact,
    /// Something whose bytes are not understood.
    Unknown,
    /// Kept whatever it is, so it was not read.
    Unread,
}

/// The class of a manifest by its own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    /// The kind.
    pub kind: Kind,
    /// The form of a proven attestation: [`Form::Oci`] or [`Form::Legacy`].
    pub form: Option<Form>,
    /// Whether a parent's descriptor could prove a suspect to be an attestation.
    pub by_parent: bool,
}

impl Classified {
    /// A proven attestation.
    pub fn attestation(form: Form) -> Self {
        Self { kind: Kind::Attestation, form: Some(form), by_parent: false }
    }

    /// In-toto statements that nothing in the bytes proves to be BuildKit's.
    pub fn suspect(by_parent: bool) -> Self {
        Self { kind: Kind::Suspect, form: None, by_parent }
    }

    /// Anything else.
    pub fn other(kind: Kind) -> Self {
        Self { kind, form: None, by_parent: false }
    }
}

/// The digest of `{}`, the content of the OCI empty descriptor.
const EMPTY_CONFIG: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// Classifies a manifest by its own bytes. The bytes must already have been checked against their digest.
pub fn classify(manifest: &Manifest) -> Classified {
    if manifest.is_index() {
        return Classified::other(Kind::Index);
    }
    if !manifest.is_image_manifest() || !holds_only_in_toto(manifest) {
        return Classified::other(other_kind(manifest));
    }
    let has_image_config = config_type(manifest) == Some(IMAGE_CONFIG);
    match manifest.artifact_type.as_deref() {
        Some(DOCKER_ATTESTATION) if config_digest(manifest) == Some(EMPTY_CONFIG) => {
            Classified::attestation(Form::Oci)
        }
        None if has_image_config && is_legacy(manifest) => Classified::attestation(Form::Legacy),
        None if has_image_config => Classified::suspect(true),
        Some(other) if other != DOCKER_ATTESTATION => Classified::other(other_kind(manifest)),
        _ if manifest.subject.is_some() => Classified::other(other_kind(manifest)),
        _ => Classified::suspect(false),
    }
}

/// The kind of something that is neither an attestation nor an index, by its types: for people, never to act on.
fn other_kind(manifest: &Manifest) -> Kind {
    let types = manifest.artifact_type.iter().map(String::as_str).chain(config_type(manifest));
    let layers = manifest.layers().iter().map(Descriptor::media_type);
    types.chain(layers).find_map(telling_kind).unwrap_or_else(|| plain_kind(manifest))
}

/// The kind that an artifact type of ECR's listing proves; none if only the bytes can tell.
pub fn kind_by_listing(artifact_type: Option<&str>, has_subject: bool) -> Option<Kind> {
    let artifact_type = artifact_type?;
    match artifact_type {
        // The three types an attestation may show: in the OCI form, or with an image's configuration.
        DOCKER_ATTESTATION | media_type::EMPTY | IMAGE_CONFIG => None,
        other => match telling_kind(other) {
            // A signature without a subject is one whose subject the listing does not tell: it may be an attestation.
            Some(Kind::Signature) if !has_subject => None,
            Some(kind) => Some(kind),
            None if other == media_type::DOCKER_IMAGE_CONFIG => Some(Kind::Image),
            None => Some(if has_subject { Kind::Referrer } else { Kind::Artifact }),
        },
    }
}

/// The kinds that one media type gives away.
fn telling_kind(media_type: &str) -> Option<Kind> {
    let starts = |prefix: &str| media_type.starts_with(prefix);
    if starts("application/vnd.amazon.soci.index") {
        Some(Kind::SociIndex)
    } else if starts("application/vnd.cncf.helm.") {
        Some(Kind::Chart)
    } else if starts("application/vnd.buildkit.cacheconfig") {
        Some(Kind::Cache)
    } else if starts("application/vnd.dev.cosign.")
        || starts("application/vnd.dev.sigstore.")
        || starts("application/vnd.cncf.notary.")
        || starts("application/vnd.dsse.envelope")
    {
        Some(Kind::Signature)
    } else {
        None
    }
}

fn plain_kind(manifest: &Manifest) -> Kind {
    let runs = matches!(config_type(manifest), Some(IMAGE_CONFIG | media_type::DOCKER_IMAGE_CONFIG))
        && manifest.is_image_manifest()
        && manifest.artifact_type.is_none()
        && manifest.layers().iter().all(|layer| media_type::is_image_layer(layer.media_type()));
    if manifest.subject.is_some() {
        Kind::Referrer
    } else if runs || manifest.schema_version == Some(1) {
        Kind::Image
    } else if manifest.config.is_some() || manifest.artifact_type.is_some() {
        Kind::Artifact
    } else {
        Kind::Unknown
    }
}

/// At least one layer, and all of them in-toto statements. An image without layers must not pass.
fn holds_only_in_toto(manifest: &Manifest) -> bool {
    let layers = manifest.layers();
    !layers.is_empty() && layers.iter().all(|layer| is_in_toto_layer(layer.media_type()))
}

/// BuildKit's proof in the legacy form: the configuration is a function of the layers' digests, because an
/// in-toto layer is not compressed and so is its own diff ID.
fn is_legacy(manifest: &Manifest) -> bool {
    let diff_ids: Vec<&str> = manifest.layers().iter().map(|layer| layer.digest_text.as_str()).collect();
    manifest.subject.is_none()
        && serde_json::to_string(&diff_ids).is_ok_and(|diff_ids| {
            let config = format!(
                r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":{diff_ids}}}}}"#
            );
            manifest.config.as_ref().and_then(Descriptor::digest) == Some(Digest::of(config.as_bytes()))
        })
}

fn config_type(manifest: &Manifest) -> Option<&str> {
    manifest.config.as_ref().and_then(|config| config.media_type.as_deref())
}

fn config_digest(manifest: &Manifest) -> Option<&str> {
    manifest.config.as_ref().map(|config| config.digest_text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Classified {
        classify(&Manifest::parse(text.as_bytes()).unwrap())
    }

    const LAYER: &str = r#"{"mediaType":"application/vnd.in-toto+json","digest":"sha256:aa"}"#;

    fn legacy(config: &str, extra: &str, layers: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{IMAGE_CONFIG}","digest":"{config}"}},"layers":[{layers}]{extra}}}"#
        )
    }

    fn proof() -> String {
        Digest::of(
            br#"{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:aa"]}}"#,
        )
        .to_string()
    }

    fn oci(config: &str, subject: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"artifactType":"{DOCKER_ATTESTATION}","config":{{"digest":"{config}"}},"layers":[{LAYER}]{subject}}}"#
        )
    }

    #[test]
    fn the_two_forms_prove_themselves() {
        assert_eq!(class(&legacy(&proof(), "", LAYER)), Classified::attestation(Form::Legacy));
        assert_eq!(class(&oci(EMPTY_CONFIG, "")), Classified::attestation(Form::Oci));
        let subject = format!(r#","subject":{{"digest":"{EMPTY_CONFIG}"}}"#);
        assert_eq!(class(&oci(EMPTY_CONFIG, &subject)), Classified::attestation(Form::Oci));
    }

    #[test]
    fn a_configuration_that_is_not_computed_from_the_layers_proves_nothing() {
        let other = Digest::of(b"other").to_string();
        assert_eq!(class(&legacy(&other, "", LAYER)), Classified::suspect(true));
        assert_eq!(class(&oci(&other, "")), Classified::suspect(false));
        let subject = r#","subject":{"digest":"sha256:bb"}"#;
        assert_eq!(class(&legacy(&proof(), subject, LAYER)), Classified::suspect(true));
        assert_eq!(class(&oci(&other, subject)), Classified::other(Kind::Referrer));
    }

    #[test]
    fn without_the_configuration_of_an_image_not_even_a_parent_proves_it() {
        let foreign =
            |config: &str, extra: &str| legacy(config, extra, LAYER).replace(IMAGE_CONFIG, "text/plain");
        for config in [proof(), Digest::of(b"other").to_string()] {
            assert_eq!(class(&foreign(&config, "")), Classified::suspect(false));
            let subject = r#","subject":{"digest":"sha256:bb"}"#;
            assert_eq!(class(&foreign(&config, subject)), Classified::other(Kind::Referrer));
        }
    }

    #[test]
    fn one_foreign_layer_or_no_layer_at_all_is_enough_to_be_left_alone() {
        let tar = r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:bb"}"#;
        let dsse = r#"{"mediaType":"application/vnd.dsse.envelope.v1+json","digest":"sha256:bb"}"#;
        for layers in ["", tar, &format!("{LAYER},{tar}"), dsse] {
            let kind = class(&legacy(&proof(), "", layers)).kind;
            assert!(!matches!(kind, Kind::Attestation | Kind::Suspect), "{layers}: {kind:?}");
        }
    }

    #[test]
    fn another_artifact_type_makes_an_artifact() {
        let scout = r#","artifactType":"application/vnd.in-toto+json""#;
        assert_eq!(class(&legacy(&proof(), scout, LAYER)), Classified::other(Kind::Artifact));
    }

    #[test]
    fn schema_version_two_is_required() {
        let text = legacy(&proof(), "", LAYER).replace("\"schemaVersion\":2", "\"schemaVersion\":1");
        assert_eq!(class(&text), Classified::other(Kind::Image));
    }

    #[test]
    fn only_what_runs_is_an_image() {
        let kind = |text: &str| class(text).kind;
        let tar = r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:bb"}"#;
        let image = |extra: &str, layers: &str| legacy(&proof(), extra, layers);
        let docker = image("", tar).replace(IMAGE_CONFIG, media_type::DOCKER_IMAGE_CONFIG);
        for runs in [&image("", tar), &image("", ""), &docker, r#"{"schemaVersion":1,"fsLayers":[]}"#] {
            assert_eq!(kind(runs), Kind::Image, "{runs}");
        }
        let typed = image(r#","artifactType":"application/x""#, tar);
        let foreign = image("", &format!(r#"{tar},{{"mediaType":"application/x","digest":"sha256:bb"}}"#));
        let configured = image("", tar).replace(IMAGE_CONFIG, "application/x");
        let old = image("", tar).replace(r#""schemaVersion":2"#, r#""schemaVersion":3"#);
        let bare = r#"{"schemaVersion":2,"artifactType":"application/x"}"#;
        for other in [&typed, &foreign, &configured, &old, bare] {
            assert_eq!(kind(other), Kind::Artifact, "{other}");
        }
        assert_eq!(kind(&image(r#","subject":{"digest":"sha256:bb"}"#, tar)), Kind::Referrer);
        assert_eq!(kind(r#"{"schemaVersion":2}"#), Kind::Unknown);
    }

    #[test]
    fn the_listing_only_ever_rules_attestations_out() {
        assert_eq!(kind_by_listing(None, false), None);
        assert_eq!(kind_by_listing(Some(DOCKER_ATTESTATION), true), None);
        assert_eq!(kind_by_listing(Some(media_type::EMPTY), true), None);
        assert_eq!(kind_by_listing(Some(IMAGE_CONFIG), false), None);
        assert_eq!(
            kind_by_listing(Some(IMAGE_CONFIG), true),
            None,
            "docker/attest's, without a parent: a suspect"
        );
        assert_eq!(
            kind_by_listing(Some("application/vnd.cncf.notary.signature"), true),
            Some(Kind::Signature)
        );
        assert_eq!(kind_by_listing(Some("application/vnd.cncf.notary.signature"), false), None, "whose?");
        assert_eq!(
            kind_by_listing(Some("application/vnd.cncf.helm.config.v1+json"), false),
            Some(Kind::Chart)
        );
        for has_subject in [true, false] {
            let docker = kind_by_listing(Some(media_type::DOCKER_IMAGE_CONFIG), has_subject);
            assert_eq!(
                docker,
                Some(Kind::Image),
                "BuildKit never gives an attestation Docker's configuration"
            );
        }
        assert_eq!(kind_by_listing(Some("application/x"), true), Some(Kind::Referrer));
        assert_eq!(kind_by_listing(Some("application/x"), false), Some(Kind::Artifact));
    }
}
