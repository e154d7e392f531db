//! Rate limits: a token bucket for each operation, by the machine's clock.

use std::collections::HashMap;
use std::time::Instant;

/// The buckets, by operation.
#[derive(Default)]
pub(crate) struct RateLimits(HashMap<String, TokenBucket>);

impl RateLimits {
    /// Sets the rate of an operation; `*` is every operation without one of its own.
    pub(crate) fn set(&mut self, operation: &str, per_second: f64, burst: f64) {
        self.insert(operation, TokenBucket::new(per_second, burst, Instant::now()));
    }

    fn insert(&mut self, operation: &str, bucket: TokenBucket) {
        self.0.insert(operation.to_owned(), bucket);
    }

    /// Takes a token for a call; false when there is none.
    pub(crate) fn take(&mut self, operation: &str, now: Instant) -> bool {
        let key = if self.0.contains_key(operation) { operation } else { "*" };
        self.0.get_mut(key).is_none_or(|bucket| bucket.take(now))
    }
}

struct TokenBucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    /// When the tokens were counted.
    at: Instant,
}

impl TokenBucket {
    fn new(per_second: f64, burst: f64, at: Instant) -> Self {
        // `max` also makes a zero of what is no number.
        let burst = burst.max(0.0);
        Self { per_second: per_second.max(0.0), burst, tokens: burst, at }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = self.at.max(now);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{RateLimits, TokenBucket};

    #[test]
    fn a_bucket_empties_and_fills() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10.0, 3.0, start);
        let mut taken = |milliseconds: u64, calls: usize| {
            let now = start + Duration::from_millis(milliseconds);
            (0..calls).filter(|_| bucket.take(now)).count()
        };
        assert_eq!(taken(0, 5), 3);
        assert_eq!(taken(50, 5), 0);
        assert_eq!(taken(130, 5), 1);
        // Never more than the burst.
        assert_eq!(taken(60_000, 5), 3);
    }

    #[test]
    fn the_rest_share_a_bucket() {
        let now = Instant::now();
        let mut rates = RateLimits::default();
        assert!(rates.take("A", now));
        rates.insert("A", TokenBucket::new(1.0, 2.0, now));
        rates.insert("*", TokenBucket::new(1.0, 1.0, now));
        assert_eq!([rates.take("A", now), rates.take("A", now), rates.take("A", now)], [true, true, false]);
        assert_eq!([rates.take("B", now), rates.take("C", now)], [true, false]);
    }

    #[test]
    fn nonsense_lets_nothing_through() {
        let now = Instant::now();
        for (per_second, burst) in [(f64::NAN, f64::NAN), (-1.0, -1.0), (1.0, 0.5)] {
            assert!(!TokenBucket::new(per_second, burst, now).take(now + Duration::from_secs(9)));
        }
    }
}
