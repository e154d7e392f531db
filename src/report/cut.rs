//! The report, cut to what Lambda may answer.

use super::Report;
use crate::decision::{Decision, Outcome};

/// Lambda answers at most 6 MB; the rest of the envelope and the escaping of the text need room.
pub const MAX_ANSWER_BYTES: usize = 5_000_000;

/// Keeps what was or would be changed and what failed, while there is room; counts what had to go.
/// Totals and counts stay whole, and the log has every decision.
pub fn cut(mut report: Report, max_bytes: usize) -> Report {
    let mut room = max_bytes;
    let mut cut = 0;
    for repository in &mut report.repositories {
        repository.decisions.retain(|decision| {
            matters(decision) || {
                cut += 1;
                false
            }
        });
    }
    report.repositories.retain_mut(|repository| {
        let decisions = std::mem::take(&mut repository.decisions);
        let alone = size(repository);
        if alone > room {
            cut += decisions.len() as u64 + 1;
            return false;
        }
        room -= alone;
        for decision in decisions {
            let size = size(&decision) + 1;
            if size <= room {
                room -= size;
                repository.decisions.push(decision);
            } else {
                cut += 1;
            }
        }
        true
    });
    report.decisions_truncated = cut;
    report
}

fn matters(decision: &Decision) -> bool {
    decision.outcome != Outcome::Kept
}

fn size(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}
