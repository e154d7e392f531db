//! The URL of a bucket.

use aws_config::SdkConfig;

use super::SERVICE;
use crate::registry::requests::{domain, given_endpoint};

/// The URL of a bucket: at an endpoint of the user's in its path, since local servers have no host for each bucket.
pub(super) async fn url(bucket: &str, region: &str, settings: &SdkConfig) -> String {
    if let Some(endpoint) = given_endpoint(&SERVICE, settings) {
        return format!("{}/{bucket}", endpoint.trim_end_matches('/'));
    }
    let fips = if settings.use_fips() == Some(true) { "-fips" } else { "" };
    let dual_stack = if settings.use_dual_stack() == Some(true) { ".dualstack" } else { "" };
    let host = format!("s3{fips}{dual_stack}.{region}.{}", domain(region).await);
    // The certificate is for one label before the host.
    if bucket.contains('.') { format!("https://{host}/{bucket}") } else { format!("https://{bucket}.{host}") }
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
