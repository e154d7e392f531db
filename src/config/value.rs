//! Values as they come: typed from TOML, plain text from the environment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// A value that has not been understood yet.
pub(super) enum Value {
    /// From the file.
    Toml(toml::Value),
    /// From the environment.
    Text(String),
}

impl Value {
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => Ok(text),
            Self::Toml(_) => Err(format!("{} is not a text in quotes", self.shown())),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, String> {
        let text = self.text()?;
        choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("{text:?} is none of {}", words.join(", "))
        })
    }

    /// A time span such as `48h`, `30d`, `2w 3d`; a day has 24 hours.
    pub(super) fn duration(&self) -> Result<SignedDuration, String> {
        let text = self.text()?;
        text.parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .filter(|duration| !duration.is_negative())
            .ok_or_else(|| {
                format!("{text:?} is not a duration; write for example \"48h\", \"30d\" or \"2w\"")
            })
    }

    /// A whole number, at least `least`.
    pub(super) fn whole(&self, least: u64) -> Result<u64, String> {
        let number = match self {
            Self::Toml(toml::Value::Integer(number)) => u64::try_from(*number).ok(),
            Self::Text(text) => text.parse().ok(),
            Self::Toml(_) => None,
        };
        number
            .filter(|number| *number >= least)
            .ok_or_else(|| format!("{} is not a whole number of {least} or more", self.shown()))
    }

    /// A share from 0 to 1.
    pub(super) fn share(&self) -> Result<f64, String> {
        let number = match self {
            Self::Toml(toml::Value::Float(number)) => Some(*number),
            Self::Toml(toml::Value::Integer(0)) => Some(0.0),
            Self::Toml(toml::Value::Integer(1)) => Some(1.0),
            Self::Text(text) => text.parse().ok(),
            Self::Toml(_) => None,
        };
        number
            .filter(|number| (0.0..=1.0).contains(number))
            .ok_or_else(|| format!("{} is not a share from 0 to 1", self.shown()))
    }

    /// A list of texts; in the environment separated by commas.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        let wrong = || format!("{} is not a list of texts", self.shown());
        match self {
            Self::Text(text) => Ok(text
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect()),
            Self::Toml(toml::Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Self::Toml(_) => Err(wrong()),
        }
    }

    /// Texts by name; in the environment `name=value`, separated by commas.
    pub(super) fn map(&self) -> Result<BTreeMap<String, String>, String> {
        let wrong = || {
            format!("{} does not give texts by name, as in {{ \"ecr-janitor\" = \"enabled\" }}", self.shown())
        };
        match self {
            Self::Text(_) => self
                .list()?
                .iter()
                .map(|item| {
                    let (name, value) = item
                        .split_once('=')
                        .filter(|(name, _)| !name.is_empty())
                        .ok_or_else(|| format!("{item:?} is not of the form name=value"))?;
                    Ok((name.to_owned(), value.to_owned()))
                })
                .collect(),
            Self::Toml(toml::Value::Table(table)) => table
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.as_str().ok_or_else(wrong)?.to_owned())))
                .collect(),
            Self::Toml(_) => Err(wrong()),
        }
    }

    /// The value as it was written, for messages.
    pub(super) fn shown(&self) -> String {
        let text = match self {
            Self::Toml(value) => serde_json::to_string(value).unwrap_or_default(),
            Self::Text(text) => format!("{text:?}"),
        };
        text.chars().take(80).collect()
    }
}
