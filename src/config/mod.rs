//! The configuration: built-in defaults, one strict TOML file, environment twins.
//!
//! The same for the Lambda function and the command line. Everything is checked before anything is called.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::file::{Content, File};
use crate::config::layer::Layer;
use crate::config::location::S3Prefix;
use crate::config::pattern::Patterns;
use crate::config::policy::{Action, Policy, PolicyPatch, Preset};
use crate::config::section::words;
use crate::config::target::Target;
use crate::util::sanitize;

pub mod backup;
mod environment;
mod error;
mod file;
pub mod in_use;
mod layer;
mod limits;
pub mod location;
pub mod memory;
pub mod pattern;
pub mod policy;
#[cfg(test)]
pub(crate) mod schema;
mod section;
mod select;
pub mod tag_template;
pub mod target;
mod unmatched;
mod value;

pub use backup::BackupConfig;
pub use environment::Environment;
pub use error::ConfigError;
pub use in_use::InUseConfig;
pub use limits::{Concurrency, Limits};
pub use memory::{MemoryConfig, Statements};
pub use select::Select;
pub use value::duration;

words! {
    /// Whether a run only plans or also carries its plan out.
    pub enum Mode {
        /// Nothing is written to the registry.
        Plan = "plan",
        /// The plan is carried out.
        Apply = "apply",
    }
}

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode of the Lambda function; on the command line the verb is the mode.
    pub mode: Mode,
    /// The selection of repositories.
    pub select: Select,
    /// The limits of a run.
    pub limits: Limits,
    /// The memory of earlier runs.
    pub memory: MemoryConfig,
    /// The backups of what is deleted.
    pub backup: BackupConfig,
    /// The sources of images in use.
    pub in_use: InUseConfig,
    /// The bucket of the function's stack, for what has no location of its own.
    pub state_bucket: Option<S3Prefix>,
    /// The registries to work on; none stands for the caller's own.
    pub targets: Vec<Target>,
    /// The file that was read, if any.
    pub source: ConfigSource,
    /// The environment variables that were taken, by name.
    pub variables: Vec<String>,
    policy: [PolicyPatch; 2],
    overrides: Vec<Override>,
}

/// The origin of a configuration, environment variables aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// No file: the defaults of this program.
    BuiltIn,
    /// A file.
    File(PathBuf),
}

#[derive(Debug, Clone, Default)]
struct Override {
    repositories: Patterns,
    policy: PolicyPatch,
}

const PREFIX: &str = "JANITOR_";
const CONFIG_VARIABLE: &str = "JANITOR_CONFIG";
/// Set by `template.yaml`; no key of the file.
const STATE_BUCKET_VARIABLE: &str = "JANITOR_STATE_BUCKET";
/// The file that is looked for where none is named.
pub const FILE_NAME: &str = "janitor.toml";
/// More variables than this are counted, not named.
const NAMED_VARIABLES: usize = 3;

impl Default for Config {
    fn default() -> Self {
        Self::from_layers(ConfigSource::BuiltIn, [Layer::default(), Layer::default()], Vec::new(), Vec::new())
    }
}

impl Config {
    /// Finds and reads the configuration: the given file, else `JANITOR_CONFIG`, else `janitor.toml` beside the
    /// binary or in the working directory, else the defaults; then the environment.
    pub fn load(given: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let named = environment::named_file(environment)?;
        match given.map(Path::to_path_buf).or(named).or_else(find_file) {
            Some(path) => {
                let text = fs::read_to_string(&path).map_err(|error| ConfigError::Unreadable {
                    file: sanitize::line(&path.to_string_lossy()),
                    problem: error.to_string(),
                })?;
                Self::read(ConfigSource::File(path), &text, environment)
            }
            None => Self::read(ConfigSource::BuiltIn, "", environment),
        }
    }

    /// Reads a configuration from the text of a file and the environment.
    pub fn parse(file: &str, environment: &Environment) -> Result<Self, ConfigError> {
        Self::read(ConfigSource::BuiltIn, file, environment)
    }

    fn read(source: ConfigSource, text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let name = match &source {
            ConfigSource::BuiltIn => "the configuration".into(),
            ConfigSource::File(path) => path.to_string_lossy(),
        };
        let Content { layer: file, overrides, targets } = File { name: &name, text }.read()?;
        let (variables, mut taken) = environment::read(environment)?;
        let state_bucket = environment::state_bucket(environment)?;
        taken.extend(state_bucket.is_some().then(|| STATE_BUCKET_VARIABLE.to_owned()));
        Ok(Self { state_bucket, targets, ..Self::from_layers(source, [file, variables], overrides, taken) })
    }

    /// Later layers win over earlier ones.
    fn from_layers(
        source: ConfigSource,
        layers: [Layer; 2],
        overrides: Vec<Override>,
        variables: Vec<String>,
    ) -> Self {
        let mut config = Self {
            mode: Mode::Plan,
            select: Select::default(),
            limits: Limits::default(),
            memory: MemoryConfig::default(),
            backup: BackupConfig::default(),
            in_use: InUseConfig::default(),
            state_bucket: None,
            targets: Vec::new(),
            source,
            variables,
            policy: Default::default(),
            overrides,
        };
        for layer in &layers {
            config.mode = layer.mode.unwrap_or(config.mode);
            layer.select.apply(&mut config.select);
            layer.limits.apply(&mut config.limits);
            layer.memory.apply(&mut config.memory);
            layer.backup.apply(&mut config.backup);
            layer.in_use.apply(&mut config.in_use);
        }
        config.policy = layers.map(|layer| layer.policy);
        config
    }

    /// The policy of one repository: the first override that matches wins over the rest, key by key.
    pub fn policy_of(&self, repository: &str) -> Policy {
        self.policy_with(None, self.override_of(repository))
    }

    /// The policy of one repository if this were its preset. Keys that somebody gave stay as they are.
    pub fn policy_under(&self, preset: Preset, repository: &str) -> Policy {
        self.policy_with(Some(preset), self.override_of(repository))
    }

    /// The policies that may apply to some repository: the general one, and with each override.
    pub fn policies(&self) -> impl Iterator<Item = Policy> {
        let overrides = self.overrides.iter().map(|over| &over.policy);
        [None].into_iter().chain(overrides.map(Some)).map(|over| self.policy_with(None, over))
    }

    /// The configuration in force, for every output to name: `janitor.toml`, `built-in defaults and JANITOR_MODE`.
    pub fn describe(&self) -> String {
        let source = match &self.source {
            ConfigSource::BuiltIn => "built-in defaults".into(),
            ConfigSource::File(path) => sanitize::line(&path.to_string_lossy()),
        };
        match self.variables.len() {
            0 => source,
            1..=NAMED_VARIABLES => format!("{source} and {}", self.variables.join(", ")),
            more => format!("{source} and {more} {PREFIX} variables"),
        }
    }

    /// What is configured and has no effect, for people to know.
    pub fn warnings(&self) -> Vec<String> {
        let images_of = |patch: &PolicyPatch| patch.superseded_images.map(Action::from);
        let general = self.policy.iter().filter_map(images_of).next_back();
        let of_all = [("superseded_images".to_owned(), general, self.policy_with(None, None))];
        let of_some = (1..).zip(&self.overrides).map(|(number, over)| {
            let policy = self.policy_with(None, Some(&over.policy));
            (format!("override[{number}].superseded_images"), images_of(&over.policy), policy)
        });
        let is_useless = |given: Option<Action>, policy: &Policy| {
            given == Some(Action::Delete) && !policy.deletes_superseded()
        };
        let useless =
            of_all.into_iter().chain(of_some).filter(|(_, given, policy)| is_useless(*given, policy));
        useless
            .map(|(key, ..)| {
                format!(
                    "{key} = \"delete\" has no effect without superseded = \"delete\": images go only with the indexes that list them"
                )
            })
            .collect()
    }

    fn override_of(&self, repository: &str) -> Option<&PolicyPatch> {
        let first = self.overrides.iter().find(|over| over.repositories.matches(repository));
        first.map(|over| &over.policy)
    }

    /// The preset is chosen first, wherever it stands, so that keys win over it wherever they stand.
    fn policy_with(&self, preset: Option<Preset>, over: Option<&PolicyPatch>) -> Policy {
        let layers = || self.policy.iter().chain(over);
        let given = layers().filter_map(|layer| layer.preset).next_back();
        let preset = preset.or(given).unwrap_or(Preset::Orphans);
        let mut policy = preset.policy();
        layers().for_each(|layer| layer.apply(&mut policy));
        policy.preset = preset;
        policy
    }
}

/// `janitor.toml` beside the binary, else in the working directory.
///
/// One that is there and cannot be read is found all the same: the error says so, where defaults would not.
fn find_file() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|binary| Some(binary.parent()?.join(FILE_NAME)));
    let is_there =
        |path: &PathBuf| !fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    beside.into_iter().chain([PathBuf::from(FILE_NAME)]).find(is_there)
}

#[cfg(test)]
mod tests;
