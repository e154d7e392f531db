//! `demo`: the real Lambda function, run against an embedded ECR.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ecr_emulator::Emulator;
use serde_json::Value;

use super::stdout::{View, print_report, print_text};
use super::{Failure, Output};
use crate::cli::exit_code::ExitCode;
use crate::cli::local_lambda::{Answer, LocalFunction};
use crate::config::Mode;
use crate::render::summary;
use crate::render::table::Sort;
use crate::report::Report;

mod listing;
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
const REMARK: &str = "(By default only orphaned attestations go. The demo also sets JANITOR_SUPERSEDED=delete, and JANITOR_SUPERSEDED_SINCE=push: its registry is new to the function, which has not seen a tag move.)";
const TIME: Duration = Duration::from_secs(60);

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let emulator = Emulator::new();
    world::seed(&emulator).map_err(|error| nothing_done(&error))?;
    // In a real account this is the pull-time exclusion of the function's role: without it the janitor's own
    // reads would make every index look used.
    emulator.set_pull_time_updates(false);
    let server =
        emulator.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(|e| nothing_done(&e))?;

    heading("An ECR registry after some months of `docker buildx build --push` from GitHub Actions")?;
    print_text(&listing::registry(&emulator))?;
    heading("The Lambda function, invoked by hand with JANITOR_MODE=plan: what would it do, and why?")?;
    let plan = invoke(&server.url(), Mode::Plan).await?;
    let view = View { output: Output::Table, details: true, sort: Sort::Name };
    print_report(&plan, view)?;
    print_text(REMARK)?;
    if args.mode == Until::Plan {
        return Ok(ExitCode::Done);
    }
    heading("The same with JANITOR_MODE=apply: what did ECR answer?")?;
    let applied = invoke(&server.url(), Mode::Apply).await?;
    print_text(&summary::text(&applied))?;
    heading("What is left")?;
    print_text(&listing::registry(&emulator))?;
    heading("Once more: is anything left to do?")?;
    let again = invoke(&server.url(), Mode::Apply).await?;
    let changes = again.totals.counts.deleted + again.totals.counts.tagged;
    print_text(&format!(
        "{changes} changes: {}. Now try it on your own registry: ecr-janitor plan",
        if changes == 0 { "nothing is left to do" } else { "that should not be" }
    ))?;
    server.stop().await;
    Ok(if changes == 0 && applied.complete { ExitCode::Done } else { ExitCode::Failures })
}

/// Starts the function, invokes it and takes its report; the decisions that the answer
/// leaves out come from the log.
async fn invoke(endpoint: &str, mode: Mode) -> Result<Report, Failure> {
    let mode = mode.word();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "demo"),
        ("AWS_SECRET_ACCESS_KEY", "demo"),
        ("JANITOR_MODE", mode),
        ("JANITOR_SUPERSEDED", "delete"),
        ("JANITOR_SUPERSEDED_SINCE", "push"),
    ];
    let binary = function_binary()?;
    let mut function = LocalFunction::start(&binary, variables).await.map_err(|e| nothing_done(&e))?;
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
    print_text(&format!("\n== {text}\n"))
}

fn nothing_done(error: &dyn std::error::Error) -> Failure {
    Failure::NothingDone(format!("the demo cannot go on: {error}"))
}
