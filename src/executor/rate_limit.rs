//! The rate limit on PutImage.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// ECR allows ten PutImage a second in a region, shared with everybody who pushes there: the janitor takes fewer than
/// half of them.
const GAP: Duration = Duration::from_millis(220);

/// Lets one PutImage of a run through at a time, with a gap.
#[derive(Debug)]
pub struct RateLimiter(Mutex<Interval>);

impl Default for RateLimiter {
    fn default() -> Self {
        let mut ticks = interval(GAP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Mutex::new(ticks))
    }
}

impl RateLimiter {
    /// Waits for the next turn.
    pub async fn acquire(&self) {
        self.0.lock().await.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_than_five_in_any_second() {
        let rate_limiter = RateLimiter::default();
        let mut turns = Vec::new();
        for _ in 0..20 {
            rate_limiter.acquire().await;
            turns.push(Instant::now());
        }
        for window in turns.windows(6) {
            assert!(window[5] - window[0] > Duration::from_secs(1));
        }
    }
}
