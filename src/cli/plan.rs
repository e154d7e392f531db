//! `plan`: what would be done, and why.

use std::path::{Path, PathBuf};

use super::progress::{Progress, say};
use super::session::Session;
use super::stdout::print_report;
use super::{Common, Failure, RunArgs, conclude, signals};
use crate::cli::exit_code::ExitCode;
use crate::executor::run::report_plan;
use crate::planner::plan_file::SavedPlan;
use crate::planner::selection::Selection;
use crate::planner::{Plan, RunRequest, plan};
use crate::report::observer::Observer;
use crate::util::sanitize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
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
    let mut session = Session::open(common, config, signals::watch()).await?;
    let selection = session.select(narrow.as_ref()).await?;
    session.announce();
    let progress = Progress::new("planning");
    let plan = make(&session, selection, &progress).await;
    let saved = out.map_or(Ok(()), |file| file.save(&plan, &session));
    let report = report_plan(&session.ecr, plan, &session.run, &progress);
    drop(progress);
    let printed = print_report(&report, common.output);
    let code = ExitCode::of(&report, args.exit_code);
    Ok(conclude(code, &session.deadline, [saved, printed]))
}

/// Plans until it is done or interrupted, and says loudly what waits for a later run.
pub(super) async fn make(session: &Session, selection: Selection, observer: &dyn Observer) -> Plan {
    let request = RunRequest {
        clock: session.clock,
        ..RunRequest::new(session.run.started_at, session.deadline.clone())
    };
    let plan = plan(&session.ecr, &session.config, &request, selection, observer).await;
    warn_of_limits(&plan);
    plan
}

pub(super) fn warn_of_limits(plan: &Plan) {
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

    fn save(self, plan: &Plan, session: &Session) -> Result<(), Failure> {
        if session.deadline.was_interrupted() {
            say("the plan is not saved: planning was interrupted");
            return Ok(());
        }
        let saved = SavedPlan::new(plan, session.ecr.region());
        serde_json::to_string_pretty(&saved)
            .map_err(std::io::Error::other)
            .and_then(|text| std::fs::write(&self.part, text + "\n"))
            .and_then(|()| std::fs::rename(&self.part, self.path))
            .map_err(|error| Failure::output_lost(&self.path.display().to_string(), &error))
    }
}

impl Drop for PlanFile<'_> {
    /// What was not renamed is of no use.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.part);
    }
}
