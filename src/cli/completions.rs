//! `completions`: what a shell completes.

use clap_complete::Shell;

use super::stdout::print_text;
use super::{Failure, effect};
use crate::cli::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell. For bash: ecr-janitor completions bash > ~/.local/share/bash-completion/completions/ecr-janitor
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut effect::command(), "ecr-janitor", &mut script);
    print_text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Done)
}
