use std::time::Instant;

use super::sources;
use crate::case::{Case, Finding, check, judge, judge_if_seen, not_testable};
use crate::evidence::{Evidence, Source};
use crate::request::by_digest;
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "never-pulled-has-no-pull-time",
        claim: "An image that was never pulled has no `lastRecordedPullTime`.",
        evidence: Evidence::Documented(&[sources::LIFECYCLE_POLICIES]),
        safeguard: "A pull time can only be a reason to keep an image.",
        check: check!(never),
    },
    Case {
        id: "reading-counts-as-a-pull",
        claim: "BatchGetImage counts as a pull.",
        evidence: Evidence::Confirmed(&[
            Source::output("aws/containers-roadmap#2390"),
            Source::guide("pull-time update exclusions", "pull-time-update-exclusions"),
        ]),
        safeguard: "A pull time can only be a reason to keep an image. The README shows how to exclude the janitor's \
            role.",
        check: check!(read),
    },
    Case {
        id: "pull-time-is-recorded-late",
        claim: "A pull may be recorded in `lastRecordedPullTime` only some time later, after up to 24 hours.",
        evidence: Evidence::Documented(&[Source::api("ImageDetail")]),
        safeguard: "A pull time can only be a reason to keep an image, and the policy for pulls works with days.",
        check: check!(late),
    },
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
            return judge(true, format!("after {} s: {time:?}", started.elapsed().as_secs()));
        }
        if !target.wait_further(started).await {
            let waited = started.elapsed().as_secs();
            return not_testable(format!(
                "no pull was recorded within {waited} s; ECR may take 24 h (--wait)"
            ));
        }
    }
}

async fn late(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.get(vec![by_digest(&image.digest)]).await?;
    let time = target.detail(&image).await?.last_recorded_pull_time;
    judge_if_seen(time.is_none(), format!("right after a read: {time:?}"))
}
