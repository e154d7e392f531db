//! The deadline of a run: when to stop starting work, and when to stop waiting for a call.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// When a run must stop: at a time, when somebody interrupts it, or never. Clones share what is owed.
#[derive(Debug, Clone, Default)]
pub struct Deadline {
    ends: Option<Ends>,
    /// The time that writing the report will take, in microseconds, beyond the margin.
    owed: Arc<AtomicU64>,
    interrupt: Option<watch::Receiver<bool>>,
    /// Whether calls only read, so that an interrupt need not wait for them.
    only_reads: bool,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    work: Instant,
    planning: Instant,
    planning_calls: Instant,
    calls: Instant,
}

/// A switch that makes a deadline pass at once: the batch in hand is finished, and nothing more is begun.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Sender<bool>);

/// The error of a call for which there was no time left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadlineExceeded;

const LEAST_MARGIN: Duration = Duration::from_millis(500);
const MOST_MARGIN: Duration = Duration::from_secs(30);
/// What one row of the report takes at the end, at the processor share of Lambda's smallest function.
const MICROSECONDS_A_ROW: u64 = 100;

impl Deadline {
    /// No work is started in the last tenth of the time (at least half a second, at most 30 seconds); in that
    /// margin the batch in hand is finished and the report is written. A run that writes stops planning after
    /// three fifths, calls in flight included, so that what was planned can be applied.
    pub fn after(remaining: Duration, writes: bool) -> Self {
        let start = Instant::now();
        let margin = (remaining / 10).clamp(LEAST_MARGIN, MOST_MARGIN).min(remaining);
        let work = remaining - margin;
        let planning = if writes { work * 3 / 5 } else { work };
        let calls = start + remaining - margin / 4;
        let planning_calls = if writes { start + planning } else { calls };
        let ends = Ends { work: start + work, planning: start + planning, planning_calls, calls };
        Self { ends: Some(ends), ..Self::default() }
    }

    /// The same deadline, which also passes when it is interrupted.
    #[must_use]
    pub fn interruptible(self) -> (Self, Interrupt) {
        let (sender, receiver) = watch::channel(false);
        (Self { interrupt: Some(receiver), ..self }, Interrupt(sender))
    }

    /// The deadline of the planning that comes before the work. What hangs then keeps nobody from the work, and an
    /// interrupt waits for no call.
    #[must_use]
    pub fn of_planning(&self) -> Self {
        let ends = self.ends.map(|ends| Ends { work: ends.planning, calls: ends.planning_calls, ..ends });
        Self { ends, only_reads: true, ..self.clone() }
    }

    /// The deadline of what comes first and may take half of the time that is left: the rest is for what it is done for.
    #[must_use]
    pub fn of_half(&self) -> Self {
        let now = Instant::now();
        let half = |end: Instant| now + end.saturating_duration_since(now) / 2;
        let ends = self.ends.map(|ends| {
            let calls = half(ends.work.min(ends.calls));
            Ends { work: half(ends.work), calls, ..ends }
        });
        Self { ends, ..self.clone() }
    }

    /// Keeps time for these rows of the report, which are written after the work.
    pub fn owe_rows(&self, rows: usize) {
        let time = MICROSECONDS_A_ROW.saturating_mul(rows as u64);
        self.owed.fetch_add(time, Ordering::Relaxed);
    }

    /// Whether there is time to start a batch.
    pub fn may_start_work(&self) -> bool {
        self.is_before(|ends| ends.work)
    }

    /// Whether there is time to plan another repository.
    pub fn may_start_planning(&self) -> bool {
        self.is_before(|ends| ends.planning)
    }

    /// Whether somebody interrupted the run.
    pub fn was_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|interrupt| *interrupt.borrow())
    }

    fn is_before(&self, end: impl Fn(&Ends) -> Instant) -> bool {
        !self.was_interrupted()
            && self.ends.as_ref().is_none_or(|ends| Instant::now() + self.owed() < end(ends))
    }

    fn owed(&self) -> Duration {
        Duration::from_micros(self.owed.load(Ordering::Relaxed))
    }

    /// Waits, if work may still be started afterwards; otherwise returns `false`, at once.
    pub async fn wait(&self, time: Duration) -> bool {
        let is_too_long = |ends: &Ends| Instant::now() + time + self.owed() >= ends.work;
        if self.was_interrupted() || self.ends.as_ref().is_some_and(is_too_long) {
            return false;
        }
        tokio::select! {
            () = sleep(time) => true,
            () = self.interrupted() => false,
        }
    }

    /// Waits until somebody interrupts the run; for ever, if nobody can.
    pub async fn interrupted(&self) {
        if let Some(mut interrupt) = self.interrupt.clone()
            && interrupt.wait_for(|is_interrupted| *is_interrupted).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// The result of a call, which is not waited for beyond the time at which the report must be written.
    pub async fn call<T, E: From<DeadlineExceeded>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let ended = async {
            match &self.ends {
                Some(ends) => {
                    let end = ends.calls.checked_sub(self.owed()).unwrap_or_else(Instant::now);
                    timeout_at(end, call).await.unwrap_or_else(|_| Err(DeadlineExceeded.into()))
                }
                None => call.await,
            }
        };
        if !self.only_reads {
            return ended.await;
        }
        tokio::select! {
            result = ended => result,
            () = self.interrupted() => Err(DeadlineExceeded.into()),
        }
    }
}

impl Interrupt {
    /// Makes the deadline pass.
    pub fn interrupt(&self) {
        self.0.send_replace(true);
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
        for (seconds, mode, [planning, planning_calls, work, calls]) in [
            (100.0, writes, [54.0, 54.0, 90.0, 97.5]),
            (100.0, plans, [90.0, 97.5, 90.0, 97.5]),
            (900.0, writes, [522.0, 522.0, 870.0, 892.5]),
            (3.0, writes, [1.5, 1.5, 2.5, 2.875]),
            (0.2, plans, [0.0, 0.15, 0.0, 0.15]),
        ] {
            let ends = Deadline::after(Duration::from_secs_f64(seconds), mode).ends.unwrap();
            let after = [ends.planning, ends.planning_calls, ends.work, ends.calls];
            let after = after.map(|end| end - Instant::now());
            let expected = [planning, planning_calls, work, calls].map(Duration::from_secs_f64);
            assert_eq!(after, expected, "{seconds} s");
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

    #[tokio::test(start_paused = true)]
    async fn planning_does_not_wait_for_calls_beyond_its_own_end() {
        let start = Instant::now();
        let planning = Deadline::after(Duration::from_secs(100), true).of_planning();
        let endless = std::future::pending::<Result<(), DeadlineExceeded>>();
        assert_eq!(planning.call(endless).await, Err(DeadlineExceeded));
        assert_eq!(start.elapsed().as_secs(), 54);
        assert!(!planning.may_start_work() && !planning.may_start_planning());
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_first_is_waited_for_during_half_of_the_time_that_is_left() {
        let deadline = Deadline::after(Duration::from_secs(100), true);
        let endless = std::future::pending::<Result<(), DeadlineExceeded>>;
        let start = Instant::now();
        let planning = deadline.of_planning();
        assert_eq!(planning.of_half().call(endless()).await, Err(DeadlineExceeded));
        assert_eq!(start.elapsed().as_secs(), 27);
        assert!(planning.may_start_planning() && planning.may_start_work());
        // Of the 90 s for work 63 are left.
        assert_eq!(deadline.of_half().call(endless()).await, Err(DeadlineExceeded));
        assert_eq!(start.elapsed(), Duration::from_secs_f64(58.5));
        assert!(deadline.may_start_work());
        // Without an end there is no half.
        assert_eq!(Deadline::default().of_half().call(async { Ok::<_, DeadlineExceeded>(1) }).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_grows_with_the_rows_that_are_still_to_be_written() {
        let deadline = Deadline::after(Duration::from_secs(100), false);
        tokio::time::advance(Duration::from_secs(80)).await;
        deadline.of_planning().owe_rows(99_000);
        assert!(deadline.may_start_work());
        deadline.owe_rows(2_000);
        assert!(!deadline.may_start_work() && !deadline.may_start_planning());
        let start = Instant::now();
        let endless = std::future::pending::<Result<(), DeadlineExceeded>>();
        assert_eq!(deadline.call(endless).await, Err(DeadlineExceeded));
        assert_eq!(start.elapsed(), Duration::from_secs_f64(7.4));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_only_if_work_may_be_started_afterwards() {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(100), true);
        assert!(deadline.wait(Duration::from_secs(89)).await);
        assert!(!deadline.wait(Duration::from_secs(1)).await);
        assert_eq!(start.elapsed().as_secs(), 89);
        assert!(Deadline::default().wait(Duration::from_secs(1000)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_waiting_and_lets_a_call_end() {
        let (deadline, interrupt) = Deadline::default().interruptible();
        assert!(deadline.may_start_work() && deadline.wait(Duration::from_secs(1)).await);
        let start = Instant::now();
        let soon = async {
            sleep(Duration::from_secs(2)).await;
            interrupt.interrupt();
        };
        let (went_on, ()) = tokio::join!(deadline.wait(Duration::from_secs(100)), soon);
        assert_eq!((went_on, start.elapsed().as_secs()), (false, 2));
        assert!(!deadline.may_start_work() && !deadline.of_planning().may_start_planning());
        assert!(deadline.was_interrupted());
        assert_eq!(deadline.call(async { Ok::<_, DeadlineExceeded>(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn an_interrupt_waits_for_calls_that_write_and_for_none_that_only_reads() {
        let (deadline, interrupt) = Deadline::default().interruptible();
        let planning = deadline.of_planning();
        let reads = planning.call(std::future::pending::<Result<(), DeadlineExceeded>>());
        let writes = deadline.call(async {
            interrupt.interrupt();
            tokio::task::yield_now().await;
            Ok::<_, DeadlineExceeded>(())
        });
        assert_eq!(tokio::join!(reads, writes), (Err(DeadlineExceeded), Ok(())));
    }
}
