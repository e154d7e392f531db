//! API calls in flight: a fixed number, or as many of each operation as ECR takes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

mod controller;
#[cfg(test)]
mod simulation;

use controller::{Answer, Controller};

/// Ceilings of calls in flight. Reads give way before writes, and CI's own calls have room beside both.
const MOST_READS: usize = 128;
/// One for each blob of a backup: a hundred deletions need nearly two hundred of them. ECR allows 3,000 a second.
const MOST_DOWNLOAD_URLS: usize = 256;
const MOST_DELETIONS: usize = 64;
const MOST_OTHERS: usize = 32;

/// The calls in flight of a run, shared by all its repositories.
#[derive(Debug, Clone, Default)]
pub(super) struct CallsInFlight(Arc<Mutex<Limits>>);

#[derive(Debug, Default)]
struct Limits {
    fixed: Option<Arc<Semaphore>>,
    operations: HashMap<&'static str, Arc<Operation>>,
}

/// The right to have one call in flight, given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    operation: Option<Arc<Operation>>,
}

impl CallsInFlight {
    /// Begins another run, which knows nothing of the last one: with a fixed number, or with what ECR takes.
    pub(super) fn begin(&self, fixed: Option<usize>) {
        let fixed = fixed.map(|number| Arc::new(Semaphore::new(number)));
        *self.limits() = Limits { fixed, operations: HashMap::new() };
    }

    /// Waits until one more call of this operation may be sent: first come, first served.
    pub(super) async fn turn(&self, operation: &'static str) -> Turn {
        let fixed = self.limits().fixed.clone();
        if let Some(fixed) = fixed {
            return Turn { permit: fixed.acquire_owned().await.ok(), operation: None };
        }
        let operation = self.operation(operation);
        // Never closed, so that this is always a permit.
        let permit = Arc::clone(&operation.room).acquire_owned().await.ok();
        let turn = Turn { permit, operation: Some(Arc::clone(&operation)) };
        operation.wait_for_place().await;
        turn
    }

    /// The turn of a look at images, which comes right before a write. Of a fixed number it takes none: the write has one
    /// already, and all of them may be waiting for their looks.
    pub(super) async fn turn_of_look(&self, operation: &'static str) -> Turn {
        let is_fixed = self.limits().fixed.is_some();
        if is_fixed { Turn { permit: None, operation: None } } else { self.turn(operation).await }
    }

    /// Takes note of ECR's answer to one attempt, which took so long.
    pub(super) fn note(&self, operation: &str, is_throttled: bool, took: Duration) {
        let known = self.limits().operations.get(operation).cloned();
        if let Some(operation) = known {
            operation.note(if is_throttled { Answer::Throttled } else { Answer::Accepted(took) });
        }
    }

    fn operation(&self, name: &'static str) -> Arc<Operation> {
        Arc::clone(
            self.limits().operations.entry(name).or_insert_with(|| Arc::new(Operation::new(most(name)))),
        )
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn most(operation: &str) -> usize {
    match operation {
        "DescribeImages" | "BatchGetImage" => MOST_READS,
        "GetDownloadUrlForLayer" => MOST_DOWNLOAD_URLS,
        "BatchDeleteImage" => MOST_DELETIONS,
        _ => MOST_OTHERS,
    }
}

/// The calls in flight of one operation.
#[derive(Debug)]
struct Operation {
    controller: Mutex<Controller>,
    room: Arc<Semaphore>,
    /// Permits of `room`, given out or not.
    permits: AtomicUsize,
}

impl Operation {
    fn new(most: usize) -> Self {
        let controller = Controller::new(most, Instant::now());
        let permits = controller.limit();
        Self {
            controller: Mutex::new(controller),
            room: Arc::new(Semaphore::new(permits)),
            permits: AtomicUsize::new(permits),
        }
    }

    fn controller(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for_place(&self) {
        let (mut place, mut paused) = {
            let mut controller = self.controller();
            (controller.place(Instant::now()), controller.paused())
        };
        loop {
            tokio::time::sleep_until(place).await;
            let pauses = self.controller().paused();
            if pauses == paused {
                return;
            }
            place += pauses - paused;
            paused = pauses;
        }
    }

    fn note(&self, answer: Answer) {
        let is_full = self.room.available_permits() == 0;
        let mut controller = self.controller();
        controller.note(answer, is_full, Instant::now());
        self.resize(controller.limit());
    }

    /// Makes room for so many. Permits that are given out are taken back by [`Turn::drop`].
    fn resize(&self, limit: usize) {
        let permits = self.permits.load(Ordering::Relaxed);
        let now = match permits.checked_sub(limit) {
            Some(surplus) => permits - self.room.forget_permits(surplus),
            None => {
                self.room.add_permits(limit - permits);
                limit
            }
        };
        self.permits.store(now, Ordering::Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (Some(operation), Some(permit)) = (&self.operation, self.permit.take()) else { return };
        let controller = operation.controller();
        let permits = operation.permits.load(Ordering::Relaxed);
        if permits > controller.limit() {
            permit.forget();
            operation.permits.store(permits - 1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn has_turn(calls: &CallsInFlight, operation: &'static str) -> Option<Turn> {
        timeout(Duration::from_secs(1), calls.turn(operation)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_fixed_number_is_one_limit_on_all_operations() {
        let calls = CallsInFlight::default();
        calls.begin(Some(2));
        let one = has_turn(&calls, "DescribeImages").await.unwrap();
        let two = has_turn(&calls, "BatchGetImage").await.unwrap();
        assert!(has_turn(&calls, "BatchDeleteImage").await.is_none());
        let look = timeout(Duration::from_secs(1), calls.turn_of_look("DescribeImages"));
        assert!(look.await.is_ok(), "deletions that wait for their looks would wait for ever");
        drop(one);
        assert!(has_turn(&calls, "BatchDeleteImage").await.is_some());
        drop(two);
    }

    #[tokio::test(start_paused = true)]
    async fn each_operation_has_a_limit_of_its_own_that_follows_its_answers() {
        let calls = CallsInFlight::default();
        let mut turns = Vec::new();
        let take_all = async |turns: &mut Vec<Turn>| {
            while let Some(turn) = has_turn(&calls, "BatchGetImage").await {
                turns.push(turn);
            }
            turns.len()
        };
        assert_eq!(take_all(&mut turns).await, 4);
        assert!(has_turn(&calls, "DescribeImages").await.is_some());
        for _ in 0..4 {
            calls.note("BatchGetImage", false, Duration::from_millis(100));
        }
        assert_eq!(take_all(&mut turns).await, 5, "full only until there was room");
        calls.note("BatchGetImage", true, Duration::from_millis(100));
        turns.truncate(3);
        assert_eq!(take_all(&mut turns).await, 4, "what is over the limit is not given out again");
    }

    #[tokio::test(start_paused = true)]
    async fn another_run_begins_anew() {
        let calls = CallsInFlight::default();
        let held = has_turn(&calls, "DescribeImages").await;
        calls.begin(Some(1));
        let next = has_turn(&calls, "DescribeImages").await;
        assert!(next.is_some());
        calls.begin(None);
        drop((held, next));
        assert!(has_turn(&calls, "DescribeImages").await.is_some());
    }
}
