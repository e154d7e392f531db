//! `demo`: the real Lambda function, run against an embedded ECR.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ecr_emulator::Emulator;
use serde_json::Value;
use tokio::process::Command;

use super::progress::note;
use super::stdout::{View, print_report, print_text, print_wrapped};
use super::{Failure, Output};
use crate::cli::exit_code::ExitCode;
use crate::cli::local_lambda::{Answer, LocalFunction};
use crate::config::Mode;
use crate::render::summary;
use crate::render::table::Sort;
use crate::report::Report;
use listing::Contents;

mod listing;
mod pipelines;
pub(super) mod world;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stop after the plan, or go on to apply it
    #[arg(long, value_enum, default_value_t = Until::Apply)]
    mode: Until,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Until {
    Plan,
    Apply,
}

/// An event by hand, which is answered with the whole report.
const BY_HAND: &str = "{}";
const REMARK: &str = "\n(By default only orphaned attestations go. The demo also sets JANITOR_SUPERSEDED=delete, and JANITOR_SUPERSEDED_SINCE=push: its registry is new to the function, which has not seen a tag move.)";
const TIME: Duration = Duration::from_secs(60);

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    // Nothing is shown of a demo that cannot go on.
    let binary = function_binary()?;
    let emulator = Emulator::new();
    world::seed(&emulator).map_err(|error| nothing_done(&error))?;
    // In a real account this is the pull-time exclusion of the function's role: without it the janitor's own
    // reads would make every index look used.
    emulator.set_pull_time_updates(false);
    let server =
        emulator.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(|e| nothing_done(&e))?;
    let state = State::create(binary)?;
    let done = show(args, &emulator, &server.url(), &state).await;
    server.stop().await;
    done
}

async fn show(args: &Args, emulator: &Emulator, url: &str, state: &State) -> Result<ExitCode, Failure> {
    heading("An ECR registry after some months of `docker buildx build --push` from GitHub Actions")?;
    print_text(&listing::registry(emulator))?;
    heading("The Lambda function, invoked by hand with JANITOR_MODE=plan: what would it do, and why?")?;
    let plan = invoke(url, state, Mode::Plan).await?;
    let view = View { output: Output::Table, details: true, sort: Sort::Name };
    print_report(&plan, view, None)?;
    print_wrapped(REMARK)?;
    if args.mode == Until::Plan {
        return Ok(ExitCode::Done);
    }
    let before = listing::contents(emulator);
    heading("The same with JANITOR_MODE=apply: what did ECR answer?")?;
    let applied = invoke(url, state, Mode::Apply).await?;
    print_wrapped(&summary::text(&applied))?;
    heading("What is left")?;
    print_text(&listing::registry(emulator))?;
    heading("Once more: is anything left to do?")?;
    let again = invoke(url, state, Mode::Apply).await?;
    let changes = again.totals.counts.deleted + again.totals.counts.tagged;
    let rest = if changes == 0 { "nothing is left to do" } else { "that should not be" };
    print_text(&format!("{changes} changes: {rest}"))?;
    let is_back = undo(url, state, emulator, &applied.run.run_id, &before).await?;
    print_text("\nNow try it on your own registry: ecr-janitor plan")?;
    Ok(if changes == 0 && applied.complete && is_back { ExitCode::Done } else { ExitCode::Failures })
}

/// Restores what was deleted, with this same program. Whether everything is as it was.
async fn undo(
    url: &str,
    state: &State,
    emulator: &Emulator,
    run_id: &str,
    before: &Contents,
) -> Result<bool, Failure> {
    heading(&format!("And back again: ecr-janitor restore --run {run_id}"))?;
    let program = std::env::current_exe().map_err(|e| nothing_done(&e))?;
    let restore = Command::new(program)
        .args(["restore", "--yes", "--run", run_id])
        .env_clear()
        .envs(state.variables(url))
        .output();
    let restored = restore.await.map_err(|e| nothing_done(&e))?;
    print_wrapped(&String::from_utf8_lossy(&restored.stdout))?;
    note(&String::from_utf8_lossy(if restored.status.success() { b"" } else { &restored.stderr }));
    let is_back = listing::contents(emulator) == *before;
    let how = if is_back {
        "everything is as it was, byte for byte"
    } else {
        "something is missing: that should not be"
    };
    print_text(how)?;
    Ok(is_back)
}

/// A folder for memory and backups, which goes with the demo, and the function's binary.
struct State {
    folder: PathBuf,
    binary: PathBuf,
}

impl State {
    fn create(binary: PathBuf) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("ecr-janitor-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| nothing_done(&e))?;
        Ok(Self { folder, binary })
    }

    /// The environment of the programs of the demo.
    fn variables(&self, endpoint: &str) -> Vec<(&'static str, OsString)> {
        let folder = self.folder.as_os_str();
        let fixed = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "demo"),
            ("AWS_SECRET_ACCESS_KEY", "demo"),
            ("JANITOR_SUPERSEDED", "delete"),
            ("JANITOR_SUPERSEDED_SINCE", "push"),
        ];
        let fixed = fixed.map(|(name, value)| (name, OsString::from(value)));
        let places =
            ["JANITOR_MEMORY_LOCATION", "JANITOR_BACKUP_LOCATION"].map(|name| (name, folder.to_owned()));
        fixed.into_iter().chain(places).collect()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the function, invokes it and takes its report; the decisions that the answer
/// leaves out come from the log.
async fn invoke(endpoint: &str, state: &State, mode: Mode) -> Result<Report, Failure> {
    let mode = ("JANITOR_MODE", OsString::from(mode.word()));
    let variables = state.variables(endpoint).into_iter().chain([mode]);
    let mut function = LocalFunction::start(&state.binary, variables).await.map_err(|e| nothing_done(&e))?;
    let event: Value = serde_json::from_str(BY_HAND).map_err(|e| nothing_done(&e))?;
    let answer = function.invoke(&event, TIME).await.map_err(|e| nothing_done(&e))?;
    let log = function.stop().await;
    match answer {
        Answer::Response(report) => {
            let mut report: Report = serde_json::from_value(report).map_err(|e| nothing_done(&e))?;
            listing::add_decisions(&mut report, &log);
            Ok(report)
        }
        Answer::Error(error) => Err(Failure::NothingDone(format!("the function failed: {error}"))),
    }
}

/// The function's binary is built beside this one.
fn function_binary() -> Result<PathBuf, Failure> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("bootstrap")));
    beside.filter(|path| path.is_file()).ok_or_else(|| {
        Failure::NothingDone(
            "the demo runs the Lambda function, and its binary `bootstrap` is not beside this one: run `make demo`, or `cargo build --bin bootstrap` first".into(),
        )
    })
}

fn heading(text: &str) -> Result<(), Failure> {
    print_wrapped(&format!("\n== {text}\n"))
}

fn nothing_done(error: &dyn std::error::Error) -> Failure {
    Failure::NothingDone(format!("the demo cannot go on: {error}"))
}
