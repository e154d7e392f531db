//! Time that ends: when to stop starting work, and when to let go of a call.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// When a run must stop. Without one, never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<Ends>);

#[derive(Debug, Clone, Copy)]
struct Ends {
    work: Instant,
    planning: Instant,
    calls: Instant,
}

/// There was no time left for a call, or for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeIsUp;

const LEAST_MARGIN: Duration = Duration::from_millis(500);
const MOST_MARGIN: Duration = Duration::from_secs(30);

impl Deadline {
    /// No work is started in the last tenth of the time (at least half a second, at most 30 seconds); in that
    /// margin the batch in hand is finished and the report is written. A run that writes stops planning after
    /// three fifths, so that what was planned can be applied.
    pub fn after(remaining: Duration, writes: bool) -> Self {
        let start = Instant::now();
        let margin = (remaining / 10).clamp(LEAST_MARGIN, MOST_MARGIN).min(remaining);
        let work = remaining - margin;
        let planning = if writes { work * 3 / 5 } else { work };
        Self(Some(Ends {
            work: start + work,
            planning: start + planning,
            calls: start + remaining - margin / 4,
        }))
    }

    /// Whether it is too late to start anything.
    pub fn is_near(&self) -> bool {
        self.0.is_some_and(|ends| Instant::now() >= ends.work)
    }

    /// Whether it is too late to plan another repository.
    pub fn is_near_for_planning(&self) -> bool {
        self.0.is_some_and(|ends| Instant::now() >= ends.planning)
    }

    /// Waits for a call, but not beyond the time at which the report must be written.
    pub async fn wait<F: Future>(&self, call: F) -> Result<F::Output, TimeIsUp> {
        match self.0 {
            Some(ends) => timeout_at(ends.calls, call).await.map_err(|_| TimeIsUp),
            None => Ok(call.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stops_starting_before_it_stops_waiting() {
        let deadline = Deadline::after(Duration::from_secs(100), true);
        assert!(!deadline.is_near_for_planning());
        tokio::time::advance(Duration::from_secs(54)).await;
        assert!(deadline.is_near_for_planning() && !deadline.is_near());
        tokio::time::advance(Duration::from_secs(36)).await;
        assert!(deadline.is_near());
        assert_eq!(deadline.wait(async { 1 }).await, Ok(1));
        assert_eq!(deadline.wait(std::future::pending::<()>()).await, Err(TimeIsUp));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenth_of_the_time_within_bounds_is_left_for_the_batch_in_hand() {
        let (plans, writes) = (false, true);
        for (seconds, mode, [planning, work, calls]) in [
            (100.0, writes, [54.0, 90.0, 97.5]),
            (100.0, plans, [90.0, 90.0, 97.5]),
            (900.0, writes, [522.0, 870.0, 892.5]),
            (3.0, writes, [1.5, 2.5, 2.875]),
            (0.2, plans, [0.0, 0.0, 0.15]),
        ] {
            let ends = Deadline::after(Duration::from_secs_f64(seconds), mode).0.unwrap();
            let after = [ends.planning, ends.work, ends.calls].map(|end| end - Instant::now());
            assert_eq!(after, [planning, work, calls].map(Duration::from_secs_f64), "{seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_plan_run_may_plan_to_the_end_and_no_deadline_is_never_near() {
        let deadline = Deadline::after(Duration::from_secs(100), false);
        tokio::time::advance(Duration::from_secs(89)).await;
        assert!(!deadline.is_near_for_planning());
        assert!(!Deadline::default().is_near());
        assert!(Deadline::after(Duration::ZERO, true).is_near());
    }
}
