//! The wait between two attempts at one write: exponential, with jitter, as the SDK waits before it reads again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(20);

/// The time to wait after this attempt, counted from 1.
pub fn after(attempt: u32) -> Duration {
    longest_after(attempt).mul_f64(fastrand::f64())
}

fn longest_after(attempt: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound_and_vary() {
        let longest: Vec<u128> = (1..=9).map(|attempt| longest_after(attempt).as_millis()).collect();
        assert_eq!(longest, [250, 500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
        assert_eq!(longest_after(u32::MAX), LONGEST);
        for attempt in [1, 4, 40] {
            let waits: Vec<Duration> = (0..100).map(|_| after(attempt)).collect();
            assert!(waits.iter().all(|wait| *wait <= longest_after(attempt)));
            assert!(waits.iter().any(|wait| *wait != waits[0]), "they vary");
        }
    }
}
