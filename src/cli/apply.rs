//! `apply`: the plan of this moment, or exactly a saved one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::confirm::Consent;
use super::progress::Progress;
use super::render::print_report;
use super::{Common, Failure, connect, plan, selection};
use crate::config::Config;
use crate::util::deadline::Deadline;

use crate::cli::exit_code::ExitCode;
use crate::executor::run::{Conditions, apply_plan, report_plan};
use crate::memory::NoBackups;
use crate::planner::plan_file::{Refused, SavedPlan};
use crate::planner::selection::{Selected, Selection};
use crate::planner::{Plan, Planned, ReadTime, Skipped, check_opt_in};
use crate::registry::ecr::Ecr;
use crate::report::RepositoryReason;
use crate::report::observer::Observer as _;

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
            let mut plan =
                take_up(&ecr, &config, saved, selection, now).await.map_err(|why| refused(&path, &why))?;
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
    progress.selected(plan.repositories.len());
    let conditions = Conditions {
        concurrency: config.limits.concurrency.number(),
        started_at: now,
        deadline: &Deadline::default(),
        observer: &progress,
    };
    let report = apply_plan(&ecr, &NoBackups, plan, conditions).await;
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

fn refused(path: &Path, why: &Refused) -> Failure {
    Failure::Usage(format!("the plan {} is refused: {why}", path.display()))
}

/// The saved plan against the registry as it is now: a repository that is gone, or that the configuration skips by
/// now, is left out with its reason.
async fn take_up(
    ecr: &Ecr,
    config: &Config,
    saved: SavedPlan,
    selection: Selection,
    now: Timestamp,
) -> Result<Plan, Refused> {
    saved.check_place(selection.registry.as_deref(), ecr.region())?;
    let mut here: BTreeMap<String, Selected> =
        selection.repositories.into_iter().map(|chosen| (chosen.name.clone(), chosen)).collect();
    let mut repositories = saved.into_repositories();
    repositories.retain(|planned| !selection.is_narrowed || here.contains_key(planned.name()));
    for planned in &mut repositories {
        if let Err(skipped) = still_selected(ecr, config, here.remove(planned.name())).await {
            *planned = Planned::Skipped { name: planned.name().to_owned(), skipped };
        }
    }
    let read = ReadTime { from: now, until: Timestamp::now() };
    Ok(Plan { registry: selection.registry, read, repositories, tripped: Vec::new() })
}

async fn still_selected(ecr: &Ecr, config: &Config, here: Option<Selected>) -> Result<(), Skipped> {
    let skip = |reason| Err(Skipped::plainly(reason));
    match here {
        None => skip(RepositoryReason::RepositoryGone),
        Some(Selected { skip: Some(reason), .. }) => skip(reason),
        Some(chosen) => check_opt_in(ecr, &config.select.require_tag, &chosen, &Deadline::default()).await,
    }
}
