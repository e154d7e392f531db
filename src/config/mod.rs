//! The configuration: built-in defaults, one strict TOML file, environment twins.
//!
//! The same for the Lambda function and the command line. Everything is checked before anything is called.

pub mod pattern;
pub mod policy;
mod setting;
pub mod tag_template;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::config::pattern::Patterns;
use crate::config::policy::Policy;
use crate::util::sanitize;
pub use setting::Setting;
use value::Value;

/// Whether a run only says what it would do, or does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Mode {
    /// Nothing is written to the registry.
    Plan,
    /// The plan is carried out.
    Apply,
}

/// Which repositories a run looks at.
#[derive(Debug, Clone)]
pub struct Select {
    /// Patterns of names; the default is `*`.
    pub repositories: Patterns,
    /// Patterns of names that are left out all the same.
    pub exclude: Patterns,
    /// Resource tags that a repository must bear, all of them.
    pub require_tag: BTreeMap<String, String>,
}

/// The breaker: limits on a whole plan, checked before the first write.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// The most deletions in one run.
    pub max_deletions: u64,
    /// The largest share of a repository's images that may be deleted, from 0 to 1.
    pub max_deletions_share: f64,
}

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode of the Lambda function; on the command line the verb is the mode.
    pub mode: Mode,
    /// Which repositories.
    pub select: Select,
    /// The breaker.
    pub limits: Limits,
    /// How many repositories are worked on at a time.
    pub concurrency: usize,
    policy: Policy,
    overrides: Vec<Override>,
}

#[derive(Debug, Clone)]
struct Override {
    repositories: Patterns,
    settings: Vec<Setting>,
}

/// A configuration that cannot be used, in one line that says where and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {path}: {problem}; check the path given by --config or JANITOR_CONFIG"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// Not TOML.
    #[error("the configuration is not TOML: {0}")]
    Syntax(String),
    /// A key or variable nobody knows.
    #[error("unknown {what} `{place}`: did you mean `{nearest}`?")]
    Unknown {
        /// `key` or `environment variable`.
        what: &'static str,
        /// The key, with its section.
        place: String,
        /// The valid one that looks most like it.
        nearest: String,
    },
    /// A value that cannot be.
    #[error("`{place}`: {problem}")]
    Value {
        /// The key with its section, or the environment variable.
        place: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

const SECTIONS: [&str; 5] = ["mode", "select", "policy", "limits", "override"];
const SELECT: [&str; 3] = ["repositories", "exclude", "require_tag"];
const LIMITS: [&str; 3] = ["max_deletions", "max_deletions_share", "concurrency"];
const PREFIX: &str = "JANITOR_";
const CONFIG_VARIABLE: &str = "JANITOR_CONFIG";

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Plan,
            select: Select {
                repositories: Patterns::everything(),
                exclude: Patterns::default(),
                require_tag: BTreeMap::new(),
            },
            limits: Limits { max_deletions: 1000, max_deletions_share: 0.5 },
            concurrency: 4,
            policy: Policy::default(),
            overrides: Vec::new(),
        }
    }
}

impl Config {
    /// Finds and reads the configuration: the given file, else `JANITOR_CONFIG`, else `janitor.toml` beside the
    /// binary or in the working directory, else the defaults; then the environment.
    pub fn load(given: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let named = environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty());
        let text = match given.map(Path::to_path_buf).or_else(|| named.map(PathBuf::from)) {
            Some(path) => Some(read(&path)?),
            None => match beside_the_binary()
                .into_iter()
                .chain([PathBuf::from("janitor.toml")])
                .find(|p| p.is_file())
            {
                Some(path) => Some(read(&path)?),
                None => None,
            },
        };
        Self::parse(text.as_deref().unwrap_or_default(), environment)
    }

    /// Reads a configuration from the text of a file and the environment.
    pub fn parse(file: &str, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let table: toml::Table = file
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::Syntax(sanitize::line(&error.to_string())))?;
        let mut config = Self::default();
        config.read_file(&table)?;
        config.read_environment(environment)?;
        Ok(config)
    }

    /// The policy of one repository: the first override that matches wins over the rest, key by key.
    pub fn policy_of(&self, repository: &str) -> Policy {
        let first = self.overrides.iter().find(|over| over.repositories.matches(repository));
        first.map_or_else(|| self.policy.clone(), |over| self.policy_with(over))
    }

    /// The policies that may apply to some repository: the general one, and with each override.
    pub fn policies(&self) -> impl Iterator<Item = Policy> {
        let overridden = self.overrides.iter().map(|over| self.policy_with(over));
        [self.policy.clone()].into_iter().chain(overridden)
    }

    fn policy_with(&self, over: &Override) -> Policy {
        let mut policy = self.policy.clone();
        for setting in &over.settings {
            setting.apply(&mut policy);
        }
        policy
    }

    fn read_file(&mut self, table: &toml::Table) -> Result<(), ConfigError> {
        for (section, content) in table {
            match (section.as_str(), content) {
                ("override", toml::Value::Array(list)) => {
                    for (number, content) in (1..).zip(list) {
                        let place = format!("override[{number}]");
                        self.overrides.push(read_override(as_table(content, &place)?, &place)?);
                    }
                }
                ("override", _) => {
                    return Err(value_error("override", "write it as [[override]], with two brackets"));
                }
                ("mode", content) => self.set("mode", "mode", &Value::Toml(content.clone()))?,
                ("select" | "policy" | "limits", content) => {
                    for (key, content) in as_table(content, section)? {
                        if !keys_of(section).contains(&key.as_str()) {
                            return Err(unknown("key", section, key, keys_of(section)));
                        }
                        self.set(key, &format!("{section}.{key}"), &Value::Toml(content.clone()))?;
                    }
                }
                _ => return Err(unknown("key", "", section, SECTIONS)),
            }
        }
        Ok(())
    }

    /// Every scalar and list has a twin: `JANITOR_` and the key in capitals. An empty one is as if it were not set.
    fn read_environment(&mut self, environment: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        let keys = || ["mode"].into_iter().chain(SELECT).chain(LIMITS).chain(Setting::KEYS);
        for (variable, text) in environment {
            let Some(key) = variable.strip_prefix(PREFIX) else { continue };
            if text.is_empty() || variable == CONFIG_VARIABLE {
                continue;
            }
            match keys().find(|known| known.to_uppercase() == key) {
                Some(known) => self.set(known, variable, &Value::Text(text.clone()))?,
                None => refuse_misspelt(variable, key, keys())?,
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, place: &str, value: &Value) -> Result<(), ConfigError> {
        let wrong = |problem: String| value_error(place, &problem);
        match key {
            "mode" => {
                self.mode = value.choice(&[("plan", Mode::Plan), ("apply", Mode::Apply)]).map_err(wrong)?
            }
            "repositories" => self.select.repositories = patterns(value, place)?,
            "exclude" => {
                self.select.exclude =
                    Patterns::new(value.list().map_err(wrong)?).map_err(|e| wrong(e.to_string()))?
            }
            "require_tag" => self.select.require_tag = value.map().map_err(wrong)?,
            "max_deletions" => self.limits.max_deletions = value.whole(0).map_err(wrong)?,
            "max_deletions_share" => self.limits.max_deletions_share = value.share().map_err(wrong)?,
            "concurrency" => {
                self.concurrency = usize::try_from(value.whole(1).map_err(wrong)?.min(256)).unwrap_or(256);
            }
            _ => {
                let setting = Setting::read(key, value).map_err(wrong)?;
                setting.apply(&mut self.policy);
            }
        }
        Ok(())
    }
}

fn read_override(table: &toml::Table, place: &str) -> Result<Override, ConfigError> {
    let names = table
        .get("repositories")
        .ok_or_else(|| value_error(place, "it needs `repositories`, a list of patterns"))?;
    let repositories = patterns(&Value::Toml(names.clone()), &format!("{place}.repositories"))?;
    let mut settings = Vec::new();
    for (key, content) in table.iter().filter(|(key, _)| *key != "repositories") {
        if !Setting::KEYS.contains(&key.as_str()) {
            let keys = ["repositories"].into_iter().chain(Setting::KEYS);
            return Err(unknown("key", place, key, keys));
        }
        let setting = Setting::read(key, &Value::Toml(content.clone()))
            .map_err(|problem| value_error(&format!("{place}.{key}"), &problem))?;
        settings.push(setting);
    }
    Ok(Override { repositories, settings })
}

fn patterns(value: &Value, place: &str) -> Result<Patterns, ConfigError> {
    let list = value.list().map_err(|problem| value_error(place, &problem))?;
    if list.is_empty() {
        return Err(value_error(
            place,
            "it is empty, so nothing would ever match; leave it out, or name repositories",
        ));
    }
    Patterns::new(list).map_err(|error| value_error(place, &error.to_string()))
}

fn keys_of(section: &str) -> &'static [&'static str] {
    match section {
        "select" => &SELECT,
        "limits" => &LIMITS,
        _ => &Setting::KEYS,
    }
}

fn as_table<'a>(content: &'a toml::Value, place: &str) -> Result<&'a toml::Table, ConfigError> {
    content.as_table().ok_or_else(|| value_error(place, "it must be a section, with keys of its own"))
}

fn value_error(place: &str, problem: &str) -> ConfigError {
    ConfigError::Value { place: place.to_owned(), problem: problem.to_owned() }
}

fn unknown<S: AsRef<str>>(
    what: &'static str,
    section: &str,
    key: &str,
    known: impl IntoIterator<Item = S>,
) -> ConfigError {
    let dot = if section.is_empty() { "" } else { "." };
    let place = format!("{section}{dot}{}", key.chars().take(80).collect::<String>());
    let nearest = nearest(key, known).map(|(nearest, _)| nearest).unwrap_or_default();
    ConfigError::Unknown { what, place, nearest: format!("{section}{dot}{nearest}") }
}

/// The known name that is the fewest edits away, and how many.
fn nearest<S: AsRef<str>>(name: &str, known: impl IntoIterator<Item = S>) -> Option<(String, usize)> {
    known
        .into_iter()
        .map(|known| (known.as_ref().to_owned(), strsim::damerau_levenshtein(name, known.as_ref())))
        .min_by_key(|(_, edits)| *edits)
}

/// A variable that is nearly one of ours is a mistake that could make the policy laxer than meant; one that only
/// shares the prefix may belong to something else.
fn refuse_misspelt(
    variable: &str,
    key: &str,
    known: impl Iterator<Item = &'static str>,
) -> Result<(), ConfigError> {
    let known: Vec<String> = known.map(str::to_uppercase).chain(["CONFIG".to_owned()]).collect();
    match nearest(key, &known) {
        Some((nearest, edits)) if edits <= 3 => Err(ConfigError::Unknown {
            what: "environment variable",
            place: variable.to_owned(),
            nearest: format!("{PREFIX}{nearest}"),
        }),
        _ => {
            tracing::warn!(
                variable,
                "the environment variable looks like one of the janitor's, but is none: ignored"
            );
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), problem: error.to_string() })
}

fn beside_the_binary() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("janitor.toml"))
}

#[cfg(test)]
mod tests;
