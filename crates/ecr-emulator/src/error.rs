//! Errors of a whole call. (The error of one image of a batch is a `Failure`.)

/// An error as ECR reports it: a code that programs match on, a text for people, an HTTP status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// For example `RepositoryNotFoundException`.
    pub code: String,
    /// The text for people.
    pub message: String,
    /// The HTTP status: 400 for the caller's errors, 5xx for the server's.
    pub status: u16,
}

impl ApiError {
    /// An error of the caller (HTTP 400).
    pub(crate) fn client(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), status: 400 }
    }

    /// An error of the server.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self { code: "ServerException".to_owned(), message: message.into(), status: 500 }
    }

    /// A call is over its rate.
    pub(crate) fn throttling() -> Self {
        Self::client("ThrottlingException", "Rate exceeded")
    }

    /// `InvalidParameterException` in the words ECR uses for a broken constraint.
    pub(crate) fn invalid(member: &str, constraint: &str) -> Self {
        Self::client(
            "InvalidParameterException",
            format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
        )
    }

    /// The request is not what the protocol can read: malformed JSON or a member of the wrong type.
    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::client("SerializationException", message)
    }

    /// No repository has this name.
    pub(crate) fn repository_not_found(name: &str, account: &str) -> Self {
        Self::client(
            "RepositoryNotFoundException",
            format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
        )
    }
}
