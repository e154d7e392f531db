//! Plan files: a forged one, with the right checksum, still does only what a planner could have planned.

use ecr_attestation_janitor::cli::render::table::{self, Style};
use ecr_attestation_janitor::config::policy::Action;
use ecr_attestation_janitor::config::{Config, Limits, Mode};
use ecr_attestation_janitor::oci::attestation::Kind;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::planner::plan_file::SavedPlan;
use ecr_attestation_janitor::report::{Circumstances, Report, RepositoryReport};
use ecr_attestation_janitor::rules::limits;
use ecr_attestation_janitor::util::sanitize;
use jiff::Timestamp;

use super::{assert_harmless, assert_line};

/// The bytes are a plan file. It is tried as it is, and with its checksum put right.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match SavedPlan::parse(&text) {
        Ok(plan) => assert_eq!(plan.checksum, checksum(&plan)),
        Err(refused) => assert_line(&sanitize::line(&refused.to_string())),
    }
    let Ok(mut plan) = serde_json::from_str::<SavedPlan>(&text) else { return };
    plan.checksum = checksum(&plan);
    match SavedPlan::parse(&serde_json::to_string(&plan).unwrap()) {
        Ok(plan) => take_up(plan),
        Err(refused) => assert_line(&sanitize::line(&refused.to_string())),
    }
}

fn checksum(plan: &SavedPlan) -> String {
    let bare = SavedPlan { checksum: String::new(), ..plan.clone() };
    Digest::of(&serde_json::to_vec(&bare).unwrap()).hex()
}

fn take_up(plan: SavedPlan) {
    if let Err(refused) = plan.check_place(Some("123456789012"), "eu-central-1") {
        assert_line(&sanitize::line(&refused.to_string()));
    }
    let planned = plan.into_repositories().into_iter().map(|planned| planned.report);
    let mut repositories: Vec<RepositoryReport> = planned.collect();
    for decision in repositories.iter().flat_map(|repository| &repository.decisions) {
        let bears_digest = |tag: &String| tag.contains(&decision.digest.hex()[..12]);
        assert!(decision.tags.iter().all(bears_digest));
        assert!(decision.tags.is_empty() || decision.kind == Kind::Attestation);
        match decision.action {
            Action::Keep => panic!("{decision:?}"),
            Action::Tag => assert!(decision.new_tag.iter().all(bears_digest) && decision.new_tag.is_some()),
            Action::Delete => {
                assert!(matches!(decision.kind, Kind::Attestation | Kind::Index | Kind::Image));
            }
        }
    }
    for limit in
        [Config::default().limits, Limits { max_deletions: 0, max_images_share: 0.0, ..Limits::default() }]
    {
        let mut reports: Vec<&mut RepositoryReport> = repositories.iter_mut().collect();
        for tripped in limits::check(&mut reports, &limit) {
            assert_line(&sanitize::line(&tripped.to_string()));
        }
    }
    let deletions = repositories.iter().flat_map(|it| &it.decisions).filter(|it| it.action == Action::Delete);
    let report = Report::new(
        Mode::Apply,
        Timestamp::UNIX_EPOCH,
        Timestamp::UNIX_EPOCH,
        repositories.clone(),
        Circumstances::default(),
    );
    let deletes = deletions.count() > 0;
    assert_eq!(deletes, report.hit_a_limit(), "a limit of nothing stops whatever deletes");
    assert!(!deletes || report.totals.counts.planned == 0, "and everything else with it");
    assert_harmless(&table::report(&report, Style::Plain));
}
