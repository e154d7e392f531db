//! The report, cut to what Lambda may answer.

use crate::report::Report;
use crate::report::decision::{Decision, Outcome};

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
