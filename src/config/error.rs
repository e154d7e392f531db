//! Configurations that cannot be used, and the advice that goes with it.

use crate::config::file::{OVERRIDE, TARGET};
use crate::config::layer::{MODE, SECTIONS, Section};
use crate::config::{PREFIX, STATE_BUCKET_VARIABLE};
use crate::util::sanitize;

/// A configuration that cannot be used, with place, cause and advice.
///
/// One line, except for what is no TOML, which shows the place with a caret below it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {file}: {problem}; check the path given by --config or JANITOR_CONFIG"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// The system's error.
        problem: String,
    },
    /// Not TOML.
    #[error("{file} is not TOML:\n{problem}")]
    Syntax {
        /// The file.
        file: String,
        /// The parser's message, with the lines that it is about.
        problem: String,
    },
    /// An unknown key or variable.
    #[error("{at}unknown {what} `{name}`: {advice}")]
    Unknown {
        /// The file and the line, with a colon; empty for a variable.
        at: String,
        /// `key`, `section` or `environment variable`.
        what: &'static str,
        /// The key with its section, or the variable.
        name: String,
        /// The right place or the nearest valid name.
        advice: String,
    },
    /// A value that cannot be used.
    #[error("{at}`{name}`: {problem}")]
    Value {
        /// The file and the line, with a colon; empty for a variable.
        at: String,
        /// The key with its section, or the variable.
        name: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// In characters: what a message quotes of a file or a variable.
const LONGEST_NAME: usize = 80;
const LONGEST_PROBLEM: usize = 600;

impl ConfigError {
    pub(super) fn value(at: String, name: &str, problem: &str) -> Self {
        let name = sanitize::cut(name, LONGEST_NAME);
        let as_list = not_a_list(problem);
        let problem = as_list.as_deref().unwrap_or(problem);
        Self::Value { at, name, problem: sanitize::cut(problem, LONGEST_PROBLEM) }
    }

    pub(super) fn unknown(at: String, what: &'static str, name: &str, advice: String) -> Self {
        Self::Unknown { at, what, name: sanitize::cut(name, LONGEST_NAME), advice }
    }
}

/// The message on a text where a list belongs: with the brackets that it lacks.
fn not_a_list(problem: &str) -> Option<String> {
    let text = problem.strip_prefix("invalid type: string ")?.strip_suffix(", expected a sequence")?;
    Some(format!("it takes a list, even of one: write [{text}]"))
}

/// Keys that are called otherwise now, with their old and their new names.
const RENAMED: [(&str, &str, &str); 1] = [("max_deletions_share", "limits", "max_images_share")];

/// Advice on an unknown key: its right place, or the nearest valid key.
pub(super) fn advice_on_key(section: &str, own_keys: &[&str], key: &str) -> String {
    if let Some((_, new_section, new)) = RENAMED.iter().find(|(old, ..)| *old == key) {
        return format!(
            "it is `{new_section}.{new}` now, and a pace: what is over it waits for the next runs"
        );
    }
    if let Some(place) = right_place(key) {
        return place;
    }
    let dot = if section.is_empty() { "" } else { "." };
    let own = own_keys.iter().map(|own| (format!("{section}{dot}{own}"), *own));
    let others = SECTIONS
        .iter()
        .flat_map(|other| other.keys.iter().map(move |known| (format!("{}.{known}", other.name), *known)));
    match nearest(key, own.chain(others)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", own_keys.join(", ")),
    }
}

/// The right place of a key that stands in another section.
fn right_place(key: &str) -> Option<String> {
    if key == MODE {
        return Some("it belongs at the top of the file, before the first section".into());
    }
    if let Some(section) = SECTIONS.iter().find(|section| section.name == key) {
        return Some(format!("it is a section of its own, [{}]", section.name));
    }
    if [OVERRIDE, TARGET].contains(&key) {
        return Some(format!("it is a section of its own, [[{key}]]"));
    }
    let homes: Vec<String> = SECTIONS
        .iter()
        .filter(|section| section.keys.contains(&key))
        .map(|section| format!("[{}]", section.name))
        .collect();
    (!homes.is_empty()).then(|| format!("it belongs to {}", homes.join(" or ")))
}

/// Advice on an unknown variable: the nearest valid one.
pub(super) fn advice_on_variable(variable: &str) -> String {
    let in_capitals = |key: &str| format!("{PREFIX}{}", key.to_uppercase());
    if let Some((_, _, new)) = RENAMED.iter().find(|(old, ..)| in_capitals(old) == variable) {
        return format!(
            "it is `{}` now, and a pace: what is over it waits for the next runs",
            in_capitals(new)
        );
    }
    let twins = Section::all().flat_map(|section| section.keys.iter().map(move |key| section.variable(key)));
    let known: Vec<String> = twins.chain([STATE_BUCKET_VARIABLE.to_owned()]).collect();
    let key = |name: &str| name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let wanted = key(variable);
    // One name too many in front, or one that is missing in front or behind.
    let is_longer = |one: &str, two: &str| {
        one.strip_suffix(two).is_some_and(|rest| rest.ends_with('_'))
            || one.strip_prefix(two).is_some_and(|rest| rest.starts_with('_'))
    };
    let is_alike = |name: &&String| is_longer(&wanted, &key(name)) || is_longer(&key(name), &wanted);
    let mut alike: Vec<String> = known.iter().filter(is_alike).cloned().collect();
    if alike.is_empty() {
        alike.extend(nearest(&wanted, known.iter().map(|it| (it.clone(), key(it)))));
    }
    match alike.as_slice() {
        [] => "the variables are JANITOR_CONFIG and JANITOR_ with each key of janitor.toml in capitals; unset it"
            .into(),
        names => format!("did you mean `{}`?", names.join("` or `")),
    }
}

/// The known name that is the fewest edits away, if they are few for its length.
pub(super) fn nearest<S: AsRef<str>>(name: &str, known: impl Iterator<Item = (String, S)>) -> Option<String> {
    known
        .map(|(shown, known)| {
            (strsim::damerau_levenshtein(name, known.as_ref()), known.as_ref().len(), shown)
        })
        .min_by_key(|(edits, ..)| *edits)
        .filter(|(edits, length, _)| *edits <= (length / 3).max(2))
        .map(|(_, _, shown)| shown)
}
