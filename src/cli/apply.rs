//! `apply`: the plan of this moment, or exactly a saved one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::confirm::Consent;
use super::print::print_report;
use super::progress::Progress;
use super::{Common, Failure, connect, plan, selection};
use crate::deadline::Deadline;
use crate::exit_code::ExitCode;
use crate::plan::Plan;
use crate::plan::saved::SavedPlan;
use crate::registry::ecr::Ecr;
use crate::report::{RepositoryReason, RepositoryReport};
use crate::run::{apply_plan, report_plan};
use crate::select::Selection;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A plan saved with `plan --out FILE`: exactly it is done, each image checked again
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Do not ask; needed where there is no terminal
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let narrow = common.narrow()?;
    let saved = args.file.as_deref().map(read).transpose()?;
    let consent = Consent::new(args.yes)?;
    let ecr = connect().await?;
    let now = Timestamp::now();
    let selection = selection(&ecr, &config, narrow.as_ref()).await?;
    let progress = Progress::new("planning");
    let plan = match saved {
        None => plan::make(&ecr, &config, selection, now, &progress).await,
        Some((path, saved)) => {
            let mut plan = take_up(saved, selection, &ecr).map_err(|why| refused(&path, &why))?;
            plan.check_limits(&config);
            plan::warn_of_limits(&plan);
            plan
        }
    };
    progress.clear();
    if !consent.is_given(&plan)? {
        print_report(&report_plan(&ecr, plan, now, &progress), common.output);
        eprintln!("ecr-janitor: nothing was done");
        return Ok(ExitCode::Usage);
    }
    let progress = Progress::new("applying");
    let report = apply_plan(&ecr, plan, config.concurrency, now, &Deadline::default(), &progress).await;
    progress.clear();
    print_report(&report, common.output);
    Ok(ExitCode::of(&report, false))
}

fn read(path: &Path) -> Result<(PathBuf, SavedPlan), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read the plan {}: {error}", path.display())))?;
    let saved = SavedPlan::parse(&text).map_err(|why| refused(path, &why))?;
    Ok((path.to_owned(), saved))
}

fn refused(path: &Path, why: &crate::plan::saved::Refused) -> Failure {
    Failure::Usage(format!("the plan {} is refused: {why}", path.display()))
}

/// A saved plan against the registry of now: a repository that is gone, or that the configuration leaves alone by
/// now, is left out with its reason.
fn take_up(saved: SavedPlan, selection: Selection, ecr: &Ecr) -> Result<Plan, crate::plan::saved::Refused> {
    saved.check_place(selection.registry.as_deref(), ecr.region())?;
    let is_narrowed = selection.is_narrowed;
    let skips: BTreeMap<String, Option<RepositoryReason>> =
        selection.repositories.into_iter().map(|chosen| (chosen.name, chosen.skip)).collect();
    let mut repositories = saved.into_repositories();
    repositories.retain(|planned| !is_narrowed || skips.contains_key(&planned.report.name));
    for planned in &mut repositories {
        let reason = match skips.get(&planned.report.name) {
            Some(skip) => *skip,
            None => Some(RepositoryReason::RepositoryGone),
        };
        if let Some(reason) = reason {
            let name = std::mem::take(&mut planned.report.name);
            planned.report = RepositoryReport::without_decisions(name, reason, None);
        }
    }
    Ok(Plan { registry: selection.registry, repositories, tripped: Vec::new() })
}
