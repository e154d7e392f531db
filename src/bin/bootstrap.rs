//! The Lambda function's binary, named as the `provided` runtimes want it.

use ecr_attestation_janitor::lambda::Function;
use ecr_attestation_janitor::util::logging::Log;
use ecr_attestation_janitor::util::restart;
use lambda_runtime::{Error, service_fn};

fn main() -> Result<(), Error> {
    restart::without_empty_endpoints();
    serve()
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let log = Log::from_environment(|name| std::env::var(name).ok());
    log.install();
    let function = &Function::from_environment(log).await;
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}
