//! A failed API call: which operation, what kind of failure, what to do next.

use crate::util::deadline::DeadlineExceeded;

/// A call that failed as a whole, after its retries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed with {code}: {message}")]
pub struct CallError {
    /// The API operation.
    pub operation: &'static str,
    /// The kind of failure, on which decisions rest.
    pub kind: CallErrorKind,
    /// ECR's error code as ECR writes it, or one of the janitor's in kebab-case.
    pub code: String,
    /// The message of ECR or of the connection.
    pub message: String,
}

/// The kinds of failure that the janitor tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// A permission is missing.
    AccessDenied,
    /// The repository does not exist.
    RepositoryNotFound,
    /// A named image does not exist.
    ImageNotFound,
    /// A named image does not exist, or is not active: ECR was asked without its filter of status.
    ImageNotShown,
    /// The tag names another image, and tags of this repository do not move.
    TagExists,
    /// The image has that tag already.
    ImageExists,
    /// No credentials were found.
    NoCredentials,
    /// The credentials have expired.
    ExpiredCredentials,
    /// The credentials are not valid.
    InvalidCredentials,
    /// A setting of the SDK cannot be used: nothing was sent.
    InvalidSettings,
    /// The clock of this machine is wrong.
    ClockSkew,
    /// ECR refused the call because there were too many.
    Throttled,
    /// ECR had an internal failure.
    ServerError,
    /// The call was sent, and no response came.
    NoResponse,
    /// The response cannot be understood.
    MalformedResponse,
    /// The response was larger than what is read at once, and was left unread.
    ResponseTooLarge,
    /// The run's time was up before the response came.
    DeadlineExceeded,
    /// Anything else.
    Other,
}

use CallErrorKind as Kind;

impl CallErrorKind {
    /// The kind of failure behind one of AWS's error codes.
    pub fn of_aws(code: &str, message: &str) -> Self {
        match code {
            "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => Self::AccessDenied,
            "RepositoryNotFoundException" => Self::RepositoryNotFound,
            "ImageNotFoundException" => Self::ImageNotFound,
            "ImageTagAlreadyExistsException" => Self::TagExists,
            "ImageAlreadyExistsException" => Self::ImageExists,
            "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => Self::ExpiredCredentials,
            "RequestTimeTooSkewed" => Self::ClockSkew,
            "InvalidSignatureException" if message.contains("xpired") => Self::ClockSkew,
            "UnrecognizedClientException" | "InvalidSignatureException" | "InvalidClientTokenId" => {
                Self::InvalidCredentials
            }
            "ServerException" | "ServiceUnavailable" | "ServiceUnavailableException" | "InternalFailure" => {
                Self::ServerError
            }
            throttled if is_throttling(throttled) => Self::Throttled,
            _ => Self::Other,
        }
    }

    /// The kind of failure behind a code as reports have it: ECR's, or the janitor's own.
    pub fn of_code(code: &str) -> Self {
        const OWN: [Kind; 5] = [
            Kind::NoCredentials,
            Kind::NoResponse,
            Kind::MalformedResponse,
            Kind::ServerError,
            Kind::Throttled,
        ];
        match code.strip_prefix("http-").map(str::parse) {
            Some(Ok(429)) => Self::Throttled,
            Some(Ok(500..600)) => Self::ServerError,
            _ => OWN.into_iter().find(|own| own.own_code() == code).unwrap_or_else(|| Self::of_aws(code, "")),
        }
    }

    /// Whether the same call may succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::NoResponse | Self::MalformedResponse | Self::ServerError)
    }

    /// The janitor's own code, for failures that ECR gave none for.
    fn own_code(self) -> &'static str {
        match self {
            Self::NoCredentials => "no-credentials",
            Self::InvalidSettings => "invalid-settings",
            Self::NoResponse | Self::DeadlineExceeded => "no-answer",
            Self::MalformedResponse => "bad-answer",
            Self::ResponseTooLarge => "answer-too-large",
            Self::ServerError => "server-error",
            Self::Throttled => "throttled",
            _ => "failed",
        }
    }
}

/// Whether an error code means throttling, which is not in ECR's service model and has several codes.
pub(super) fn is_throttling(code: &str) -> bool {
    ["Throttl", "TooManyRequests", "RequestLimit"].iter().any(|part| code.contains(part))
}

impl CallError {
    /// A failure with ECR's own error code.
    pub fn of_aws(operation: &'static str, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { operation, kind: Kind::of_aws(&code, &message), code, message }
    }

    /// A failure that ECR gave no code for.
    pub fn of_kind(operation: &'static str, kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self { operation, kind, code: kind.own_code().into(), message: message.into() }
    }

    /// The error with what to do about it, for a run that cannot even begin.
    pub fn with_remedy(&self) -> String {
        let remedy = match self.kind {
            Kind::AccessDenied => format!("allow ecr:{} to this role or user", self.operation),
            Kind::NoCredentials => "configure AWS credentials (environment, profile or role)".into(),
            Kind::InvalidSettings => {
                "a Region is written like eu-central-1, and an endpoint like https://HOST".into()
            }
            Kind::ExpiredCredentials => "renew the AWS credentials".into(),
            Kind::ClockSkew => "set the clock of this machine right".into(),
            Kind::InvalidCredentials => "check the AWS credentials".into(),
            Kind::NoResponse => "check the region, the network and any AWS endpoint setting".into(),
            _ => "nothing was touched; try again later".into(),
        };
        format!("{self}; {remedy}")
    }

    /// Whether a permission is missing.
    pub fn is_access_denied(&self) -> bool {
        self.kind == Kind::AccessDenied
    }

    /// Whether ECR may have carried out a write all the same: it was sent, and no reliable response came back.
    pub fn is_in_doubt(&self) -> bool {
        matches!(
            self.kind,
            Kind::NoResponse | Kind::MalformedResponse | Kind::ServerError | Kind::DeadlineExceeded
        )
    }

    /// Whether the same call may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

impl From<DeadlineExceeded> for CallError {
    fn from(_: DeadlineExceeded) -> Self {
        Self::of_kind("the call", Kind::DeadlineExceeded, "time ran out before ECR answered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_gives_its_kind() {
        for (code, kind) in [
            ("AccessDenied", Kind::AccessDenied),
            ("AccessDeniedException", Kind::AccessDenied),
            ("UnauthorizedOperation", Kind::AccessDenied),
            ("ImageNotFoundException", Kind::ImageNotFound),
            ("RepositoryNotFoundException", Kind::RepositoryNotFound),
            ("ImageTagAlreadyExistsException", Kind::TagExists),
            ("ImageAlreadyExistsException", Kind::ImageExists),
            ("ServerException", Kind::ServerError),
            ("ServiceUnavailable", Kind::ServerError),
            ("InternalFailure", Kind::ServerError),
            ("ThrottlingException", Kind::Throttled),
            ("TooManyRequestsException", Kind::Throttled),
            ("RequestLimitExceeded", Kind::Throttled),
            ("LimitExceededException", Kind::Other),
            ("KmsException", Kind::Other),
        ] {
            assert_eq!(Kind::of_aws(code, ""), kind, "{code}");
        }
    }

    #[test]
    fn a_write_without_a_reliable_response_is_in_doubt() {
        let in_doubt = |kind| CallError::of_kind("BatchDeleteImage", kind, "").is_in_doubt();
        for kind in [Kind::NoResponse, Kind::MalformedResponse, Kind::ServerError, Kind::DeadlineExceeded] {
            assert!(in_doubt(kind), "{kind:?}");
        }
        for kind in [Kind::Throttled, Kind::AccessDenied, Kind::RepositoryNotFound, Kind::Other] {
            assert!(!in_doubt(kind), "{kind:?}");
        }
    }

    #[test]
    fn every_error_names_what_happened_and_what_to_do() {
        for (code, remedy) in [
            ("AccessDeniedException", "allow ecr:DescribeImages"),
            ("ExpiredTokenException", "renew"),
            ("RequestTimeTooSkewed", "set the clock"),
            ("InvalidSignatureException", "check the AWS credentials"),
            ("ServerException", "try again later"),
        ] {
            let message = CallError::of_aws("DescribeImages", code, "why").with_remedy();
            assert!(message.starts_with(&format!("DescribeImages failed with {code}: why; ")), "{message}");
            assert!(message.contains(remedy), "{message}");
        }
        let skewed =
            CallError::of_aws("DescribeImages", "InvalidSignatureException", "Signature expired: ...");
        assert!(skewed.with_remedy().contains("set the clock"));
        for (kind, code, remedy) in [
            (Kind::NoCredentials, "no-credentials", "configure AWS credentials"),
            (Kind::NoResponse, "no-answer", "check the region"),
        ] {
            let message = CallError::of_kind("DescribeImages", kind, "why").with_remedy();
            assert!(message.starts_with(&format!("DescribeImages failed with {code}: why; ")), "{message}");
            assert!(message.contains(remedy), "{message}");
        }
    }
}
