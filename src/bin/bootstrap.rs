//! The Lambda function's binary, named as the `provided` runtimes want it.

use std::process::ExitCode;

use ecr_attestation_janitor::lambda::Function;
use ecr_attestation_janitor::util::logging::Log;
use ecr_attestation_janitor::util::restart;
use lambda_runtime::{Error, service_fn};

fn main() -> Result<ExitCode, Error> {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        eprintln!("{OUTSIDE}");
        let is_question = std::env::args().nth(1).is_some_and(|it| ["--help", "-h"].contains(&it.as_str()));
        return Ok(if is_question { ExitCode::SUCCESS } else { ExitCode::from(2) });
    }
    restart::without_empty_endpoints();
    serve()?;
    Ok(ExitCode::SUCCESS)
}

/// What the binary says where it is started by hand.
const OUTSIDE: &str = "bootstrap is the Lambda function of ecr-attestation-janitor, and runs in AWS Lambda alone: AWS_LAMBDA_RUNTIME_API is not set. On the command line there is ecr-janitor; `ecr-janitor demo` shows the function at work";

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let log = Log::from_environment(|name| std::env::var(name).ok());
    log.install();
    let function = &Function::from_environment(log).await;
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}
