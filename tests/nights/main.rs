//! Weeks of nights over a registry as pipelines, people and other cleaners leave it: what goes, what stays and why.
//!
//! What is dead and what is needed comes from the record of those who use the registry ([`truth`]), never from the
//! janitor. `make test` runs six weeks of a small registry, `make nights` (`--long`) fourteen of a larger one, beside
//! simpler cleaners. Ends with 1 if anything is lost, if too little goes, or if docs/RELIABILITY.md has other tables;
//! `--write` puts them there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cleaner;
mod clock;
mod documented;
mod kinds;
mod options;
mod repository;
mod scenario;
mod table;
mod truth;
mod world;

use std::process::ExitCode;

use cleaner::{Cleaner, Janitor};
use kinds::Kind;
use options::Options;
use scenario::{Row, Scenario, simulate};
use world::{Size, World};

const SHORT: Size = Size { history: 160, nights: 42, every: 4 };
const LONG: Size = Size { history: 160, nights: 98, every: 2 };

/// The yield of the recommended preset, in percent.
const LEAST_YIELD: f64 = 99.0;

fn main() -> ExitCode {
    let options = Options::read(std::env::args().skip(1));
    if options.lists {
        println!("nights: test");
    }
    if options.lists || options.is_filtered_out {
        return ExitCode::SUCCESS;
    }
    let problems = run(&options);
    problems.iter().for_each(|problem| eprintln!("nights: {problem}"));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the tables; returns what is wrong with them.
fn run(options: &Options) -> Vec<String> {
    let (name, size) = if options.is_long { ("long", LONG) } else { ("short", SHORT) };
    let world = World::before_the_first_night(size);
    let mut cleaners = janitors(options.is_long);
    let count = cleaners.len();
    cleaners.extend(others(options.is_long));
    let scenarios = simulate_all(&world, size, cleaners);
    if options.is_long {
        scenarios.iter().for_each(|scenario| print!("{}", table::full(scenario)));
    }
    let (janitors, others) = scenarios.split_at(count);
    let compared: Vec<&Scenario> = janitors[..1].iter().chain(others).collect();
    let (yields, notes, losses) =
        (table::yields(janitors), table::notes(&janitors[1]), table::losses(&compared));
    let tables = format!("{yields}\n{notes}\n{losses}");
    println!("\n{tables}");
    let mut problems = problems(janitors, size);
    problems.extend(others.iter().filter_map(loses_nothing));
    problems.extend(documented::check(name, &tables, options.writes));
    problems
}

/// The janitor as its preset has it, with memory and at ECR's defaults; then without memory; then, in the long form, what
/// else people may choose.
fn janitors(is_long: bool) -> Vec<(String, Cleaner)> {
    let recommended = remembering("recommended");
    let mut janitors = vec![
        ("recommended".to_owned(), Cleaner::Janitor(Box::new(recommended))),
        ("without memory, reads excluded".to_owned(), forgetful("recommended", ROLLBACKS, false)),
    ];
    if is_long {
        let orphans = remembering("orphans");
        janitors.extend([
            ("without memory".to_owned(), forgetful("recommended", ROLLBACKS, true)),
            ("orphans".to_owned(), Cleaner::Janitor(Box::new(orphans))),
        ]);
    }
    janitors
}

/// What every janitor here has: one team opted out.
fn configured(preset: &str, more: &str) -> String {
    format!("[select]\nexclude = [\"team-b\"]\n[policy]\npreset = \"{preset}\"\n{more}")
}

fn remembering(preset: &str) -> Janitor {
    Janitor::new(&configured(preset, ""), true).with_memory()
}

/// Without memory nobody knows when a tag was lost. Where tags live as long as in `rollbacks`, the push is no substitute.
const ROLLBACKS: &str = "[[override]]\nrepositories = [\"rollbacks\"]\nsuperseded_since = \"untagged\"\n";

fn forgetful(preset: &str, overrides: &str, reads_are_pulls: bool) -> Cleaner {
    let policy = configured(preset, &format!("superseded_since = \"push\"\n{overrides}"));
    Cleaner::Janitor(Box::new(Janitor::new(&policy, reads_are_pulls)))
}

/// What people do without it; in the long form also the janitor without its care for old releases.
fn others(is_long: bool) -> Vec<(String, Cleaner)> {
    let unasked = Cleaner::Janitor(Box::new(remembering("recommended").without_source()));
    let mut others = vec![
        ("recommended, without a source of what runs".to_owned(), unasked),
        ("all untagged, in two passes".to_owned(), Cleaner::Untagged),
    ];
    if is_long {
        let careless = "without memory, `superseded_since = \"push\"` in `rollbacks` too".to_owned();
        others.push(("untagged, pushed 30 days ago".to_owned(), Cleaner::UntaggedFor(30)));
        others.push((careless, forgetful("recommended", "", false)));
    }
    others
}

/// Each scenario on a thread and in a copy of the world of its own.
fn simulate_all(world: &World, size: Size, cleaners: Vec<(String, Cleaner)>) -> Vec<Scenario> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = cleaners
            .into_iter()
            .map(|(name, cleaner)| {
                scope.spawn(move || Scenario { name, rows: simulate(world, size, cleaner) })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a simulation does not panic")).collect()
    })
}

/// What the janitor must not do, and what it must.
fn problems(janitors: &[Scenario], size: Size) -> Vec<String> {
    let mut problems = Vec::new();
    for scenario in janitors {
        for row in &scenario.rows {
            let (name, kind) = (&scenario.name, row.kind.name);
            if row.lost > 0 {
                problems.push(format!("{name}: {} manifests of {kind} are lost", row.lost));
            }
            if !row.refused.is_empty() {
                problems.push(format!("{name}: ECR refused calls of people in {kind}: {:?}", row.refused));
            }
        }
    }
    let least = |kind: &Kind, nights: i64| match &kind.without_memory {
        Some(without) if nights < without.nights => without.least,
        _ => LEAST_YIELD,
    };
    problems.extend(too_little(&janitors[0], |kind| least(kind, size.nights)));
    problems.extend(too_little(&janitors[1], |kind| least(kind, 0)));
    problems
}

/// The kinds in which less goes than must.
fn too_little(janitor: &Scenario, least: impl Fn(&Kind) -> f64) -> Vec<String> {
    let problem = |row: &Row| {
        let (reached, least) = (row.attestations.percent().unwrap_or(100.0), least(row.kind));
        let name = row.kind.name;
        (reached < least).then(|| format!("{}: {reached:.1} % of {name} went, not {least} %", janitor.name))
    };
    janitor.rows.iter().filter_map(problem).collect()
}

/// Each of the others loses something, or the record would not notice.
fn loses_nothing(other: &Scenario) -> Option<String> {
    let lost: usize = other.rows.iter().map(|row| row.lost).sum();
    (lost == 0).then(|| format!("{}: nothing is lost, where something must be", other.name))
}
