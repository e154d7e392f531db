//! The real adapter and the real SDK, connected to a function that makes up ECR's answers.

use std::future::{Future, ready};

use aws_config::retry::RetryConfig;
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_in_process::{Attempt, Reply, config};
use serde_json::Value;

/// An ECR that answers each operation, with its request, so.
pub fn ecr(answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Ecr {
    let settings = config(move |Attempt { operation, request, .. }| ready(Ok(answer(&operation, &request))));
    Ecr::new(&settings.into_builder().retry_config(RetryConfig::disabled()).build()).unwrap()
}

/// Waits for something that only ever waits for these answers.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
