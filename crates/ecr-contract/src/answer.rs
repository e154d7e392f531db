//! ECR's answer to a call, or about one image of a batch.

use std::fmt::{self, Display};

use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};

use crate::error::CaseError;

/// The outcome of one request for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done; the word says what was done.
    Done(&'static str),
    /// Refused, with ECR's code and message.
    Refused {
        /// An error code or a failure code.
        code: String,
        /// The text beside it.
        message: Option<String>,
    },
    /// The response does not mention the image.
    Omitted,
}

/// Error codes that depend on the caller or the moment and prove nothing about a claim.
const INCONCLUSIVE_CODES: [&str; 8] = [
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
    /// The outcome of a call; an inconclusive one is an error of the case.
    pub(crate) fn to_call<T, E>(result: Result<T, SdkError<E>>) -> Result<Self, CaseError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match result {
            Ok(_) => Ok(Self::Done("accepted")),
            Err(error) => match error.code() {
                Some(code) if !INCONCLUSIVE_CODES.contains(&code) => {
                    Ok(Self::Refused { code: code.to_owned(), message: error.message().map(str::to_owned) })
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Whether the request was carried out.
    pub(crate) fn done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Whether the request was refused with this code.
    pub(crate) fn refused(&self, with: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == with)
    }

    /// Whether the message contains the text.
    pub(crate) fn names(&self, text: &str) -> bool {
        matches!(self, Self::Refused { message: Some(message), .. } if message.contains(text))
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(word) => f.write_str(word),
            Self::Refused { code, message: Some(message) } => write!(f, "{code}: {message}"),
            Self::Refused { code, message: None } => f.write_str(code),
            Self::Omitted => f.write_str("not mentioned in the response"),
        }
    }
}
