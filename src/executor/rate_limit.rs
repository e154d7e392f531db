//! The pace of PutImage.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// ECR allows ten PutImage a second in a region, shared with everybody who pushes there: the janitor takes fewer than
/// half of them.
const GAP: Duration = Duration::from_millis(220);

/// Lets one PutImage of a run through at a time, with a gap.
#[derive(Debug)]
pub struct Pace(Mutex<Instant>);

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pace {
    /// Waits for the next turn.
    pub async fn turn(&self) {
        let mut next = self.0.lock().await;
        sleep_until(*next).await;
        *next = Instant::now() + GAP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_than_five_in_any_second() {
        let pace = Pace::default();
        let mut turns = Vec::new();
        for _ in 0..20 {
            pace.turn().await;
            turns.push(Instant::now());
        }
        for window in turns.windows(6) {
            assert!(window[5] - window[0] > Duration::from_secs(1));
        }
    }
}
