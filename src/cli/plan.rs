//! `plan`: what would be done, and why.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::progress::Progress;
use super::render::print_report;
use super::{Common, Failure, connect, selection};
use crate::cli::exit_code::ExitCode;
use crate::config::Config;
use crate::executor::run::report_plan;
use crate::planner::plan_file::SavedPlan;
use crate::planner::selection::Selection;
use crate::planner::{Plan, RunRequest, plan};
use crate::registry::ecr::Ecr;
use crate::util::deadline::Deadline;
use crate::util::sanitize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Save the plan, to be applied later with `apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 10 if changes are pending
    #[arg(long)]
    exit_code: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let narrow = common.narrow()?;
    let ecr = connect().await?;
    let now = Timestamp::now();
    let selection = selection(&ecr, &config, narrow.as_ref()).await?;
    let progress = Progress::new("planning");
    let plan = make(&ecr, &config, selection, now, &progress).await;
    if let Some(path) = &args.out {
        save(&plan, &ecr, now, path)?;
    }
    let report = report_plan(&ecr, plan, now, &progress);
    progress.clear();
    print_report(&report, common.output);
    Ok(ExitCode::of(&report, args.exit_code))
}

/// Plans, and says loudly what a limit stops.
pub(super) async fn make(
    ecr: &Ecr,
    config: &Config,
    selection: Selection,
    now: Timestamp,
    progress: &Progress,
) -> Plan {
    let request = RunRequest { now, deadline: Deadline::default(), start_at: 0, keeps_rows: true };
    let plan = plan(ecr, config, &request, selection, progress).await;
    warn_of_limits(&plan);
    plan
}

pub(super) fn warn_of_limits(plan: &Plan) {
    for warning in &plan.warnings {
        eprintln!("ecr-janitor: warning: {}", sanitize::line(warning));
    }
    if let Some(sentence) = plan.pace.sentence() {
        eprintln!("ecr-janitor: limit reached: {sentence}");
    }
}

/// Writes beside the file and then renames, so that no half plan is ever there.
fn save(plan: &Plan, ecr: &Ecr, now: Timestamp, path: &Path) -> Result<(), Failure> {
    let saved = SavedPlan::new(plan, ecr.region(), now);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    serde_json::to_string_pretty(&saved)
        .map_err(std::io::Error::other)
        .and_then(|text| std::fs::write(&beside, text + "\n"))
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| Failure::Usage(format!("cannot write the plan to {}: {error}", path.display())))
}
