//! The provenance that a build attests.

use std::collections::BTreeMap;

/// The contents of a SLSA provenance statement. By default that of a local build by hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// The predicate's version.
    pub slsa: Slsa,
    /// The level of detail.
    pub mode: Mode,
    /// The builder, for example the URL of a CI run; empty by default, as in BuildKit.
    pub builder_id: String,
    /// The source of the build.
    pub source: Source,
    /// The Dockerfile, if it is named.
    pub entry_point: Option<String>,
    /// Build arguments, which only `Mode::Max` includes.
    pub build_args: BTreeMap<String, String>,
    /// Base images and other inputs.
    pub materials: Vec<Material>,
    /// Start and end of the build in Unix milliseconds; by default derived from the run's number.
    pub built_at_ms: Option<(i64, i64)>,
}

/// Version of the SLSA provenance predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Slsa {
    /// `https://slsa.dev/provenance/v0.2`: BuildKit before v0.28, and until now on request.
    V02,
    /// `https://slsa.dev/provenance/v1`.
    #[default]
    V1,
}

/// Level of detail of a provenance (`--provenance=mode=...`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// No build arguments, no build steps, no layers.
    #[default]
    Min,
    /// All of it.
    Max,
}

/// The source of a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// A folder that is in no repository.
    #[default]
    Folder,
    /// A checkout: the repository and revision are metadata that buildx adds (`vcs`).
    Checkout {
        /// For example `https://github.com/acme/shop`.
        uri: String,
        /// The commit.
        revision: String,
    },
    /// A git context that BuildKit fetched itself: the repository and revision are the build's definition.
    Git {
        /// For example `https://github.com/acme/shop.git#refs/heads/main`.
        uri: String,
        /// The commit.
        revision: String,
    },
}

/// An input of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// For example `pkg:docker/alpine@3.22?platform=linux%2Famd64`.
    pub uri: String,
    /// `sha256:<hex>`, or `sha1:<hex>` of a commit.
    pub digest: String,
}

impl Provenance {
    /// The provenance of a local build by hand.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the version of the predicate.
    pub fn slsa(mut self, slsa: Slsa) -> Self {
        self.slsa = slsa;
        self
    }

    /// Sets the level of detail.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the builder.
    pub fn builder_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.builder_id);
        self
    }

    /// Builds from a checkout of this repository at this revision.
    pub fn checkout(mut self, uri: &str, revision: &str) -> Self {
        self.source = Source::Checkout { uri: uri.to_owned(), revision: revision.to_owned() };
        self
    }

    /// Builds from a git context of this repository at this revision.
    pub fn git_context(mut self, uri: &str, revision: &str) -> Self {
        self.source = Source::Git { uri: uri.to_owned(), revision: revision.to_owned() };
        self
    }

    /// Names the Dockerfile.
    pub fn entry_point(mut self, path: &str) -> Self {
        self.entry_point = Some(path.to_owned());
        self
    }

    /// Adds a build argument.
    pub fn build_arg(mut self, name: &str, value: &str) -> Self {
        self.build_args.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds an input with its digest.
    pub fn material(mut self, uri: &str, digest: &str) -> Self {
        self.materials.push(Material { uri: uri.to_owned(), digest: digest.to_owned() });
        self
    }

    /// Sets when the build started and finished, in Unix milliseconds.
    pub fn built_at(mut self, started_ms: i64, finished_ms: i64) -> Self {
        self.built_at_ms = Some((started_ms, finished_ms));
        self
    }
}
