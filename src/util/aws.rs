//! The settings of the AWS SDK.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::{RetryConfig, RetryMode};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

/// The SDK's own settings of the environment and its files, but with this Region and this profile if they are given.
/// Calls nothing.
///
/// The credentials of a profile that is named win over keys in the environment, as in the AWS CLI: the SDK alone would take
/// the keys, and with them perhaps another account.
pub async fn settings(region: Option<&str>, profile: Option<&str>) -> SdkConfig {
    let mut settings = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        settings = settings.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        let provider = ProviderConfig::with_default_region().await;
        let credentials =
            ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&provider);
        settings = settings.profile_name(profile).credentials_provider(credentials.build());
    }
    settings.load().await
}

/// The retries of a client: this many attempts, unless the user set something else for the SDK.
pub fn retries(settings: &SdkConfig, attempts: u32) -> RetryConfig {
    let retries = settings.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let is_default = retries.max_attempts() == RetryConfig::standard().max_attempts();
    if retries.mode() == RetryMode::Standard && is_default && std::env::var_os("AWS_MAX_ATTEMPTS").is_none() {
        retries.with_max_attempts(attempts).with_initial_backoff(Duration::from_millis(250))
    } else {
        retries
    }
}

/// The timeouts of a client: this much for an attempt, unless the user set something else for the SDK.
pub fn timeouts(settings: &SdkConfig, attempt: Duration) -> TimeoutConfig {
    let mut timeouts =
        settings.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    if settings.timeout_config().is_none_or(|set| set.operation_attempt_timeout().is_none()) {
        timeouts = timeouts.operation_attempt_timeout(attempt);
    }
    timeouts.build()
}
