//! The deadline of a run: when to stop starting work, and when to stop waiting for a call.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The deadline of a run, or none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<Ends>);

#[derive(Debug, Clone, Copy)]
struct Ends {
    work: Instant,
    planning: Instant,
    calls: Instant,
}

/// The error of a call for which there was no time left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadlineExceeded;

const LEAST_MARGIN: Duration = Duration::from_millis(500);
const MOST_MARGIN: Duration = Duration::from_secs(30);

impl Deadline {
    /// A deadline after this time. No work is started in the last tenth of the time (at least half a second, at most 30 seconds); in that
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

    /// Whether there is time to start a batch.
    pub fn may_start_work(&self) -> bool {
        self.0.is_none_or(|ends| Instant::now() < ends.work)
    }

    /// Whether there is time to plan another repository.
    pub fn may_start_planning(&self) -> bool {
        self.0.is_none_or(|ends| Instant::now() < ends.planning)
    }

    /// The result of a call, which is not waited for beyond the time at which the report must be written.
    pub async fn call<T, E: From<DeadlineExceeded>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.0 {
            Some(ends) => timeout_at(ends.calls, call).await.unwrap_or_else(|_| Err(DeadlineExceeded.into())),
            None => call.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stops_starting_before_it_stops_waiting() {
        let deadline = Deadline::after(Duration::from_secs(100), true);
        assert!(deadline.may_start_planning());
        tokio::time::advance(Duration::from_secs(54)).await;
        assert!(!deadline.may_start_planning() && deadline.may_start_work());
        tokio::time::advance(Duration::from_secs(36)).await;
        assert!(!deadline.may_start_work());
        assert_eq!(deadline.call(async { Ok::<_, DeadlineExceeded>(1) }).await, Ok(1));
        let endless = std::future::pending::<Result<(), DeadlineExceeded>>();
        assert_eq!(deadline.call(endless).await, Err(DeadlineExceeded));
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
        assert!(deadline.may_start_planning());
        assert!(Deadline::default().may_start_work());
        assert!(!Deadline::after(Duration::ZERO, true).may_start_work());
    }
}
