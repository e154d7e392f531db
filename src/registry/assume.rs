//! Registries of other accounts: a role is assumed, and the settings of the SDK become those of its session.

use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_sdk_ecr::config::{ProvideCredentials as _, SharedCredentialsProvider};

use super::ecr::told;
use super::{CallError, CallErrorKind};
use crate::config::target::{Registry, RoleArn};
use crate::util::sanitize;

const OPERATION: &str = "AssumeRole";
/// AWS STS answers at once, and its retries take seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most characters of a session's name. Source: AWS STS API reference, `AssumeRole`.
const LONGEST_NAME: usize = 64;

/// The settings for a registry: these, in its Region, and with the credentials of its role if it has one.
///
/// The role is assumed once before anything else is called, so that one that cannot be is told as what it is.
pub async fn settings_for(
    registry: &Registry,
    own: &SdkConfig,
    run_id: &str,
) -> Result<SdkConfig, CallError> {
    let region = Region::new(registry.region.clone());
    let settings = own.to_builder().region(region.clone()).build();
    let Some(role) = &registry.role else { return Ok(settings) };
    let mut session = AssumeRoleProvider::builder(role.as_str())
        .session_name(session_name(run_id))
        .region(region)
        .configure(&settings);
    if let Some(id) = &registry.external_id {
        session = session.external_id(id);
    }
    if !registry.session_tags.is_empty() {
        session = session.tags(registry.session_tags.clone());
    }
    let provider = session.build().await;
    let assumed = tokio::time::timeout(PATIENCE, provider.provide_credentials()).await;
    let assumed = assumed.map_err(|_| refused(role, "timeout: AWS STS did not answer"))?;
    assumed.map_err(|error| refused(role, &told(&error)))?;
    Ok(settings.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// The name by which the audit trail of the account knows the session: the run.
fn session_name(run_id: &str) -> String {
    let legal = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    format!("ecr-janitor-{run_id}").chars().filter(legal).take(LONGEST_NAME).collect()
}

/// The failure to assume a role, with what to do.
fn refused(role: &RoleArn, why: &str) -> CallError {
    let kind = match why {
        why if why.contains("AccessDenied") => CallErrorKind::AccessDenied,
        why if why.contains("Expired") => CallErrorKind::ExpiredCredentials,
        why if why.contains("Throttl") => CallErrorKind::Throttled,
        why if why.contains("dispatch failure") || why.contains("timeout") => CallErrorKind::NoResponse,
        why if why.contains("no credentials") || why.contains("not enabled") => CallErrorKind::NoCredentials,
        _ => CallErrorKind::Other,
    };
    let remedy = match kind {
        CallErrorKind::AccessDenied => {
            "allow sts:AssumeRole on it to these credentials, and them in its trust policy, with the external id of the target if it asks for one"
        }
        CallErrorKind::ExpiredCredentials | CallErrorKind::NoCredentials => "renew the AWS credentials",
        CallErrorKind::NoResponse => "check the Region, the network and any endpoint of AWS STS",
        _ => "check the role of this [[target]]",
    };
    let message = format!("{role} cannot be assumed: {}; {remedy}", sanitize::cut(why, 400));
    let code = match kind {
        CallErrorKind::AccessDenied => "AccessDenied",
        CallErrorKind::ExpiredCredentials => "ExpiredToken",
        CallErrorKind::Other => "refused",
        _ => return CallError::of_kind(OPERATION, kind, message),
    };
    CallError { code: code.into(), ..CallError::of_kind(OPERATION, kind, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_named_after_the_run() {
        assert_eq!(session_name("20261127T180000Z-abc123"), "ecr-janitor-20261127T180000Z-abc123");
        let odd = session_name(&format!("a b/{}", "x".repeat(100)));
        assert_eq!((odd.len(), &odd[..14]), (64, "ecr-janitor-ab"));
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_named_with_what_to_do() {
        let role = RoleArn::parse("arn:aws:iam::222222222222:role/ecr-janitor").unwrap();
        for (why, kind, remedy) in [
            ("AccessDenied: User x is not authorized", CallErrorKind::AccessDenied, "its trust policy"),
            ("ExpiredToken: it has expired", CallErrorKind::ExpiredCredentials, "renew"),
            ("dispatch failure: io error", CallErrorKind::NoResponse, "the network"),
            ("MalformedPolicy", CallErrorKind::Other, "check the role"),
        ] {
            let error = refused(&role, why);
            assert_eq!(error.kind, kind, "{why}");
            let text = error.to_string();
            assert!(
                text.contains("arn:aws:iam::222222222222:role/ecr-janitor") && text.contains(remedy),
                "{text}"
            );
        }
    }
}
