//! Limits how large a response body is read, and how many bytes of them a run has in memory at once.
//!
//! A call names a hundred manifests of up to 4 MiB each: more than the memory of a small function. Their sizes are not
//! known beforehand, so a response that promises too much is left unread, to be asked for again in smaller parts.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;

const MIB: u64 = 1024 * 1024;
/// The limit for a batch: a hundred manifests of 30 KiB. Ordinary ones have one or two.
pub(super) const BATCH_LIMIT: u64 = 3 * MIB;
/// The limit for a single manifest: 4 MiB, with a backslash before every other byte and something around it.
pub(super) const SINGLE_LIMIT: u64 = 9 * MIB;
/// The limit on all responses that are in memory at once: ten of the largest batches, or three of the largest manifests.
const RUN_LIMIT: u64 = 32 * MIB;
/// The unit in which that is given out.
const UNIT: u64 = 64 * 1024;
/// The room of an ordinary batch of manifests, and of an ordinary page of a listing.
pub(super) const BATCH_ROOM: u64 = 4 * UNIT;
pub(super) const PAGE_ROOM: u64 = 12 * UNIT;

/// The memory that a run has for responses.
#[derive(Debug, Clone)]
pub(super) struct ResponseMemory(Arc<Semaphore>);

/// The right to have one response in memory.
pub(super) type ResponseRoom = Option<OwnedSemaphorePermit>;

impl Default for ResponseMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new((RUN_LIMIT / UNIT) as usize)))
    }
}

impl ResponseMemory {
    /// Waits until there is room for a response of so many bytes.
    async fn room_for(&self, bytes: u64) -> ResponseRoom {
        // Never closed, so that this is always room.
        Arc::clone(&self.0).acquire_many_owned(units(bytes)).await.ok()
    }

    /// Makes a call whose response has no more than `most` bytes, and room for as many as it has. Most responses are far
    /// smaller, so that no more than `usual` is kept free beforehand. A larger one finds more room at once, or is left
    /// unread and asked for again when there is enough.
    pub(super) async fn call<T, E, F>(
        &self,
        usual: u64,
        most: u64,
        call: impl Fn(BodyLimit) -> F,
    ) -> Result<(Option<T>, ResponseRoom), E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut room = self.room_for(usual).await;
        loop {
            let limit = BodyLimit {
                most,
                room: Arc::new(Mutex::new(Room { room, is_full: false })),
                ..BodyLimit::of(self)
            };
            let response = call(limit.clone()).await?;
            let Room { room: taken, is_full } = std::mem::take(&mut *limit.room());
            if limit.was_exceeded() {
                return Ok((None, None));
            }
            if !is_full {
                return Ok((Some(response), taken));
            }
            drop((response, taken));
            room = self.room_for(most).await;
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// The limit on one response body.
#[derive(Debug, Clone)]
pub(super) struct BodyLimit {
    most: u64,
    memory: ResponseMemory,
    room: Arc<Mutex<Room>>,
    exceeded: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Room {
    room: ResponseRoom,
    /// Whether there was too little for the response.
    is_full: bool,
}

impl BodyLimit {
    fn of(memory: &ResponseMemory) -> Self {
        Self { most: 0, memory: memory.clone(), room: Arc::default(), exceeded: Arc::default() }
    }

    fn was_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a body of this length is to be read.
    fn takes(&self, length: u64) -> bool {
        if length > self.most {
            self.exceeded.store(true, Ordering::Relaxed);
            return false;
        }
        let mut room = self.room();
        let has = room.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = units(length).saturating_sub(u32::try_from(has).unwrap_or(u32::MAX));
        if missing == 0 {
            return true;
        }
        match Arc::clone(&self.memory.0).try_acquire_many_owned(missing) {
            Ok(more) => match &mut room.room {
                Some(room) => room.merge(more),
                none => *none = Some(more),
            },
            Err(_) => room.is_full = true,
        }
        !room.is_full
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
        if length.is_some_and(|length| !self.takes(length)) {
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

    /// A call that is answered with so many bytes. Gives whether they were read, and the calls that it took.
    async fn called(memory: &ResponseMemory, bytes: u64) -> (Option<ResponseRoom>, usize) {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        let call = |limit: BodyLimit| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { Ok::<_, ()>(limit.takes(bytes)) }
        };
        let (response, room) = memory.call(BATCH_ROOM, BATCH_LIMIT, call).await.unwrap();
        (response.filter(|was_read| *was_read).map(|_| room), calls.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn an_ordinary_response_takes_ordinary_room_and_a_large_one_what_it_needs() {
        let memory = ResponseMemory::default();
        let free = || memory.0.available_permits() as u64 * UNIT;
        for (bytes, taken) in [(10, BATCH_ROOM), (BATCH_ROOM, BATCH_ROOM), (BATCH_LIMIT, BATCH_LIMIT)] {
            let (room, calls) = called(&memory, bytes).await;
            assert_eq!((RUN_LIMIT - free(), calls), (taken, 1), "{bytes} bytes");
            drop(room);
        }
        assert_eq!(called(&memory, BATCH_LIMIT + 1).await.1, 1);
        assert!(called(&memory, BATCH_LIMIT + 1).await.0.is_none());
        assert_eq!(free(), RUN_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_response_without_room_is_asked_for_again_when_there_is_some() {
        let memory = ResponseMemory::default();
        let others = memory.room_for(RUN_LIMIT - BATCH_ROOM).await;
        let large = tokio::spawn({
            let memory = memory.clone();
            async move { called(&memory, BATCH_LIMIT).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!large.is_finished());
        drop(others);
        let (room, calls) = large.await.unwrap();
        assert!(room.is_some());
        assert_eq!(calls, 2);
    }
}
