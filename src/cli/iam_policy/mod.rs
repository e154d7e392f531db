//! `iam-policy`: what the role or user needs, for those who do not deploy `template.yaml`.

pub mod document;

use super::progress::say;
use super::stdout::print_json;
use super::{Common, Failure};
use crate::cli::exit_code::ExitCode;
use crate::cli::iam_policy::document::{MAX_MANAGED_POLICY, Purpose, Registry, policy};
use crate::config::Mode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// For runs that only plan, or that apply; else what the configuration says
    #[arg(long, value_enum)]
    mode: Option<Role>,
    /// For something else than runs
    #[arg(long = "for", value_enum, conflicts_with = "mode")]
    purpose: Option<Other>,
    /// The account of the registry, 12 digits, or * for all
    #[arg(long, value_name = "ID", default_value = "*", value_parser = account)]
    account: String,
    /// The AWS partition: aws, aws-cn, aws-us-gov ...
    #[arg(long, default_value = "aws", value_parser = partition)]
    partition: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Role {
    Plan,
    Apply,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Other {
    /// Restoring what was deleted
    Restore,
    /// Planning, and reading statements: `sources`, and what `explain` tells of the inside
    Sources,
    /// All that `doctor` looks at, but the permissions of apply
    Doctor,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    if !common.repositories.is_empty() {
        return Err(Failure::Usage(
            "iam-policy prints what the configuration needs, and --repository only narrows a run; set select.repositories or JANITOR_REPOSITORIES instead".into(),
        ));
    }
    let config = common.config()?;
    let purpose = match (args.purpose, args.mode, config.mode) {
        (Some(Other::Restore), ..) => Purpose::Restore,
        (Some(Other::Sources), ..) => Purpose::Sources,
        (Some(Other::Doctor), ..) => Purpose::Doctor,
        (None, Some(Role::Plan), _) | (None, None, Mode::Plan) => Purpose::Plan,
        (None, Some(Role::Apply), _) | (None, None, Mode::Apply) => Purpose::Apply,
    };
    let registry = Registry {
        partition: args.partition.clone(),
        region: common.region_in_force().await.unwrap_or_else(|| "*".to_owned()),
        account: args.account.clone(),
    };
    let document = policy(&config, purpose, &registry);
    say(&format!("configuration: {}", config.describe()));
    if args.mode.is_none() && args.purpose.is_none() {
        say_mode(config.mode);
    }
    warn_of_size(&document);
    print_json(&document)?;
    Ok(ExitCode::Done)
}

/// What a policy allows that nobody chose, and how to have the other.
fn say_mode(mode: Mode) {
    say(match mode {
        Mode::Plan => "this policy allows plan and not apply; for apply: --mode apply",
        Mode::Apply => "this policy allows plan and apply; for plan alone: --mode plan",
    });
}

/// IAM counts characters without white space.
fn warn_of_size(document: &impl serde::Serialize) {
    let length = serde_json::to_string(document).map_or(0, |text| text.len());
    if length > MAX_MANAGED_POLICY {
        say(&format!(
            "the policy has {length} characters, and a managed policy may have {MAX_MANAGED_POLICY}: use fewer or wider patterns in select.repositories"
        ));
    }
}

fn partition(text: &str) -> Result<String, String> {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if text == "*" || (!text.is_empty() && text.bytes().all(legal)) {
        return Ok(text.to_owned());
    }
    Err("lower-case letters, digits and hyphens, or *".into())
}

fn account(text: &str) -> Result<String, String> {
    if text == "*" || (text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit())) {
        return Ok(text.to_owned());
    }
    Err("an account has 12 digits; or *".into())
}
