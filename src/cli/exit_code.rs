//! The exit codes of the command line: an interface for scripts.

use crate::config::Mode;
use crate::report::Report;

/// How a command ended. Of several that apply, the first in this order holds: 2, 1, 4, 3, 10, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything was done, or there was nothing to do.
    Done = 0,
    /// Nothing could be done: no credentials, no registry, a permission missing that everything needs.
    NothingDone = 1,
    /// Usage, bad configuration, a plan file that is refused, no consent.
    Usage = 2,
    /// A repository or an image failed.
    Failures = 3,
    /// A limit stopped an apply.
    LimitReached = 4,
    /// Changes are pending: only with `plan --exit-code`.
    ChangesPending = 10,
}

impl ExitCode {
    /// The code of a run that produced a report.
    pub fn of(report: &Report, tells_changes: bool) -> Self {
        let counts = &report.totals.counts;
        if report.mode == Mode::Apply && report.hit_a_limit() {
            Self::LimitReached
        } else if report.has_failures() {
            Self::Failures
        } else if tells_changes && counts.planned + counts.limit_reached > 0 {
            Self::ChangesPending
        } else {
            Self::Done
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
