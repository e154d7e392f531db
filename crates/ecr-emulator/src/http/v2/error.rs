//! Errors as the OCI distribution API writes them.

use axum::http::StatusCode;
use serde_json::json;

use super::reply::Reply;
use crate::digest;
use crate::error::ApiError;
use crate::state::Failure;

/// An error of the OCI API, with the text of ECR's own API.
#[derive(Debug)]
pub(super) struct OciError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl OciError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The method is not supported on this path.
    pub(super) fn unsupported() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "The operation is unsupported.")
    }

    pub(super) fn blob_unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", message)
    }

    /// Fails unless the text is a digest.
    pub(super) fn check_digest(digest: &str) -> Result<(), Self> {
        if digest::is_well_formed(digest) {
            return Ok(());
        }
        let message =
            "Invalid request parameters: digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        Err(Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message))
    }

    pub(super) fn reply(self) -> Reply {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        Reply::new(self.status).json(&body)
    }
}

impl From<ApiError> for OciError {
    fn from(error: ApiError) -> Self {
        let (status, code) = match error.code.as_str() {
            "RepositoryNotFoundException" => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            "ImageTagAlreadyExistsException" => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            "ImageDigestDoesNotMatchException" => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            "LayersNotFoundException" | "ReferencedImagesNotFoundException" => {
                (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN")
            }
            "UploadNotFoundException" => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            "InvalidLayerPartException" => (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
            "EmptyUploadException" | "InvalidLayerException" | "LayerPartTooSmallException" => {
                (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID")
            }
            // Also what only the words of a request break, such as a tag's grammar or a page's size.
            "InvalidParameterException" => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            "LimitExceededException" | "AccessDeniedException" => (StatusCode::FORBIDDEN, "DENIED"),
            "ExpiredTokenException" => return expired(),
            "ThrottlingException" => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            "ServiceUnavailable" => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            _ => (StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST), "UNKNOWN"),
        };
        Self::new(status, code, error.message)
    }
}

impl From<Failure> for OciError {
    fn from(failure: Failure) -> Self {
        let (status, code) = match failure.code() {
            "InvalidImageDigest" => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            "InvalidImageTag" => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            // What is in the archive is not there for a pull.
            _ => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        };
        Self::new(status, code, failure.reason())
    }
}

/// The error for an expired token.
pub(super) fn expired() -> OciError {
    let message = "Your authorization token has expired. Reauthenticate and try again.";
    OciError::new(StatusCode::FORBIDDEN, "DENIED", message)
}
