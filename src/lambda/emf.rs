//! The report as metrics: one document in CloudWatch's embedded metric format.
//!
//! Source: CloudWatch's "Specification: Embedded metric format". CloudWatch drops what breaks its limits without a
//! word (100 metrics and 30 dimensions a document), so that names and dimensions are fixed here and nothing of the
//! registry is among them: repositories and digests are properties, found by queries, not paid for as metrics.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::oci::statement::Pipeline;
use crate::report::reason::State;
use crate::report::{ReferrerPressure, Report, RepositoryReport, RepositoryStatus};
use crate::util::sanitize;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "EcrJanitor";

/// The only dimension: two deployments in one account are two series.
pub const DIMENSION: &str = "FunctionName";

/// The longest name of a pipeline, in characters: an event may have 1 MB.
const LONGEST_SOURCE: usize = 200;

/// The function that made the run.
#[derive(Debug, Clone, Copy)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether this is the first invocation of the instance.
    pub is_cold: bool,
}

/// The metrics of a run: name, unit and value.
fn metrics(report: &Report, is_cold: bool) -> [(&'static str, &'static str, u64); 23] {
    let totals = &report.totals;
    let counts = &totals.counts;
    let inventory = counts.inventory.clone().unwrap_or_default();
    let state = |state| inventory.attestations.by_state.get(&state).copied().unwrap_or(0);
    let failed =
        report.repositories.iter().filter(|repository| repository.status == RepositoryStatus::Failed).count();
    let duration = report.finished_at.duration_since(report.run.started_at).as_millis();
    [
        ("Repositories", "Count", totals.repositories),
        ("Images", "Count", inventory.images),
        ("Indexes", "Count", inventory.indexes),
        ("AttestationsAttached", "Count", state(State::Attached)),
        ("AttestationsSuperseded", "Count", state(State::Superseded)),
        ("AttestationsOrphaned", "Count", state(State::Orphaned)),
        ("Planned", "Count", counts.planned),
        ("Deleted", "Count", counts.deleted),
        ("Tagged", "Count", counts.tagged),
        ("Protected", "Count", counts.protected_by_ecr),
        ("AlreadyGone", "Count", counts.already_gone),
        ("ChangedSincePlan", "Count", counts.changed_since_plan),
        ("LimitReached", "Count", counts.limit_reached),
        ("Failed", "Count", counts.failed),
        ("FailedRepositories", "Count", failed as u64),
        ("BytesDeleted", "Bytes", counts.bytes_deleted),
        ("ApiCalls", "Count", totals.api_calls.values().sum()),
        ("Throttles", "Count", totals.throttles),
        ("Duration", "Milliseconds", u64::try_from(duration).unwrap_or(0)),
        ("BreakerTrips", "Count", totals.breaker_trips),
        ("IncompleteRuns", "Count", u64::from(!report.complete)),
        ("ReferrerPressure", "Count", totals.referrer_pressure),
        ("ColdStart", "Count", u64::from(is_cold)),
    ]
}

/// The document, without the fields that every log line has.
pub fn document(report: &Report, function: &Function<'_>) -> Value {
    let metrics = metrics(report, function.is_cold);
    let directive = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": metrics.map(|(name, unit, _)| json!({"Name": name, "Unit": unit})),
    });
    let mut document = json!({
        "_aws": {"Timestamp": report.finished_at.as_millisecond(), "CloudWatchMetrics": [directive]},
        "mode": report.mode,
        "complete": report.complete,
    });
    document[DIMENSION] = json!(function.name);
    for (name, _, value) in metrics {
        document[name] = json!(value);
    }
    if let Some((repository, pressure)) = under_pressure(report) {
        document["referrer_pressure_repository"] = json!(repository.name);
        document["referrer_pressure_subject"] = json!(pressure.subject);
    }
    if let Some((name, attestations)) = top_source(report) {
        document["top_source"] = json!(name);
        document["top_source_attestations"] = json!(attestations);
    }
    document
}

/// The pipeline that made the most attestations of the last 30 days, over all repositories, as far as it is known.
fn top_source(report: &Report) -> Option<(String, u64)> {
    let mut sums: BTreeMap<&Pipeline, u64> = BTreeMap::new();
    for source in report.repositories.iter().flat_map(|repository| &repository.sources) {
        *sums.entry(&source.pipeline).or_default() += source.attestations_of_the_last_30_days;
    }
    let top = sums.into_iter().max_by_key(|(pipeline, sum)| (*sum, Reverse(*pipeline)))?;
    Some((sanitize::cut(&top.0.name(), LONGEST_SOURCE), top.1))
}

/// Where an image has the most attestations as referrers.
fn under_pressure(report: &Report) -> Option<(&RepositoryReport, ReferrerPressure)> {
    let with_pressure = report.repositories.iter().filter_map(|it| Some((it, it.referrer_pressure?)));
    with_pressure.max_by_key(|(_, pressure)| pressure.referrers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::config::Mode;
    use crate::oci::digest::Digest;
    use crate::oci::statement::PipelineKind;
    use crate::report::outcome::OutcomeName;
    use crate::report::source::Source;
    use crate::report::testing::{decisions::*, reports};
    use crate::report::{ApiUsage, RepositoryReason, RunFrame};

    fn source(name: &str, lately: u64) -> Source {
        Source {
            pipeline: Pipeline {
                kind: PipelineKind::Buildx,
                source: Some(name.to_owned()),
                workflow: Some("x".repeat(20_000)),
            },
            attestations: 9,
            attestations_of_the_last_30_days: lately,
            statements_read: 1,
            pushes: 1,
            form: None,
            buildkit: None,
            first_push: None,
            last_push: None,
        }
    }

    fn run() -> Report {
        let mut busy = repository(
            "team/api",
            9,
            vec![
                attestation("a").came_out(OutcomeName::Deleted),
                attestation("b").came_out(OutcomeName::ProtectedByEcr),
                attestation("c").came_out(OutcomeName::Failed),
            ],
        );
        busy.counts.inventory.get_or_insert_default().attestations.by_state =
            BTreeMap::from([(State::Orphaned, 3), (State::Attached, 4)]);
        busy.referrer_pressure =
            Some(ReferrerPressure { subject: Digest::of(b"s"), referrers: 97, attestations: 60 });
        busy.sources = vec![source("github.com/acme/api", 7), source("x".repeat(20_000).as_str(), 8)];
        let mut quiet = repository("team/web", 1, vec![]);
        quiet.sources = vec![source("github.com/acme/api", 3)];
        quiet.referrer_pressure =
            Some(ReferrerPressure { subject: Digest::of(b"t"), referrers: 2, attestations: 2 });
        let lost = RepositoryReport::skipped("x".into(), RepositoryReason::AccessDenied, None);
        let usage = ApiUsage {
            calls: BTreeMap::from([("DescribeImages".into(), 3), ("BatchGetImage".into(), 4)]),
            throttles: 2,
        };
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
        let frame = RunFrame::new(reports::run(), Mode::Apply, at(61), usage);
        let stopped = RepositoryReport::skipped("y".into(), RepositoryReason::TagsVanished, None);
        Report::new(frame, vec![busy, quiet, lost, stopped])
    }

    #[test]
    fn the_metrics_are_the_totals_of_the_report() {
        let document = document(&run(), &Function { name: "janitor", is_cold: true });
        for (name, value) in [
            ("Repositories", 4),
            ("Images", 10),
            ("AttestationsOrphaned", 3),
            ("AttestationsAttached", 4),
            ("AttestationsSuperseded", 0),
            ("Deleted", 1),
            ("Protected", 1),
            ("Failed", 1),
            ("FailedRepositories", 1),
            ("ApiCalls", 7),
            ("Throttles", 2),
            ("Duration", 61_000),
            ("BreakerTrips", 1),
            ("IncompleteRuns", 1),
            ("ReferrerPressure", 97),
            ("ColdStart", 1),
        ] {
            assert_eq!(document[name], value, "{name}");
        }
        assert_eq!(document["referrer_pressure_repository"], "team/api");
        assert_eq!(document["referrer_pressure_subject"], json!(Digest::of(b"s")));
        let top = document["top_source"].as_str().unwrap();
        assert!(top.starts_with("github.com/acme/api x") && top.len() < 300, "{top}");
        assert_eq!(document["top_source_attestations"], 10);
        assert_eq!(document["FunctionName"], "janitor");
        assert_eq!(document["mode"], "apply");
    }

    #[test]
    fn cloudwatch_s_limits_are_kept_and_every_metric_has_its_value() {
        let document = document(&run(), &Function { name: "janitor", is_cold: false });
        assert_eq!(document["_aws"]["Timestamp"], 1_700_000_061_000_u64);
        let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        assert_eq!(directives.len(), 1);
        let directive = &directives[0];
        assert_eq!(directive["Namespace"], "EcrJanitor");
        assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let name = metric["Name"].as_str().unwrap();
            assert!(document[name].is_u64(), "{name} has no number");
            assert!(
                ["Count", "Bytes", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()),
                "{metric}"
            );
        }
        // Nothing that anybody could push into the registry makes the document grow: an event may have 1 MB.
        assert!(document.to_string().len() < 8_000, "{}", document.to_string().len());
    }
}
