//! The Lambda function's binary, named as the `provided` runtimes want it.

use ecr_attestation_janitor::lambda::Function;
use ecr_attestation_janitor::util::logging::Log;
use lambda_runtime::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let log = Log::from_environment(|name| std::env::var(name).ok());
    log.install();
    let function = &Function::from_environment(log).await;
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}
