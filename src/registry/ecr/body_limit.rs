//! Limits how large a response body is read, and how many bytes of them a run has in memory at once.
//!
//! A call names a hundred manifests of up to 4 MiB each: more than the memory of a small function. Their sizes are not
//! known beforehand, so a response that promises too much is left unread, to be asked for again in smaller parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;

const MIB: u64 = 1024 * 1024;
/// The limit for a batch: a hundred manifests of 30 KiB. Ordinary ones have one or two.
pub(super) const BATCH_LIMIT: u64 = 3 * MIB;
/// The limit for a single manifest: 4 MiB, with a backslash before every other byte and something around it.
pub(super) const SINGLE_LIMIT: u64 = 9 * MIB;
/// The limit on all responses that are in memory at once: ten batches, or three of the largest manifests.
const RUN_LIMIT: u64 = 32 * MIB;

/// The memory that a run has for responses with manifests.
#[derive(Debug, Clone)]
pub(super) struct ResponseMemory(Arc<Semaphore>);

/// The right to have one response in memory.
pub(super) type ResponseRoom = Option<OwnedSemaphorePermit>;

impl Default for ResponseMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new((RUN_LIMIT / MIB) as usize)))
    }
}

impl ResponseMemory {
    /// Waits until there is room for a response of so many bytes.
    pub(super) async fn room_for(&self, bytes: u64) -> ResponseRoom {
        let mebibytes = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX);
        // Never closed, so that this is always room.
        Arc::clone(&self.0).acquire_many_owned(mebibytes).await.ok()
    }
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_is_in_memory_at_once_than_a_run_has_room_for() {
        let memory = ResponseMemory::default();
        let has_room = |bytes| {
            let memory = memory.clone();
            async move { timeout(Duration::from_secs(1), memory.room_for(bytes)).await.ok().flatten() }
        };
        let mut rooms = Vec::new();
        for _ in 0..10 {
            rooms.push(has_room(BATCH_LIMIT).await.unwrap());
        }
        assert!(has_room(BATCH_LIMIT).await.is_none());
        rooms.truncate(7);
        assert!(has_room(SINGLE_LIMIT).await.is_some());
        rooms.clear();
        for _ in 0..3 {
            rooms.push(has_room(SINGLE_LIMIT).await.unwrap());
        }
        assert!(has_room(SINGLE_LIMIT).await.is_none());
    }
}
