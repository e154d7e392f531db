//! Repository patterns, as IAM reads them: `*` and `?` match any characters, `/` included.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use wildmatch::WildMatch;

/// A list of patterns. The same text serves in the resource of an IAM policy.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    texts: Vec<String>,
    names: BTreeSet<String>,
    wildcards: Vec<WildMatch>,
}

/// The most patterns in one list: as many as the largest batch of a queue has messages. An event could bring millions.
const MAX_PATTERNS: usize = 10_000;

/// The most characters of all patterns with wildcards together: each is tried on each repository. Plain names are
/// looked up, and may be longer.
const MAX_WILDCARDS: usize = 32 * 1024;

/// Patterns that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// No ECR repository name can match it.
    #[error(
        "{0:?} is not a repository pattern: ECR names have lower-case letters, digits and `. _ - /`, up to 256 characters, and `*` and `?` are the only wildcards"
    )]
    Grammar(String),
    /// Too many.
    #[error("these are more than {MAX_PATTERNS} repository patterns; use wildcards")]
    TooMany,
    /// Too long together.
    #[error(
        "the repository patterns with wildcards have more than {MAX_WILDCARDS} characters together; use fewer and wider ones"
    )]
    TooLong,
}

impl Patterns {
    /// Checks the patterns and takes them.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, InvalidPattern> {
        let mut checked = Self::default();
        let mut wild = 0;
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if checked.texts.len() == MAX_PATTERNS {
                return Err(InvalidPattern::TooMany);
            }
            check(pattern)?;
            if pattern.contains(WILDCARDS) {
                wild += pattern.len();
                checked.wildcards.push(WildMatch::new(pattern));
            } else {
                checked.names.insert(pattern.to_owned());
            }
            if wild > MAX_WILDCARDS {
                return Err(InvalidPattern::TooLong);
            }
            checked.texts.push(pattern.to_owned());
        }
        Ok(checked)
    }

    /// The pattern that matches every name.
    pub fn everything() -> Self {
        let everything = "*";
        Self {
            texts: vec![everything.into()],
            names: BTreeSet::new(),
            wildcards: vec![WildMatch::new(everything)],
        }
    }

    /// Whether any of the patterns matches.
    pub fn matches(&self, repository: &str) -> bool {
        self.names.contains(repository) || self.wildcards.iter().any(|pattern| pattern.matches(repository))
    }

    /// The patterns that match none of these names.
    pub(super) fn unmatched<'a>(&'a self, names: &BTreeSet<&str>) -> impl Iterator<Item = &'a str> {
        let matches = |text: &&String| match text.contains(WILDCARDS) {
            true => {
                let pattern = WildMatch::new(text);
                names.iter().any(|name| pattern.matches(name))
            }
            false => names.contains(text.as_str()),
        };
        let unmatched: Vec<&str> =
            self.texts.iter().filter(|text| !matches(text)).map(String::as_str).collect();
        unmatched.into_iter()
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The patterns, as they were written.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.texts.iter().cloned()
    }

    /// The patterns without wildcards: names of repositories that somebody expects to be there.
    pub fn literals(&self) -> impl Iterator<Item = String> {
        self.names.iter().cloned()
    }
}

pub(super) const WILDCARDS: [char; 2] = ['*', '?'];

fn check(pattern: &str) -> Result<(), InvalidPattern> {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/*?".contains(&c);
    if pattern.is_empty() || pattern.len() > 256 || !pattern.bytes().all(legal) {
        return Err(InvalidPattern::Grammar(pattern.chars().take(80).collect()));
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Patterns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of repository patterns, such as [\"team/*\", \"web\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Patterns, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    texts.push(text);
                }
                Patterns::new(texts).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// Patterns of which there is at least one.
#[derive(Debug, Clone)]
pub(super) struct NonEmptyPatterns(Patterns);

impl From<NonEmptyPatterns> for Patterns {
    fn from(patterns: NonEmptyPatterns) -> Self {
        patterns.0
    }
}

impl<'de> Deserialize<'de> for NonEmptyPatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let patterns = Patterns::deserialize(deserializer)?;
        if patterns.is_empty() {
            return Err(D::Error::custom(
                "it is empty, so nothing would ever match; leave it out, or name repositories",
            ));
        }
        Ok(Self(patterns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn match_as_iam_does() {
        let patterns = Patterns::new(["team/*", "web-?"]).unwrap();
        for name in ["team/api", "team/a/b", "web-1"] {
            assert!(patterns.matches(name), "{name}");
        }
        for name in ["team", "web-10", "xteam/api", "web-"] {
            assert!(!patterns.matches(name), "{name}");
        }
        assert!(Patterns::new(["*"]).unwrap().matches("any/thing"));
        assert!(!Patterns::default().matches("any"));
    }

    #[test]
    fn refuse_what_can_match_nothing() {
        for pattern in ["", "Team/*", "team/[ab]*", "a b", "arn:aws:ecr", "é"] {
            assert!(Patterns::new([pattern]).is_err(), "{pattern}");
        }
        for (length, is_too_long) in [(256, false), (257, true), (1000, true)] {
            assert_eq!(Patterns::new(["a".repeat(length)]).is_err(), is_too_long, "ECR's names: 256 at most");
        }
    }

    #[test]
    fn refuse_more_than_any_honest_event_brings() {
        assert!(Patterns::new(vec!["a*"; MAX_PATTERNS]).is_ok());
        assert_eq!(Patterns::new(vec!["a*"; MAX_PATTERNS + 1]).err(), Some(InvalidPattern::TooMany));
    }

    #[test]
    fn refuse_wildcards_that_would_outlast_a_deadline() {
        let wild = "*".repeat(256);
        let most = MAX_WILDCARDS / wild.len();
        assert!(Patterns::new(vec![&wild; most]).is_ok());
        assert_eq!(Patterns::new(vec![&wild; most + 1]).err(), Some(InvalidPattern::TooLong));
        let names = Patterns::new((0..MAX_PATTERNS).map(|number| format!("{number:0>256}"))).unwrap();
        assert_eq!(names.wildcards.len(), 0, "names are looked up, not tried one by one");
        assert!(names.matches(&format!("{:0>256}", 9_999)) && !names.matches("9999"));
    }

    #[test]
    fn tell_names_from_patterns() {
        let patterns = Patterns::new(["a/*", "b", "c?", "d/e"]).unwrap();
        assert_eq!(patterns.literals().collect::<Vec<_>>(), ["b", "d/e"]);
    }
}
