//! What to do about a call that failed before anything could be done.

use aws_config::SdkConfig;

use super::Common;
use crate::registry::{CallError, CallErrorKind};
use crate::util::sanitize;
use crate::util::shell::quoted;
use crate::util::similar::{did_you_mean, similar};

/// The settings that such a failure comes from, as far as they may be shown.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    profile: Option<String>,
    region: Option<String>,
    endpoint: Option<Endpoint>,
}

/// An endpoint that stands in the place of AWS's own.
#[derive(Debug, Clone)]
struct Endpoint {
    /// The setting that gives it.
    setting: &'static str,
    /// Scheme, host and port, without what may be a password.
    url: String,
}

const OF_PROFILE: &str = "endpoint_url of the AWS profile";
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"];

impl Endpoint {
    /// The endpoint of the environment, else that of the profile.
    fn of(settings: Option<&SdkConfig>) -> Option<Self> {
        let given = |name: &'static str| Some((name, variable(name)?));
        let of_profile = || Some((OF_PROFILE, settings?.endpoint_url()?.to_owned()));
        let (setting, url) = ENDPOINT_VARIABLES.into_iter().find_map(given).or_else(of_profile)?;
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        Some(Self { setting, url: sanitize::cut(&format!("{scheme}://{host}"), LONGEST_URL) })
    }
}

/// In characters.
const LONGEST_URL: usize = 120;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Settings {
    /// The settings of a command.
    pub(super) fn of(common: &Common) -> Self {
        Self {
            profile: common.profile.clone().or_else(|| variable("AWS_PROFILE")),
            region: common.region.clone(),
            endpoint: Endpoint::of(None),
        }
    }

    /// The same once Region and profile are known.
    pub(super) fn resolved(self, region: &str, settings: &SdkConfig) -> Self {
        Self { region: Some(region.to_owned()), endpoint: Endpoint::of(Some(settings)), ..self }
    }

    /// Refuses an endpoint that nobody can call, before it is tried again and again: one with another scheme, or without
    /// any. What may be a password in it is not shown.
    pub(super) fn check_endpoint(settings: &SdkConfig) -> Result<(), String> {
        let of_profile = settings.endpoint_url().map(|url| (OF_PROFILE, url.to_owned()));
        let values = ENDPOINT_VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?)));
        values.chain(of_profile).try_for_each(|(name, value)| match value.split_once("://") {
            Some((scheme, _)) if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) => {
                Err(format!(
                    "{name} begins with {:?}, and an endpoint is written like https://HOST",
                    format!("{scheme}://")
                ))
            }
            Some(_) => Ok(()),
            None => {
                let shown = value.rsplit('@').next().unwrap_or_default();
                let shown = shown.split(['?', '#']).next().unwrap_or_default();
                Err(format!(
                    "the endpoint `{}` cannot be used, because it begins with no scheme: write {name} like https://HOST or http://HOST:PORT",
                    sanitize::cut(shown, LONGEST_URL)
                ))
            }
        })
    }

    /// The message where no Region is configured.
    pub(super) fn no_region(&self) -> String {
        let profile = match &self.profile {
            Some(profile) => format!("the profile {profile:?}"),
            None => "the AWS profile".to_owned(),
        };
        format!("no AWS Region is configured: give --region, or set AWS_REGION, or `region` in {profile}")
    }

    /// The error, and what to do about it.
    pub(super) fn with_remedy(&self, error: &CallError) -> String {
        match error.kind {
            CallErrorKind::NoCredentials => self.without_credentials(error),
            CallErrorKind::ExpiredCredentials => {
                format!("{error}; renew the credentials, which have expired: {}", self.sign_in())
            }
            CallErrorKind::InvalidCredentials => {
                format!("{error}; {}", self.check_credentials())
            }
            CallErrorKind::NoResponse => self.without_answer(error),
            _ => error.with_remedy(),
        }
    }

    fn without_credentials(&self, error: &CallError) -> String {
        let message = &error.message;
        match &self.profile {
            Some(profile) if message.contains("was not defined") => {
                format!(
                    "there is no AWS profile {profile:?}; `aws configure list-profiles` lists the profiles"
                )
            }
            // Also where there are no files of profiles at all.
            Some(profile) if message.ends_with("the credential provider was not enabled") => format!(
                "the AWS profile {profile:?} does not exist or has no credentials; `aws configure list-profiles` lists the profiles"
            ),
            _ if message.contains("SSO") => {
                format!("you are not signed in with {}: {}", self.profile(), self.sign_in())
            }
            _ if message.contains("no credentials found") => format!(
                "there are no AWS credentials for {}: name another with --profile or AWS_PROFILE (`aws configure list-profiles` lists them), {}, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                self.profile(),
                self.sign_in(),
            ),
            _ => format!(
                "the AWS credentials of {} cannot be loaded: {message}; {}",
                self.profile(),
                self.check_credentials()
            ),
        }
    }

    fn profile(&self) -> String {
        match &self.profile {
            Some(profile) => format!("the profile {profile:?}"),
            None => "the default profile".to_owned(),
        }
    }

    fn sign_in(&self) -> String {
        match &self.profile {
            Some(profile) => format!("run `aws sso login --profile {}`", quoted(profile)),
            None => "run `aws sso login`".to_owned(),
        }
    }

    fn check_credentials(&self) -> String {
        match &self.profile {
            Some(profile) => format!(
                "check the AWS credentials, with `aws sts get-caller-identity --profile {}`",
                quoted(profile)
            ),
            None => "check the AWS credentials, with `aws sts get-caller-identity`".to_owned(),
        }
    }

    /// ECR has a host in each Region: where the network has none, the Region or the endpoint is misspelt.
    fn without_answer(&self, error: &CallError) -> String {
        let region = self.region.as_deref().unwrap_or_default();
        let known = REGIONS.split(' ').collect::<Vec<_>>();
        let (at, remedy) = match &self.endpoint {
            Some(Endpoint { setting, url }) => {
                (format!(" at {url}"), format!("check {setting} and the network"))
            }
            None if known.contains(&region) => (String::new(), "check the network".to_owned()),
            None => {
                let near = did_you_mean(&similar(region, known.iter().copied()));
                (String::new(), format!("check the Region {region:?} and the network{near}"))
            }
        };
        let CallError { operation, message, .. } = error;
        format!("no answer from ECR{at}, Region {region}, to {operation}: {message}; {remedy}")
    }
}

/// Regions that AWS has as this is written, for near misses alone: one that is not here may be right all the same.
const REGIONS: &str = "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 \
ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 cn-north-1 \
cn-northwest-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 \
me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(profile: Option<&str>, region: &str, kind: CallErrorKind, message: &str) -> String {
        let settings =
            Settings { profile: profile.map(str::to_owned), region: Some(region.to_owned()), endpoint: None };
        settings.with_remedy(&CallError::of_kind("DescribeRepositories", kind, message))
    }

    #[test]
    fn credentials_that_are_missing_come_with_the_profile_and_the_command() {
        let missing = |profile, message| said(profile, "eu-west-1", CallErrorKind::NoCredentials, message);
        for (profile, message, texts) in [
            (
                Some("dev"),
                "failed to load the cached SSO token",
                &["the profile \"dev\"", "`aws sso login --profile dev`"][..],
            ),
            (None, "the SSO token has expired", &["the default profile", "`aws sso login`"]),
            (Some("nope"), "profile `nope` was not defined", &["no AWS profile \"nope\"", "list-profiles"]),
            (
                Some("typo"),
                "the credential provider was not enabled",
                &["\"typo\" does not exist", "list-profiles"],
            ),
            (None, "no credentials found in chain", &["--profile or AWS_PROFILE", "AWS_ACCESS_KEY_ID"]),
            (
                Some("proc"),
                "external process exited with code 1",
                &["the profile \"proc\"", "code 1", "get-caller-identity --profile proc"],
            ),
        ] {
            let said = missing(profile, message);
            assert!(texts.iter().all(|text| said.contains(text)), "{said}");
        }
        let expired = said(Some("dev"), "eu-west-1", CallErrorKind::ExpiredCredentials, "x");
        assert!(expired.contains("which have expired: run `aws sso login --profile dev`"), "{expired}");
    }

    #[test]
    fn a_region_that_has_no_host_is_shown_with_its_near_misses() {
        let dns =
            |region| said(None, region, CallErrorKind::NoResponse, "dns error: Name or service not known");
        let typo = dns("eu-cental-1");
        assert!(typo.contains("the Region \"eu-cental-1\"") && typo.contains("\"eu-central-1\""), "{typo}");
        assert!(dns("eu-central-1").ends_with("check the network"));
    }
}
