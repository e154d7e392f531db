//! Who calls: AWS STS knows it by the signature alone, without any permission.

use std::time::Duration;

use aws_config::SdkConfig;

use super::{CallError, CallErrorKind, call_error};
use crate::util::aws;

const OPERATION: &str = "GetCallerIdentity";
/// One retry: where STS cannot be reached, the answer is not needed badly.
const ATTEMPTS: u32 = 2;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The principal whose credentials are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account, 12 digits.
    pub account: String,
    /// The ARN, of a session where a role was assumed.
    pub arn: String,
}

impl Caller {
    /// Asks for the principal of these settings.
    pub async fn of(settings: &SdkConfig) -> Result<Self, CallError> {
        let config = aws_sdk_sts::config::Builder::from(settings)
            .retry_config(aws::retries(settings, ATTEMPTS))
            .timeout_config(aws::timeouts(settings, ATTEMPT_TIMEOUT))
            .build();
        let response = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
        let response = response.map_err(|error| call_error(OPERATION, error))?;
        let missing =
            || CallError::of_kind(OPERATION, CallErrorKind::MalformedResponse, "the response names nobody");
        match (response.account, response.arn) {
            (Some(account), Some(arn)) => Ok(Self { account, arn }),
            _ => Err(missing()),
        }
    }
}
