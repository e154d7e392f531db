use std::time::{Duration, Instant};

use crate::case::{Case, Finding, Verdict, check, judge};
use crate::request::by_digest;
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "never-pulled-has-no-pull-time",
        "An image that was never pulled has no `lastRecordedPullTime`.",
        "A pull time that is there can only keep images.",
        check!(never),
    ),
    Case::unverified(
        "reading-counts-as-a-pull",
        "BatchGetImage counts as a pull.",
        "Then `recently-pulled` keeps what the janitor read itself: safe. See the README for the exclusion.",
        check!(read),
    ),
];

async fn never(target: Target) -> Finding {
    let image = target.image("image").await?;
    let time = target.detail(&image).await?.last_recorded_pull_time;
    judge(time.is_none(), format!("{time:?}"))
}

async fn read(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.get(vec![by_digest(&image.digest)]).await?;
    let started = Instant::now();
    loop {
        if let Some(time) = target.detail(&image).await?.last_recorded_pull_time {
            return Ok(Verdict::Confirmed(format!("after {} s: {time:?}", started.elapsed().as_secs())));
        }
        if started.elapsed() >= target.patience {
            let waited = target.patience.as_secs();
            let seen =
                format!("no pull was recorded within {waited} s; ECR promises it within 24 h (--wait)");
            return Ok(Verdict::NotTestable(seen));
        }
        tokio::time::sleep(Duration::from_secs(10).min(target.patience)).await;
    }
}
