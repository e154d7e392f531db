//! Fault rules.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::iam::arn_matches;

/// A fault.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// HTTP 400 `ThrottlingException`.
    Throttle,
    /// HTTP 500 `ServerException`.
    ServerError,
    /// HTTP 503 `ServiceUnavailable`.
    Unavailable,
    /// HTTP 400 `AccessDeniedException`.
    AccessDenied,
    /// HTTP 400 `ExpiredTokenException`.
    ExpiredToken,
    /// HTTP 400 `InvalidSignatureException`, as for a caller whose clock is wrong.
    SignatureExpired,
    /// The connection closes without an answer; the operation is not done.
    Drop,
    /// Nothing happens for a time (milliseconds in JSON), then the connection closes; the operation is not done.
    Hang(#[serde(deserialize_with = "milliseconds")] Duration),
    /// Nothing happens until the server stops; the operation is not done.
    HangForever,
    /// The operation is done, then the connection closes without an answer.
    DropAfter,
    /// The operation is done; then nothing happens for a time, and the connection closes without an answer.
    HangAfter(#[serde(deserialize_with = "milliseconds")] Duration),
    /// The operation is done; half of the answer arrives, and the connection closes.
    Cut,
    /// The operation is done; the answer arrives in eight pieces, with such a pause before each.
    Trickle(#[serde(deserialize_with = "milliseconds")] Duration),
    /// HTTP 200 with a body that breaks off; the operation is not done.
    Garbage,
    /// `BatchGetImage` and `BatchDeleteImage` are done for every other id of the request (the first, the third, ...);
    /// each of the rest comes back as a failure with the code `KmsError`, and nothing happens to it. Other operations,
    /// and requests with one id, are not changed.
    Partial,
    /// `BatchGetImage` and `BatchDeleteImage` are done for all ids, but the answer is silent about every other image
    /// that it worked for (the second, the fourth, ...): that one is neither among the images nor among the failures.
    /// Other operations, and answers about one image, are not changed.
    Silent,
    /// A page of a listing whose `nextToken` leads back to the first page. An only page is not changed.
    FirstPage,
    /// The operation is done, and the answer is `{}`.
    Empty,
    /// A page of a listing whose `nextToken`, if it has one, will be refused.
    BadToken,
}

/// Which of the matching calls are hit. A call is an HTTP request: a client's second attempt is another one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Each one.
    #[default]
    Always,
    /// Only the k-th (from 1).
    Nth(u64),
    /// The k-th and all later ones.
    From(u64),
    /// Each k-th.
    Every(u64),
    /// This share (0 to 1), chosen pseudo-randomly from the seed: the same in each run.
    Share(f64),
}

/// A rule: a choice of calls, and the fault that hits them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FaultRule {
    /// The operation's name, or `*` for any.
    pub operation: String,
    /// Only calls about the repository with exactly this name, or about a resource whose ARN this is: `*` and `?` match
    /// any characters, so that `arn:aws:ecr:eu-west-1:*:repository/*` is a Region.
    #[serde(default)]
    pub repository: Option<String>,
    /// Which of the matching calls.
    #[serde(default)]
    pub when: When,
    /// The fault.
    pub fault: Fault,
}

impl FaultRule {
    pub(crate) fn matches(&self, operation: &str, repositories: &[String], resource: &str) -> bool {
        let is_about = |name: &String| {
            repositories.contains(name) || (name.starts_with("arn:") && arn_matches(name, resource))
        };
        (self.operation == "*" || self.operation == operation)
            && self.repository.as_ref().is_none_or(is_about)
    }
}

impl When {
    /// Whether the `k`-th matching call is hit. `seed` is the rule's own.
    pub(crate) fn hits(self, k: u64, seed: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(n) => k == n,
            Self::From(n) => k >= n,
            Self::Every(n) => n > 0 && k.is_multiple_of(n),
            Self::Share(share) => {
                // 53 random bits make a fraction of 1 that an f64 holds exactly.
                let fraction = (mix(seed ^ mix(k)) >> 11) as f64 / (1u64 << 53) as f64;
                fraction < share
            }
        }
    }
}

/// SplitMix64's finalizer: spreads each bit of the input over the output.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
