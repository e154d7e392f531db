//! What came in the way of a case, and what ECR answered.

use std::fmt::{self, Display};

use aws_sdk_ecr::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Why a case came to no end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

impl Trouble {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<E> From<SdkError<E>> for Trouble
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        match error.code() {
            Some(code) => Self(text(code, error.message())),
            None => Self(DisplayErrorContext(error).to_string()),
        }
    }
}

impl From<BuildError> for Trouble {
    fn from(error: BuildError) -> Self {
        Self(error.to_string())
    }
}

/// ECR's word on a call, or on one image of a batch: `accepted`, `deleted`, or a code with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(String);

/// Errors that say something about the caller or the day, and nothing about the belief.
const BESIDE_THE_POINT: [&str; 8] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "RequestLimitExceeded",
    "ServerException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
];

impl Answer {
    /// What a call came to; trouble if the belief has no part in it.
    pub(crate) fn of<T, E>(result: Result<T, SdkError<E>>) -> Result<Self, Trouble>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match result {
            Ok(_) => Ok(Self("accepted".to_owned())),
            Err(error) => match error.code() {
                Some(code) if !BESIDE_THE_POINT.contains(&code) => Ok(Self(text(code, error.message()))),
                _ => Err(error.into()),
            },
        }
    }

    /// A failure of one image, or a word of ours.
    pub(crate) fn said(code: &str, reason: Option<&str>) -> Self {
        Self(text(code, reason))
    }

    /// Is this the code or the word?
    pub(crate) fn is(&self, code: &str) -> bool {
        self.0.strip_prefix(code).is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
    }

    /// Does the message have this in it?
    pub(crate) fn names(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn text(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    }
}
