//! Runs cases one after the other.

use tokio::task::JoinSet;

use crate::case::{Case, Finding, Verdict};
use crate::target::Target;

/// A case and its result.
#[derive(Debug, Clone)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// Its result.
    pub verdict: Verdict,
    /// Whether the check itself panicked.
    pub panicked: bool,
}

impl Row {
    /// Whether a known fact was refuted or the suite itself is broken.
    pub fn is_alarming(&self) -> bool {
        let refuted = matches!(self.verdict, Verdict::Refuted(_));
        self.panicked || (refuted && self.case.evidence.is_known())
    }
}

/// Checks each case on the target; `before` is called ahead of each.
pub async fn run(target: &Target, cases: &[Case], mut before: impl FnMut(&Case)) -> Vec<Row> {
    let mut rows = Vec::with_capacity(cases.len());
    for case in cases {
        before(case);
        let row = one(target, case).await;
        if row.panicked {
            // It may have left the repository with immutable tags. If this fails, the next cases show it.
            let _ = target.make_mutable().await;
        }
        rows.push(row);
    }
    rows
}

async fn one(target: &Target, case: &Case) -> Row {
    // A task of its own confines a panic to the case; dropping the set aborts it with the run.
    let mut tasks = JoinSet::new();
    tasks.spawn((case.check)(target.for_case(case.id)));
    let (verdict, panicked) = match tasks.join_next().await {
        Some(Ok(finding)) => (verdict(finding), false),
        Some(Err(panic)) => (Verdict::NotTestable(format!("the check panicked: {panic}")), true),
        None => (Verdict::NotTestable("the case did not run".to_owned()), true),
    };
    Row { case: *case, verdict, panicked }
}

fn verdict(finding: Finding) -> Verdict {
    finding.unwrap_or_else(|error| Verdict::NotTestable(format!("no conclusive answer: {error}")))
}
