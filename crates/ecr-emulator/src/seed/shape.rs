//! How a world is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::buildx::Form;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct World {
    #[serde(default)]
    pub(super) repository: Vec<Repository>,
    /// The registry's replication rules, which take the place of those it has.
    #[serde(default)]
    pub(super) replication: Vec<Replication>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replication {
    /// Where to: each a Region, or a Region and an account as in `eu-west-1/210987654321`.
    pub(super) to: Vec<String>,
    /// Prefixes of repository names; none is every repository.
    #[serde(default)]
    pub(super) prefixes: Vec<String>,
    /// Whether deletions are replicated; if not said, the rule does not say.
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
    /// When it was created; if not said, with the oldest thing in it.
    pub(super) days_ago: Option<f64>,
    #[serde(default)]
    pub(super) build: Vec<Build>,
    #[serde(default)]
    pub(super) image: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    /// What images of the world call it.
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
    pub(super) tag: Option<String>,
    #[serde(default)]
    pub(super) days_ago: f64,
    pub(super) pulled_days_ago: Option<f64>,
    /// Whether the index was deleted after the push.
    #[serde(default)]
    pub(super) deleted_index: bool,
    /// How many builds: of this code, the next one, and so on.
    #[serde(default = "one")]
    pub(super) count: u64,
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
    /// Which one, of plain images.
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) tag: Option<String>,
    /// What a signature or SOCI index is about: an id, a tag, or a digest.
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
