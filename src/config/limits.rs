//! Limits of a run: paces, a breaker, and calls in flight.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use crate::config::section::section;
use crate::config::value::{Share, Whole};

section! {
    /// Limits on a whole run.
    ///
    /// A pace leaves the rest of a larger plan to later runs. A breaker stops a repository for what no honest plan does.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize)]
    pub struct Limits, LimitsPatch {
        /// Deletions in one run; a pace.
        max_deletions: u64 = 1000, from Whole;
        /// Share of a repository's platform images that one run may delete, from 0 to 1; a pace.
        max_images_share: f64 = 0.5, from Share;
        /// Share of a repository's tagged images that may lose every tag between two runs, from 0 to 1; a breaker.
        max_tag_loss: f64 = 0.5, from Share;
        /// API calls in flight.
        concurrency: Concurrency = Concurrency::Auto, from Concurrency;
    }
}

/// The number of API calls in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concurrency {
    /// As many as ECR takes.
    Auto,
    /// A fixed number, from 1 to [`Concurrency::MOST`].
    #[serde(untagged)]
    Fixed(usize),
}

impl Concurrency {
    /// The largest number that may be configured.
    pub const MOST: usize = 256;
    /// Repositories at once, where ECR's answers limit the calls.
    const REPOSITORIES: usize = 128;
    const BATCHES: usize = 64;

    /// The fixed number, if there is one.
    pub const fn fixed(self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::Fixed(number) => Some(number),
        }
    }

    /// Repositories that are worked on at once. What they call is limited by itself.
    pub const fn repositories(self) -> usize {
        match self {
            Self::Auto => Self::REPOSITORIES,
            Self::Fixed(number) => number,
        }
    }

    /// Batches of one repository that are worked on at once.
    pub const fn batches(self) -> usize {
        match self {
            Self::Auto => Self::BATCHES,
            Self::Fixed(number) => number,
        }
    }
}

/// Neither `auto` nor a number in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write \"auto\" or a whole number from 1 to {}", Concurrency::MOST)]
pub struct InvalidConcurrency;

impl FromStr for Concurrency {
    type Err = InvalidConcurrency;

    fn from_str(text: &str) -> Result<Self, InvalidConcurrency> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(number @ 1..=Self::MOST) => Ok(Self::Fixed(number)),
            _ => Err(InvalidConcurrency),
        }
    }
}

impl<'de> Deserialize<'de> for Concurrency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AutoOrNumber;

        impl Visitor<'_> for AutoOrNumber {
            type Value = Concurrency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"auto\" or a whole number from 1 to {}", Concurrency::MOST)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Concurrency, E> {
                match usize::try_from(number) {
                    Ok(fixed @ 1..=Concurrency::MOST) => Ok(Concurrency::Fixed(fixed)),
                    _ => Err(E::invalid_value(Unexpected::Signed(number), &self)),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Concurrency, E> {
                match text {
                    "auto" => Ok(Concurrency::Auto),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(AutoOrNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrency_is_auto_or_a_number_in_range() {
        for (text, concurrency) in [
            ("auto", Ok(Concurrency::Auto)),
            ("1", Ok(Concurrency::Fixed(1))),
            ("256", Ok(Concurrency::Fixed(256))),
            ("0", Err(InvalidConcurrency)),
            ("257", Err(InvalidConcurrency)),
            ("-1", Err(InvalidConcurrency)),
            ("Auto", Err(InvalidConcurrency)),
            ("", Err(InvalidConcurrency)),
        ] {
            assert_eq!(text.parse(), concurrency, "{text:?}");
        }
        let numbers = |it: Concurrency| (it.fixed(), it.repositories(), it.batches());
        assert_eq!(numbers(Concurrency::Auto), (None, 128, 64));
        assert_eq!(numbers(Concurrency::Fixed(7)), (Some(7), 7, 7));
    }
}
