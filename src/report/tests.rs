//! Counting, summing up, exit codes, and the cut.

use crate::testing::decisions::*;
use serde_json::Value;

use super::*;
use crate::cli::exit_code::ExitCode;
use crate::lambda::truncate::cut;
use Outcome::*;

const OUTCOMES: [Outcome; 10] = [
    Planned,
    Deleted,
    Tagged,
    Kept,
    AlreadyGone,
    ProtectedByEcr,
    ChangedSincePlan,
    LimitReached,
    Deadline,
    Failed,
];

fn report(mode: Mode, repositories: Vec<RepositoryReport>) -> Report {
    Report::new(mode, time(0), time(60), repositories, circumstances())
}

fn circumstances() -> Circumstances {
    Circumstances { api_calls: BTreeMap::from([("DescribeImages".into(), 3)]), ..Circumstances::default() }
}

/// The report of a run in which one attestation came out like this.
fn one(mode: Mode, outcome: Outcome) -> Report {
    report(mode, vec![repository("r", 1, vec![attestation("a").came_out(outcome)])])
}

fn left_alone(reason: RepositoryReason) -> Report {
    report(Mode::Apply, vec![RepositoryReport::without_decisions("r".into(), reason, None)])
}

#[test]
fn every_outcome_is_counted_under_its_own_name() {
    for outcome in OUTCOMES {
        let counts = serde_json::to_value(&one(Mode::Apply, outcome).repositories[0]).unwrap();
        let name = serde_json::to_value(outcome).unwrap().as_str().unwrap().replace('-', "_");
        for other in OUTCOMES.map(|other| serde_json::to_value(other).unwrap()) {
            let other = other.as_str().unwrap().replace('-', "_");
            assert_eq!(counts[&other], Value::from(u64::from(other == name)), "{other} of {name}");
        }
    }
}

#[test]
fn counting_again_changes_nothing_but_the_outcomes() {
    let mut report = repository("r", 7, vec![attestation("a"), attestation("b").came_out(Deleted)]);
    report.counts.indexes = 2;
    report.counts.attestations.total = 5;
    report.counts.not_attestations.insert(Kind::Chart, 3);
    let before = report.counts.clone();
    report.count_outcomes();
    assert_eq!(report.counts, before);
    report.decisions[0].outcome = Failed;
    report.count_outcomes();
    assert_eq!(report.counts, Counts { planned: 0, failed: 1, ..before });
}

#[test]
fn only_what_ecr_deleted_counts_in_bytes_and_indexes_do_not() {
    let decisions = vec![
        attestation("a").came_out(Deleted),
        image("p").came_out(Deleted),
        index("i").came_out(Deleted),
        attestation("b").came_out(AlreadyGone),
        attestation("c").came_out(Failed),
    ];
    assert_eq!(repository("r", 5, decisions).counts.bytes_deleted, 2000);
}

#[test]
fn the_totals_are_the_sums() {
    let part = |name: &str| {
        let decisions = OUTCOMES.map(|outcome| attestation("a").came_out(outcome)).to_vec();
        let mut part = repository(name, 20, decisions);
        part.counts.indexes = 4;
        part.counts.attestations.total = 10;
        part.counts.attestations.by_form.insert(Form::Oci, 10);
        part.counts.attestations.by_state.insert(State::Orphaned, 10);
        part.counts.not_attestations.insert(Kind::Image, 6);
        part
    };
    let totals = serde_json::to_value(report(Mode::Apply, vec![part("b"), part("a")]).totals).unwrap();
    let single = serde_json::to_value(part("a").counts).unwrap();
    for (key, value) in single.as_object().unwrap() {
        assert_eq!(totals[key], doubled(value), "{key}");
    }
    assert_eq!((&totals["repositories"], &totals["api_calls"]["DescribeImages"]), (&2.into(), &3.into()));
}

fn doubled(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), doubled(value))).collect(),
        number => Value::from(2 * number.as_u64().unwrap()),
    }
}

#[test]
fn repositories_stand_by_name_and_those_not_selected_do_not_count() {
    let alone = |name: &str, reason| RepositoryReport::without_decisions(name.into(), reason, None);
    let report = report(
        Mode::Plan,
        vec![
            repository("c", 1, vec![]),
            alone("b", RepositoryReason::NotSelected),
            alone("a", RepositoryReason::AccessDenied),
        ],
    );
    let names: Vec<&str> = report.repositories.iter().map(|repository| repository.name.as_str()).collect();
    assert_eq!((names, report.totals.repositories), (vec!["a", "b", "c"], 2));
}

#[test]
fn a_run_is_complete_unless_a_limit_a_deadline_or_a_failure_left_something() {
    for outcome in OUTCOMES {
        let undone = matches!(outcome, LimitReached | Deadline | Failed);
        assert_eq!(one(Mode::Apply, outcome).complete, !undone, "{outcome:?}");
    }
}

const FAILURES: [RepositoryReason; 4] = [
    RepositoryReason::AccessDenied,
    RepositoryReason::IndexUnreadable,
    RepositoryReason::ListingIncomplete,
    RepositoryReason::Deadline,
];

const CHOICES: [RepositoryReason; 4] = [
    RepositoryReason::NotSelected,
    RepositoryReason::NotOptedIn,
    RepositoryReason::PullThroughCache,
    RepositoryReason::RepositoryGone,
];

#[test]
fn a_repository_that_failed_is_a_failure_and_one_left_alone_on_purpose_is_not() {
    for reason in FAILURES {
        let report = left_alone(reason);
        assert_eq!((report.repositories[0].status, report.complete), (Status::Failed, false), "{reason:?}");
        assert_eq!(ExitCode::of(&report, false), ExitCode::Failures);
    }
    for reason in CHOICES {
        let report = left_alone(reason);
        assert_eq!((report.repositories[0].status, report.complete), (Status::Skipped, true), "{reason:?}");
        assert_eq!(ExitCode::of(&report, true), ExitCode::Done);
    }
}

#[test]
fn the_exit_code_of_an_apply_tells_limits_then_failures() {
    for outcome in OUTCOMES {
        let expected = match outcome {
            LimitReached => ExitCode::LimitReached,
            Failed | Deadline => ExitCode::Failures,
            _ => ExitCode::Done,
        };
        assert_eq!(ExitCode::of(&one(Mode::Apply, outcome), false), expected, "{outcome:?}");
    }
}

#[test]
fn a_limit_comes_before_a_failure_and_a_failure_before_pending_changes() {
    let both = |mode, one, other| {
        let decisions = vec![attestation("a").came_out(one), attestation("b").came_out(other)];
        ExitCode::of(&report(mode, vec![repository("r", 2, decisions)]), true)
    };
    assert_eq!(both(Mode::Apply, LimitReached, Failed), ExitCode::LimitReached);
    assert_eq!(both(Mode::Plan, LimitReached, Failed), ExitCode::Failures);
    assert_eq!(both(Mode::Plan, Planned, Failed), ExitCode::Failures);
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
    use ExitCode::*;
    let numbers = [Done, NothingDone, Usage, Failures, LimitReached, ChangesPending].map(|code| code as u8);
    assert_eq!(numbers, [0, 1, 2, 3, 4, 10]);
}

/// Two repositories, each with attestations that are kept, then as many that are deleted.
fn big(decisions: usize) -> Report {
    let part = |name: &str| {
        let mut kept: Vec<Decision> = attestations(decisions).into_iter().map(Said::kept).collect();
        kept.extend(attestations(decisions).into_iter().map(|it| it.came_out(Deleted)));
        repository(name, 1000, kept)
    };
    report(Mode::Apply, vec![part("a"), part("b")])
}

fn size(report: &Report) -> usize {
    serde_json::to_vec(report).unwrap().len()
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

#[test]
fn the_json_of_a_report_is_an_interface() {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let json = serde_json::to_value(one(Mode::Apply, Failed)).unwrap();
    let counts = "already_gone attestations bytes_deleted changed_since_plan deadline deleted failed images \
                  indexes kept limit_reached not_attestations planned protected_by_ecr tagged";
    let of_run = ["api_calls", "breaker_trips", "referrer_pressure", "repositories", "throttles"];
    let mut of_totals: Vec<&str> = counts.split(' ').chain(of_run).collect();
    let mut of_repository: Vec<&str> =
        counts.split(' ').chain(["decisions", "name", "reason", "status"]).collect();
    of_totals.sort_unstable();
    of_repository.sort_unstable();
    assert_eq!(keys(&json), "complete finished_at mode repositories schema_version started_at totals");
    assert_eq!(keys(&json["totals"]), of_totals.join(" "));
    assert_eq!(keys(&json["repositories"][0]), of_repository.join(" "));
    assert_eq!(keys(&json["totals"]["attestations"]), "by_form by_state total");
    assert_eq!(json["schema_version"], 1);
}

#[test]
fn the_json_of_a_decision_is_an_interface() {
    let mut failed = attestation("a").under(&["i"]).of("p").came_out(Failed);
    failed.conclude(Failed, Some("NoAnswer"), Some("it may be deleted".into()));
    insta::assert_json_snapshot!(failed, @r#"
    {
      "digest": "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
      "kind": "attestation",
      "form": "legacy",
      "state": "orphaned",
      "action": "delete",
      "outcome": "failed",
      "reason": "orphaned",
      "code": "NoAnswer",
      "detail": "it may be deleted",
      "parents": [
        "sha256:de7d1b721a1e0632b7cf04edf5032c8ecffa9f9a08492152b926f1a5a7e765d7"
      ],
      "subject": "sha256:148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940",
      "tags": [],
      "size_bytes": 1000,
      "pushed_at": "2023-11-14T22:13:20Z"
    }
    "#);
}

#[test]
fn sums_of_any_numbers_that_a_plan_file_may_claim_do_not_overflow() {
    let huge = || attestation("a").said(|it| (it.size_bytes, it.outcome) = (u64::MAX, Deleted));
    let repositories = ["r", "s"].map(|name| repository(name, u64::MAX, vec![huge(), huge()]));
    let counts = report(Mode::Apply, repositories.into()).totals.counts;
    assert_eq!((counts.images, counts.bytes_deleted, counts.deleted), (u64::MAX, u64::MAX, 4));
}
