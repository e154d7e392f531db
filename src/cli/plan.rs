//! `plan`: what would be done, and why.

use std::path::{Path, PathBuf};

use super::log_file::LogFile;
use super::picture::print_run;
use super::progress::{Progress, say};
use super::session::Session;
use super::stdout::{View, print_wrapped};
use super::targets::{self, Fleet};
use super::{Common, Failure, Output, RunArgs, conclude, next, signals};
use crate::cli::exit_code::ExitCode;
use crate::config::Mode;
use crate::executor::run::report_plan;
use crate::executor::run_log::RunLog;
use crate::planner::plan_file::SavedPlan;
use crate::planner::selection::Selection;
use crate::planner::{Plan, RunRequest, plan};
use crate::report::observer::{Both, Observer};
use crate::util::sanitize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Save the plan, to be applied later with `apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 10 if changes are pending
    #[arg(long)]
    exit_code: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = args.run.adjust(common.config()?);
    let narrow = common.narrow()?;
    let out = args.out.as_deref().map(PlanFile::create).transpose()?;
    let deadline = signals::watch();
    let registries = targets::registries(common, &config, &common.of_sdk().await).await?;
    if registries.wanted.len() > 1 && args.out.is_none() {
        let fleet = Fleet::new(common, &config, &args.run, deadline).await?;
        return fleet.plan(registries, args.exit_code).await;
    }
    let log = args.run.log.as_deref().map(LogFile::open).transpose()?;
    let mut session = Session::open(common, config, deadline).await?;
    let selection = session.select(narrow.as_ref()).await?;
    session.check_names(&selection, &args.run.accept_tag_loss)?;
    session.announce_run(common.output);
    log.iter().for_each(|log| log.begin(&session.run));
    let lines = log.as_ref().map(|log| log.lines(Mode::Plan));
    let progress = Progress::new("planning", &session.ecr);
    let observer = watched(&progress, lines.as_ref());
    let plan = make(&session, &args.run.request(&session), selection, &observer).await;
    let view = args.run.view(common, narrow.as_ref());
    warn(&plan, view);
    let is_saved = out.is_some();
    let saved = out.map_or(Ok(()), |file| file.save(&plan, &session, common));
    let report = report_plan(&session.ecr, plan, &session.run, &observer);
    drop(progress);
    let printed = print_run(&report, view, &session).await.and_then(|()| {
        let is_asked = view.output == Output::Table && !is_saved && !session.deadline.was_interrupted();
        let next = is_asked.then(|| next::after_plan(&report, common, &args.run)).flatten();
        next.map_or(Ok(()), |next| print_wrapped(&next))
    });
    let logged = log.map_or(Ok(()), |log| log.end(&report));
    let code = ExitCode::of(&report, args.exit_code);
    Ok(conclude(code, &session.deadline, [saved, printed, logged]))
}

/// The progress of a run, and its log if there is one.
pub(super) fn watched<'a>(progress: &'a Progress, lines: Option<&'a RunLog<'a>>) -> Both<'a> {
    Both(progress, lines.map_or(&() as &dyn Observer, |lines| lines))
}

/// Plans until it is done or interrupted.
pub(super) async fn make(
    session: &Session,
    request: &RunRequest,
    selection: Selection,
    observer: &dyn Observer,
) -> Plan {
    let is_empty = selection.is_narrowed && selection.repositories.is_empty();
    let mut plan = plan(&session.ecr, &session.config, request, selection, observer).await;
    session.note_backups(&mut plan);
    if is_empty && plan.registry.is_some() {
        let nothing = "--repository matches no selected repository; nothing was read";
        plan.warnings.insert(0, nothing.to_owned());
    }
    plan
}

/// Says on stderr what the summary of a table says too.
pub(super) fn warn(plan: &Plan, view: View) {
    if view.output == Output::Table {
        return;
    }
    for warning in &plan.warnings {
        say(&format!("warning: {}", sanitize::line(warning)));
    }
    if let Some(sentence) = plan.pace.sentence() {
        say(&format!("limit reached: {sentence}"));
    }
}

/// The file that a plan is saved in. Written beside it and then renamed, so that no half plan is ever there.
struct PlanFile<'a> {
    path: &'a Path,
    part: PathBuf,
}

impl<'a> PlanFile<'a> {
    /// Checks that the file can be written, before anything is called.
    fn create(path: &'a Path) -> Result<Self, Failure> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let file = Self { path, part: part.into() };
        std::fs::write(&file.part, "").map_err(|error| {
            Failure::Usage(format!("cannot write the plan to {}: {error}", path.display()))
        })?;
        Ok(file)
    }

    fn save(self, plan: &Plan, session: &Session, common: &Common) -> Result<(), Failure> {
        if session.deadline.was_interrupted() {
            say("the plan is not saved: planning was interrupted");
            return Ok(());
        }
        let saved = SavedPlan::new(plan, session.ecr.region());
        serde_json::to_string_pretty(&saved)
            .map_err(std::io::Error::other)
            .and_then(|text| std::fs::write(&self.part, text + "\n"))
            .and_then(|()| std::fs::rename(&self.part, self.path))
            .map_err(|error| Failure::output_lost(&self.path.display().to_string(), &error))?;
        let path = sanitize::line(&self.path.display().to_string());
        say(&format!("the plan is saved; to carry it out: {}", next::after_saving(&path, common)));
        Ok(())
    }
}

impl Drop for PlanFile<'_> {
    /// What was not renamed is of no use.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.part);
    }
}
