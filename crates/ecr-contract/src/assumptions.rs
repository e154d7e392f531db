//! `docs/ASSUMPTIONS.md`, generated from the list of cases.

use std::fmt::Write as _;

use crate::case::Case;
use crate::cases;
use crate::evidence::{Evidence, Source};

const HEAD: &str = "\
# Assumptions about Amazon ECR

For everybody who wants to know how far the janitor's view of ECR can be trusted. Nobody in this project has tried these
claims on a real account; what is known comes from public sources, named here with their strength.
`make contract-aws PREFIX=janitor-contract CONSENT=yes` checks on an account of yours those that can be checked.

This file is generated from the cases in [crates/ecr-contract](../crates/ecr-contract/README.md):
`cargo run -p ecr-contract -- --assumptions`.
";

const CONFIRMED: &str = "
## Confirmed

*Confirmed*: seen on real ECR by others, or stated by AWS for exactly this case. *Documented*: stated by AWS, with no
public output that shows it.

| case | what ECR does | evidence |
|---|---|---|
";

const OPEN: &str = "
## Open

*Open*: no public evidence. *Supported*: some evidence that is indirect, partial or not known to come from real ECR.

| case | assumption | evidence | what hurts if it is wrong | why nothing irreversible rests on it |
|---|---|---|---|---|
";

const REFUTED: &str = "
## Refuted

Claims that are tempting, or that the janitor once made, and that public evidence contradicts.

| case | refuted claim | what holds instead | what the janitor does |
|---|---|---|---|
";

/// The whole file.
pub fn document() -> String {
    let mut parts = [HEAD.to_owned() + CONFIRMED, OPEN.to_owned(), REFUTED.to_owned()];
    for case in cases::all() {
        let part = match case.evidence {
            Evidence::Confirmed(_) | Evidence::Documented(_) => 0,
            Evidence::Supported { .. } | Evidence::Open { .. } => 1,
            Evidence::Refuted { .. } => 2,
        };
        let _ = writeln!(parts[part], "{}", row(&case));
    }
    parts.concat()
}

fn row(Case { id, claim, evidence, safeguard, .. }: &Case) -> String {
    let (status, sources) = (evidence.status(), listed(evidence.sources()));
    match evidence {
        Evidence::Confirmed(_) | Evidence::Documented(_) => {
            format!("| `{id}` | {claim} | {status}; {sources} |")
        }
        Evidence::Supported { if_wrong, .. } => {
            format!("| `{id}` | {claim} | {status}; {sources} | {if_wrong} | {safeguard} |")
        }
        Evidence::Open { if_wrong } => format!("| `{id}` | {claim} | {status} | {if_wrong} | {safeguard} |"),
        Evidence::Refuted { fact, .. } => {
            format!("| `{id}` | {claim} | {fact} Evidence: {sources} | {safeguard} |")
        }
    }
}

/// The sources by strength: `output of real ECR: A, B; AWS documentation: C`.
fn listed(sources: &[Source]) -> String {
    let mut sorted = sources.to_vec();
    sorted.sort_by_key(|source| source.strength);
    let groups = sorted.chunk_by(|one, next| one.strength == next.strength);
    let groups = groups.map(|group| {
        let names: Vec<String> = group.iter().map(Source::to_string).collect();
        format!("{}: {}", group[0].strength, names.join(", "))
    });
    groups.collect::<Vec<_>>().join("; ")
}
