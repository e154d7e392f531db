//! The exit codes of the command line: an interface for scripts.

use crate::config::Mode;
use crate::report::Report;
use crate::report::fleet::FleetReport;

/// How a command ended. Of several that apply, the first in this order holds: 130, 2, 1, 4, 3, 10, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything was done, or there was nothing to do.
    Done = 0,
    /// Nothing could be done: no credentials, no registry, a permission missing that everything needs.
    NothingDone = 1,
    /// Usage, bad configuration, a plan file that is refused, no consent.
    Usage = 2,
    /// A repository or an image failed, or output was lost.
    Failures = 3,
    /// A breaker stopped an apply.
    BreakerTripped = 4,
    /// Changes are pending: only with `plan --exit-code`.
    ChangesPending = 10,
    /// The user interrupted the run.
    Interrupted = 130,
}

impl ExitCode {
    /// The code of a run that produced a report.
    pub fn of(report: &Report, tells_changes: bool) -> Self {
        let counts = &report.totals.counts;
        if report.mode == Mode::Apply && report.tripped_a_breaker() {
            Self::BreakerTripped
        } else if report.has_failures() {
            Self::Failures
        } else if tells_changes && counts.planned + counts.limit_reached > 0 {
            Self::ChangesPending
        } else {
            Self::Done
        }
    }

    /// The code of a run in several registries. That nothing could be done in any is the same as in one.
    pub fn of_fleet(report: &FleetReport, tells_changes: bool) -> Self {
        let reports = || report.targets.iter().filter_map(|target| target.report.as_ref());
        let codes: Vec<Self> = reports().map(|report| Self::of(report, tells_changes)).collect();
        let has = |code: Self| codes.contains(&code);
        if codes.is_empty() && report.failed().next().is_some() {
            Self::NothingDone
        } else if has(Self::BreakerTripped) {
            Self::BreakerTripped
        } else if has(Self::Failures) || report.failed().next().is_some() {
            Self::Failures
        } else if has(Self::ChangesPending) {
            Self::ChangesPending
        } else {
            Self::Done
        }
    }

    /// The code of a run whose output could not be written.
    pub fn with_output_lost(self) -> Self {
        match self {
            Self::Done | Self::ChangesPending => Self::Failures,
            worse => worse,
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
    use crate::report::testing::decisions::{With as _, attestation, repository};
    use crate::report::testing::reports::{OUTCOMES, one, report};

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
    fn of_an_apply_only_a_breaker_and_failures_show() {
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
        let both = |mode, reason| {
            let skipped = RepositoryReport::skipped("s".into(), reason, None);
            let decisions = vec![attestation("a").came_out(Planned), attestation("b").came_out(Failed)];
            ExitCode::of(&report(mode, vec![repository("r", 2, decisions), skipped]), true)
        };
        let breaker = RepositoryReason::TagsVanished;
        assert_eq!(both(Mode::Apply, breaker), ExitCode::BreakerTripped);
        assert_eq!(both(Mode::Plan, breaker), ExitCode::Failures);
        assert_eq!(both(Mode::Apply, RepositoryReason::NotSelected), ExitCode::Failures);
    }

    #[test]
    fn a_breaker_is_no_failure_of_a_plan() {
        let stopped = RepositoryReport::skipped("r".into(), RepositoryReason::TagsVanished, None);
        assert_eq!(ExitCode::of(&report(Mode::Plan, vec![stopped]), true), ExitCode::Done);
    }

    #[test]
    fn what_waits_for_its_turn_is_no_failure_but_changes_are_pending() {
        for outcome in [Planned, LimitReached] {
            let report = one(Mode::Plan, outcome);
            assert_eq!(ExitCode::of(&report, false), ExitCode::Done);
            assert_eq!(ExitCode::of(&report, true), ExitCode::ChangesPending);
        }
        assert_eq!(ExitCode::of(&one(Mode::Plan, Kept), true), ExitCode::Done);
    }

    #[test]
    fn lost_output_is_a_failure_unless_something_worse_happened() {
        use ExitCode as Code;
        for (code, with_lost_output) in [
            (Code::Done, Code::Failures),
            (Code::ChangesPending, Code::Failures),
            (Code::Failures, Code::Failures),
            (Code::BreakerTripped, Code::BreakerTripped),
            (Code::Interrupted, Code::Interrupted),
        ] {
            assert_eq!(code.with_output_lost(), with_lost_output);
        }
    }

    #[test]
    fn the_exit_codes_are_the_documented_numbers() {
        use ExitCode as Code;
        let codes = [
            Code::Done,
            Code::NothingDone,
            Code::Usage,
            Code::Failures,
            Code::BreakerTripped,
            Code::ChangesPending,
            Code::Interrupted,
        ];
        let numbers = codes.map(|code| code as u8);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 10, 130]);
    }
}
