//! Patterns of the configuration that match no repository: usually a typo, and never noticed without a word.

use std::collections::BTreeSet;

use wildmatch::WildMatch;

use crate::config::Config;
use crate::config::pattern::WILDCARDS;
use crate::util::similar::{question, similar};

/// More patterns than this are counted, not named.
const NAMED: usize = 4;
/// The most alternatives to a pattern.
const ALTERNATIVES: usize = 2;

impl Config {
    /// The warning of patterns that match none of a registry's repositories, with those that may have been meant.
    pub fn unmatched(&self, names: &BTreeSet<&str>) -> Option<String> {
        if names.is_empty() {
            return None;
        }
        let of_overrides = (1..).zip(&self.overrides);
        let lists = [("select.repositories".to_owned(), &self.select.repositories)]
            .into_iter()
            .chain([("select.exclude".to_owned(), &self.select.exclude)])
            .chain(of_overrides.map(|(n, over)| (format!("override[{n}].repositories"), &over.repositories)));
        let unmatched: Vec<(String, &str)> = lists
            .flat_map(|(key, patterns)| patterns.unmatched(names).map(move |it| (key.clone(), it)))
            .collect();
        let shown = unmatched.iter().take(NAMED).map(|(key, pattern)| {
            let hint = question(&alternatives(pattern, names)).map(|it| format!(" ({it})"));
            format!("{key} {pattern:?}{}", hint.unwrap_or_default())
        });
        let mut shown: Vec<String> = shown.collect();
        let more = unmatched.len().saturating_sub(NAMED);
        shown.extend((more > 0).then(|| format!("and {more} more")));
        let beginning = match unmatched.len() {
            0 => return None,
            1 => "this pattern matches no repository and has no effect",
            _ => "these patterns match no repository and have no effect",
        };
        Some(format!("{beginning}: {}", shown.join(", ")))
    }
}

/// Names and patterns like this one that match something.
fn alternatives(pattern: &str, names: &BTreeSet<&str>) -> Vec<String> {
    let Some(at) = pattern.find(WILDCARDS) else {
        let folder = format!("{}/", pattern.trim_end_matches('/'));
        return match names.iter().any(|name| name.starts_with(&folder)) {
            true => vec![format!("{folder}*")],
            false => similar(pattern, names.iter().copied()),
        };
    };
    let (head, tail) = pattern.split_at(at);
    let mut near: Vec<(usize, String)> = names
        .iter()
        .flat_map(|name| heads_like(head, name))
        .map(|(edits, other)| (edits, format!("{other}{tail}")))
        .filter(|(_, other)| names.iter().any(|name| WildMatch::new(other).matches(name)))
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(ALTERNATIVES).map(|(_, other)| other).collect()
}

/// The beginnings of a name that a pattern's beginning may be a typo of, with how many edits they are away.
fn heads_like<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let lengths = head.len().saturating_sub(2).max(1)..=head.len() + 2;
    let ends_alike = |other: &&str| other.chars().last() == head.chars().last();
    let others = lengths.filter_map(|length| name.get(..length)).filter(ends_alike);
    let rated = others.map(|other| (strsim::damerau_levenshtein(head, other), other));
    rated.filter(|(edits, _)| edits * 2 < head.len() && *edits <= 2)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NAMES: [&str; 5] = ["team/api", "team/web", "shop/web", "prod/db", "base-images"];

    fn warned(toml: &str) -> Option<String> {
        Config::parse(toml, &BTreeMap::new()).unwrap().unmatched(&NAMES.into())
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_named_with_its_key_and_what_may_be_meant() {
        for (toml, key, hint) in [
            ("[select]\nexclude = ['tema/*']", "select.exclude \"tema/*\"", "did you mean \"team/*\"?"),
            ("[select]\nexclude = ['team']", "select.exclude \"team\"", "did you mean \"team/*\"?"),
            ("[select]\nexclude = ['team/apj']", "select.exclude \"team/apj\"", "\"team/api\""),
            ("[select]\nexclude = ['base-imgaes*']", "\"base-imgaes*\"", "did you mean \"base-images*\"?"),
            ("[select]\nrepositories = ['shop/*', 'web']", "select.repositories \"web\"", "\"shop/web\""),
            (
                "[[override]]\nrepositories = ['shop/*']\n[[override]]\nrepositories = ['prd/*']",
                "override[2].repositories \"prd/*\"",
                "did you mean \"prod/*\"?",
            ),
        ] {
            let warning = warned(toml).unwrap();
            let beginning = format!("this pattern matches no repository and has no effect: {key}");
            assert!(warning.starts_with(&beginning[..48]) && warning.contains(key), "{warning}");
            assert!(warning.contains(hint), "{warning}");
        }
    }

    #[test]
    fn several_are_one_warning_and_those_that_match_are_none() {
        let warning = warned("[select]\nexclude = ['a/*', 'b/*', 'c/*', 'team/*', 'd/*', 'e/*']").unwrap();
        assert_eq!(
            warning,
            "these patterns match no repository and have no effect: select.exclude \"a/*\", select.exclude \"b/*\", select.exclude \"c/*\", select.exclude \"d/*\", and 1 more"
        );
        for toml in ["", "[select]\nrepositories = ['*']\nexclude = ['*/web', 'base-images', 'prod/d?']"] {
            assert_eq!(warned(toml), None);
        }
        let config = Config::parse("[select]\nexclude = ['a']", &BTreeMap::new()).unwrap();
        assert_eq!(config.unmatched(&BTreeSet::new()), None, "a registry without repositories");
    }
}
