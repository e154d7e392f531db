//! Calls over HTTP, whatever their protocol.

use axum::body::Body;
use axum::http::Response;

use crate::error::ApiError;
use crate::iam::RequiredPermission;
use crate::settings::Settings;

/// A call, as far as its protocol does not matter.
pub(super) struct Call {
    /// The name for counts, rules and hooks.
    pub(super) name: String,
    /// IAM's name, with its service.
    pub(super) action: String,
    /// The repositories that the request names.
    pub(super) repositories: Vec<String>,
    /// The ARN in access errors.
    pub(super) resource: String,
    /// The registry that it is for.
    pub(super) registry: Settings,
    /// The access key id of the caller.
    pub(super) principal: Option<String>,
    /// The permissions that it requires; a call that requires none has no rate either.
    pub(super) permissions: Vec<RequiredPermission>,
}

/// The error responses of a protocol.
pub(super) struct Protocol {
    pub(super) refuse: fn(u64, ApiError) -> Response<Body>,
    pub(super) garbage: fn(u64) -> Response<Body>,
}
