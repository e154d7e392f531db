//! `sources`: which pipelines make the attestations, and the change in each that makes no more.

mod survey;
mod text;
mod totals;

use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use super::progress::{Progress, say};
use super::session::Session;
use super::stdout::{print_json, print_wrapped};
use super::{Common, Failure, Output, signals};
use crate::cli::advice;
use crate::cli::exit_code::ExitCode;
use crate::config::pattern::Patterns;
use crate::planner::one_warning;
use crate::planner::selection::Selection;
use crate::report::{RunIdentity, SCHEMA_VERSION};
use crate::util::sanitize;
use survey::{Surveyed, survey};
use totals::{Totals, totals};

/// Repositories that are looked at at once: each may hold a statement of 8 MiB in memory.
const AT_ONCE: usize = 16;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these of the configured repositories; * and ? match any characters
    #[arg(value_name = "REPOSITORY")]
    repositories: Vec<String>,
    /// Attestations to read in each repository, beside those that memory knows; 0 reads none
    #[arg(long, value_name = "N", default_value_t = 10)]
    statements: usize,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Sources {
    schema_version: u32,
    #[serde(flatten)]
    run: RunIdentity,
    /// The pipelines, over all repositories, the one that costs most first.
    pipelines: Vec<Totals>,
    /// The repositories, by name.
    repositories: Vec<Surveyed>,
    /// What one gives up by making no more attestations.
    price: &'static str,
    /// What makes less of them, and how to keep provenance without the clutter.
    alternatives: [&'static str; 2],
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let names: Vec<String> = common.repositories.iter().chain(&args.repositories).cloned().collect();
    let narrow = match names.is_empty() {
        true => None,
        false => Some(Patterns::new(&names).map_err(|error| Failure::Usage(error.to_string()))?),
    };
    let mut session = Session::open(common, config, signals::watch()).await?;
    let selection = session.select(narrow.as_ref()).await?;
    session.announce();
    let (repositories, warnings) = survey_all(&session, selection, args.statements).await;
    if let Some(warning) = one_warning(warnings) {
        say(&format!("warning: {}", sanitize::line(&warning)));
    }
    let sources = Sources {
        schema_version: SCHEMA_VERSION,
        run: session.run.clone(),
        pipelines: totals(&repositories),
        repositories,
        price: advice::PRICE,
        alternatives: [advice::HALFWAY, advice::KEEPING],
    };
    match common.output {
        Output::Json => print_json(&sources)?,
        _ => print_wrapped(&text::sources(&sources))?,
    }
    Ok(match session.deadline.was_interrupted() {
        true => ExitCode::Interrupted,
        false if sources.repositories.iter().any(|it| it.failed) => ExitCode::Failures,
        false => ExitCode::Done,
    })
}

/// Looks at each selected repository; the warnings are about memory.
async fn survey_all(session: &Session, selection: Selection, most: usize) -> (Vec<Surveyed>, Vec<String>) {
    let selected: Vec<_> = selection.repositories.into_iter().filter(|it| it.skip.is_none()).collect();
    let progress = Progress::new("reading", &session.ecr);
    let observer: &dyn crate::report::observer::Observer = &progress;
    observer.selected(selected.len());
    let concurrency = session.config.limits.concurrency.repositories().min(AT_ONCE);
    let request = &session.request();
    let mut surveyed: Vec<(Surveyed, Option<String>)> = stream::iter(selected)
        .map(|chosen| survey(session, request, chosen, most))
        .buffer_unordered(concurrency)
        .inspect(|(surveyed, _)| observer.planned(&surveyed.name, None))
        .collect()
        .await;
    surveyed.sort_by(|(one, _), (two, _)| one.name.cmp(&two.name));
    let (surveyed, warnings): (Vec<_>, Vec<_>) = surveyed.into_iter().unzip();
    (surveyed, warnings.into_iter().flatten().collect())
}
