//! Failures of single images of a batch.

use serde_json::{Value, json};

use super::ImageId;

/// ECR's text for a pull of an archived image.
pub(crate) const INACCESSIBLE: &str =
    "The requested image is in an inaccessible state. Please restore if needed";

/// The failure of one image of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    code: &'static str,
    reason: String,
}

impl Failure {
    pub(crate) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub(crate) fn not_found() -> Self {
        Self::new("ImageNotFound", "Requested image not found")
    }

    pub(crate) fn inaccessible() -> Self {
        Self::new("ImageInaccessible", INACCESSIBLE)
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn to_json(&self, id: &ImageId) -> Value {
        json!({ "imageId": id.to_json(), "failureCode": self.code, "failureReason": self.reason })
    }
}
