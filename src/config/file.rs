//! The configuration file: TOML, strict, with the line of whatever is wrong.

use std::ops::Range;

use serde_path_to_error::{Path, Segment};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use crate::config::Override;
use crate::config::error::{ConfigError, advice_on_key};
use crate::config::layer::{Layer, MODE, SECTIONS, UNSUPPORTED};
use crate::config::pattern::NonEmptyPatterns;
use crate::config::policy::PolicyPatch;
use crate::util::sanitize;

const OVERRIDE: &str = "override";
const REPOSITORIES: &str = "repositories";

/// A file that is being read.
pub(super) struct File<'a> {
    /// Its name in messages.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl File<'_> {
    /// Reads the file, checking every key and every value.
    pub(super) fn read(&self) -> Result<(Layer, Vec<Override>), ConfigError> {
        let mut root = DeTable::parse(self.text).map_err(|error| ConfigError::Syntax {
            file: sanitize::line(self.name),
            problem: sanitize::lines(error.to_string().trim_end()),
        })?;
        let overrides = match root.get_mut().remove(OVERRIDE) {
            Some(list) => self.read_overrides(list)?,
            None => Vec::new(),
        };
        self.check_sections(root.get_ref())?;
        let span = root.span();
        let layer = serde_path_to_error::deserialize(Deserializer::from(root));
        Ok((layer.map_err(|error| self.value_error("", span, &error))?, overrides))
    }

    fn check_sections(&self, root: &DeTable<'_>) -> Result<(), ConfigError> {
        for (key, value) in root {
            let name = key.get_ref().as_ref();
            if name == MODE {
                continue;
            } else if UNSUPPORTED.contains(&name) {
                return Err(ConfigError::Unsupported { at: self.at(key.span()), name: name.to_owned() });
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
        let own: Vec<&str> = [MODE].into_iter().chain(sections).chain([OVERRIDE]).collect();
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

    fn read_overrides(&self, list: Spanned<DeValue<'_>>) -> Result<Vec<Override>, ConfigError> {
        let span = list.span();
        let DeValue::Array(list) = list.into_inner() else { return Err(self.no_override(span)) };
        (1..).zip(list).map(|(number, over)| self.read_override(number, over)).collect()
    }

    fn no_override(&self, span: Range<usize>) -> ConfigError {
        ConfigError::value(self.at(span), OVERRIDE, "write it as [[override]], with two brackets")
    }

    fn read_override(&self, number: usize, over: Spanned<DeValue<'_>>) -> Result<Override, ConfigError> {
        let span = over.span();
        let DeValue::Table(mut table) = over.into_inner() else { return Err(self.no_override(span)) };
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
