//! Manifests as they are stored: parsed leniently, judged elsewhere.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::digest::Digest;
use crate::media_type::{self, Shape};

/// The parts of an image manifest or index that matter here. Unknown fields are ignored; a field of the wrong
/// type, or given twice, is an error, because then two readers may see two different manifests.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// 2 for everything but Docker schema 1 and the withdrawn artifact manifests.
    pub schema_version: Option<u64>,
    /// The manifest's own media type; older ones have none.
    pub media_type: Option<String>,
    /// The type of an OCI 1.1 artifact.
    pub artifact_type: Option<String>,
    /// The configuration blob.
    pub config: Option<Descriptor>,
    /// `null` is real: BuildKit writes it for an image without layers.
    #[serde(deserialize_with = "bounded")]
    pub layers: Option<Vec<Descriptor>>,
    /// The children of an index. The outer level says whether the key is there at all.
    #[serde(deserialize_with = "present_and_bounded")]
    pub manifests: Option<Option<Vec<Descriptor>>>,
    /// The manifest that this one refers to (OCI 1.1).
    pub subject: Option<Descriptor>,
    #[serde(rename = "fsLayers", deserialize_with = "present")]
    fs_layers: Option<serde::de::IgnoredAny>,
    #[serde(deserialize_with = "present")]
    blobs: Option<serde::de::IgnoredAny>,
}

/// A reference to content, with what is said about it there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: Option<String>,
    /// As written: see [`Descriptor::digest`].
    #[serde(rename = "digest")]
    pub digest_text: String,
    /// The artifact type of the content.
    pub artifact_type: Option<String>,
    /// The platform of the content.
    pub platform: Option<Platform>,
    /// The annotations that matter here.
    pub annotations: Option<Annotations>,
}

/// The platform of an image, in Go's words.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// For example `linux`; `unknown` for attestations.
    pub os: Option<String>,
    /// For example `arm64`; `unknown` for attestations.
    pub architecture: Option<String>,
    /// For example `v8`.
    pub variant: Option<String>,
}

/// The annotations that matter here. BuildKit sets the first two on the parent's descriptor, the third on each layer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// `attestation-manifest`, or anything else: then the spec says to ignore the manifest.
    #[serde(rename = "vnd.docker.reference.type")]
    pub reference_type: Option<String>,
    /// The digest of the platform image that an attestation speaks of.
    #[serde(rename = "vnd.docker.reference.digest")]
    pub reference_digest: Option<String>,
    /// What an in-toto statement states, for example `https://slsa.dev/provenance/v1`.
    #[serde(rename = "in-toto.io/predicate-type")]
    pub predicate_type: Option<String>,
}

/// Why bytes are not a manifest that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or not of a manifest's shape.
    #[error("it is not a manifest: {0}")]
    Json(String),
    /// Above ECR's limit.
    #[error("it has {0} bytes, more than the 4 MiB that ECR accepts")]
    TooLarge(usize),
    /// An index without a list of children.
    #[error("it is an index without a `manifests` list")]
    NoChildren,
    /// A child that cannot be matched to an image.
    #[error("it lists a child with the digest {0:?}, which is none")]
    ChildDigest(String),
    /// An index that refers to something which cannot be matched to an image.
    #[error("it refers to a subject with the digest {0:?}, which is none")]
    SubjectDigest(String),
    /// Together, the indexes of the repository list more than can be kept in mind.
    #[error("with it the repository's indexes list more than {0} children")]
    TooManyChildren(usize),
}

/// The largest manifest ECR takes: 4 MiB (PutImage, `imageManifest`).
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

impl Manifest {
    /// Reads a manifest or an index.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::TooLarge(bytes.len()));
        }
        // serde would also read a struct from an array, field by field.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Malformed::Json("it is not a JSON object".into()));
        }
        serde_json::from_slice(bytes).map_err(|error| Malformed::Json(error.to_string()))
    }

    /// Whether this is an index, by its own words: a `manifests` key is enough.
    pub fn is_index(&self) -> bool {
        self.manifests.is_some() || media_type::shape(self.media_type.as_deref()) == Shape::Index
    }

    /// Whether it has the structure of an image manifest, schema 2.
    pub fn is_image_manifest(&self) -> bool {
        self.schema_version == Some(2)
            && !self.is_index()
            && self.fs_layers.is_none()
            && self.blobs.is_none()
            && media_type::shape(self.media_type.as_deref()) != Shape::Withdrawn
    }

    /// The children of an index with their digests, in order. Every one must be a digest that ECR could hold.
    pub fn children(&self) -> Result<Vec<(Digest, &Descriptor)>, Malformed> {
        let list = match &self.manifests {
            Some(Some(list)) => list.as_slice(),
            Some(None) => &[],
            None => return Err(Malformed::NoChildren),
        };
        list.iter()
            .map(|child| match child.digest() {
                Some(digest) => Ok((digest, child)),
                None => Err(Malformed::ChildDigest(child.digest_text.chars().take(80).collect())),
            })
            .collect()
    }

    /// The layers; none and `null` are the same.
    pub fn layers(&self) -> &[Descriptor] {
        self.layers.as_deref().unwrap_or_default()
    }

    /// The digest of the subject, if there is one that ECR could hold.
    pub fn subject_digest(&self) -> Option<Digest> {
        self.subject.as_ref().and_then(Descriptor::digest)
    }

    /// What the layers state, in order, each once: the predicate types of an attestation.
    pub fn predicate_types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = Vec::new();
        for layer in self.layers() {
            let stated = layer.annotations.as_ref().and_then(|a| a.predicate_type.as_deref());
            if let Some(stated) = stated
                && !types.contains(&stated)
            {
                types.push(stated);
            }
        }
        types
    }
}

impl Descriptor {
    /// The digest, if it is a sha256 one.
    pub fn digest(&self) -> Option<Digest> {
        self.digest_text.parse().ok()
    }

    /// The media type as written, or nothing.
    pub fn media_type(&self) -> &str {
        self.media_type.as_deref().unwrap_or_default()
    }
}

impl Platform {
    /// `unknown/unknown`, as BuildKit writes for attestations.
    pub fn is_unknown(&self) -> bool {
        self.os.as_deref() == Some("unknown") && self.architecture.as_deref() == Some("unknown")
    }

    /// Whether it names an operating system and an architecture that something could run on.
    pub fn is_real(&self) -> bool {
        let names = |field: &Option<String>| {
            field.as_deref().is_some_and(|name| !name.is_empty() && name != "unknown")
        };
        names(&self.os) && names(&self.architecture)
    }
}

/// Tells a key that is there, even as `null`, from one that is not.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// More than 4 MiB of real descriptors. Of empty ones (`{}`) there is room for a million, which would need a hundred
/// times the memory.
const MAX_DESCRIPTORS: usize = 30_000;

/// A list that is not longer than its bytes can justify.
struct Bounded(Vec<Descriptor>);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Bounded;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "a list of at most {MAX_DESCRIPTORS} descriptors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded, A::Error> {
                let mut descriptors = Vec::new();
                while let Some(descriptor) = list.next_element()? {
                    if descriptors.len() == MAX_DESCRIPTORS {
                        return Err(A::Error::invalid_length(MAX_DESCRIPTORS + 1, &self));
                    }
                    descriptors.push(descriptor);
                }
                Ok(Bounded(descriptors))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Descriptor>>, D::Error> {
    Ok(Option::<Bounded>::deserialize(deserializer)?.map(|list| list.0))
}

fn present_and_bounded<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Vec<Descriptor>>>, D::Error> {
    bounded(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_layers_are_no_layers() {
        let manifest = Manifest::parse(br#"{"schemaVersion":2,"layers":null}"#).unwrap();
        assert!(manifest.layers().is_empty());
        assert!(manifest.is_image_manifest());
    }

    #[test]
    fn a_manifests_key_makes_an_index_whatever_else_is_said() {
        for text in [
            r#"{"manifests":[]}"#,
            r#"{"manifests":null,"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
        ] {
            let manifest = Manifest::parse(text.as_bytes()).unwrap();
            assert!(manifest.is_index() && !manifest.is_image_manifest(), "{text}");
            assert!(manifest.children().unwrap().is_empty());
        }
    }

    #[test]
    fn an_index_whose_children_cannot_be_known_is_an_error() {
        let without =
            Manifest::parse(format!(r#"{{"mediaType":"{}"}}"#, media_type::OCI_INDEX).as_bytes()).unwrap();
        assert_eq!(without.children().err(), Some(Malformed::NoChildren));
        let odd = Manifest::parse(br#"{"manifests":[{"digest":"sha256:aaa111"}]}"#).unwrap();
        assert_eq!(odd.children().err(), Some(Malformed::ChildDigest("sha256:aaa111".into())));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [
            r#"{"manifests":[],"manifests":[]}"#,
            r#"{"layers":[],"layers":null}"#,
            r#"{"manifests":"none"}"#,
            r#"{"layers":{}}"#,
            "[]",
            "[2]",
            "",
        ] {
            assert!(Manifest::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_without_end_is_an_error_and_not_a_memory() {
        let list = |length: usize| vec!["{}"; length].join(",");
        for key in ["layers", "manifests"] {
            let parse = |length| Manifest::parse(format!(r#"{{"{key}":[{}]}}"#, list(length)).as_bytes());
            assert!(parse(MAX_DESCRIPTORS).is_ok(), "{key}");
            assert!(parse(MAX_DESCRIPTORS + 1).unwrap_err().to_string().contains("at most"), "{key}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = format!(r#"{{"x":{}}}"#, "[".repeat(100_000));
        assert!(Manifest::parse(deep.as_bytes()).is_err());
    }
}
