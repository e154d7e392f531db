//! Proofs by exhaustion and by chance that a run never loses anything.
//!
//! [`reference`] says the rules a second time, as plainly as they can be said. [`agreement`] makes worlds and holds the
//! planner and apply against it; [`interleave`] lets other people act between any two of our calls, and [`faults`] lets
//! calls fail, hang and be unheard; in [`remembered`] runs know what earlier ones learned, or what somebody forged. [`outside`] judges by the registry's state and journal alone; [`program`] shows that
//! the program does over HTTP what the library does here. `MODEL_WORLDS` says how many worlds: `make soak` takes 10,000.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
mod bytes;
mod deeds;
mod faults;
mod forged;
mod generate;
mod in_process;
mod interleave;
mod manifests;
mod outside;
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
