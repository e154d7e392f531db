//! `fleet`: a plan or an apply over many accounts and Regions, with one allowance of deletions for all of them.

use std::path::PathBuf;

use clap::ValueEnum;

use super::confirm::Consent;
use super::targets::{self, Fleet};
use super::{Common, Failure, RunArgs, signals};
use crate::cli::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do in every registry
    #[arg(value_enum)]
    verb: Verb,
    /// The configuration with the [[target]] of the fleet; without it the one that every command takes
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// With plan: exit with 10 if changes are pending
    #[arg(long)]
    exit_code: bool,
    /// With apply: do not ask; needed where there is no terminal
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// Show what would be done in each registry, and why
    Plan,
    /// Carry out the plans of all registries, after one question
    Apply,
}

pub(super) async fn run(common: Common, args: &Args) -> Result<ExitCode, Failure> {
    if args.file.is_some() && common.config.is_some() {
        return Err(Failure::Usage("--file and --config name the same thing: give one of them".to_owned()));
    }
    let common = &Common { config: args.file.clone().or(common.config), ..common };
    let config = args.run.adjust(common.config()?);
    if config.targets.is_empty() {
        return Err(Failure::Usage(
            "a fleet needs [[target]] in its configuration: a role and Regions each; give --file FILE"
                .to_owned(),
        ));
    }
    let consent = match args.verb {
        Verb::Plan => None,
        Verb::Apply => Some(Consent::new("fleet apply", args.yes)?),
    };
    let deadline = signals::watch();
    let registries = targets::registries(common, &config, &common.of_sdk().await).await?;
    let fleet = Fleet::new(common, &config, &args.run, deadline).await?.sharing_limits();
    match consent {
        None => fleet.plan(registries, args.exit_code).await,
        Some(consent) => fleet.apply(registries, consent).await,
    }
}
