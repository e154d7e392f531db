//! The clock of a run.

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that was set once, when a run began, and goes on from there: a run is not disturbed when somebody sets the
/// machine's clock, and a test can run at any time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started_at: Timestamp,
    start: Instant,
}

impl Clock {
    /// A clock that shows this time now.
    pub fn start(now: Timestamp) -> Self {
        Self { started_at: now, start: Instant::now() }
    }

    /// The time when it was set.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.started_at.saturating_add(self.start.elapsed()).unwrap_or(self.started_at)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start(Timestamp::now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::testing::decisions::time;

    #[tokio::test(start_paused = true)]
    async fn goes_on_from_when_it_was_set() {
        let clock = Clock::start(time(0));
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!((clock.started_at(), clock.now()), (time(0), time(90)));
    }
}
