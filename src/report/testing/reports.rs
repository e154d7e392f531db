//! Reports of whole runs, for tests of printers and exit codes.

use std::collections::BTreeMap;

use super::decisions::{With as _, attestation, repository, time};
use crate::config::{Config, Mode};
use crate::report::outcome::OutcomeName::{self, *};
use crate::report::{ApiUsage, Report, RepositoryReport, RunFrame, RunIdentity};

/// All outcomes.
pub(crate) const OUTCOMES: [OutcomeName; 11] = [
    Planned,
    Deleted,
    Tagged,
    Kept,
    AlreadyGone,
    ProtectedByEcr,
    HeldBack,
    ChangedSincePlan,
    LimitReached,
    Deadline,
    Failed,
];

/// A run under the built-in defaults.
pub(crate) fn run() -> RunIdentity {
    let account = Some("123456789012".to_owned());
    RunIdentity::new(&Config::default(), "eu-central-1", time(0), "test").in_account(account)
}

/// The report of a run over these repositories.
pub(crate) fn report(mode: Mode, repositories: Vec<RepositoryReport>) -> Report {
    let usage = ApiUsage { calls: BTreeMap::from([("DescribeImages".into(), 3)]), throttles: 0 };
    let frame = RunFrame::new(run(), mode, time(60), usage);
    Report::new(frame, repositories)
}

/// The report of a run over one attestation with this outcome.
pub(crate) fn one(mode: Mode, outcome: OutcomeName) -> Report {
    report(mode, vec![repository("r", 1, vec![attestation("a").came_out(outcome)])])
}
