//! Simulated time, in Unix milliseconds.

/// A moment.
pub(crate) type Ms = i64;

pub(crate) const HOUR: Ms = 3_600_000;
pub(crate) const DAY: Ms = 24 * HOUR;

/// Midnight of day 0, whose night is the janitor's first: 2 June 2025.
const DAY_ZERO: Ms = 1_748_822_400_000;

/// An hour of a day; hours from 24 on are those of the night after it.
pub(crate) fn at(day: i64, hour: i64) -> Ms {
    DAY_ZERO + day * DAY + hour * HOUR
}

/// When the janitor runs after a day.
pub(crate) fn night_of(day: i64) -> Ms {
    at(day, 27)
}
