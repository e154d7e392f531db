//! The SDK client: the standard settings of the environment, with more retries.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::{RetryConfig, RetryMode};
use aws_config::timeout::TimeoutConfig;

use super::Ecr;
use super::attempts::Attempts;
use super::body_limit::ResponseMemory;
use super::retry_quota::RetryQuota;

/// ECR's Describe operations are throttled early and without a published rate: the SDK's three attempts are too few.
const ATTEMPTS: u32 = 10;
/// No answer of ECR takes this long; a connection that hangs is tried again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// No region is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no AWS region is configured: set AWS_REGION, or `region` in the AWS profile")]
pub struct NoRegion;

impl Ecr {
    /// Connects with these settings. Calls nothing.
    pub fn new(shared: &SdkConfig) -> Result<Self, NoRegion> {
        let region = shared.region().ok_or(NoRegion)?.to_string();
        let (attempts, retry_quota, retries) = (Attempts::default(), RetryQuota::default(), retries(shared));
        let max_attempts = retries.max_attempts();
        let config = aws_sdk_ecr::config::Builder::from(shared)
            .retry_config(retries)
            .timeout_config(timeouts(shared))
            .interceptor(attempts.clone())
            .interceptor(retry_quota.clone())
            .build();
        let client = aws_sdk_ecr::Client::from_conf(config);
        Ok(Self {
            client,
            max_attempts,
            attempts,
            retry_quota,
            memory: ResponseMemory::default(),
            refuses_filter: Arc::default(),
            downloads: Arc::default(),
            region,
        })
    }
}

/// What the user set for the SDK holds; only its default number of attempts is raised.
fn retries(shared: &SdkConfig) -> RetryConfig {
    let retries = shared.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let is_default = retries.max_attempts() == RetryConfig::standard().max_attempts();
    if retries.mode() == RetryMode::Standard && is_default && std::env::var_os("AWS_MAX_ATTEMPTS").is_none() {
        retries.with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(250))
    } else {
        retries
    }
}

fn timeouts(shared: &SdkConfig) -> TimeoutConfig {
    let mut timeouts = shared.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    if shared.timeout_config().is_none_or(|set| set.operation_attempt_timeout().is_none()) {
        timeouts = timeouts.operation_attempt_timeout(ATTEMPT_TIMEOUT);
    }
    timeouts.build()
}
