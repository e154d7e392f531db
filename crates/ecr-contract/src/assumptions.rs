//! `docs/ASSUMPTIONS.md`, generated from the list of cases.

use std::fmt::Write as _;

use crate::case::{Case, Mark};
use crate::cases;

const HEAD: &str = "\
# Assumptions about Amazon ECR

What the janitor believes and nobody here has verified on a real account, and why nothing irreversible rests on it.
This file is made from the cases in [crates/ecr-contract/](../crates/ecr-contract/README.md): `cargo run -p ecr-contract -- --assumptions`.
`make contract-aws PREFIX=janitor-contract CONSENT=yes` tries on an account of yours those that can be tried.

| case | belief | if it is wrong |
|---|---|---|
";

/// The whole file.
pub fn document() -> String {
    let mut text = HEAD.to_owned();
    for Case { id, claim, if_wrong, .. } in unverified() {
        let _ = writeln!(text, "| `{id}` | {claim} | {if_wrong} |");
    }
    text
}

/// The cases with a row.
pub fn unverified() -> impl Iterator<Item = Case> {
    cases::all().into_iter().filter(|case| case.mark == Mark::Unverified)
}
