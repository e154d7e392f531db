//! What a run costs: API calls against their floor, time and memory.
//!
//! `cargo bench --bench api_calls` fills an embedded ECR as GitHub Actions leaves one, serves it at 10 ms a call, and runs
//! the real `ecr-janitor` against it. The calls are counted by the registry, and the floor is reckoned from the
//! registry's images by a formula of its own. Ends with 1 if any run made another number of calls, or deleted another
//! number of images; never because of time or memory.
//!
//! After `--`: `--json` prints one JSON document; `--large` takes large registries at latencies as on AWS; `--quick` takes
//! small registries, as does any run that is not `cargo bench`; `--concurrency N` keeps to a fixed number of calls in
//! flight; `--only N` takes the Nth case alone. The last case, but not of `--large`, reads what runs.

use std::error::Error;
use std::process::ExitCode;

mod case;
mod floor;
mod janitor;
mod number;
mod pure;
mod sources;
mod table;
mod world;

use case::Case;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let asked = |option: &str| std::env::args().any(|argument| argument == option);
    let quick = asked("--quick") || !asked("--bench");
    let json = asked("--json");
    let mut done = Vec::new();
    let cases = if asked("--large") { Case::large(quick) } else { Case::all(quick) };
    let number = |option: &str| number_after(option).transpose();
    let (fixed, only) = (number("--concurrency")?, number("--only")?);
    let wants_sources = !asked("--large") && only.is_none_or(|only| only == cases.len() as u64 + 1);
    let chosen = (1..).zip(cases).filter(|(nth, _)| only.is_none_or(|only| only == *nth));
    for (_, case) in chosen {
        let case = Case { concurrency: fixed.or(case.concurrency), ..case };
        eprintln!("{} ...", case.title());
        let measured = case.measure()?;
        if !json {
            print!("{}", table::case(&measured));
        }
        done.push(measured);
    }
    let sources = wants_sources.then(|| sources::measure(quick)).transpose()?;
    if let Some(sources) = sources.as_ref().filter(|_| !json) {
        print!("{}", table::sources(sources));
    }
    let pure = pure::measure(if quick { 1_000 } else { 100_000 })?;
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(
                &serde_json::json!({ "cases": done, "sources": sources, "pure": pure })
            )?
        );
    } else {
        print!("{}{}", table::pure(&pure), table::legend());
    }
    Ok(done.iter().all(|case| case.is_at_the_floor())
        && sources.is_none_or(|sources| sources.is_at_the_floor()))
}

/// The number after an option, if it is given.
fn number_after(option: &str) -> Option<Result<u64>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != option);
    arguments.next()?;
    let number = arguments.next().unwrap_or_default();
    Some(number.parse().map_err(|_| format!("{option} takes a number, not {number:?}").into()))
}
