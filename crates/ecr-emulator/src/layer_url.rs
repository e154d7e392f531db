//! Signed URLs at which layers are downloaded, in the form of S3's presigned ones.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::digest;
use crate::settings::Settings;

const DATE: &str = "%Y%m%dT%H%M%SZ";

/// The secret that signs download URLs. A fork has the same.
#[derive(Clone)]
pub(crate) struct UrlKey(String);

impl UrlKey {
    pub(crate) fn random() -> Self {
        let [a, b] = [0, 1].map(|half: u8| RandomState::new().hash_one(half));
        Self(format!("{a:016x}{b:016x}"))
    }

    fn signature(&self, text: &str) -> String {
        digest::sha256(format!("{} {text}", self.0).as_bytes()).split_off("sha256:".len())
    }
}

/// A layer of a repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) registry: Settings,
    pub(crate) repository: String,
    pub(crate) digest: String,
}

/// The reasons to refuse a URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Forged,
    Expired,
}

impl Layer {
    /// Path and query of a URL that is good from now on for this long.
    pub(crate) fn sign(&self, key: &UrlKey, now_ms: i64, seconds: u64) -> String {
        let date = Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime(DATE);
        let Settings { account, region } = &self.registry;
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={account}%2F{region}&X-Amz-Date={date}\
             &X-Amz-Expires={seconds}"
        );
        let path = format!("/layers/{}/{}", self.digest, self.repository);
        let signature = key.signature(&format!("{path}?{query}"));
        format!("{path}?{query}&X-Amz-Signature={signature}")
    }

    /// The layer of a URL that this key signed and that is still good.
    pub(crate) fn verify(
        key: &UrlKey,
        now_ms: i64,
        (repository, digest): (&str, &str),
        query: &str,
    ) -> Result<Self, Refusal> {
        let (signed, signature) = query.rsplit_once("&X-Amz-Signature=").ok_or(Refusal::Forged)?;
        if signature != key.signature(&format!("/layers/{digest}/{repository}?{signed}")) {
            return Err(Refusal::Forged);
        }
        let parameter = |name: &str| {
            let mut pairs = signed.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let registry = parameter("X-Amz-Credential").and_then(|credential| credential.split_once("%2F"));
        let (account, region) = registry.ok_or(Refusal::Forged)?;
        let end = expiry(parameter("X-Amz-Date"), parameter("X-Amz-Expires")).ok_or(Refusal::Forged)?;
        if now_ms >= end {
            return Err(Refusal::Expired);
        }
        let registry = Settings { account: account.to_owned(), region: region.to_owned() };
        Ok(Self { registry, repository: repository.to_owned(), digest: digest.to_owned() })
    }
}

/// In Unix milliseconds.
fn expiry(date: Option<&str>, seconds: Option<&str>) -> Option<i64> {
    let date = TimeZone::UTC.to_timestamp(DateTime::strptime(DATE, date?).ok()?).ok()?;
    let seconds: i64 = seconds?.parse().ok()?;
    Some(date.as_millisecond().saturating_add(seconds.saturating_mul(1_000)))
}
