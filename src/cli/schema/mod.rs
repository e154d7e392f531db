//! `schema`: the JSON Schemas of what programs read and write.

use super::Failure;
use super::stdout::print_text;
use crate::cli::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what
    #[arg(value_enum)]
    document: Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Document {
    /// The report of a run: plan and apply --output json, and the function's answer to an event by hand
    Report,
    /// The report of a run in several registries: the [[target]] of a configuration
    Fleet,
    /// The file that plan --out writes
    Plan,
    /// janitor.toml, for editors that check TOML
    Config,
    /// What the function may be invoked with
    Event,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    print_text(args.document.schema())?;
    Ok(ExitCode::Done)
}

impl Document {
    /// The schema: a file of the repository, made from the types.
    const fn schema(self) -> &'static str {
        match self {
            Self::Report => include_str!("../../../schemas/report.json"),
            Self::Fleet => include_str!("../../../schemas/fleet.json"),
            Self::Plan => include_str!("../../../schemas/plan.json"),
            Self::Config => include_str!("../../../schemas/config.json"),
            Self::Event => include_str!("../../../schemas/event.json"),
        }
    }
}

#[cfg(test)]
mod tests;
