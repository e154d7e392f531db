//! The command line: what can be asked, and who answers.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::cli::exit_code::ExitCode;
use crate::config::pattern::Patterns;
use crate::config::target::is_account_id;
use crate::config::{Concurrency, Config};
use crate::planner::RunRequest;
use crate::render::table::Sort;
use crate::util::deadline::Deadline;
use crate::util::logging::{Format, Log};
use crate::util::sanitize;
use progress::{note, say};
use session::Session;
use stdout::View;

mod advice;
mod apply;
mod completions;
mod confirm;
mod demo;
mod doctor;
mod effect;
mod emulator;
pub mod exit_code;
pub mod explain;
mod fleet;
mod history;
pub mod iam_policy;
mod init;
pub mod local_lambda;
mod log_file;
mod man;
mod mistake;
mod next;
mod open_files;
mod picture;
mod plan;
mod progress;
mod reference;
mod remedy;
mod restore;
mod schema;
mod session;
mod signals;
mod sources;
mod stdout;
mod targets;

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

const AFTER_HELP: &str = "AWS credentials and endpoint are the AWS SDK's own settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL ...).\n\
Exit codes: 0 done, 1 nothing could be done, 2 usage or configuration, 3 something failed or output was lost, 4 a breaker stopped an apply, 10 changes pending (plan --exit-code), 130 interrupted.";

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
    /// The AWS Region, instead of AWS_REGION and that of the profile; of several [[target]] those in this Region
    #[arg(long, global = true, value_name = "REGION", value_parser = region)]
    region: Option<String>,
    /// Of several [[target]] those in this account
    #[arg(long, global = true, value_name = "ACCOUNT", value_parser = account)]
    target: Option<String>,
    /// The AWS profile, instead of AWS_PROFILE
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
}

/// The options of commands that plan or apply.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The most deletions in this run, instead of limits.max_deletions; the rest waits for the next
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    max_deletions: Option<u64>,
    /// Append the Lambda function's log lines (JSON) to this file as they happen
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Continue in this repository although most of its tags have vanished since the last run. May be repeated
    #[arg(long, value_name = "REPOSITORY")]
    accept_tag_loss: Vec<String>,
    /// Show every image that is or would be changed; so does naming repositories with --repository
    #[arg(long)]
    details: bool,
    /// The order of the repositories
    #[arg(long, value_enum, default_value_t = Sort::Attestations)]
    sort: Sort,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// For pull requests and step summaries
    Markdown,
    /// One self-contained file for a browser: > picture.html
    Html,
    /// A few lines, for a chat or a mail
    Summary,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what would be done, and why; writes nothing to the registry
    Plan(plan::Args),
    /// Carry out the plan of this moment, or exactly a saved one
    Apply(apply::Args),
    /// Answer "what is this image?": REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST
    Explain(explain::Args),
    /// Show which pipelines make the attestations, and how to stop each
    Sources(sources::Args),
    /// Plan or apply over many accounts and Regions: the [[target]] of a file
    Fleet(fleet::Args),
    /// Show what earlier runs deleted, and until when it can be restored
    History(history::Args),
    /// Restore what was deleted, byte for byte: REPOSITORY@DIGEST ..., a whole REPOSITORY, or --run RUN_ID
    Restore(restore::Args),
    /// Check identity, configuration, permissions and settings, by calls that change nothing
    Doctor(doctor::Args),
    /// Write a commented janitor.toml for this registry
    Init(init::Args),
    /// Print the IAM policy that the configuration needs, and nothing more
    IamPolicy(iam_policy::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
    /// Print the manual pages
    Man(man::Args),
    /// Print the JSON Schema of the report, the plan file, the configuration or the events
    Schema(schema::Args),
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
    /// Exit code 3: what a command found out could not be written.
    OutputLost(String),
    /// Exit code 130.
    Interrupted,
}

impl RunArgs {
    /// How the report is printed.
    fn view(&self, common: &Common, narrow: Option<&Patterns>) -> View {
        let names_some = narrow.is_some_and(|patterns| patterns.literals().next().is_some());
        View { output: common.output, details: self.details || names_some, sort: self.sort }
    }

    /// What the planner is asked for.
    fn request(&self, session: &Session) -> RunRequest {
        RunRequest { accept_tag_loss: self.accept_tag_loss.clone(), ..session.request() }
    }

    /// The configuration with what the command line says instead.
    fn adjust(&self, mut config: Config) -> Config {
        config.limits.max_deletions = self.max_deletions.unwrap_or(config.limits.max_deletions);
        config
    }
}

/// The exit code of a run that ended as `code` says, unless it was interrupted or some output was lost.
fn conclude<const N: usize>(
    code: ExitCode,
    deadline: &Deadline,
    outputs: [Result<(), Failure>; N],
) -> ExitCode {
    let lost: Vec<Failure> = outputs.into_iter().filter_map(Result::err).collect();
    lost.iter().for_each(|failure| {
        failed(failure);
    });
    match (deadline.was_interrupted(), lost.is_empty()) {
        (true, _) => ExitCode::Interrupted,
        (false, true) => code,
        (false, false) => code.with_output_lost(),
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match read_arguments() {
        Ok(Ok(cli)) => cli,
        Ok(Err(refused)) => return failed(&refused),
        Err(error) => return help_or_mistake(&error),
    };
    log_to_stderr();
    open_files::allow_as_many_as_possible();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::NothingDone(format!("cannot start: {error}"))),
    };
    let code = runtime.block_on(run(cli)).unwrap_or_else(|failure| failed(&failure));
    // A question that nobody answered may still be waited for.
    runtime.shutdown_background();
    code
}

/// The command line of this process, unless it cannot be understood or has options without an effect.
fn read_arguments() -> Result<Result<Cli, Failure>, clap::Error> {
    let matches = effect::command().try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok(effect::check(&matches).map(|()| cli))
}

/// The arguments of this process, for messages.
fn given() -> Vec<String> {
    std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect()
}

/// Help and version come as errors of the parser too, and are no mistake.
fn help_or_mistake(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return failed(&Failure::Usage(mistake::message(error, &given())));
    }
    match error.print() {
        _ if error.use_stderr() => ExitCode::Usage,
        Ok(()) => ExitCode::Done,
        Err(lost) if lost.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::Done,
        Err(lost) => failed(&Failure::output_lost("standard output", &lost)),
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Plan(args) => plan::run(&cli.common, &args).await,
        Command::Apply(args) => apply::run(&cli.common, &args).await,
        Command::Explain(args) => explain::run(&cli.common, &args).await,
        Command::Sources(args) => sources::run(&cli.common, &args).await,
        Command::Fleet(args) => fleet::run(cli.common, &args).await,
        Command::History(args) => history::run(&cli.common, &args).await,
        Command::Restore(args) => restore::run(&cli.common, &args).await,
        Command::Doctor(args) => doctor::run(&cli.common, &args).await,
        Command::Init(args) => init::run(&cli.common, &args).await,
        Command::IamPolicy(args) => iam_policy::run(&cli.common, &args).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Demo(args) => demo::run(&args).await,
        Command::Emulator(args) => emulator::run(&cli.common, &args).await,
    }
}

impl Output {
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
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

/// A number of images.
fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number of 0 or more, such as 100".to_owned())
}

/// The id of an account.
fn account(text: &str) -> Result<String, String> {
    match is_account_id(text) {
        true => Ok(text.to_owned()),
        false => Err("an account is twelve digits".into()),
    }
}

/// A Region as AWS writes it, or * where a policy may hold for all.
fn region(text: &str) -> Result<String, String> {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if text == "*" || (!text.is_empty() && text.bytes().all(legal)) {
        return Ok(text.to_owned());
    }
    Err("a Region is written like eu-central-1".into())
}

impl Failure {
    /// Output that could not be written.
    fn output_lost(place: &str, error: &std::io::Error) -> Self {
        Self::OutputLost(format!("cannot write to {place}: {error}; the output is lost, run again"))
    }
}

fn failed(failure: &Failure) -> ExitCode {
    let (code, message) = match failure {
        // Registries, plan files and the network have their say in these.
        Failure::Usage(message) => (ExitCode::Usage, sanitize::line(message)),
        Failure::NothingDone(message) => (ExitCode::NothingDone, sanitize::line(message)),
        Failure::Configuration(message) => (ExitCode::Usage, sanitize::lines(message)),
        Failure::OutputLost(message) => (ExitCode::Failures, sanitize::line(message)),
        Failure::Interrupted => (ExitCode::Interrupted, "interrupted; nothing was done".to_owned()),
    };
    say(&message);
    code
}

/// DEBUG if RUST_LOG says so.
fn level_or(usual: tracing::Level) -> tracing::Level {
    let is_debug = std::env::var_os("RUST_LOG").is_some_and(|level| level == "debug");
    if is_debug { tracing::Level::DEBUG } else { usual }
}

/// Warnings of the program and its libraries; results never go there.
fn log_to_stderr() {
    Log::new(level_or(tracing::Level::WARN), Format::Text, note).install();
}
