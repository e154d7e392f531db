//! Reads of the janitor's own, which ECR records as pulls.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// ECR refreshes `lastRecordedPullTime` at least once in 24 hours, so that a read may be recorded that much later.
const RECORDED_WITHIN: u32 = 24 * 60 * 60;
/// The most reads kept of one image; the oldest are forgotten, and then count as pulls by others.
const MOST_READS: usize = 16;

/// The janitor's reads of one image, and the last pull that was not one of them.
///
/// A pull time of up to 24 hours after a read is that read. A pull by somebody else within these hours is not told
/// from it; it counts again with the next pull after them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct OwnReads {
    /// The last pull that ECR recorded before the first of these reads.
    pulled_before: Option<Moment>,
    at: BTreeSet<Moment>,
}

impl OwnReads {
    /// Takes note of a read at this time, and of the pull time that ECR's listing had before it.
    pub(super) fn add(&mut self, read_at: Timestamp, listed: Option<Timestamp>) {
        if let Some(listed) = listed.filter(|listed| !self.explain(*listed)) {
            self.pulled_before = self.pulled_before.max(Some(Moment::ceil(listed)));
            // Pull times only grow: no read from before this pull can explain a later one.
            self.at.retain(|read| read.plus(RECORDED_WITHIN).timestamp() >= listed);
        }
        self.at.insert(Moment::floor(read_at));
        self.forget_oldest();
    }

    /// Whether a pull time is one of these reads.
    pub(super) fn explain(&self, pulled: Timestamp) -> bool {
        let is_after =
            |read: &Moment| read.timestamp() <= pulled && pulled <= read.plus(RECORDED_WITHIN).timestamp();
        self.at.iter().any(is_after)
    }

    /// The last pull by others, where ECR's listing has this pull time.
    pub(super) fn pulled_by_others(&self, listed: Option<Timestamp>) -> Option<Timestamp> {
        let before = self.pulled_before.map(Moment::timestamp);
        before.max(listed.filter(|pulled| !self.explain(*pulled)))
    }

    /// Both runs' reads: each was a real one.
    pub(super) fn merge(&mut self, other: &Self) {
        self.pulled_before = self.pulled_before.max(other.pulled_before);
        self.at.extend(&other.at);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.at.len() > MOST_READS {
            self.at.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_second((1_000_000 + hours) * HOUR).unwrap()
    }

    fn read(reads: &[(i64, Option<i64>)]) -> OwnReads {
        let mut own = OwnReads::default();
        reads.iter().for_each(|(at, listed)| own.add(hour(*at), listed.map(hour)));
        own
    }

    #[test]
    fn a_pull_up_to_a_day_after_a_read_is_that_read() {
        let own = read(&[(100, Some(7))]);
        for (listed, told) in [(100, 7), (101, 7), (124, 7), (125, 125), (99, 99), (7, 7), (3, 7)] {
            assert_eq!(own.pulled_by_others(Some(hour(listed))), Some(hour(told)), "{listed}");
        }
        assert_eq!(own.pulled_by_others(None), Some(hour(7)), "ECR knew of it once");
        assert_eq!(read(&[(100, None)]).pulled_by_others(Some(hour(100))), None);
    }

    #[test]
    fn reads_night_after_night_do_not_add_up_to_a_pull() {
        let mut own = OwnReads::default();
        let mut listed = Some(hour(7));
        for night in 0..100 {
            assert_eq!(own.pulled_by_others(listed), Some(hour(7)), "{night}");
            let now = 1_000 + 20 * night;
            own.add(hour(now), listed);
            // ECR records some of them, late.
            if night % 3 == 0 {
                listed = Some(hour(now + 11));
            }
        }
        assert!(own.at.len() <= MOST_READS);
    }

    #[test]
    fn a_pull_by_others_between_two_reads_counts_for_good() {
        let own = read(&[(100, None), (200, Some(150))]);
        for listed in [150, 200, 210] {
            assert_eq!(own.pulled_by_others(Some(hour(listed))), Some(hour(150)));
        }
        assert_eq!(own.pulled_by_others(Some(hour(230))), Some(hour(230)));
    }

    #[test]
    fn what_was_forgotten_counts_as_a_pull() {
        let reads: Vec<_> = (0..=MOST_READS as i64).map(|nth| (100 * nth, None)).collect();
        let own = read(&reads);
        assert_eq!(own.pulled_by_others(Some(hour(0))), Some(hour(0)));
        assert_eq!(own.pulled_by_others(Some(hour(100))), None);
    }

    #[test]
    fn two_runs_reads_are_both_known_after_a_merge() {
        let (mut one, two) = (read(&[(100, Some(7))]), read(&[(200, Some(9))]));
        one.merge(&two);
        assert_eq!(one.pulled_by_others(Some(hour(105))), Some(hour(9)));
        assert_eq!(one.pulled_by_others(Some(hour(205))), Some(hour(9)));
    }
}
