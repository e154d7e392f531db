//! `history`: what earlier runs deleted, and until when it can be restored.

mod restored;
mod text;

use jiff::Timestamp;
use serde::Serialize;

use super::progress::Waiting;
use super::session::{no_archive, places};
use super::stdout::{print_json, print_wrapped};
use super::{Common, Failure, Output, signals};
use crate::cli::exit_code::ExitCode;
use crate::memory::backup::{ArchivedImage, RunHistory};
use crate::memory::repository::RepositoryId;
use crate::report::SCHEMA_VERSION;
use restored::{Restored, restored};

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
    /// The repositories in which images were restored.
    restored: Vec<RestoredIn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<&'a [PastImage]>,
}

#[derive(Serialize)]
struct RestoredIn<'a> {
    #[serde(flatten)]
    repository: &'a RepositoryId,
    images: usize,
    last_at: Option<&'a Timestamp>,
}

/// An image that a run backed up, and when it was restored after that.
#[derive(Debug, Serialize)]
struct PastImage {
    #[serde(flatten)]
    archived: ArchivedImage,
    restored_at: Option<Timestamp>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let narrow = common.narrow()?;
    signals::end_at_once();
    let places = places(common, &config).await;
    let archive = places.archive().ok_or_else(no_archive)?;
    let waiting = Waiting::new("reading the backups");
    let unreadable = |error: &dyn std::error::Error| Failure::NothingDone(error.to_string());
    let mut runs = archive.history(config.backup.keep).await.map_err(|error| unreadable(&error))?;
    let mut images = match &args.run {
        Some(run) => Some(archive.images_of(run).await.map_err(|error| unreadable(&error))?),
        None => None,
    };
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
    let restored = restored(&places, &runs).await;
    drop(waiting);
    let since = runs.first().and_then(|run| run.started_at);
    let images: Option<Vec<PastImage>> =
        images.map(|images| images.into_iter().map(|image| past(image, &restored, since)).collect());
    let place = archive.place();
    match common.output {
        Output::Json => {
            let (schema_version, place, runs) = (SCHEMA_VERSION, place.as_str(), runs.as_slice());
            let restored = restored.iter().map(|(repository, images)| RestoredIn {
                repository,
                images: images.len(),
                last_at: images.values().max(),
            });
            let (restored, images) = (restored.collect(), images.as_deref());
            print_json(&Document { schema_version, place, runs, restored, images })?;
        }
        _ => print_wrapped(&text::history(&place, &runs, all, &restored, images.as_deref()))?,
    }
    Ok(ExitCode::Done)
}

/// An image of a run that began then. What was restored earlier was deleted once more.
fn past(archived: ArchivedImage, restored: &Restored, since: Option<Timestamp>) -> PastImage {
    let at =
        restored.get(&archived.repository).and_then(|images| images.get(&archived.image.digest)).copied();
    PastImage { archived, restored_at: at.filter(|at| since.is_none_or(|since| *at > since)) }
}

/// The refusal of a run that no backup is of.
pub(super) fn no_such_run(run_id: &str, place: &str) -> String {
    format!("there is no run {run_id:?} in {place}; `ecr-janitor history` lists the runs")
}
