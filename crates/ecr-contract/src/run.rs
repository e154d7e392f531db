//! Running cases one after the other.

use tokio::task::JoinSet;

use crate::case::{Case, Finding, Mark, Verdict};
use crate::target::Target;

/// A case and what came of it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// What came of it.
    pub verdict: Verdict,
    /// The check itself is broken.
    pub panicked: bool,
}

impl Row {
    /// Is something wrong that the janitor builds on, or the suite itself?
    pub fn is_alarming(&self) -> bool {
        let refuted = matches!(self.verdict, Verdict::Refuted(_));
        self.panicked || (refuted && self.case.mark == Mark::Documented)
    }
}

/// Tries each case on the target. `before` hears of each.
pub async fn run(target: &Target, cases: &[Case], mut before: impl FnMut(&Case)) -> Vec<Row> {
    let mut rows = Vec::with_capacity(cases.len());
    for case in cases {
        before(case);
        let row = one(target, case).await;
        if row.panicked {
            // It may have left the repository with immutable tags; if this fails, the next cases will tell.
            let _ = target.make_mutable().await;
        }
        rows.push(row);
    }
    rows
}

async fn one(target: &Target, case: &Case) -> Row {
    // In a task of its own, so that a panic ends only the case; the set takes it along when the run is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn((case.check)(target.for_case(case.id)));
    let (verdict, panicked) = match tasks.join_next().await {
        Some(Ok(finding)) => (verdict(finding), false),
        Some(Err(panic)) => (Verdict::NotTestable(format!("the case is broken: {panic}")), true),
        None => (Verdict::NotTestable("the case did not run".to_owned()), true),
    };
    Row { case: *case, verdict, panicked }
}

fn verdict(finding: Finding) -> Verdict {
    finding.unwrap_or_else(|trouble| Verdict::NotTestable(format!("no answer to the question: {trouble}")))
}
