//! A registry with a limit on calls a second, and what the controller makes of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout_at};

use super::CallsInFlight;

/// A token bucket, as ECR has one for each operation.
struct Ecr {
    a_second: f64,
    latency: Duration,
    bucket: Mutex<(f64, Instant)>,
    accepted: AtomicU64,
    throttled: AtomicU64,
}

impl Ecr {
    fn new(a_second: f64, latency_ms: u64) -> Self {
        Self {
            a_second,
            latency: Duration::from_millis(latency_ms),
            bucket: Mutex::new((a_second, Instant::now())),
            accepted: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
        }
    }

    /// Whether a call was accepted.
    async fn call(&self) -> bool {
        let is_accepted = {
            let mut bucket = self.bucket.lock().unwrap();
            let now = Instant::now();
            let filled = bucket.0 + (now - bucket.1).as_secs_f64() * self.a_second;
            let is_accepted = filled >= 1.0;
            *bucket = (filled.min(self.a_second) - f64::from(u8::from(is_accepted)), now);
            is_accepted
        };
        sleep(if is_accepted { self.latency } else { Duration::from_millis(10) }).await;
        let counter = if is_accepted { &self.accepted } else { &self.throttled };
        counter.fetch_add(1, Ordering::Relaxed);
        is_accepted
    }
}

/// One call with the SDK's retries, which know nothing of the controller but tell it of each attempt.
async fn call(ecr: &Ecr, calls: &CallsInFlight) {
    let _turn = calls.turn("DescribeImages").await;
    for attempt in 0.. {
        let sent = Instant::now();
        let is_accepted = ecr.call().await;
        calls.note("DescribeImages", !is_accepted, sent.elapsed());
        if is_accepted {
            return;
        }
        sleep(Duration::from_secs_f64(fastrand::f64() * f64::from(1 << attempt.min(4)))).await;
    }
}

/// The share of the allowed rate that was used in two minutes of calls without end, and the share that was throttled.
async fn shares(a_second: f64, latency_ms: u64) -> (f64, f64) {
    const SECONDS: f64 = 120.0;
    let ecr = &Ecr::new(a_second, latency_ms);
    let calls = &CallsInFlight::default();
    let end = Instant::now() + Duration::from_secs_f64(SECONDS);
    let worker = || async move { while timeout_at(end, call(ecr, calls)).await.is_ok() {} };
    join_all((0..60).map(|_| worker())).await;
    let (accepted, throttled) =
        (ecr.accepted.load(Ordering::Relaxed) as f64, ecr.throttled.load(Ordering::Relaxed) as f64);
    (accepted / (SECONDS * a_second), throttled / (accepted + throttled))
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_calls_a_second_is_used_and_seldom_hit() {
    fastrand::seed(1);
    for (rates, least_used, most_throttled) in [(vec![10.0, 20.0, 50.0], 0.9, 0.03), (vec![5.0], 0.75, 0.08)]
    {
        for a_second in rates {
            for latency_ms in [40, 150] {
                let (used, throttled) = shares(a_second, latency_ms).await;
                let told =
                    format!("{a_second} a second, {latency_ms} ms: {used:.3} used, {throttled:.4} throttled");
                println!("{told}");
                assert!(used > least_used && throttled < most_throttled, "{told}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_throttled_the_ceiling_is_used() {
    // 60 in flight at 200 ms are 300 a second.
    let (used, throttled) = shares(300.0, 200).await;
    assert!(used > 0.9 && throttled == 0.0, "{used:.3} {throttled:.4}");
}
