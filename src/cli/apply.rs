//! `apply`: the plan of this moment, or exactly a saved one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::confirm::Consent;
use super::log_file::LogFile;
use super::plan::watched;
use super::progress::{Progress, say};
use super::session::Session;
use super::stdout::print_report;
use super::{Common, Failure, RunArgs, conclude, plan, signals};
use crate::cli::exit_code::ExitCode;
use crate::config::Mode;
use crate::executor::run::{Conditions, apply_plan, report_plan};
use crate::executor::run_log::RunLog;
use crate::memory::NoBackups;
use crate::memory::memories::Memories;
use crate::planner::plan_file::{Refused, SavedPlan};
use crate::planner::selection::{Selected, Selection};
use crate::planner::{Plan, Planned, ReadTime, Skipped, check_opt_in};
use crate::report::observer::Observer as _;
use crate::report::{Report, RepositoryReason};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// A plan saved with `plan --out FILE`: exactly it is done, each image checked again
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Do not ask; needed where there is no terminal
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = args.run.adjust(common.config()?);
    let narrow = common.narrow()?;
    let saved = args.file.as_deref().map(read).transpose()?;
    let consent = Consent::new(args.yes)?;
    let log = args.run.log.as_deref().map(LogFile::open).transpose()?;
    let deadline = signals::watch();
    let mut session = Session::open(common, config, deadline).await?;
    let selection = session.select(narrow.as_ref()).await?;
    log.iter().for_each(|log| log.begin(&session.run));
    let lines = log.as_ref().map(|log| log.lines(Mode::Apply));
    let plan = match saved {
        None => {
            session.announce();
            let progress = Progress::new("planning");
            plan::make(&session, selection, &watched(&progress, lines.as_ref())).await
        }
        Some(saved) => {
            let plan = take_up(&session, saved, selection).await?;
            session.announce();
            plan
        }
    };
    let deadline = &session.deadline;
    let view = args.run.view(common, narrow.as_ref());
    plan::warn(&plan, view);
    let consents = !deadline.was_interrupted() && consent.is_given(&plan, &session, view).await?;
    if !consents {
        let report = report_plan(&session.ecr, plan, &session.run, &());
        let printed = print_report(&report, view);
        let logged = log.map_or(Ok(()), |log| log.end(&report));
        say("nothing was done");
        return Ok(conclude(ExitCode::Usage, deadline, [printed, logged]));
    }
    let report = execute(&session, plan, lines.as_ref()).await;
    let printed = print_report(&report, view);
    let logged = log.map_or(Ok(()), |log| log.end(&report));
    Ok(conclude(ExitCode::of(&report, false), deadline, [printed, logged]))
}

async fn execute(session: &Session, plan: Plan, lines: Option<&RunLog<'_>>) -> Report {
    let progress = Progress::new("applying");
    progress.selected(plan.repositories.len());
    let observer = watched(&progress, lines);
    let conditions = Conditions {
        concurrency: session.config.limits.concurrency.number(),
        run: &session.run,
        deadline: &session.deadline,
        observer: &observer,
        memories: &Memories::none(),
    };
    apply_plan(&session.ecr, &NoBackups, plan, conditions).await
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
    session: &Session,
    (path, saved): (PathBuf, SavedPlan),
    selection: Selection,
) -> Result<Plan, Failure> {
    saved
        .check_place(selection.registry.as_deref(), session.ecr.region())
        .map_err(|why| refused(&path, &why))?;
    let mut here: BTreeMap<String, Selected> =
        selection.repositories.into_iter().map(|chosen| (chosen.name.clone(), chosen)).collect();
    let mut repositories = saved.into_repositories();
    repositories.retain(|planned| !selection.is_narrowed || here.contains_key(planned.name()));
    for planned in &mut repositories {
        if let Err(skipped) = still_selected(session, here.remove(planned.name())).await {
            *planned = Planned::Skipped { name: planned.name().to_owned(), skipped };
        }
    }
    let read = ReadTime { from: session.run.started_at, until: Timestamp::now() };
    let mut plan = Plan { registry: selection.registry, read, repositories, ..Plan::default() };
    plan.check_limits(&session.config);
    Ok(plan)
}

async fn still_selected(session: &Session, here: Option<Selected>) -> Result<(), Skipped> {
    let skip = |reason| Err(Skipped::plainly(reason));
    let required = &session.config.select.require_tag;
    match here {
        None => skip(RepositoryReason::RepositoryGone),
        Some(Selected { skip: Some(reason), .. }) => skip(reason),
        Some(chosen) => check_opt_in(&session.ecr, required, &chosen, &session.deadline).await,
    }
}
