//! A registry, the real binaries beside it, and ways to ask what came of them.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod busy;
pub(crate) mod crash;
mod documents;
mod held;
mod hold;
mod lambda;
mod manifests;
mod outcome;
mod repo;
mod schema;
mod terminal;
mod world;

pub(crate) use busy::Busy;
pub(crate) use held::Held;
pub(crate) use hold::{Hold, Moment};
pub(crate) use lambda::Lambda;
pub(crate) use manifests::Listed;
pub(crate) use outcome::{Outcome, Report};
pub(crate) use repo::{Contents, Repo};
pub(crate) use world::World;

use std::collections::BTreeSet;

use ecr_emulator::buildx::{Build, Form};
use ecr_emulator::{Fault, FaultRule, When};

/// Two platforms with attestations as BuildKit makes them since 0.32.
pub(crate) fn oci(code: u64) -> Build {
    Build::new(&["linux/amd64", "linux/arm64"]).code(code)
}

/// Two platforms with attestations as BuildKit made them before.
pub(crate) fn legacy(code: u64) -> Build {
    oci(code).form(Form::Legacy)
}

/// One platform, one attestation, one index.
pub(crate) fn single(code: u64) -> Build {
    Build::new(&["linux/amd64"]).code(code)
}

/// Digests as a set, for comparisons.
pub(crate) fn set<'a>(digests: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    digests.into_iter().cloned().collect()
}

/// The text with `yyyy-mm-dd` in the place of each date (and so for times), and `RUN` (padded) in that of each run's id.
pub(crate) fn without_dates(text: &str) -> String {
    let is_run = |word: &str| word.len() == 23 && word.contains("Z-") && word.starts_with("20");
    let plain = |word: &str| {
        let bare = word.trim_end_matches(|c: char| ",.:;)".contains(c));
        let rest = &word[bare.len()..];
        match bare {
            _ if bare.parse::<jiff::civil::Date>().is_ok() => format!("yyyy-mm-dd{rest}"),
            _ if bare.parse::<jiff::Timestamp>().is_ok() => format!("yyyy-mm-ddThh:mm:ssZ{rest}"),
            _ if is_run(bare) => format!("{:_<23}{rest}", "RUN"),
            _ => word.to_owned(),
        }
    };
    text.split_inclusive(char::is_whitespace)
        .map(|piece| {
            let word = piece.trim_end_matches(char::is_whitespace);
            plain(word) + &piece[word.len()..]
        })
        .collect()
}

/// Trouble in every repository.
pub(crate) fn trouble(operation: &str, when: When, fault: Fault) -> FaultRule {
    FaultRule { operation: operation.to_owned(), repository: None, when, fault }
}

/// Trouble in one repository.
pub(crate) fn trouble_in(repository: &Repo, operation: &str, when: When, fault: Fault) -> FaultRule {
    FaultRule { repository: Some(repository.name.clone()), ..trouble(operation, when, fault) }
}
