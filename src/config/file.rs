//! The configuration file: TOML, strict, with the line of whatever is wrong.

use std::ops::Range;

use serde_path_to_error::{Path, Segment};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use crate::config::Override;
use crate::config::error::{ConfigError, advice_on_key};
use crate::config::layer::{Layer, MODE, SECTIONS};
use crate::config::pattern::NonEmptyPatterns;
use crate::config::policy::PolicyPatch;
use crate::config::target::{Target, TargetFile};
use crate::util::sanitize;

/// The list of policies for some repositories.
pub(super) const OVERRIDE: &str = "override";
/// The list of registries.
pub(super) const TARGET: &str = "target";
const REPOSITORIES: &str = "repositories";

/// A file that is being read.
pub(super) struct File<'a> {
    /// Its name in messages.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// What a file has.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) layer: Layer,
    pub(super) overrides: Vec<Override>,
    pub(super) targets: Vec<Target>,
}

impl File<'_> {
    /// Reads the file, checking every key and every value.
    pub(super) fn read(&self) -> Result<Content, ConfigError> {
        let mut root = DeTable::parse(self.text).map_err(|error| ConfigError::Syntax {
            file: sanitize::line(self.name),
            problem: sanitize::lines(error.to_string().trim_end()),
        })?;
        let overrides = self.read_list(OVERRIDE, root.get_mut().remove(OVERRIDE), Self::read_override)?;
        let targets = self.read_list(TARGET, root.get_mut().remove(TARGET), Self::read_target)?;
        self.check_sections(root.get_ref())?;
        let span = root.span();
        let layer = serde_path_to_error::deserialize(Deserializer::from(root));
        let layer = layer.map_err(|error| self.value_error("", span, &error))?;
        Ok(Content { layer, overrides, targets })
    }

    fn check_sections(&self, root: &DeTable<'_>) -> Result<(), ConfigError> {
        for (key, value) in root {
            let name = key.get_ref().as_ref();
            if name == MODE {
                continue;
            } else if let Some(section) = SECTIONS.iter().find(|section| section.name == name) {
                let Some(table) = value.get_ref().as_table() else {
                    let problem = format!("it must be a section, [{name}], with keys of its own");
                    return Err(ConfigError::value(self.at(key.span()), name, &problem));
                };
                self.check_keys(name, section.keys, table)?;
            } else {
                return Err(self.unknown_section(key.span(), name, value));
            }
        }
        Ok(())
    }

    fn unknown_section(&self, span: Range<usize>, name: &str, value: &Spanned<DeValue<'_>>) -> ConfigError {
        let sections = SECTIONS.iter().map(|section| section.name);
        let own: Vec<&str> = [MODE].into_iter().chain(sections).chain([OVERRIDE, TARGET]).collect();
        let is_section = value.get_ref().is_table() || value.get_ref().is_array();
        let what = if is_section { "section" } else { "key" };
        ConfigError::unknown(self.at(span), what, name, advice_on_key("", &own, name))
    }

    fn check_keys(&self, section: &str, known: &[&str], table: &DeTable<'_>) -> Result<(), ConfigError> {
        match table.keys().find(|key| !known.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some(key) => {
                let name = key.get_ref();
                let advice = advice_on_key(section, known, name);
                let at = self.at(key.span());
                Err(ConfigError::unknown(at, "key", &format!("{section}.{name}"), advice))
            }
        }
    }

    /// Reads a list of tables, each with the number that messages name it by.
    fn read_list<T>(
        &self,
        name: &str,
        list: Option<Spanned<DeValue<'_>>>,
        read: impl Fn(&Self, usize, Spanned<DeTable<'_>>) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(list) = list else { return Ok(Vec::new()) };
        let no_list = |span: Range<usize>| {
            ConfigError::value(self.at(span), name, &format!("write it as [[{name}]], with two brackets"))
        };
        let span = list.span();
        let DeValue::Array(list) = list.into_inner() else { return Err(no_list(span)) };
        let read_one = |(number, one): (usize, Spanned<DeValue<'_>>)| {
            let span = one.span();
            let DeValue::Table(table) = one.into_inner() else { return Err(no_list(span)) };
            read(self, number, Spanned::new(span, table))
        };
        (1..).zip(list).map(read_one).collect()
    }

    fn read_override(&self, number: usize, over: Spanned<DeTable<'_>>) -> Result<Override, ConfigError> {
        let (span, mut table) = (over.span(), over.into_inner());
        let place = format!("{OVERRIDE}[{number}]");
        let keys: Vec<&str> = [REPOSITORIES].iter().chain(PolicyPatch::KEYS).copied().collect();
        self.check_keys(&place, &keys, &table)?;
        let Some(patterns) = table.remove(REPOSITORIES) else {
            let problem = "it needs `repositories`, a list of patterns";
            return Err(ConfigError::value(self.at(span), &place, problem));
        };
        let repositories: NonEmptyPatterns =
            serde_path_to_error::deserialize(ValueDeserializer::from(patterns)).map_err(|error| {
                self.value_error(&format!("{place}.{REPOSITORIES}"), span.clone(), &error)
            })?;
        let rest = Deserializer::from(Spanned::new(span.clone(), table));
        let policy: PolicyPatch =
            serde_path_to_error::deserialize(rest).map_err(|error| self.value_error(&place, span, &error))?;
        Ok(Override { repositories: repositories.into(), policy })
    }

    fn read_target(&self, number: usize, target: Spanned<DeTable<'_>>) -> Result<Target, ConfigError> {
        let span = target.span();
        let place = format!("{TARGET}[{number}]");
        self.check_keys(&place, TargetFile::KEYS, target.get_ref())?;
        let read: TargetFile = serde_path_to_error::deserialize(Deserializer::from(target))
            .map_err(|error| self.value_error(&place, span.clone(), &error))?;
        let wrong = |(key, problem): (&str, String)| {
            ConfigError::value(self.at(span.clone()), &format!("{place}.{key}"), &problem)
        };
        read.check().map_err(wrong)
    }

    fn value_error(
        &self,
        section: &str,
        within: Range<usize>,
        error: &serde_path_to_error::Error<toml::de::Error>,
    ) -> ConfigError {
        let at = self.at(error.inner().span().unwrap_or(within));
        ConfigError::value(at, &key_of(section, error.path()), error.inner().message())
    }

    /// File and line of a place in the text.
    fn at(&self, span: Range<usize>) -> String {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{}, line {line}: ", sanitize::line(self.name))
    }
}

/// A key as it is written in the file, with its section. Items of lists count from 1.
fn key_of(section: &str, path: &Path) -> String {
    let mut key = section.to_owned();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => key.push_str(&format!("[{}]", index + 1)),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                if !key.is_empty() {
                    key.push('.');
                }
                key.push_str(name);
            }
            Segment::Unknown => {}
        }
    }
    key
}
