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
    /// A breaker stopped an apply.
    LimitReached = 4,
    /// Changes are pending: only with `plan --exit-code`.
    ChangesPending = 10,
}

impl ExitCode {
    /// The code of a run that produced a report.
    pub fn of(report: &Report, tells_changes: bool) -> Self {
        let counts = &report.totals.counts;
        if report.mode == Mode::Apply && report.hit_a_breaker() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RepositoryReason;
    use crate::report::RepositoryReport;
    use crate::report::outcome::OutcomeName::*;
    use crate::testing::decisions::{With as _, attestation, repository};
    use crate::testing::reports::{OUTCOMES, one, report};

    #[test]
    fn a_repository_that_failed_is_a_failure_and_one_skipped_on_purpose_is_not() {
        use RepositoryReason as Reason;
        let code = |reason| {
            let skipped = RepositoryReport::skipped("r".into(), reason, None);
            ExitCode::of(&report(Mode::Apply, vec![skipped]), true)
        };
        for reason in
            [Reason::AccessDenied, Reason::IndexUnreadable, Reason::ListingIncomplete, Reason::Deadline]
        {
            assert_eq!(code(reason), ExitCode::Failures, "{reason:?}");
        }
        for reason in
            [Reason::NotSelected, Reason::NotOptedIn, Reason::PullThroughCache, Reason::RepositoryGone]
        {
            assert_eq!(code(reason), ExitCode::Done, "{reason:?}");
        }
    }

    #[test]
    fn the_exit_code_of_an_apply_tells_failures_and_what_waits_is_none() {
        for outcome in OUTCOMES {
            let expected = match outcome {
                Failed | Deadline => ExitCode::Failures,
                _ => ExitCode::Done,
            };
            assert_eq!(ExitCode::of(&one(Mode::Apply, outcome), false), expected, "{outcome:?}");
        }
    }

    #[test]
    fn a_breaker_comes_before_a_failure_and_a_failure_before_pending_changes() {
        let both = |mode, one, other| {
            let decisions = vec![attestation("a").came_out(one), attestation("b").came_out(other)];
            ExitCode::of(&report(mode, vec![repository("r", 2, decisions)]), true)
        };
        for mode in [Mode::Plan, Mode::Apply] {
            assert_eq!(both(mode, LimitReached, Failed), ExitCode::Failures);
            assert_eq!(both(mode, Planned, Failed), ExitCode::Failures);
        }
        let stopped = |mode| {
            let vanished = RepositoryReport::skipped("s".into(), RepositoryReason::TagsVanished, None);
            let failed = repository("r", 1, vec![attestation("a").came_out(Failed)]);
            ExitCode::of(&report(mode, vec![vanished, failed]), true)
        };
        assert_eq!(stopped(Mode::Apply), ExitCode::LimitReached);
        assert_eq!(stopped(Mode::Plan), ExitCode::Failures);
    }

    #[test]
    fn a_plan_that_a_limit_would_stop_is_no_failure_but_changes_are_pending() {
        for outcome in [Planned, LimitReached] {
            let report = one(Mode::Plan, outcome);
            assert_eq!(ExitCode::of(&report, false), ExitCode::Done);
            assert_eq!(ExitCode::of(&report, true), ExitCode::ChangesPending);
        }
        assert_eq!(ExitCode::of(&one(Mode::Plan, Kept), true), ExitCode::Done);
    }

    #[test]
    fn the_exit_codes_are_the_documented_numbers() {
        use ExitCode as Code;
        let codes = [
            Code::Done,
            Code::NothingDone,
            Code::Usage,
            Code::Failures,
            Code::LimitReached,
            Code::ChangesPending,
        ];
        let numbers = codes.map(|code| code as u8);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 10]);
    }
}
