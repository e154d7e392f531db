//! The sources of images in use.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::de::{Deserialize, Deserializer};

use super::error::nearest;
use super::location::{InvalidLocation, Location, S3Prefix};
use super::section::section;
use super::value::{self, Period};

section! {
    /// The sources of images in use.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InUseConfig, InUsePatch {
        /// Where to ask what runs. What a source that cannot be read could have named stays.
        sources: Vec<UsageSource> = Vec::new(), from Vec<UsageSource>;
        /// The age from which a list in a file or in a bucket counts as none.
        max_age: SignedDuration = SignedDuration::from_hours(48), from Period;
    }
}

/// A source of images in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageSource {
    /// The functions of AWS Lambda that are made from images.
    Lambda,
    /// The services and tasks of Amazon ECS.
    Ecs,
    /// What Amazon Inspector sees in use on ECS and EKS.
    Inspector,
    /// A list in a file.
    File(PathBuf),
    /// A list in a bucket.
    S3 {
        /// The folder of the object.
        folder: S3Prefix,
        /// The last part of its key.
        name: String,
    },
    /// A list that a shell command prints; on the command line alone.
    Command(String),
}

/// The reason why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// Neither a word nor of a known form.
    #[error(
        "{text:?} is no source of images in use: there are \"lambda\", \"ecs\", \"inspector\", \"file:PATH\", \"s3://bucket/key\" and \"command:SHELL COMMAND\"{advice}"
    )]
    Unknown {
        /// The text.
        text: String,
        /// The nearest word.
        advice: String,
    },
    /// A form without what should follow.
    #[error("{0:?} lacks what should follow the colon")]
    Empty(String),
    /// An object that cannot be named so.
    #[error(
        "{0:?} names no object: write s3://bucket/folder/name, where the name has letters, digits, `-`, `_` and `.`"
    )]
    Object(String),
    /// A bucket or folder that cannot be named so.
    #[error(transparent)]
    Location(#[from] InvalidLocation),
}

impl UsageSource {
    /// Whether it is a service of an account and Region, and no list.
    pub fn is_service(&self) -> bool {
        WORDS.iter().any(|(_, service)| service == self)
    }
}

const WORDS: [(&str, UsageSource); 3] =
    [("lambda", UsageSource::Lambda), ("ecs", UsageSource::Ecs), ("inspector", UsageSource::Inspector)];

impl FromStr for UsageSource {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let shown = || text.chars().take(80).collect::<String>();
        let given = |rest: &str| match rest.trim() {
            "" => Err(InvalidSource::Empty(shown())),
            rest => Ok(rest.to_owned()),
        };
        if let Some((_, word)) = WORDS.iter().find(|(word, _)| *word == text) {
            Ok(word.clone())
        } else if let Some(path) = text.strip_prefix("file:") {
            Ok(Self::File(given(path)?.into()))
        } else if let Some(command) = text.strip_prefix("command:") {
            Ok(Self::Command(given(command)?))
        } else if text.starts_with("s3://") {
            object(text).ok_or_else(|| InvalidSource::Object(shown()))?
        } else {
            let near = nearest(text, WORDS.iter().map(|(word, _)| ((*word).to_owned(), *word)));
            let near = near.map(|word| (*word).to_owned()).or_else(|| with_its_form(text));
            let advice = near.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            Err(InvalidSource::Unknown { text: shown(), advice })
        }
    }
}

/// What a path or an object would be with its form.
fn with_its_form(text: &str) -> Option<String> {
    let shown = |text: &str| text.chars().take(80).collect::<String>();
    let is_path = text.contains(['/', '.']) && !text.contains(char::is_whitespace);
    match text.strip_prefix("s3:") {
        Some(rest) => Some(format!("s3://{}", shown(rest))),
        None => (is_path && !text.contains(':')).then(|| format!("file:{}", shown(text))),
    }
}

/// The object of `s3://bucket/folder/name`.
fn object(text: &str) -> Option<Result<UsageSource, InvalidSource>> {
    let (folder, name) = text.rsplit_once('/')?;
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    let is_name = !["", ".", ".."].contains(&name) && name.bytes().all(is_plain);
    if !is_name || !folder.starts_with("s3://") {
        return None;
    }
    Some(match folder.parse() {
        Ok(Location::S3(folder)) => Ok(UsageSource::S3 { folder, name: name.to_owned() }),
        Ok(_) => return None,
        Err(error) => Err(error.into()),
    })
}

impl fmt::Display for UsageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lambda => f.write_str("lambda"),
            Self::Ecs => f.write_str("ecs"),
            Self::Inspector => f.write_str("inspector"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::S3 { folder, name } => write!(f, "{folder}/{name}"),
            Self::Command(command) => write!(f, "command:{command}"),
        }
    }
}

impl<'de> Deserialize<'de> for UsageSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value::text(deserializer, "a string such as \"lambda\" or \"file:in-use.txt\"", |text| {
            text.parse().map_err(|error: InvalidSource| error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_written_as_it_is_read() {
        for text in [
            "lambda",
            "ecs",
            "inspector",
            "file:in-use.txt",
            "file:/var/lib/in use.txt",
            "s3://bucket/in-use.txt",
            "s3://bucket/a/b=c/list",
            "command:kubectl get pods -A -o jsonpath='{..imageID}'",
        ] {
            let source: UsageSource = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_an_error_that_says_what_there_is() {
        let told = |text: &str| text.parse::<UsageSource>().unwrap_err().to_string();
        let near = [
            ("lamda", "lambda"),
            ("in-use.txt", "file:in-use.txt"),
            ("lists/in-use", "file:lists/in-use"),
            ("s3:bucket/key", "s3://bucket/key"),
        ];
        for (text, meant) in near {
            assert!(told(text).ends_with(&format!("did you mean {meant:?}?")), "{}", told(text));
        }
        for (text, part) in [
            ("", "there are \"lambda\""),
            ("ECS", "there are \"lambda\""),
            ("in-use.txt", "there are \"lambda\""),
            ("file:", "lacks what should follow"),
            ("command: ", "lacks what should follow"),
            ("s3://bucket", "names no object"),
            ("s3://bucket/", "names no object"),
            ("s3://bucket/a b", "names no object"),
            ("s3://Bucket/list", "is not a bucket name"),
        ] {
            assert!(told(text).contains(part), "{text}: {}", told(text));
        }
    }
}
