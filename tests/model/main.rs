//! Proofs by exhaustion and by chance that a run never loses anything.
//!
//! [`reference`] states the rules a second time, as plainly as possible. [`differential`] makes random registries and compares
//! the planner and apply with it; [`interleave`] lets others act between any two of our calls, and [`faults`] lets calls
//! fail, hang and lose their answers; in [`remembered`] runs know what earlier ones learned, or what somebody forged.
//! [`invariants`] judges by the registry's state and journal alone; [`program`] shows that the program does over HTTP what
//! the library does here. `MODEL_WORLDS` is the number of registries: `make soak` takes 10,000.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod differential;
mod faults;
mod forged;
mod generate;
mod in_process;
mod interference;
mod interleave;
mod invariants;
mod manifests;
mod oracle_parse;
mod pace;
mod policy;
mod program;
mod reference;
mod remembered;
mod run;
mod world;

use proptest::test_runner::{Config, FileFailurePersistence};

/// One of so many worlds: of 300, unless the environment wants more or fewer.
fn config(one_of: u32) -> Config {
    let wanted =
        std::env::var("MODEL_WORLDS").map(|count| count.parse::<u32>().expect("MODEL_WORLDS is a number"));
    Config {
        cases: wanted.unwrap_or(300).div_ceil(one_of),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/model/regressions.txt"))),
        max_shrink_iters: 20_000,
        ..Config::default()
    }
}
