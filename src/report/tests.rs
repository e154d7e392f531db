//! Counts, sums and the JSON of reports.

use crate::oci::attestation::Form;
use crate::report::reason::State;
use crate::report::testing::decisions::*;
use crate::report::testing::reports::{OUTCOMES, one, report};
use serde_json::Value;

use super::*;
use OutcomeName::*;

fn skipped(reason: RepositoryReason) -> Report {
    report(Mode::Apply, vec![RepositoryReport::skipped("r".into(), reason, None)])
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
        let counts = part.counts.inventory.get_or_insert_default();
        counts.indexes = 4;
        counts.attestations.total = 10;
        counts.attestations.by_form.insert(Form::Oci, 10);
        counts.attestations.by_state.insert(State::Orphaned, 10);
        counts.not_attestations.insert(Kind::Image, 6);
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
    let alone = |name: &str, reason| RepositoryReport::skipped(name.into(), reason, None);
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
fn a_run_is_complete_unless_a_deadline_or_a_failure_left_something() {
    for outcome in OUTCOMES {
        let report = one(Mode::Apply, outcome);
        assert_eq!(report.complete, !matches!(outcome, Deadline | Failed), "{outcome:?}");
        assert_eq!(report.repositories[0].status, RepositoryStatus::Done, "{outcome:?}");
        assert!(!report.tripped_a_breaker());
    }
}

#[test]
fn a_repository_whose_tags_vanished_is_stopped_by_a_breaker() {
    let report = skipped(RepositoryReason::TagsVanished);
    assert_eq!(report.repositories[0].status, RepositoryStatus::Stopped);
    assert_eq!((report.complete, report.has_failures(), report.tripped_a_breaker()), (false, false, true));
    assert_eq!(report.totals.breaker_trips, 1);
}

#[test]
fn what_stays_counts_without_a_row_and_once() {
    let rows = vec![
        attestation("a").kept(),
        attestation("b").kept(),
        attestation("c").came_out(Failed).with(|it| it.action = crate::config::policy::Action::Keep),
        attestation("d").came_out(Kept),
    ];
    for keeps_rows in [true, false] {
        let mut plan = plan("r", 5, rows.clone());
        plan.kept.retain(|row| keeps_rows || row.failed);
        let mut outcomes = Outcomes::none(1);
        let step = plan.numbered().next().unwrap().0;
        outcomes.set(step, outcome::Outcome::HadTag);
        let counts = RepositoryReport::new(plan, outcomes).counts;
        assert_eq!((counts.kept, counts.failed), (3, 1), "{keeps_rows}");
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
        let report = skipped(reason);
        assert_eq!(
            (report.repositories[0].status, report.complete),
            (RepositoryStatus::Failed, false),
            "{reason:?}"
        );
    }
    for reason in CHOICES {
        let report = skipped(reason);
        assert_eq!(
            (report.repositories[0].status, report.complete),
            (RepositoryStatus::Skipped, true),
            "{reason:?}"
        );
    }
}

#[test]
fn a_breaker_stops_a_repository_and_leaves_the_run_incomplete() {
    let report = skipped(RepositoryReason::TagsVanished);
    assert_eq!((report.repositories[0].status, report.complete), (RepositoryStatus::Stopped, false));
    assert_eq!((report.totals.breaker_trips, report.has_failures()), (1, false));
}

#[test]
fn run_ids_differ_and_sort_by_time() {
    let id = |seconds, salt| RunIdentity::new(&Config::default(), "r", time(seconds), salt).run_id;
    let ids = [id(0, "a"), id(1, "a"), id(60, "a"), id(86_400, "a")];
    assert!(ids.is_sorted() && ids[0].starts_with("20231114T221320Z-"), "{ids:?}");
    assert_ne!(id(0, "a"), id(0, "b"));
}

#[test]
fn a_repository_is_idle_if_nothing_is_done_or_to_be_done_in_it() {
    for outcome in OUTCOMES {
        assert_eq!(one(Mode::Apply, outcome).repositories[0].is_idle(), outcome == Kept, "{outcome:?}");
    }
    for (reason, idle) in [(RepositoryReason::NotOptedIn, true), (RepositoryReason::AccessDenied, false)] {
        assert_eq!(skipped(reason).repositories[0].is_idle(), idle, "{reason:?}");
    }
}

#[test]
fn the_json_of_a_report_is_an_interface() {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let json = serde_json::to_value(one(Mode::Apply, Failed)).unwrap();
    let counts = "already_gone attestations bytes_deleted changed_since_plan deadline deleted failed held_back images \
                  indexes kept limit_reached not_attestations planned protected_by_ecr stranded_bytes \
                  stranded_images tagged unreached_images";
    let of_run = ["api_calls", "breaker_trips", "referrer_pressure", "repositories", "throttles"];
    let mut of_totals: Vec<&str> = counts.split(' ').chain(of_run).collect();
    let mut of_repository: Vec<&str> =
        counts.split(' ').chain(["decisions", "image_quota_share", "name", "reason", "status"]).collect();
    of_totals.sort_unstable();
    of_repository.sort_unstable();
    assert_eq!(
        keys(&json),
        "account complete configuration finished_at mode region repositories run_id schema_version started_at totals"
    );
    assert_eq!(keys(&json["totals"]), of_totals.join(" "));
    assert_eq!(keys(&json["repositories"][0]), of_repository.join(" "));
    assert_eq!(keys(&json["totals"]["attestations"]), "by_form by_state total");
    assert_eq!(json["schema_version"], 2);
    assert_eq!((&json["account"], &json["region"]), (&"123456789012".into(), &"eu-central-1".into()));
    assert_eq!(json["configuration"], "built-in defaults");
}

#[test]
fn the_json_of_a_decision_is_an_interface() {
    let mut failed = attestation("a").under(&["i"]).of("p").came_out(Failed);
    (failed.code, failed.detail) = (Some("no-answer".into()), Some("it may be deleted".into()));
    insta::assert_json_snapshot!(failed, @r#"
    {
      "digest": "sha256:2bced8cbfcc66d7ff5ec9e573ef2096cbca3c51741339fa2edb45032375b6935",
      "reason": "orphaned",
      "because": [],
      "parents": [
        "sha256:8d25f170c085d6233f202e989f24d35fd828d8569e124d319df173a0d595670f"
      ],
      "subject": "sha256:b63e0f697d94a3452d07a2fbb5a7f2f7de95f718042f5427474f1c8b12b30bfa",
      "tags": [],
      "size_bytes": 1000,
      "pushed_at": "2023-11-14T22:13:20Z",
      "untagged_at": null,
      "kind": "attestation",
      "form": "legacy",
      "state": "orphaned",
      "action": "delete",
      "outcome": "failed",
      "code": "no-answer",
      "detail": "it may be deleted"
    }
    "#);
}

#[test]
fn sums_of_any_numbers_that_a_plan_file_may_claim_do_not_overflow() {
    let huge = || attestation("a").with(|it| (it.image.size_bytes, it.outcome) = (u64::MAX, Deleted));
    let repositories = ["r", "s"].map(|name| repository(name, u64::MAX, vec![huge(), huge()]));
    let counts = report(Mode::Apply, repositories.into()).totals.counts;
    assert_eq!(
        (counts.inventory.unwrap_or_default().images, counts.bytes_deleted, counts.deleted),
        (u64::MAX, u64::MAX, 4)
    );
}

#[test]
fn the_share_of_the_quota_on_images_is_told_where_images_were_counted() {
    assert_eq!(repository("r", 35_000, vec![]).image_quota_share, Some(0.35));
    assert_eq!(repository("r", 12, vec![]).image_quota_share, Some(0.0001));
    assert_eq!(skipped(RepositoryReason::NotOptedIn).repositories[0].image_quota_share, None);
}

#[test]
fn what_a_plan_from_a_file_does_not_know_is_left_out() {
    let plan = RepositoryPlan { name: "r".into(), ..RepositoryPlan::default() };
    let of_file =
        report(Mode::Apply, vec![RepositoryReport::new(plan, Outcomes::none(0)), repository("s", 9, vec![])]);
    let json = serde_json::to_value(of_file).unwrap();
    for counts in [&json["totals"], &json["repositories"][0]] {
        assert!(counts.get("images").is_none() && counts.get("attestations").is_none(), "{counts:#}");
        assert_eq!(counts["deleted"], 0);
    }
    assert_eq!(json["repositories"][1]["images"], 9);
}
