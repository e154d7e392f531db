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
use options::Options;
use scenario::{Scenario, simulate};
use world::{Size, World};

const SHORT: Size = Size { history: 160, nights: 42, every: 4 };
const LONG: Size = Size { history: 160, nights: 98, every: 2 };

/// The yield of the recommended preset where nothing hides what is dead.
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
    let mut cleaners = janitors();
    let count = cleaners.len();
    cleaners.extend(others(options.is_long));
    let scenarios = simulate_all(&world, size, cleaners);
    if options.is_long {
        scenarios.iter().for_each(|scenario| print!("{}", table::full(scenario)));
    }
    let (janitors, others) = scenarios.split_at(count);
    let compared: Vec<&Scenario> = janitors[..1].iter().chain(others).collect();
    let (yields, notes, losses) =
        (table::yields(janitors), table::notes(&janitors[0]), table::losses(&compared));
    let tables = format!("{yields}\n{notes}\n{losses}");
    println!("\n{tables}");
    let mut problems = problems(janitors);
    problems.extend(others.iter().filter_map(loses_nothing));
    problems.extend(documented::check(name, &tables, options.writes));
    problems
}

/// The janitor under each preset, with its reads excluded from pull times and at ECR's defaults.
fn janitors() -> Vec<(String, Cleaner)> {
    let all = [("recommended", false), ("recommended", true), ("orphans", false), ("orphans", true)];
    let cleaner = |(preset, reads_are_pulls): (&str, bool)| {
        let name = if reads_are_pulls { format!("{preset}, ECR's defaults") } else { preset.to_owned() };
        // Without memory nobody knows when a tag was lost. Where tags live as long as in `rollbacks`, the push is no
        // substitute.
        let rollbacks = "[[override]]\nrepositories = [\"rollbacks\"]\nsuperseded_since = \"untagged\"\n";
        (name, janitor(preset, rollbacks, reads_are_pulls))
    };
    all.into_iter().map(cleaner).collect()
}

fn janitor(preset: &str, overrides: &str, reads_are_pulls: bool) -> Cleaner {
    let config = format!(
        "[select]\nexclude = [\"team-b\"]\n\
         [policy]\npreset = \"{preset}\"\nsuperseded_since = \"push\"\n{overrides}"
    );
    Cleaner::Janitor(Box::new(Janitor::new(&config, reads_are_pulls)))
}

/// What people do without it; in the long form also the janitor without its care for old releases.
fn others(is_long: bool) -> Vec<(String, Cleaner)> {
    let mut others = vec![("all untagged, in two passes".to_owned(), Cleaner::Untagged)];
    if is_long {
        let careless = "recommended, `superseded_since = \"push\"` in `rollbacks` too".to_owned();
        others.push(("untagged, pushed 30 days ago".to_owned(), Cleaner::UntaggedFor(30)));
        others.push((careless, janitor("recommended", "", false)));
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
fn problems(janitors: &[Scenario]) -> Vec<String> {
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
    for row in &janitors[0].rows {
        let least = row.kind.without_memory.as_ref().map_or(LEAST_YIELD, |without| without.least);
        let reached = row.attestations.percent().unwrap_or(100.0);
        if reached < least {
            let problem =
                format!("{}: {reached:.1} % of {} went, not {least} %", janitors[0].name, row.kind.name);
            problems.push(problem);
        }
    }
    problems
}

/// Each of the others loses something, or the record would not notice.
fn loses_nothing(other: &Scenario) -> Option<String> {
    let lost: usize = other.rows.iter().map(|row| row.lost).sum();
    (lost == 0).then(|| format!("{}: nothing is lost, where something must be", other.name))
}
