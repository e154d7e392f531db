//! Manifests as they are stored: parsed leniently, judged elsewhere.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::oci::digest::Digest;
use crate::oci::media_type::{self, Shape};
use crate::util::sanitize;

/// The parts of an image manifest or index that matter here.
///
/// Unknown fields are ignored. A field of the wrong type, given twice, or with a name that differs from a known one in
/// case alone is an error: then two readers may see two different manifests.
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
    #[serde(deserialize_with = "object")]
    pub config: Option<Descriptor>,
    /// `null` is real: BuildKit writes it for an image without layers.
    #[serde(deserialize_with = "descriptors")]
    pub layers: Option<Vec<Descriptor>>,
    /// The children of an index. The outer level says whether the key is there at all.
    #[serde(deserialize_with = "children")]
    pub manifests: Option<Option<Vec<Descriptor>>>,
    /// The manifest that this one refers to (OCI 1.1).
    #[serde(deserialize_with = "object")]
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
    #[serde(deserialize_with = "object")]
    pub platform: Option<Platform>,
    /// The annotations that matter here.
    #[serde(deserialize_with = "object")]
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
    /// The predicate type of an in-toto statement, for example `https://slsa.dev/provenance/v1`.
    #[serde(rename = "in-toto.io/predicate-type")]
    pub predicate_type: Option<String>,
}

/// The reason why bytes are no usable manifest.
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
/// The most descriptors in a list: more with digests do not fit into that, and a list without could claim a million
/// layers, and take some 300 MB to keep.
const MAX_DESCRIPTORS: usize = 50_000;
/// The longest description of a malformed manifest, which may quote it, in characters.
const LONGEST_PROBLEM: usize = 300;

impl Manifest {
    /// Reads a manifest or an index.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::TooLarge(bytes.len()));
        }
        serde_json::from_slice(bytes)
            .map(|Object(manifest)| manifest)
            .map_err(|error| Malformed::Json(sanitize::cut(&error.to_string(), LONGEST_PROBLEM)))
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

    /// The predicate types of the layers, in order, each once.
    pub fn predicate_types(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let annotations = self.layers().iter().filter_map(|layer| layer.annotations.as_ref());
        let stated = annotations.filter_map(|annotations| annotations.predicate_type.as_deref());
        stated.filter(|stated| seen.insert(*stated)).collect()
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

/// The names of an object's fields. Go's readers, Docker and containerd among them, do not mind their case.
trait Fields {
    const NAMES: &'static [&'static str];
}

impl Fields for Manifest {
    const NAMES: &'static [&'static str] = &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "subject",
        "fsLayers",
        "blobs",
        "annotations",
    ];
}

impl Fields for Descriptor {
    const NAMES: &'static [&'static str] =
        &["mediaType", "digest", "size", "artifactType", "platform", "annotations"];
}

impl Fields for Platform {
    const NAMES: &'static [&'static str] = &["os", "architecture", "variant"];
}

/// The keys of annotations are data, and every reader takes them as they are.
impl Fields for Annotations {
    const NAMES: &'static [&'static str] = &[];
}

/// The known name that a key would pass for, where it is not that name.
fn resembled(names: &[&'static str], key: &str) -> Option<&'static str> {
    if names.contains(&key) {
        return None;
    }
    let folded = |text: &str| text.chars().map(folded).collect::<String>();
    let key = folded(key);
    names.iter().copied().find(|name| folded(name) == key)
}

/// A character as Go compares names: without case, and two more letters are taken for ASCII ones.
fn folded(character: char) -> char {
    match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

/// A JSON object. serde would also read a struct from an array, field by field, and other readers would not.
struct Object<T>(T);

impl<'de, T: Deserialize<'de> + Fields> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Fields> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Object<T>, M::Error> {
        T::deserialize(MapAccessDeserializer::new(ExactNames { map, names: T::NAMES })).map(Object)
    }
}

/// The entries of an object, up to a key that only resembles a known name.
struct ExactNames<M> {
    map: M,
    names: &'static [&'static str],
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for ExactNames<M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        let Some(key) = self.map.next_key::<String>()? else { return Ok(None) };
        match resembled(self.names, &key) {
            Some(name) => {
                Err(M::Error::custom(format!("a field {key:?}, which some readers take for {name:?}")))
            }
            None => seed.deserialize(key.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A list of descriptors of bounded length.
struct Descriptors(Vec<Descriptor>);

impl<'de> Deserialize<'de> for Descriptors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DescriptorsVisitor)
    }
}

struct DescriptorsVisitor;

impl<'de> Visitor<'de> for DescriptorsVisitor {
    type Value = Descriptors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of descriptors")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Descriptors, S::Error> {
        let mut descriptors = Vec::new();
        while let Some(Object(descriptor)) = list.next_element()? {
            if descriptors.len() == MAX_DESCRIPTORS {
                return Err(S::Error::custom(format!("a list of more than {MAX_DESCRIPTORS} descriptors")));
            }
            descriptors.push(descriptor);
        }
        Ok(Descriptors(descriptors))
    }
}

fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Fields,
{
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

fn descriptors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Descriptor>>, D::Error> {
    Ok(Option::<Descriptors>::deserialize(deserializer)?.map(|Descriptors(list)| list))
}

fn children<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Vec<Descriptor>>>, D::Error> {
    descriptors(deserializer).map(Some)
}

/// Tells a key that is there, even as `null`, from one that is not.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
    fn the_keys_of_other_formats_make_no_image_even_if_they_are_null() {
        for key in ["fsLayers", "blobs"] {
            for value in ["null", "[]"] {
                let text = format!(r#"{{"schemaVersion":2,"layers":[],"{key}":{value}}}"#);
                assert!(!Manifest::parse(text.as_bytes()).unwrap().is_image_manifest(), "{text}");
            }
        }
    }

    #[test]
    fn a_platform_is_real_or_unknown_or_neither() {
        for (platform, is_real, is_unknown) in [
            (r#"{"os":"linux","architecture":"amd64"}"#, true, false),
            (r#"{"os":"unknown","architecture":"unknown"}"#, false, true),
            (r#"{"os":"linux","architecture":"unknown"}"#, false, false),
            (r#"{"os":"unknown","architecture":"amd64"}"#, false, false),
            (r#"{"os":"","architecture":"amd64"}"#, false, false),
            (r#"{"os":"linux"}"#, false, false),
            ("{}", false, false),
        ] {
            let read: Platform = serde_json::from_str(platform).unwrap();
            assert_eq!((read.is_real(), read.is_unknown()), (is_real, is_unknown), "{platform}");
        }
    }

    #[test]
    fn what_should_have_stood_there_is_told() {
        let problem = |text: &str| Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(problem("[]").contains("expected a JSON object"));
        assert!(problem(r#"{"layers":{}}"#).contains("expected a list of descriptors"));
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
            r#"{"layers":[["application/vnd.in-toto+json","sha256:aa"]]}"#,
            r#"{"manifests":[[null,"sha256:aa"]]}"#,
            r#"{"subject":[null,"sha256:aa"]}"#,
            r#"{"config":[]}"#,
            r#"{"layers":[{"annotations":["attestation-manifest"]}]}"#,
            r#"{"manifests":[{"platform":["linux","amd64"]}]}"#,
            r#"{"Manifests":[]}"#,
            r#"{"manifests":[],"manifestS":[]}"#,
            "{\"manife\u{17f}ts\":[]}",
            r#"{"manife\u017fts":[]}"#,
            r#"{"FSLAYERS":null}"#,
            r#"{"layers":[{"Digest":"sha256:aa"}]}"#,
            r#"{"subject":{"mediatype":"x"}}"#,
            r#"{"manifests":[{"platform":{"OS":"linux"}}]}"#,
            "[]",
            "[2]",
            "",
        ] {
            assert!(Manifest::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn other_names_and_the_keys_of_annotations_are_as_they_are() {
        for text in [
            r#"{"manifest":[],"Signatures":[],"mediaTypes":"x"}"#,
            r#"{"manifests":[{"platform":{"os.version":"10","OS.features":["win32k"]}}]}"#,
            r#"{"annotations":{"Manifests":"x","MANIFESTS":"y"}}"#,
            r#"{"layers":[{"annotations":{"Vnd.Docker.Reference.Type":"x"},"urls":[]}]}"#,
        ] {
            assert_eq!(Manifest::parse(text.as_bytes()).err(), None, "{text}");
        }
        let told = Manifest::parse(br#"{"Layers":[]}"#).unwrap_err().to_string();
        assert!(told.contains(r#"a field "Layers", which some readers take for "layers""#), "{told}");
    }

    #[test]
    fn a_manifest_that_claims_a_million_layers_is_refused_before_they_are_kept() {
        for key in ["layers", "manifests"] {
            let list = |count: usize| format!(r#"{{"{key}":[{{}}{}]}}"#, ",{}".repeat(count - 1));
            assert!(Manifest::parse(list(MAX_DESCRIPTORS).as_bytes()).is_ok());
            let problem = Manifest::parse(list(1_000_000).as_bytes()).unwrap_err().to_string();
            assert!(problem.contains("more than 50000 descriptors"), "{problem}");
        }
    }

    #[test]
    fn what_ecr_would_not_take_is_refused_unread() {
        let padded = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
        assert!(Manifest::parse(padded(MAX_BYTES).as_bytes()).is_ok());
        for bytes in [MAX_BYTES + 1, 2 * MAX_BYTES] {
            let refused = Manifest::parse(padded(bytes).as_bytes()).err();
            assert_eq!(refused, Some(Malformed::TooLarge(bytes)));
        }
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_told_in_a_short_line() {
        let long = "\u{202e}\\n".repeat(400_000);
        let problem =
            Manifest::parse(format!(r#"{{"layers":"{long}"}}"#).as_bytes()).unwrap_err().to_string();
        assert!(problem.len() < 1000 && !problem.contains(['\n', '\u{202e}']), "{problem}");
    }

    #[test]
    fn many_predicate_types_are_told_apart_without_comparing_each_with_each() {
        let layer = |n: usize| format!(r#"{{"annotations":{{"in-toto.io/predicate-type":"{n}"}}}}"#);
        let layers: Vec<String> = (0..MAX_DESCRIPTORS).map(|n| layer(n / 2)).collect();
        let manifest = format!(r#"{{"layers":[{}]}}"#, layers.join(","));
        let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
        let types = manifest.predicate_types();
        assert_eq!((types.len(), types[1], types[2]), (MAX_DESCRIPTORS / 2, "1", "2"));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = format!(r#"{{"x":{}}}"#, "[".repeat(100_000));
        assert!(Manifest::parse(deep.as_bytes()).is_err());
    }
}
