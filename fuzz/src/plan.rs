//! Plan files: a forged one, with the right checksum, still does only what a planner could have planned.

use ecr_attestation_janitor::config::{Config, Limits, Mode};
use ecr_attestation_janitor::planner::Planned;
use ecr_attestation_janitor::planner::plan_file::{SavedPlan, checksum};
use ecr_attestation_janitor::render::table::{self, Layout, Sort, Style};
use ecr_attestation_janitor::report::outcomes::Outcomes;
use ecr_attestation_janitor::report::plan::{Deletion, DeletionTarget, RepositoryPlan, Step};
use ecr_attestation_janitor::report::{ApiUsage, Report, RepositoryReport, RunFrame, RunIdentity};
use ecr_attestation_janitor::rules::limits;
use ecr_attestation_janitor::util::sanitize;
use jiff::Timestamp;

use super::{assert_harmless, assert_line};

/// The bytes are a plan file. It is tried as it is, and with its checksum put right.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match SavedPlan::parse(&text) {
        Ok(plan) => assert_eq!(plan.checksum, checksum(&serde_json::to_value(&plan).unwrap())),
        Err(refused) => assert_line(&sanitize::line(&refused.to_string())),
    }
    let Ok(mut plan) = serde_json::from_str::<SavedPlan>(&text) else { return };
    plan.checksum = checksum(&serde_json::to_value(&plan).unwrap());
    match SavedPlan::parse(&serde_json::to_string(&plan).unwrap()) {
        Ok(plan) => take_up(plan),
        Err(refused) => assert_line(&sanitize::line(&refused.to_string())),
    }
}

fn take_up(plan: SavedPlan) {
    if let Err(refused) = plan.check_place(Some("123456789012"), "eu-central-1") {
        assert_line(&sanitize::line(&refused.to_string()));
    }
    let repositories: Vec<Planned> = plan.into_repositories();
    let plans: Vec<RepositoryPlan> = repositories.iter().filter_map(|it| it.plan().cloned()).collect();
    for step in plans.iter().flat_map(|plan| &plan.steps) {
        let image = step.image();
        let bears_digest = |tag: &String| tag.contains(&image.digest.hex()[..12]);
        assert!(image.tags.iter().all(bears_digest));
        match step {
            Step::Delete(Deletion { target: DeletionTarget::Attestation { .. }, .. }) => {}
            Step::Delete(_) => assert!(image.tags.is_empty()),
            Step::Tag(tagging) => assert!(bears_digest(&tagging.new_tag)),
        }
    }
    let deletions: usize = plans.iter().map(RepositoryPlan::deletions).sum();
    let none = Limits { max_deletions: 0, max_images_share: 1.0, ..Limits::default() };
    for limit in [Config::default().limits, none] {
        let pace = limits::pace(&plans, &limit);
        assert!(pace.limit_reached as usize <= deletions);
        assert!(
            limit.max_deletions > 0 || pace.limit_reached as usize == deletions,
            "nothing goes at no pace"
        );
        pace.sentence().iter().for_each(|sentence| assert_line(sentence));
    }
    let report = |plan: RepositoryPlan| {
        let steps = plan.steps.len();
        RepositoryReport::new(plan, Outcomes::none(steps))
    };
    let run = RunIdentity::new(&Config::default(), "us-east-1", Timestamp::UNIX_EPOCH, "fuzz");
    let frame = RunFrame::new(run, Mode::Apply, Timestamp::UNIX_EPOCH, ApiUsage::default());
    let report = Report::new(frame, plans.into_iter().map(report).collect());
    let layout = Layout { style: Style::Plain, width: 80, details: true, sort: Sort::Name };
    assert_harmless(&table::report(&report, &layout));
}
