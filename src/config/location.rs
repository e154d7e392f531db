//! Locations of memory and backups: a folder or a bucket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer};

use crate::config::value;

/// Location of the janitor's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The user's state folder on the command line, the bucket of its stack in Lambda.
    Auto,
    /// Nowhere.
    None,
    /// A folder of the file system.
    Folder(PathBuf),
    /// A prefix in a bucket.
    S3(S3Prefix),
}

/// A prefix of object keys in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Prefix {
    /// The bucket's name.
    pub bucket: String,
    /// The prefix, without a slash at either end; empty for the whole bucket.
    pub prefix: String,
}

impl S3Prefix {
    /// The whole of a bucket.
    pub fn of_bucket(name: &str) -> Result<Self, InvalidLocation> {
        if !is_bucket(name) {
            return Err(InvalidLocation::Bucket(name.chars().take(80).collect()));
        }
        Ok(Self { bucket: name.to_owned(), prefix: String::new() })
    }
}

/// The reason why a text is no location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// Neither a keyword, nor a bucket, nor a folder.
    #[error(
        "{0:?} is no place; write \"auto\", \"none\", \"s3://bucket/prefix\", or a folder with a slash in it, such as \"/var/lib/ecr-janitor\" or \"./state\""
    )]
    Unknown(String),
    /// A home folder that no shell expands here.
    #[error("{0:?} begins with `~`, which only a shell expands; write the folder in full")]
    Tilde(String),
    /// A bucket name that S3 does not allow.
    #[error("{0:?} is not a bucket name: 3 to 63 lower-case letters, digits, \".\" and \"-\"")]
    Bucket(String),
    /// A prefix that cannot begin object keys.
    #[error(
        "{0:?} has a prefix that cannot be used; it may have letters, digits and `! - _ . * ' ( ) = /`, no empty, `.` or `..` part, and 512 characters at most"
    )]
    Prefix(String),
}

/// In characters. An object key may have 1,024 bytes, and what is stored needs the rest.
const LONGEST_PREFIX: usize = 512;

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        let shown = || text.chars().take(80).collect();
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            _ if text.starts_with('~') => Err(InvalidLocation::Tilde(shown())),
            _ => match text.strip_prefix("s3://") {
                Some(rest) => s3_prefix(rest, shown).map(Self::S3),
                None if is_folder(text) => Ok(Self::Folder(PathBuf::from(text))),
                None => Err(InvalidLocation::Unknown(shown())),
            },
        }
    }
}

/// A bare word could be a misspelt keyword, and `s3:/x` or `S3://x` a misspelt bucket: a folder shows that it is one.
fn is_folder(text: &str) -> bool {
    let before_colon = text.split_once(':').map(|(scheme, _)| scheme);
    let is_url = before_colon.is_some_and(|scheme| scheme.bytes().all(|c| c.is_ascii_alphanumeric()));
    text.contains('/') && !is_url && !text.contains(char::is_control)
}

fn s3_prefix(rest: &str, shown: impl Fn() -> String) -> Result<S3Prefix, InvalidLocation> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if !is_bucket(bucket) {
        return Err(InvalidLocation::Bucket(bucket.chars().take(80).collect()));
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let legal = |c: u8| c.is_ascii_alphanumeric() || b"!-_.*'()=/".contains(&c);
    let is_part = |part: &str| !["", ".", ".."].contains(&part);
    let is_legal = prefix.is_empty() || prefix.bytes().all(legal) && prefix.split('/').all(is_part);
    if !is_legal || prefix.len() > LONGEST_PREFIX {
        return Err(InvalidLocation::Prefix(shown()));
    }
    Ok(S3Prefix { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// Source: Amazon S3 user guide, general purpose bucket naming rules.
fn is_bucket(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = |c: Option<&u8>| c.is_some_and(|c| plain(*c));
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|c| plain(*c) || b".-".contains(c))
        && ends(bytes.first())
        && ends(bytes.last())
        && !name.contains("..")
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for S3Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value::text(deserializer, "a string such as \"auto\" or \"s3://bucket/prefix\"", |text| {
            text.parse().map_err(|error: InvalidLocation| error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        for (text, location) in [
            ("auto", Location::Auto),
            ("none", Location::None),
            ("/var/lib/janitor", Location::Folder("/var/lib/janitor".into())),
            ("./state", Location::Folder("./state".into())),
            ("state/janitor", Location::Folder("state/janitor".into())),
            ("/a b/c:d", Location::Folder("/a b/c:d".into())),
        ] {
            assert_eq!(text.parse(), Ok(location.clone()), "{text}");
            assert_eq!(location.to_string(), text);
        }
        for (text, bucket, prefix, shown) in [
            ("s3://bucket", "bucket", "", "s3://bucket"),
            ("s3://my.bucket-1/", "my.bucket-1", "", "s3://my.bucket-1"),
            ("s3://bucket/a/b=c/", "bucket", "a/b=c", "s3://bucket/a/b=c"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location, Location::S3(S3Prefix { bucket: bucket.into(), prefix: prefix.into() }));
            assert_eq!(location.to_string(), shown);
        }
    }

    #[test]
    fn what_may_be_a_misspelt_place_is_refused() {
        use InvalidLocation::*;
        for text in ["", " ", "Auto", "nonne", "state", "s3:/bucket/x", "S3://bucket/x", "file:///x", "a/\n"]
        {
            assert_eq!(text.parse::<Location>(), Err(Unknown(text.into())), "{text}");
        }
        assert_eq!("~/state".parse::<Location>(), Err(Tilde("~/state".into())));
        for bucket in ["", "ab", "Bucket", "bucket_x", "-bucket", "bucket.", "a..b", &"a".repeat(64)] {
            let text = format!("s3://{bucket}/x");
            assert_eq!(text.parse::<Location>(), Err(Bucket(bucket.into())));
        }
        for prefix in ["a//b", "/a", "a/../b", ".", "a b", "ä", "a?b", &"a".repeat(513)] {
            let text = format!("s3://bucket/{prefix}");
            assert!(matches!(text.parse::<Location>(), Err(Prefix(_))), "{text}");
        }
    }
}
