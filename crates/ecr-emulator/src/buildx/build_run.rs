//! One run of a build, as its statements tell it.

use jiff::Timestamp;

use super::oci::{Descriptor, Platform};
use super::provenance::Provenance;
use crate::fault::mix;

/// Start of run 0, where the provenance has no time: 1 January 2026.
const FIRST_RUN_MS: i64 = 1_767_225_600_000;
const RUN_MS: i64 = 42_000;

/// The build of a platform image, as its statements tell it.
#[derive(Clone, Copy)]
pub(super) struct BuildRun<'a> {
    pub(super) provenance: &'a Provenance,
    pub(super) repository: &'a str,
    pub(super) platform: &'a Platform,
    /// The platform image's digest.
    pub(super) digest: &'a str,
    pub(super) layers: &'a [Descriptor],
    /// The build's run, by which its statements differ from the next one's.
    pub(super) run: u64,
}

impl BuildRun<'_> {
    /// Start and end, in RFC 3339.
    pub(super) fn built_at(&self) -> (String, String) {
        let started = FIRST_RUN_MS.saturating_add(i64::try_from(self.run).unwrap_or(0).saturating_mul(1_000));
        let (started, finished) =
            self.provenance.built_at_ms.unwrap_or((started, started.saturating_add(RUN_MS)));
        let text = |ms| Timestamp::from_millisecond(ms).unwrap_or_default().to_string();
        (text(started), text(finished))
    }

    /// 25 characters, as BuildKit's identifiers have.
    pub(super) fn invocation_id(&self) -> String {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut rest = u128::from(mix(self.run)) << 64 | u128::from(mix(!self.run));
        let mut id = String::with_capacity(25);
        for _ in 0..25 {
            // The remainder is below 36.
            id.push(char::from(DIGITS[(rest % 36) as usize]));
            rest /= 36;
        }
        id
    }
}
