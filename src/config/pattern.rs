//! Repository patterns, as IAM reads them: `*` and `?` match any characters, `/` included.

use wildmatch::WildMatch;

/// A list of patterns. The same text serves in the resource of an IAM policy.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Vec<WildMatch>);

/// The most patterns in one list: as many as the largest batch of a queue has messages. An event could bring millions,
/// and each is tried on each repository.
const MAX_PATTERNS: usize = 10_000;

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
}

impl Patterns {
    /// Checks the patterns and takes them.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, InvalidPattern> {
        let checked = patterns.into_iter().take(MAX_PATTERNS + 1).map(|pattern| check(pattern.as_ref()));
        let checked: Vec<WildMatch> = checked.collect::<Result<_, _>>()?;
        if checked.len() > MAX_PATTERNS { Err(InvalidPattern::TooMany) } else { Ok(Self(checked)) }
    }

    /// The pattern that matches every name.
    pub fn everything() -> Self {
        Self(vec![WildMatch::new("*")])
    }

    /// Whether any of the patterns matches.
    pub fn matches(&self, repository: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(repository))
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, as they were written.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(WildMatch::pattern)
    }

    /// The patterns without wildcards: names of repositories that somebody expects to be there.
    pub fn literals(&self) -> impl Iterator<Item = String> {
        self.texts().filter(|pattern| !pattern.contains(['*', '?']))
    }
}

fn check(pattern: &str) -> Result<WildMatch, InvalidPattern> {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/*?".contains(&c);
    if pattern.is_empty() || pattern.len() > 256 || !pattern.bytes().all(legal) {
        return Err(InvalidPattern::Grammar(pattern.chars().take(80).collect()));
    }
    Ok(WildMatch::new(pattern))
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
    fn tell_names_from_patterns() {
        let patterns = Patterns::new(["a/*", "b", "c?", "d/e"]).unwrap();
        assert_eq!(patterns.literals().collect::<Vec<_>>(), ["b", "d/e"]);
    }
}
