//! The settings of the AWS SDK.

use aws_config::{BehaviorVersion, Region, SdkConfig};

/// The SDK's own settings of the environment and its files, but with this Region and this profile if they are given.
/// Calls nothing.
pub async fn settings(region: Option<&str>, profile: Option<&str>) -> SdkConfig {
    let mut settings = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        settings = settings.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        settings = settings.profile_name(profile);
    }
    settings.load().await
}
