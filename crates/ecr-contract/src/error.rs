//! Errors that keep a case from an answer.

use aws_sdk_ecr::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Why a case, or the whole run, came to no result.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CaseError(pub String);

impl CaseError {
    /// An error with this text.
    pub fn new(text: impl ToString) -> Self {
        Self(text.to_string())
    }
}

impl<E> From<SdkError<E>> for CaseError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        match (error.code(), error.message()) {
            (Some(code), Some(message)) => Self(format!("{code}: {message}")),
            (Some(code), None) => Self(code.to_owned()),
            (None, _) => Self(DisplayErrorContext(error).to_string()),
        }
    }
}

impl From<BuildError> for CaseError {
    fn from(error: BuildError) -> Self {
        Self::new(error)
    }
}
