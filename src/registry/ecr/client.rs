//! The SDK client: the standard settings of the environment, with more retries.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ecr::config::Builder;

use super::Ecr;
use super::attempts::Attempts;
use super::body_limit::ResponseMemory;
use super::concurrency::CallsInFlight;
use super::retry_quota::RetryQuota;
use crate::util::aws;

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
        Self::with(shared, |config| config)
    }

    /// Connects for somebody who waits for the answer: a host that cannot be reached at all is given up soon.
    #[cfg(feature = "cli")]
    pub fn for_people(shared: &SdkConfig) -> Result<Self, NoRegion> {
        Self::with(shared, |config| config.retry_classifier(super::unreachable::Unreachable::default()))
    }

    fn with(shared: &SdkConfig, adjust: impl FnOnce(Builder) -> Builder) -> Result<Self, NoRegion> {
        let region = shared.region().ok_or(NoRegion)?.to_string();
        let in_flight = CallsInFlight::default();
        let (attempts, retry_quota) = (Attempts::telling(in_flight.clone()), RetryQuota::default());
        let retries = aws::retries(shared, ATTEMPTS);
        let max_attempts = retries.max_attempts();
        let config = Builder::from(shared)
            .retry_config(retries)
            .timeout_config(aws::timeouts(shared, ATTEMPT_TIMEOUT))
            .interceptor(attempts.clone())
            .interceptor(retry_quota.clone());
        let client = aws_sdk_ecr::Client::from_conf(adjust(config).build());
        Ok(Self {
            client,
            max_attempts,
            attempts,
            in_flight,
            retry_quota,
            memory: ResponseMemory::default(),
            refuses_filter: Arc::default(),
            downloads: Arc::default(),
            region,
        })
    }
}
