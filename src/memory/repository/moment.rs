//! Times to the second, in four bytes.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time to the second, from 1970 to 2106; what lies outside is the nearest of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Moment(NonZeroU32);

impl Moment {
    /// The second in which this time lies.
    pub(super) fn floor(time: Timestamp) -> Self {
        Self::at(time.as_second())
    }

    /// The first second that is not before this time.
    pub(super) fn ceil(time: Timestamp) -> Self {
        Self::at(time.as_second().saturating_add(i64::from(time.subsec_nanosecond() > 0)))
    }

    fn at(second: i64) -> Self {
        let second = u32::try_from(second.max(1)).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(second).unwrap_or(NonZeroU32::MIN))
    }

    /// The time itself.
    pub(super) fn timestamp(self) -> Timestamp {
        // Every u32 is a time that a timestamp can hold.
        Timestamp::from_second(i64::from(self.0.get())).unwrap_or(Timestamp::MAX)
    }

    /// So many seconds later.
    pub(super) fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_two_seconds_has_a_floor_and_a_ceiling() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        assert_eq!(Moment::floor(at(7_900)).timestamp(), at(7_000));
        assert_eq!(Moment::ceil(at(7_100)).timestamp(), at(8_000));
        assert_eq!(Moment::ceil(at(7_000)).timestamp(), at(7_000));
        assert!(Moment::floor(Timestamp::MIN) < Moment::floor(at(9_000)));
        assert_eq!(Moment::floor(Timestamp::MAX), Moment::floor(Timestamp::MAX).plus(9));
    }
}
