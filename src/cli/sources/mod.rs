//! `sources`: which pipelines make the attestations, and the change in each that makes no more.

mod survey;
mod text;
mod totals;

use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use super::progress::{Progress, say};
use super::session::Session;
use super::stdout::{print_json, print_wrapped};
use super::targets::{self, Sections};
use super::{Common, Failure, Output, conclude, signals};
use crate::cli::advice;
use crate::cli::exit_code::ExitCode;
use crate::config::pattern::Patterns;
use crate::config::target::Registry;
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
    let deadline = signals::watch();
    let all = targets::sessions(common, &config, &deadline).await?;
    if let [_, _, ..] = all.as_slice() {
        let (several, code) = several(all, narrow.as_ref(), args.statements).await;
        match common.output {
            Output::Json => print_json(&several)?,
            _ => print_wrapped(&several.text(text::sources))?,
        }
        return Ok(conclude(code, &deadline, []));
    }
    let (_, session) = all.into_iter().next().ok_or(Failure::Interrupted)?;
    let sources = of_registry(session?, narrow.as_ref(), args.statements).await?;
    match common.output {
        Output::Json => print_json(&sources)?,
        _ => print_wrapped(&text::sources(&sources))?,
    }
    Ok(conclude(sources.exit_code(), &deadline, []))
}

/// The sources of several registries, each on its own.
async fn several(
    all: Vec<(Registry, Result<Session, Failure>)>,
    narrow: Option<&Patterns>,
    most: usize,
) -> (Sections<Sources>, ExitCode) {
    let (mut sections, mut code) = (Sections::default(), ExitCode::Done);
    for (registry, session) in all {
        let answer = match session {
            Ok(session) => of_registry(session, narrow, most).await,
            Err(failure) => Err(failure),
        };
        let failed = answer.as_ref().map_or(true, |sources| sources.exit_code() != ExitCode::Done);
        code = if failed { ExitCode::Failures } else { code };
        sections.add(&registry, answer);
    }
    let code = if sections.are_all_errors() { ExitCode::NothingDone } else { code };
    (sections, code)
}

async fn of_registry(
    mut session: Session,
    narrow: Option<&Patterns>,
    most: usize,
) -> Result<Sources, Failure> {
    let selection = session.select(narrow).await?;
    session.announce();
    let (repositories, warnings) = survey_all(&session, selection, most).await;
    if let Some(warning) = one_warning(warnings) {
        say(&format!("warning: {}", sanitize::line(&warning)));
    }
    Ok(Sources {
        schema_version: SCHEMA_VERSION,
        run: session.run.clone(),
        pipelines: totals(&repositories),
        repositories,
        price: advice::PRICE,
        alternatives: [advice::HALFWAY, advice::KEEPING],
    })
}

impl Sources {
    fn exit_code(&self) -> ExitCode {
        match self.repositories.iter().any(|it| it.failed) {
            true => ExitCode::Failures,
            false => ExitCode::Done,
        }
    }
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
