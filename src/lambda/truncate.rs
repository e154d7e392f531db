//! The report, cut to what Lambda may answer.

use crate::report::Report;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName as Outcome;

/// Lambda answers at most 6 MB; the rest of the envelope and the escaping of the text need room.
pub const MAX_ANSWER_BYTES: usize = 5_000_000;

/// Room for `"decisions_truncated":` and a number.
const COUNT_BYTES: usize = 48;

/// Keeps what was or would be changed and what failed, while there is room; counts what had to go.
/// Totals and counts stay whole, and the log has every decision.
pub fn cut(mut report: Report, max_bytes: usize) -> Report {
    let repositories = std::mem::take(&mut report.repositories);
    let mut room = max_bytes.saturating_sub(size(&report)).saturating_sub(COUNT_BYTES);
    for mut repository in repositories {
        let decisions = std::mem::take(&mut repository.decisions);
        report.decisions_truncated += repository.kept_counts.values().sum::<u64>();
        let fits = take_room(&mut room, &repository);
        for decision in decisions {
            if fits && matters(&decision) && take_room(&mut room, &decision) {
                repository.decisions.push(decision);
            } else {
                report.decisions_truncated += 1;
            }
        }
        if fits {
            report.repositories.push(repository);
        } else {
            report.decisions_truncated += 1;
        }
    }
    report
}

/// Takes the bytes of a value and the comma after it, if there is room for them.
fn take_room(room: &mut usize, value: &impl serde::Serialize) -> bool {
    let left = room.checked_sub(size(value).saturating_add(1));
    *room = left.unwrap_or(*room);
    left.is_some()
}

fn matters(decision: &Decision) -> bool {
    decision.outcome != Outcome::Kept
}

fn size(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;
    use crate::report::outcome::OutcomeName::*;
    use crate::testing::decisions::{With, attestations, repository};
    use crate::testing::reports::{OUTCOMES, one, report};

    /// Two repositories, each with attestations that are kept, then as many that are deleted.
    fn big(decisions: usize) -> Report {
        let part = |name: &str| {
            let mut kept: Vec<Decision> = attestations(decisions).into_iter().map(With::kept).collect();
            kept.extend(attestations(decisions).into_iter().map(|it| it.came_out(Deleted)));
            repository(name, 1000, kept)
        };
        report(Mode::Apply, vec![part("a"), part("b")])
    }

    fn listed(report: &Report) -> usize {
        report.repositories.iter().map(|repository| repository.decisions.len()).sum()
    }

    #[test]
    fn a_cut_report_is_never_larger_than_asked_for() {
        for limit in [3_000, 5_000, 10_000, 20_000, 50_000] {
            let cut = cut(big(50), limit);
            assert!(size(&cut) <= limit, "{} bytes instead of {limit}", size(&cut));
        }
    }

    #[test]
    fn many_small_repositories_are_cut_too() {
        let alone = |number: usize| repository(&format!("r{number:04}"), 1, vec![]);
        let cut = cut(report(Mode::Plan, (0..1000).map(alone).collect()), 100_000);
        assert!(size(&cut) <= 100_000, "{} bytes instead of 100000", size(&cut));
        assert_eq!(cut.repositories.len() as u64 + cut.decisions_truncated, 1000);
        assert!(cut.repositories.len() > 100, "only {} are left", cut.repositories.len());
    }

    #[test]
    fn what_was_changed_or_failed_stays_and_what_was_kept_goes_first() {
        let roomy = cut(big(50), 1_000_000);
        assert_eq!((listed(&roomy), roomy.decisions_truncated), (100, 100));
        let kept = |report: &Report| {
            report.repositories.iter().flat_map(|it| &it.decisions).filter(|it| it.outcome == Kept).count()
        };
        for limit in [10_000, 20_000, 1_000_000] {
            assert_eq!(kept(&cut(big(50), limit)), 0);
        }
    }

    #[test]
    fn only_kept_decisions_are_left_out_when_there_is_room() {
        for outcome in OUTCOMES {
            let cut = cut(one(Mode::Apply, outcome), 1_000_000);
            assert_eq!(listed(&cut), usize::from(outcome != Kept), "{outcome:?}");
        }
    }

    #[test]
    fn what_was_cut_is_counted_and_the_counts_stay_whole() {
        for limit in [5_000, 20_000, 50_000, 1_000_000] {
            let cut = cut(big(50), limit);
            let cut_repositories = 2 - cut.repositories.len();
            assert_eq!(cut.decisions_truncated as usize, 200 - listed(&cut) + cut_repositories, "{limit}");
            assert_eq!(cut.totals, big(50).totals);
            for repository in cut.repositories {
                assert_eq!((repository.counts.deleted, repository.counts.kept), (50, 50));
            }
        }
    }

    #[test]
    fn a_smaller_limit_never_leaves_more() {
        let left: Vec<usize> = (5..60).map(|thousands| listed(&cut(big(50), 1000 * thousands))).collect();
        assert!(left.is_sorted() && left[0] < left[54]);
    }

    #[test]
    fn nothing_is_said_of_a_cut_that_did_not_happen() {
        let text = serde_json::to_value(cut(one(Mode::Apply, Deleted), 1_000_000)).unwrap();
        assert!(text.get("decisions_truncated").is_none());
    }
}
