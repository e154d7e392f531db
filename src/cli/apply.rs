//! `apply`: the plan of this moment, or exactly a saved one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::confirm::Consent;
use super::log_file::LogFile;
use super::picture::print_run;
use super::plan::watched;
use super::progress::{Progress, Waiting, say};
use super::session::Session;
use super::targets::{self, Fleet};
use super::{Common, Failure, Output, RunArgs, conclude, plan, signals};
use crate::cli::exit_code::ExitCode;
use crate::config::{Mode, duration};
use crate::executor::run::{Conditions, apply_plan, report_plan};
use crate::executor::run_log::RunLog;
use crate::executor::saved;
use crate::memory::memories::Memories;
use crate::planner::plan_file::{MAX_AGE, Refused, SavedPlan};
use crate::planner::selection::Selection;
use crate::planner::{Plan, RunRequest};
use crate::report::Report;
use crate::report::observer::Observer;
use crate::util::sanitize;
use crate::util::shell::quoted;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// A plan saved with `plan --out FILE`: exactly this is carried out, whatever today's policy says, after another look at each image
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Refuse a saved plan that is older than this, such as 48h; 7d by default
    #[arg(long, value_name = "AGE", value_parser = duration, requires = "file")]
    max_age: Option<SignedDuration>,
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = args.run.adjust(common.config()?);
    let narrow = common.narrow()?;
    let saved = args.file.as_deref().map(read).transpose()?;
    let consent = Consent::new("apply", args.yes)?;
    let deadline = signals::watch();
    let own = common.of_sdk().await;
    let registries = targets::registries(common, &config, &own).await?;
    if registries.wanted.len() > 1 && saved.is_none() {
        let fleet = Fleet::new(common, &config, &args.run, deadline).await?;
        return fleet.apply(registries, consent).await;
    }
    let log = args.run.log.as_deref().map(LogFile::open).transpose()?;
    let mut session = Session::open(common, config, deadline).await?;
    session.places.check_backups().map_err(|refused| Failure::Usage(refused.to_string()))?;
    let selection = session.select(narrow.as_ref()).await?;
    session.check_names(&selection, &args.run.accept_tag_loss)?;
    log.iter().for_each(|log| log.begin(&session.run));
    let lines = log.as_ref().map(|log| log.lines(Mode::Apply));
    let request = RunRequest { acts: true, ..args.run.request(&session) };
    let plan = match saved {
        None => {
            session.announce_run(common.output);
            let progress = Progress::new("planning", &session.ecr);
            plan::make(&session, &request, selection, &watched(&progress, lines.as_ref())).await
        }
        Some(saved) => {
            let _waiting = Waiting::new("looking at the images of the plan");
            let decides = decides(&saved);
            let plan = take_up(&session, &request, saved, selection, args.max_age.unwrap_or(MAX_AGE)).await?;
            session.announce_run(common.output);
            say(&decides);
            plan
        }
    };
    let deadline = &session.deadline;
    let view = args.run.view(common, narrow.as_ref());
    plan::warn(&plan, view);
    let consents = !deadline.was_interrupted() && consent.is_given(&plan, &session, view).await?;
    if !consents {
        let report = report_plan(&session.ecr, plan, &session.run, &());
        // Whoever said no has just seen the table.
        let was_shown = view.output == Output::Table && !deadline.was_interrupted();
        let printed = if was_shown { Ok(()) } else { print_run(&report, view, &session).await };
        let logged = log.map_or(Ok(()), |log| log.end(&report));
        say("nothing was done");
        return Ok(conclude(ExitCode::Usage, deadline, [printed, logged]));
    }
    let report = execute(&session, &request.memories, plan, lines.as_ref()).await;
    let printed = print_run(&report, view, &session).await;
    let logged = log.map_or(Ok(()), |log| log.end(&report));
    Ok(conclude(ExitCode::of(&report, false), deadline, [printed, logged]))
}

async fn execute(session: &Session, memories: &Memories, plan: Plan, lines: Option<&RunLog<'_>>) -> Report {
    let progress = Progress::new("applying", &session.ecr);
    progress.selected(plan.repositories.len());
    carry_out(session, memories, plan, &watched(&progress, lines)).await
}

/// Carries out a plan, and removes backups that are too old.
pub(super) async fn carry_out(
    session: &Session,
    memories: &Memories,
    plan: Plan,
    observer: &dyn Observer,
) -> Report {
    let conditions = Conditions {
        concurrency: session.config.limits.concurrency,
        run: &session.run,
        deadline: &session.deadline,
        observer,
        memories,
        in_use: &session.in_use,
    };
    let backups = session.places.backups(&session.run, session.ecr.clone());
    let mut report = apply_plan(&session.ecr, &backups, plan, conditions).await;
    report.warnings.extend(session.places.prune(&session.config, &session.run, session.clock.now()).await);
    report
}

fn read(path: &Path) -> Result<(PathBuf, SavedPlan), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let saved = SavedPlan::parse(&text).map_err(|why| refused(path, &why))?;
    Ok((path.to_owned(), saved))
}

/// Which part of the configuration holds beside a saved plan.
fn decides((path, saved): &(PathBuf, SavedPlan)) -> String {
    format!(
        "the plan {} of {} decides what is done, not the policy of today's configuration; its limits, selection, sources of images in use and backups hold",
        sanitize::line(&path.display().to_string()),
        saved.created_at.strftime("%Y-%m-%d at %H:%M UTC")
    )
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let shown = sanitize::line(&path.display().to_string());
    let word = quoted(&path.display().to_string());
    Failure::Usage(match error.kind() {
        ErrorKind::NotFound => format!(
            "there is no plan file {shown}: save a plan with `ecr-janitor plan --out {word}`; or, to choose a repository, give --repository {word}"
        ),
        _ => format!("cannot read the plan {shown}: {error}"),
    })
}

fn refused(path: &Path, why: &Refused) -> Failure {
    Failure::Usage(format!("the plan {} is refused: {why}", path.display()))
}

/// The saved plan against the registry as it is now.
async fn take_up(
    session: &Session,
    request: &RunRequest,
    (path, saved): (PathBuf, SavedPlan),
    selection: Selection,
    max_age: SignedDuration,
) -> Result<Plan, Failure> {
    let Session { config, ecr, clock, .. } = session;
    let check = || {
        saved.check_place(selection.registry.as_deref(), ecr.region())?;
        saved.check_age(clock.started_at(), max_age)?;
        saved.check_tags(config)
    };
    check().map_err(|why| refused(&path, &why))?;
    let mut plan = saved::take_up(ecr, config, request, saved, selection).await;
    session.note_backups(&mut plan);
    Ok(plan)
}
