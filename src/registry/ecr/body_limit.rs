//! Limits how large a response body is read.
//!
//! A call names a hundred manifests of up to 4 MiB each: more than the memory of a small function. Their sizes are not
//! known beforehand, so a response that promises too much is left unread, to be asked for again in smaller parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;

/// The limit for a batch: a hundred manifests of 30 KiB. Ordinary ones have one or two.
pub(super) const BATCH_LIMIT: u64 = 3 * 1024 * 1024;
/// The limit for a single manifest: 4 MiB, with a backslash before every other byte and something around it.
pub(super) const SINGLE_LIMIT: u64 = 9 * 1024 * 1024;

/// The limit on one response body.
#[derive(Debug, Clone)]
pub(super) struct BodyLimit {
    bytes: u64,
    exceeded: Arc<AtomicBool>,
}

impl BodyLimit {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, exceeded: Arc::default() }
    }

    /// Whether the response was too large, and was not read.
    pub(super) fn was_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }
}

impl Intercept for BodyLimit {
    fn name(&self) -> &'static str {
        "BodyLimit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let length = response.headers().get("content-length").and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.bytes) {
            self.exceeded.store(true, Ordering::Relaxed);
            // An error here would be tried again; the caller looks at an empty response.
            *response.body_mut() = "{}".into();
        }
        Ok(())
    }
}
