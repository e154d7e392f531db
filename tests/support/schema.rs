//! A checker of JSON Schemas for the words that ours have. A word that it does not know is a panic, never a pass.

use serde_json::{Map, Value};

/// The first thing about a document that its schema forbids.
pub(crate) fn problem(schema: &Value, document: &Value) -> Option<String> {
    Checker { root: schema }.problem(schema, document, "")
}

struct Checker<'a> {
    root: &'a Value,
}

/// Words that say nothing about what is allowed.
const REMARKS: [&str; 9] = [
    "$schema",
    "$defs",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "additionalProperties",
    "format",
];

impl Checker<'_> {
    fn problem(&self, schema: &Value, it: &Value, at: &str) -> Option<String> {
        match schema {
            Value::Bool(true) => None,
            Value::Bool(false) => Some(format!("{at}: nothing may stand here")),
            Value::Object(words) => self
                .closed(words, it, at)
                .or_else(|| self.format(words, it, at))
                .or_else(|| words.iter().find_map(|(word, value)| self.word(word, value, it, at))),
            other => panic!("no schema: {other}"),
        }
    }

    fn word(&self, word: &str, value: &Value, it: &Value, at: &str) -> Option<String> {
        let wrong = |what: &str| Some(format!("{at}: {what}: {it}"));
        let list = || value.as_array().unwrap().iter();
        match word {
            _ if REMARKS.contains(&word) => None,
            "$ref" => {
                let path = value.as_str().unwrap().strip_prefix('#').unwrap();
                self.problem(self.root.pointer(path).unwrap(), it, at)
            }
            "type" => {
                let types: Vec<&Value> = value.as_array().map_or(vec![value], |list| list.iter().collect());
                let is_one = types.iter().any(|name| is_of(it, name.as_str().unwrap()));
                if is_one { None } else { wrong(&format!("not of type {value}")) }
            }
            "const" => {
                if it == value {
                    None
                } else {
                    wrong(&format!("not {value}"))
                }
            }
            "enum" => {
                if list().any(|one| one == it) {
                    None
                } else {
                    wrong(&format!("none of {value}"))
                }
            }
            "allOf" => list().find_map(|one| self.problem(one, it, at)),
            "anyOf" => match list().filter(|one| self.problem(one, it, at).is_none()).count() {
                0 => wrong("nothing that is allowed"),
                _ => None,
            },
            "oneOf" => match list().filter(|one| self.problem(one, it, at).is_none()).count() {
                1 => None,
                count => wrong(&format!("{count} of the alternatives")),
            },
            "properties" => value.as_object().unwrap().iter().find_map(|(key, one)| {
                it.get(key).and_then(|inner| self.problem(one, inner, &format!("{at}/{key}")))
            }),
            "required" => list().find_map(|key| {
                let is_missing = it.is_object() && it.get(key.as_str().unwrap()).is_none();
                is_missing.then(|| format!("{at}: {key} is missing"))
            }),
            "items" => it
                .as_array()?
                .iter()
                .enumerate()
                .find_map(|(nth, inner)| self.problem(value, inner, &format!("{at}/{nth}"))),
            "propertyNames" => it
                .as_object()?
                .keys()
                .find_map(|key| self.problem(value, &Value::from(key.as_str()), &format!("{at}/{key}"))),
            "minItems" => {
                if it.as_array().is_none_or(|it| it.len() as u64 >= value.as_u64().unwrap()) {
                    None
                } else {
                    wrong("too few")
                }
            }
            "minLength" => {
                if it.as_str().is_none_or(|it| it.chars().count() as u64 >= value.as_u64().unwrap()) {
                    None
                } else {
                    wrong("too short")
                }
            }
            "minimum" => {
                if it.as_f64().is_none_or(|it| it >= value.as_f64().unwrap()) {
                    None
                } else {
                    wrong("too small")
                }
            }
            "maximum" => {
                if it.as_f64().is_none_or(|it| it <= value.as_f64().unwrap()) {
                    None
                } else {
                    wrong("too large")
                }
            }
            "pattern" => match it.as_str() {
                Some(text) if !matches(value.as_str().unwrap(), text) => wrong("not of the pattern"),
                _ => None,
            },
            other => panic!("the word {other:?} is not known here"),
        }
    }

    /// Properties that stand nowhere.
    fn closed(&self, words: &Map<String, Value>, it: &Value, at: &str) -> Option<String> {
        let others = words.get("additionalProperties")?;
        let known = words.get("properties").and_then(Value::as_object);
        let mut unknown =
            it.as_object()?.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
        unknown.find_map(|(key, value)| self.problem(others, value, &format!("{at}/{key}")))
    }

    fn format(&self, words: &Map<String, Value>, it: &Value, at: &str) -> Option<String> {
        match (words.get("format").and_then(Value::as_str)?, it) {
            ("date-time", Value::String(text)) => {
                text.parse::<jiff::Timestamp>().err().map(|error| format!("{at}: {error}"))
            }
            ("date-time", _) => None,
            ("uint32" | "uint64" | "double" | "uint", _) => None,
            (other, _) => panic!("the format {other:?} is not known here"),
        }
    }
}

fn is_of(it: &Value, name: &str) -> bool {
    match name {
        "null" => it.is_null(),
        "boolean" => it.is_boolean(),
        "string" => it.is_string(),
        "array" => it.is_array(),
        "object" => it.is_object(),
        "number" => it.is_number(),
        "integer" => it.is_i64() || it.is_u64(),
        other => panic!("the type {other:?} is not known here"),
    }
}

/// The patterns that our schemas have: a class, repeated.
fn matches(pattern: &str, text: &str) -> bool {
    let all = |text: &str, legal: fn(u8) -> bool| text.bytes().all(legal);
    let is_name = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._/-".contains(&c);
    match pattern {
        "^sha256:[0-9a-f]{64}$" => text.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && all(hex, |c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
        }),
        "^[a-z0-9._/*?-]{1,256}$" => {
            (1..=256).contains(&text.len()) && text.bytes().all(|c| is_name(c) || b"*?".contains(&c))
        }
        "^[a-z0-9._/-]{1,256}$" => (1..=256).contains(&text.len()) && text.bytes().all(is_name),
        other => panic!("the pattern {other:?} is not known here"),
    }
}
