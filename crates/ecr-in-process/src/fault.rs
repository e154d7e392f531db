//! Faults of single HTTP attempts.

use ecr_emulator::ApiError;
use serde_json::Value;

/// A fault of an HTTP attempt.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// HTTP 400 `ThrottlingException`; the operation is not done.
    Throttled,
    /// HTTP 500 `ServerException`; the operation is not done.
    ServerError,
    /// The connection closes without a response; the operation is not done.
    Dropped,
    /// No response ever; the operation is not done.
    Hangs,
    /// The operation is done, and the connection closes without a response.
    AnswerLost,
    /// The operation is done, and there is no response ever.
    HangsAfter,
    /// The operation is done; HTTP 200 with half of the response's body.
    Malformed,
    /// The operation is done, and its answer is changed.
    Changed(fn(&mut Value)),
    /// The client is killed ([`crate::Session::until_killed`]); the operation is not done.
    Killed,
    /// The operation is done, and the client is killed before it has the response.
    KilledAfter,
}

impl Fault {
    /// Whether the service does the operation.
    pub fn is_done(self) -> bool {
        use Fault::{AnswerLost, Changed, HangsAfter, KilledAfter, Malformed};
        matches!(self, AnswerLost | HangsAfter | Malformed | Changed(_) | KilledAfter)
    }

    /// The error that comes instead of doing the operation.
    pub(crate) fn error(self) -> Option<ApiError> {
        let (code, message, status) = match self {
            Self::Throttled => ("ThrottlingException", "Rate exceeded", 400),
            Self::ServerError => {
                ("ServerException", "These errors are usually caused by a server-side issue.", 500)
            }
            _ => return None,
        };
        Some(ApiError { code: code.to_owned(), message: message.to_owned(), status })
    }
}
