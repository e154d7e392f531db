//! How much of an answer is taken in.
//!
//! A call names a hundred manifests, and each may have 4 MiB: more than a small function has. How large they are is not
//! known before, and so an answer that promises too much is left unread, to be asked for again in smaller parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;

/// For an answer: a hundred manifests of 30 KiB. Ordinary ones have one or two.
pub(super) const MANY: u64 = 3 * 1024 * 1024;
/// For the answer about one manifest: 4 MiB, with a backslash before every other byte and something around it.
pub(super) const ONE: u64 = 9 * 1024 * 1024;

/// Room for one answer.
#[derive(Debug, Clone)]
pub(super) struct Room {
    bytes: u64,
    exceeded: Arc<AtomicBool>,
}

impl Room {
    pub(super) fn of(bytes: u64) -> Self {
        Self { bytes, exceeded: Arc::default() }
    }

    /// Whether the answer was too large, and was not read.
    pub(super) fn was_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }
}

impl Intercept for Room {
    fn name(&self) -> &'static str {
        "Room"
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
            // An error here would be tried again; an answer that says nothing is looked at by the caller.
            *response.body_mut() = "{}".into();
        }
        Ok(())
    }
}
