//! The TOML document of a seed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::buildx::{self, Form};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) repository: Vec<Repository>,
    /// The registry's replication rules, which take the place of those it has.
    #[serde(default)]
    pub(super) replication: Vec<Replication>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replication {
    /// Destinations: each a Region, or a Region and an account as in `eu-west-1/210987654321`.
    pub(super) to: Vec<String>,
    /// Prefixes of repository names; none is every repository.
    #[serde(default)]
    pub(super) prefixes: Vec<String>,
    /// Whether deletions are replicated; without it, the rule has no such member.
    pub(super) deletes: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repository {
    pub(super) name: String,
    /// Whether tags are immutable.
    #[serde(default)]
    pub(super) immutable: bool,
    /// The tags of the repository itself.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// Age of the repository; if not given, that of the oldest thing in it.
    pub(super) days_ago: Option<f64>,
    #[serde(default)]
    pub(super) build: Vec<Build>,
    #[serde(default)]
    pub(super) image: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    /// The name by which images of the document refer to it.
    pub(super) id: Option<String>,
    #[serde(default = "amd64")]
    pub(super) platforms: Vec<String>,
    #[serde(default)]
    pub(super) form: Attestations,
    #[serde(default)]
    pub(super) code: u64,
    #[serde(default)]
    pub(super) run: u64,
    #[serde(default)]
    pub(super) sbom: bool,
    #[serde(default)]
    pub(super) provenance: Provenance,
    pub(super) tag: Option<String>,
    #[serde(default)]
    pub(super) days_ago: f64,
    pub(super) pulled_days_ago: Option<f64>,
    /// Whether the index was deleted after the push.
    #[serde(default)]
    pub(super) deleted_index: bool,
    /// Number of builds: of this code, the next one, and so on.
    #[serde(default = "one")]
    pub(super) count: u64,
}

/// The provenance of a build. Its source is a checkout, or with `git_context` a repository that BuildKit fetched.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Provenance {
    #[serde(default)]
    slsa: Slsa,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    builder: String,
    source: Option<String>,
    #[serde(default)]
    revision: String,
    #[serde(default)]
    git_context: bool,
    entry_point: Option<String>,
    #[serde(default)]
    build_args: BTreeMap<String, String>,
    /// URIs with their digests.
    #[serde(default)]
    materials: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone, Copy, Default)]
enum Slsa {
    #[serde(rename = "v0.2")]
    V02,
    #[default]
    #[serde(rename = "v1")]
    V1,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Min,
    Max,
}

impl From<&Provenance> for buildx::Provenance {
    fn from(told: &Provenance) -> Self {
        let (uri, revision) = (told.source.clone(), told.revision.clone());
        Self {
            slsa: match told.slsa {
                Slsa::V02 => buildx::Slsa::V02,
                Slsa::V1 => buildx::Slsa::V1,
            },
            mode: match told.mode {
                Mode::Min => buildx::Mode::Min,
                Mode::Max => buildx::Mode::Max,
            },
            builder_id: told.builder.clone(),
            source: match uri {
                None => buildx::Source::Folder,
                Some(uri) if told.git_context => buildx::Source::Git { uri, revision },
                Some(uri) => buildx::Source::Checkout { uri, revision },
            },
            entry_point: told.entry_point.clone(),
            build_args: told.build_args.clone(),
            materials: told
                .materials
                .iter()
                .map(|(uri, digest)| buildx::Material { uri: uri.clone(), digest: digest.clone() })
                .collect(),
            built_at_ms: None,
        }
    }
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Attestations {
    #[default]
    Oci,
    Legacy,
    None,
}

impl From<Attestations> for Form {
    fn from(attestations: Attestations) -> Self {
        match attestations {
            Attestations::Oci => Self::Oci,
            Attestations::Legacy => Self::Legacy,
            Attestations::None => Self::None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    pub(super) id: Option<String>,
    pub(super) kind: Kind,
    /// The seed of a plain image.
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) tag: Option<String>,
    /// The subject of a signature or SOCI index: an id, a tag, or a digest.
    pub(super) of: Option<String>,
    #[serde(default)]
    pub(super) days_ago: f64,
    pub(super) pulled_days_ago: Option<f64>,
    #[serde(default)]
    pub(super) archived: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Plain,
    Docker,
    Cache,
    Chart,
    CosignTag,
    CosignBundle,
    Notation,
    SociV1,
    SociV2,
}

fn amd64() -> Vec<String> {
    vec!["linux/amd64".to_owned()]
}

fn one() -> u64 {
    1
}
