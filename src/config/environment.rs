//! The environment twins of the configuration's keys.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_path_to_error::Segment;

use crate::config::error::{ConfigError, advice_on_variable};
use crate::config::layer::{Layer, Section};
use crate::config::location::S3Prefix;
use crate::config::{CONFIG_VARIABLE, PREFIX, STATE_BUCKET_VARIABLE};

/// The variables of a process.
pub type Environment = BTreeMap<OsString, OsString>;

/// The file that `JANITOR_CONFIG` names.
pub(super) fn named_file(environment: &Environment) -> Result<Option<PathBuf>, ConfigError> {
    let Some(value) = environment.get(OsStr::new(CONFIG_VARIABLE)) else { return Ok(None) };
    Ok(text_of(CONFIG_VARIABLE, value)?.map(PathBuf::from))
}

/// The bucket that `JANITOR_STATE_BUCKET` names.
pub(super) fn state_bucket(environment: &Environment) -> Result<Option<S3Prefix>, ConfigError> {
    let Some(value) = environment.get(OsStr::new(STATE_BUCKET_VARIABLE)) else { return Ok(None) };
    let Some(text) = text_of(STATE_BUCKET_VARIABLE, value)? else { return Ok(None) };
    let wrong = |problem: String| ConfigError::value(String::new(), STATE_BUCKET_VARIABLE, &problem);
    S3Prefix::of_bucket(text).map(Some).map_err(|error| wrong(error.to_string()))
}

/// Reads every variable that begins with `JANITOR_`; the names of those that were taken come with it.
///
/// A variable without a value is as if it were not set. All that is not understood is an error: a dropped `exclude` or
/// a dropped grace period would do what nobody asked for.
pub(super) fn read(environment: &Environment) -> Result<(Layer, Vec<String>), ConfigError> {
    let mut sections: BTreeMap<&'static str, Tree<'_>> = BTreeMap::new();
    let mut taken = Vec::new();
    for (variable, value) in environment {
        let is_other = [CONFIG_VARIABLE, STATE_BUCKET_VARIABLE].iter().any(|other| variable == other);
        if is_other || !variable.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let name = variable.to_string_lossy();
        let Some(text) = text_of(&name, value)? else { continue };
        let (section, key) = find(&name)?;
        match section {
            "" => drop(sections.insert(key, Tree::Text(text))),
            _ => {
                let tree = sections.entry(section).or_insert_with(|| Tree::Section(BTreeMap::new()));
                if let Tree::Section(keys) = tree {
                    keys.insert(key, Tree::Text(text));
                }
            }
        }
        taken.push(name.into_owned());
    }
    let layer = serde_path_to_error::deserialize(Tree::Section(sections));
    Ok((layer.map_err(|error| value_error(&error))?, taken))
}

/// The value of a variable, nothing if it is empty.
fn text_of<'a>(name: &str, value: &'a OsStr) -> Result<Option<&'a str>, ConfigError> {
    let wrong = |problem| ConfigError::value(String::new(), name, problem);
    let text = value.to_str().ok_or_else(|| {
        wrong("its value is not UTF-8, and a setting that cannot be read must not be dropped; correct or unset it")
    })?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().all(|c| c == ',' || c.is_whitespace()) {
        return Err(wrong("it has nothing but spaces and commas; give it a value, or unset it"));
    }
    Ok(Some(text))
}

fn find(variable: &str) -> Result<(&'static str, &'static str), ConfigError> {
    let twins = Section::all().flat_map(|section| section.keys.iter().map(move |key| (section, *key)));
    if let Some((section, key)) = { twins }.find(|(section, key)| section.variable(key) == variable) {
        return Ok((section.name, key));
    }
    let advice = advice_on_variable(variable);
    Err(ConfigError::unknown(String::new(), "environment variable", variable, advice))
}

fn value_error(error: &serde_path_to_error::Error<Error>) -> ConfigError {
    let mut names = error.path().iter().filter_map(|segment| match segment {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    let (first, second) = (names.next().unwrap_or_default(), names.next());
    let section = Section::all().find(|section| second.is_some() && section.name == first);
    let variable = match (section, second) {
        (Some(section), Some(key)) => section.variable(key),
        _ => format!("{PREFIX}{}", first.to_uppercase()),
    };
    ConfigError::value(String::new(), &variable, &error.inner().to_string())
}

/// Variables as serde sees them: texts, by key and section.
enum Tree<'de> {
    Text(&'de str),
    Section(BTreeMap<&'static str, Tree<'de>>),
}

impl<'de> IntoDeserializer<'de, Error> for Tree<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree<'de> {
    type Error = Error;

    /// A number where the text is one: what wants a text asks for it.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Section(keys) => visitor.visit_map(MapDeserializer::new(keys.into_iter())),
            Self::Text(text) => match (text.parse(), text.parse()) {
                (Ok(whole), _) => visitor.visit_i64(whole),
                (_, Ok(number)) => visitor.visit_f64(number),
                _ => visitor.visit_borrowed_str(text),
            },
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => visitor.visit_borrowed_str(text),
            Self::Section(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    /// Items between commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => visitor.visit_seq(SeqDeserializer::new(items(text))),
            Self::Section(_) => self.deserialize_any(visitor),
        }
    }

    /// `name=value` between commas.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self::Text(text) = self else { return self.deserialize_any(visitor) };
        let pairs = items(text).map(|item| {
            let pair = item.split_once('=').filter(|(name, _)| !name.is_empty());
            pair.ok_or_else(|| Error::custom(format!("{item:?} is not of the form name=value")))
        });
        let pairs: Vec<(&str, &str)> = pairs.collect::<Result<_, _>>()?;
        visitor.visit_map(MapDeserializer::new(pairs.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct
        tuple tuple_struct struct enum identifier ignored_any
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
