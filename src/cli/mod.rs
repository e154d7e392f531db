//! The command line: what can be asked, and who answers.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::cli::exit_code::ExitCode;
use crate::config::pattern::Patterns;
use crate::config::{Concurrency, Config};
use crate::planner::selection::{Selection, select};
use crate::registry::CallError;
use crate::registry::ecr::Ecr;
use crate::util::sanitize;

mod apply;
mod confirm;
mod demo;
mod emulator;
pub mod exit_code;
pub mod explain;
pub mod iam_policy;
pub mod local_lambda;
mod plan;
mod progress;
pub mod render;

/// Finds the small untagged attestation images that docker buildx leaves in Amazon ECR, and removes those that
/// nothing needs any more. Nothing else is touched.
#[derive(Debug, Parser)]
#[command(name = "ecr-janitor", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "AWS region, credentials, profile and endpoint are the AWS SDK's own settings (AWS_REGION, AWS_PROFILE ...).\n\
Exit codes: 0 done, 1 nothing could be done, 2 usage or configuration, 3 something failed, 4 a limit stopped an apply, 10 changes pending (plan --exit-code).";

#[derive(Debug, Parser)]
struct Common {
    /// The configuration; else JANITOR_CONFIG, else janitor.toml beside the binary or in this folder, else the defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only these of the configured repositories; * and ? match any characters. May be repeated
    #[arg(long = "repository", global = true, value_name = "PATTERN")]
    repositories: Vec<String>,
    /// How to print the result on stdout
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// API calls in flight: "auto", or a number from 1 to 256
    #[arg(long, global = true, value_name = "N")]
    concurrency: Option<Concurrency>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// One JSON document
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what would be done, and why; writes nothing to the registry
    Plan(plan::Args),
    /// Do it: what is planned now, or exactly what a saved plan says
    Apply(apply::Args),
    /// Answer "what is this image?": REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST
    Explain(explain::Args),
    /// Print the IAM policy that the configuration needs, and nothing more
    IamPolicy(iam_policy::Args),
    /// Show the Lambda function at work on an embedded ECR; needs no AWS account
    Demo(demo::Args),
    /// Serve the embedded ECR, for trying things out
    Emulator(emulator::Args),
}

/// Why a command ended early.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// Exit code 2.
    Usage(String),
    /// Exit code 2; the message may show lines of the file.
    Configuration(String),
    /// Exit code 1.
    NothingDone(String),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, and are no mistake.
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            let _ = error.print();
            return code;
        }
    };
    log_to_stderr();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::NothingDone(format!("cannot start: {error}"))),
    };
    runtime.block_on(run(cli)).unwrap_or_else(|failure| failed(&failure))
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Plan(args) => plan::run(&cli.common, &args).await,
        Command::Apply(args) => apply::run(&cli.common, &args).await,
        Command::Explain(args) => explain::run(&cli.common, &args).await,
        Command::IamPolicy(args) => iam_policy::run(&cli.common, &args),
        Command::Demo(args) => demo::run(&args).await,
        Command::Emulator(args) => emulator::run(&args).await,
    }
}

impl Common {
    fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::load(self.config.as_deref(), &std::env::vars_os().collect())
            .map_err(|error| Failure::Configuration(error.to_string()))?;
        if let Some(concurrency) = self.concurrency {
            config.limits.concurrency = concurrency;
        }
        Ok(config)
    }

    fn narrow(&self) -> Result<Option<Patterns>, Failure> {
        if self.repositories.is_empty() {
            return Ok(None);
        }
        Patterns::new(&self.repositories)
            .map(Some)
            .map_err(|error| Failure::Usage(format!("--repository: {error}")))
    }
}

async fn connect() -> Result<Ecr, Failure> {
    Ecr::from_environment().await.map_err(|error| Failure::NothingDone(error.to_string()))
}

/// Lists the registry, and refuses names that it does not have.
async fn selection(ecr: &Ecr, config: &Config, narrow: Option<&Patterns>) -> Result<Selection, Failure> {
    let selection = select(ecr, &config.select, narrow).await?;
    match selection.unknown.first() {
        None => Ok(selection),
        Some(name) => Err(no_such_repository(ecr, &selection, name)),
    }
}

fn no_such_repository(ecr: &Ecr, selection: &Selection, name: &str) -> Failure {
    let registry = selection.registry.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
    let region = ecr.region();
    Failure::Usage(format!(
        "there is no repository {name:?} in the registry{registry} in {region}; check the name and AWS_REGION"
    ))
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::NothingDone(error.with_remedy())
    }
}

fn failed(failure: &Failure) -> ExitCode {
    let (code, message) = match failure {
        // Registries, plan files and the network have their say in these.
        Failure::Usage(message) => (ExitCode::Usage, sanitize::line(message)),
        Failure::NothingDone(message) => (ExitCode::NothingDone, sanitize::line(message)),
        Failure::Configuration(message) => (ExitCode::Usage, sanitize::lines(message)),
    };
    eprintln!("ecr-janitor: {message}");
    code
}

/// Warnings of the program and its libraries; results never go there.
fn log_to_stderr() {
    let level = if std::env::var_os("RUST_LOG").is_some_and(|level| level == "debug") {
        tracing::Level::DEBUG
    } else {
        tracing::Level::WARN
    };
    let log =
        crate::util::logging::Log::new(level, crate::util::logging::Format::Text, |line| eprintln!("{line}"));
    log.install();
}
