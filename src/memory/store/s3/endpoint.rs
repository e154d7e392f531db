//! The URL of a bucket.

use aws_config::SdkConfig;
use aws_sdk_ecr::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_types::service_config::ServiceConfigKey;

/// The endpoint of the user's for S3: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or the profile's.
pub(super) fn given(settings: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_service = || settings.service_config()?.load_config(key.ok()?);
    let of_all = || settings.endpoint_url().map(str::to_owned);
    of_service().or_else(of_all)
}

/// The URL of a bucket: at an endpoint of the user's in its path, since local servers have no host for each bucket.
pub(super) async fn url(bucket: &str, region: &str, settings: &SdkConfig) -> String {
    if let Some(endpoint) = given(settings) {
        return format!("{}/{bucket}", endpoint.trim_end_matches('/'));
    }
    let fips = if settings.use_fips() == Some(true) { "-fips" } else { "" };
    let dual_stack = if settings.use_dual_stack() == Some(true) { ".dualstack" } else { "" };
    let host = format!("s3{fips}{dual_stack}.{region}.{}", suffix(region).await);
    // The certificate is for one label before the host.
    if bucket.contains('.') { format!("https://{host}/{bucket}") } else { format!("https://{bucket}.{host}") }
}

/// The domain of a Region's partition, which the SDK for ECR knows.
async fn suffix(region: &str) -> String {
    const COMMERCIAL: &str = "amazonaws.com";
    let Ok(params) = Params::builder().region(region).build() else { return COMMERCIAL.to_owned() };
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
    let suffix = endpoint.ok().and_then(|endpoint| {
        let (_, suffix) = endpoint.url().split_once(&format!(".{region}."))?;
        Some(suffix.trim_end_matches('/').to_owned())
    });
    suffix.unwrap_or_else(|| COMMERCIAL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bucket_has_a_host_of_its_own_where_there_can_be_one() {
        let plain = SdkConfig::builder().build();
        for (bucket, region, expected) in [
            ("bucket", "eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com"),
            ("my.bucket", "us-east-1", "https://s3.us-east-1.amazonaws.com/my.bucket"),
            ("bucket", "cn-north-1", "https://bucket.s3.cn-north-1.amazonaws.com.cn"),
            ("bucket", "us-gov-west-1", "https://bucket.s3.us-gov-west-1.amazonaws.com"),
            ("bucket", "us-iso-east-1", "https://bucket.s3.us-iso-east-1.c2s.ic.gov"),
            ("bucket", "eusc-de-east-1", "https://bucket.s3.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(url(bucket, region, &plain).await, expected);
        }
        let special = SdkConfig::builder().use_fips(true).use_dual_stack(true).build();
        let expected = "https://bucket.s3-fips.dualstack.us-east-1.amazonaws.com";
        assert_eq!(url("bucket", "us-east-1", &special).await, expected);
        let own = SdkConfig::builder().endpoint_url("http://localhost:9000/").build();
        assert_eq!(url("bucket", "us-east-1", &own).await, "http://localhost:9000/bucket");
    }
}
