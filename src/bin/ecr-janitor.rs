//! The command line's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ecr_attestation_janitor::util::restart::without_empty_endpoints();
    ecr_attestation_janitor::cli::main().into()
}
