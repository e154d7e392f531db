//! Types that read and check single values, typed in TOML or plain text in the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use crate::config::error::nearest;

/// Reads a text in quotes with a parser of its own; `expected` completes "expected ...".
pub(super) fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<'e, T, F>(&'e str, F, PhantomData<T>);

    impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<'_, T, F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(expected, parse, PhantomData))
}

/// Reads one of a few words.
pub(super) fn word<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    choice: &[(&str, T)],
) -> Result<T, D::Error> {
    let words: Vec<String> = choice.iter().map(|(word, _)| format!("{word:?}")).collect();
    let words = words.join(", ");
    text(deserializer, &format!("one of {words}"), |given| {
        let found = choice.iter().find(|(word, _)| *word == given);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| not_a_choice(given, choice.iter().map(|(word, _)| *word)))
    })
}

/// The message on a word that is not offered, with the nearest one that is.
fn not_a_choice<'w>(given: &str, words: impl Iterator<Item = &'w str> + Clone) -> String {
    let quoted: Vec<String> = words.clone().map(|word| format!("{word:?}")).collect();
    let offered = match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    };
    let advice = match nearest(given, words.map(|word| (word.to_owned(), word))) {
        Some(word) => format!("; did you mean {word:?}?"),
        None => String::new(),
    };
    format!("must be {offered}, not {given:?}{advice}")
}

/// A time span of zero or more, such as `48h`, `30d` or `2w`; a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period(SignedDuration);

impl Period {
    fn parse(text: &str) -> Result<Self, String> {
        if text.split(|c: char| !c.is_alphabetic()).any(|unit| unit.eq_ignore_ascii_case("m")) {
            return Err(format!(
                "{text:?}: minutes or months? Write hours or days, for example \"1h\" or \"90d\""
            ));
        }
        text.parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .filter(|duration| !duration.is_negative())
            .map(Self)
            .ok_or_else(|| {
                format!("{text:?} is not a duration; write for example \"48h\", \"30d\" or \"2w\"")
            })
    }
}

/// Reads a time span as the configuration does, for the command line.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    Period::parse(text).map(SignedDuration::from)
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a string such as \"48h\"", Self::parse)
    }
}

impl From<Period> for SignedDuration {
    fn from(period: Period) -> Self {
        period.0
    }
}

/// A time span of one hour or more.
///
/// A push in flight stores its attestations up to hours before their index: nobody may switch the grace period off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GracePeriod(SignedDuration);

impl<'de> Deserialize<'de> for GracePeriod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a string such as \"48h\"", |text| {
            let Period(period) = Period::parse(text)?;
            if period < SignedDuration::from_hours(1) {
                return Err(format!(
                    "{text:?} is less than one hour, and a push in flight stores attestations that long before their index; give 1h or more"
                ));
            }
            Ok(Self(period))
        })
    }
}

impl From<GracePeriod> for SignedDuration {
    fn from(period: GracePeriod) -> Self {
        period.0
    }
}

/// A whole number of zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole(u64);

impl From<Whole> for u64 {
    fn from(whole: Whole) -> Self {
        whole.0
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of 0 or more")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
                let whole = u64::try_from(number).map(Whole);
                whole.map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

/// A share from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share(f64);

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share from 0 to 1, such as 0.5")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Share, E> {
                if (0.0..=1.0).contains(&number) {
                    return Ok(Share(number));
                }
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Share, E> {
                match number {
                    0 => Ok(Share(0.0)),
                    1 => Ok(Share(1.0)),
                    _ => Err(E::invalid_value(Unexpected::Signed(number), &self)),
                }
            }
        }

        deserializer.deserialize_any(Number)
    }
}

/// Texts by name, such as `{ "ecr-janitor" = "enabled" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts(BTreeMap<String, String>);

impl From<Texts> for BTreeMap<String, String> {
    fn from(texts: Texts) -> Self {
        texts.0
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;

        impl<'de> Visitor<'de> for ByName {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by name, such as { \"ecr-janitor\" = \"enabled\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if texts.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("{name:?} is given twice")));
                    }
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_map(ByName)
    }
}
