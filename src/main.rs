//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    ecr_attestation_janitor::cli::main().into()
}
