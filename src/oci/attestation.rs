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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// Whether its types show an artifact: an `artifactType`, or a configuration that is no image's.
    pub is_artifact: bool,
    /// Whether it names a subject.
    pub has_subject: bool,
}

impl Classified {
    /// A proven attestation.
    pub fn attestation(form: Form) -> Self {
        Self { form: Some(form), ..Self::other(Kind::Attestation) }
    }

    /// In-toto statements that nothing in the bytes proves to be BuildKit's.
    pub fn suspect(by_parent: bool) -> Self {
        Self { by_parent, ..Self::other(Kind::Suspect) }
    }

    /// Anything else.
    pub fn other(kind: Kind) -> Self {
        Self { kind, form: None, by_parent: false, is_artifact: false, has_subject: false }
    }
}

/// The type of a manifest as ECR's listing shows it: enough to save a read, never to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedType {
    /// Not shown, or one that says little: only the bytes can tell.
    Unknown,
    /// An OCI image's configuration: images have it, legacy attestations, and cosign's signatures.
    Image,
    /// The type of BuildKit's attestations in the OCI form.
    Attestation,
    /// A type that no attestation has.
    Other(Kind),
}

impl ListedType {
    /// The kind that rules an attestation out.
    pub fn ruled_out(self) -> Option<Kind> {
        match self {
            Self::Other(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether it is that of a plain image, in OCI's or in Docker's format.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Image | Self::Other(Kind::Image))
    }
}

/// The digest of `{}`, the content of the OCI empty descriptor.
const EMPTY_CONFIG: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// Classifies a manifest by its own bytes. The bytes must already have been checked against their digest.
pub fn classify(manifest: &Manifest) -> Classified {
    Classified { has_subject: manifest.subject_digest().is_some(), ..class(manifest) }
}

fn class(manifest: &Manifest) -> Classified {
    if manifest.is_index() {
        return Classified::other(Kind::Index);
    }
    let other =
        || Classified { is_artifact: is_artifact(manifest), ..Classified::other(other_kind(manifest)) };
    if !manifest.is_image_manifest() || !holds_only_in_toto(manifest) {
        return other();
    }
    let has_image_config = config_type(manifest) == Some(IMAGE_CONFIG);
    match manifest.artifact_type.as_deref() {
        Some(DOCKER_ATTESTATION) if config_digest(manifest) == Some(EMPTY_CONFIG) => {
            Classified::attestation(Form::Oci)
        }
        None if has_image_config && is_legacy(manifest) => Classified::attestation(Form::Legacy),
        None if has_image_config => Classified::suspect(true),
        Some(foreign) if foreign != DOCKER_ATTESTATION => other(),
        _ if manifest.subject.is_some() => other(),
        _ => Classified::suspect(false),
    }
}

/// Whether the types show an artifact: an `artifactType`, or a configuration that is no image's.
fn is_artifact(manifest: &Manifest) -> bool {
    let names_something = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    let image_configs = [IMAGE_CONFIG, media_type::DOCKER_IMAGE_CONFIG];
    manifest.is_image_manifest()
        && (names_something(manifest.artifact_type.as_deref())
            || config_type(manifest)
                .is_some_and(|config| !config.is_empty() && !image_configs.contains(&config)))
}

/// The kind of something that is neither an attestation nor an index, by its types: for people, never to act on.
fn other_kind(manifest: &Manifest) -> Kind {
    let types = manifest.artifact_type.iter().map(String::as_str).chain(config_type(manifest));
    let layers = manifest.layers().iter().map(Descriptor::media_type);
    types.chain(layers).find_map(telling_kind).unwrap_or_else(|| plain_kind(manifest))
}

/// The type of a manifest by the artifact type that ECR's listing shows.
pub fn listed_type(artifact_type: Option<&str>, has_subject: bool) -> ListedType {
    match artifact_type {
        None | Some(media_type::EMPTY) => ListedType::Unknown,
        Some(IMAGE_CONFIG) => ListedType::Image,
        Some(DOCKER_ATTESTATION) => ListedType::Attestation,
        Some(media_type::DOCKER_IMAGE_CONFIG) => ListedType::Other(Kind::Image),
        Some(other) => match telling_kind(other) {
            // A signature without a subject is one whose subject the listing does not tell: it may be an attestation.
            Some(Kind::Signature) if !has_subject => ListedType::Unknown,
            Some(kind) => ListedType::Other(kind),
            None => ListedType::Other(if has_subject { Kind::Referrer } else { Kind::Artifact }),
        },
    }
}

/// The kind that the artifact type in an index's descriptor names: for counts, never to act on.
pub fn kind_by_descriptor(artifact_type: &str) -> Kind {
    telling_kind(artifact_type).unwrap_or(Kind::Artifact)
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

    fn with_subject(class: Classified) -> Classified {
        Classified { has_subject: true, ..class }
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
        assert_eq!(class(&oci(EMPTY_CONFIG, &subject)), with_subject(Classified::attestation(Form::Oci)));
    }

    #[test]
    fn a_configuration_that_is_not_computed_from_the_layers_proves_nothing() {
        let other = Digest::of(b"other").to_string();
        assert_eq!(class(&legacy(&other, "", LAYER)), Classified::suspect(true));
        assert_eq!(class(&oci(&other, "")), Classified::suspect(false));
        let subject = r#","subject":{"digest":"sha256:bb"}"#;
        assert_eq!(class(&legacy(&proof(), subject, LAYER)), Classified::suspect(true));
        assert_eq!(class(&oci(&other, subject)).kind, Kind::Referrer);
    }

    #[test]
    fn without_the_configuration_of_an_image_not_even_a_parent_proves_it() {
        let foreign =
            |config: &str, extra: &str| legacy(config, extra, LAYER).replace(IMAGE_CONFIG, "text/plain");
        for config in [proof(), Digest::of(b"other").to_string()] {
            assert_eq!(class(&foreign(&config, "")), Classified::suspect(false));
            let subject = r#","subject":{"digest":"sha256:bb"}"#;
            assert_eq!(class(&foreign(&config, subject)).kind, Kind::Referrer);
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
        assert_eq!(class(&legacy(&proof(), scout, LAYER)).kind, Kind::Artifact);
    }

    #[test]
    fn schema_version_two_is_required() {
        let text = legacy(&proof(), "", LAYER).replace("\"schemaVersion\":2", "\"schemaVersion\":1");
        assert_eq!(class(&text).kind, Kind::Image);
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
        use ListedType::{Attestation, Image, Other, Unknown};
        let notary = Some("application/vnd.cncf.notary.signature");
        for (artifact_type, has_subject, listed) in [
            (None, false, Unknown),
            (Some(media_type::EMPTY), true, Unknown),
            (Some(DOCKER_ATTESTATION), true, Attestation),
            (Some(DOCKER_ATTESTATION), false, Attestation),
            (Some(IMAGE_CONFIG), false, Image),
            // docker/attest's: without a parent it is a referrer.
            (Some(IMAGE_CONFIG), true, Image),
            (notary, true, Other(Kind::Signature)),
            // Whose?
            (notary, false, Unknown),
            (Some("application/vnd.cncf.helm.config.v1+json"), false, Other(Kind::Chart)),
            // BuildKit never gives an attestation Docker's configuration.
            (Some(media_type::DOCKER_IMAGE_CONFIG), true, Other(Kind::Image)),
            (Some(media_type::DOCKER_IMAGE_CONFIG), false, Other(Kind::Image)),
            (Some("application/x"), true, Other(Kind::Referrer)),
            (Some("application/x"), false, Other(Kind::Artifact)),
        ] {
            let told = listed_type(artifact_type, has_subject);
            assert_eq!(told, listed, "{artifact_type:?}");
            assert_eq!(told.ruled_out().is_some(), matches!(listed, Other(_)), "{artifact_type:?}");
        }
    }

    #[test]
    fn an_artifact_has_a_type_of_its_own_or_a_configuration_that_is_no_images() {
        let is_artifact = |text: &str| class(text).is_artifact;
        let soci = "application/vnd.amazon.soci.index.v2+json";
        let octets = r#"{"mediaType":"application/octet-stream","digest":"sha256:bb"}"#;
        let typed = format!(r#","artifactType":"{soci}""#);
        assert!(is_artifact(&legacy(&proof(), &typed, octets)));
        assert!(is_artifact(&legacy(&proof(), "", octets).replace(IMAGE_CONFIG, soci)));
        for other in [
            legacy(&proof(), "", octets),
            legacy(&proof(), "", octets).replace(IMAGE_CONFIG, media_type::DOCKER_IMAGE_CONFIG),
            legacy(&proof(), "", octets).replace(IMAGE_CONFIG, ""),
            legacy(&proof(), r#","artifactType":"""#, octets),
            legacy(&proof(), "", LAYER),
            r#"{"schemaVersion":2,"layers":[]}"#.to_owned(),
            r#"{"schemaVersion":1,"artifactType":"application/x"}"#.to_owned(),
        ] {
            assert!(!is_artifact(&other), "{other}");
        }
    }
}
