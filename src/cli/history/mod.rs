//! `history`: what earlier runs deleted, and until when it can be restored.

mod text;

use serde::Serialize;

use super::progress::Waiting;
use super::session::archive;
use super::stdout::{print_json, print_wrapped};
use super::{Common, Failure, Output, signals};
use crate::cli::exit_code::ExitCode;
use crate::memory::backup::{ArchivedImage, RunHistory};
use crate::report::SCHEMA_VERSION;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show each image of this run
    #[arg(value_name = "RUN_ID")]
    run: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    place: &'a str,
    runs: &'a [RunHistory],
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<&'a [ArchivedImage]>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let narrow = common.narrow()?;
    signals::end_at_once();
    let archive = archive(common, &config).await?;
    let waiting = Waiting::new("reading the backups");
    let unreadable = |error: &dyn std::error::Error| Failure::NothingDone(error.to_string());
    let mut runs = archive.history(config.backup.keep).await.map_err(|error| unreadable(&error))?;
    let mut images = match &args.run {
        Some(run) => Some(archive.images_of(run).await.map_err(|error| unreadable(&error))?),
        None => None,
    };
    drop(waiting);
    if let Some(run_id) = &args.run {
        runs.retain(|run| run.run_id == *run_id);
        if runs.is_empty() {
            return Err(Failure::NothingDone(no_such_run(run_id, &archive.place())));
        }
    }
    let all = runs.len();
    if let Some(patterns) = narrow {
        for run in &mut runs {
            run.repositories.retain(|repository| patterns.matches(&repository.name));
        }
        runs.retain(|run| !run.repositories.is_empty());
        images.iter_mut().for_each(|images| images.retain(|it| patterns.matches(&it.repository.name)));
    }
    let place = archive.place();
    match common.output {
        Output::Json => {
            let (schema_version, place, runs) = (SCHEMA_VERSION, place.as_str(), runs.as_slice());
            print_json(&Document { schema_version, place, runs, images: images.as_deref() })?;
        }
        _ => print_wrapped(&text::history(&place, &runs, all, images.as_deref()))?,
    }
    Ok(ExitCode::Done)
}

/// The refusal of a run that no backup is of.
pub(super) fn no_such_run(run_id: &str, place: &str) -> String {
    format!("there is no run {run_id:?} in {place}; `ecr-janitor history` lists the runs")
}
