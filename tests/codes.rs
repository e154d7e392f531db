//! The pages that explain codes have each code of the program and no other.
//!
//! The codes are those of `schemas/report.json`, which is made from the program's types and compared with them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The words of an enumeration.
fn codes(name: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(&read("schemas/report.json")).unwrap();
    let one = |value: &Value| value["const"].as_str().map(str::to_owned);
    let definition = &schema["$defs"][name];
    if let Some(words) = definition["enum"].as_array() {
        return words.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    }
    definition["oneOf"].as_array().unwrap().iter().filter_map(one).collect()
}

/// The sections of a page below a heading of the first level.
fn sections(page: &str, below: &str) -> Vec<String> {
    let text = read(page);
    let part = text.split("\n# ").find(|part| part.starts_with(below)).unwrap_or_else(|| panic!("{below}"));
    let mut sections = part.split("\n## ").skip(1);
    let named = |section: &str| {
        let (name, explained) = section.split_once('\n').unwrap();
        assert!(explained.trim().len() > 20, "{page}: {name} is not explained");
        name.to_owned()
    };
    sections.by_ref().map(named).collect()
}

#[test]
fn each_reason_is_explained_in_the_order_of_the_rules() {
    assert_eq!(sections("docs/REASONS.md", "Reasons of an image"), codes("Reason"));
    assert_eq!(sections("docs/REASONS.md", "Reasons of a repository"), codes("RepositoryReason"));
    let states = codes("State").into_iter().map(|state| format!("State {state}"));
    assert_eq!(sections("docs/REASONS.md", "States of an attestation"), states.collect::<Vec<_>>());
}

#[test]
fn each_outcome_is_explained() {
    assert_eq!(sections("docs/OUTCOMES.md", "Outcomes of a decision"), codes("OutcomeName"));
}

#[test]
fn each_code_of_the_janitor_is_explained() {
    let text = read("docs/OUTPUT.md");
    let row = text.lines().find(|line| line.starts_with("| `code`, `detail` |")).unwrap();
    let named: BTreeSet<&str> = row.split('`').skip(5).step_by(2).collect();
    let explained = sections("docs/OUTCOMES.md", "Codes");
    assert_eq!(explained.iter().map(String::as_str).collect::<BTreeSet<_>>(), named);
}

#[test]
fn no_two_headings_of_a_page_have_one_address() {
    for page in ["docs/REASONS.md", "docs/OUTCOMES.md"] {
        let text = read(page);
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings.iter().collect::<BTreeSet<_>>().len(), headings.len(), "{page}");
    }
}
