//! Runs that remember: nights over one registry, each of which knows what the earlier ones learned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;

use ecr_attestation_janitor::config::Config;
use ecr_attestation_janitor::executor::run::{Conditions, apply_plan};
use ecr_attestation_janitor::memory::NoBackups;
use ecr_attestation_janitor::memory::memories::Memories;
use ecr_attestation_janitor::memory::store::folder::Folder;
use ecr_attestation_janitor::planner::selection::select;
use ecr_attestation_janitor::planner::{RunRequest, plan};
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_attestation_janitor::report::observer::Observer;
use ecr_attestation_janitor::report::{Report, RepositoryReason, RunIdentity};
use ecr_attestation_janitor::util::deadline::Deadline;
use ecr_emulator::Emulator;
use ecr_emulator::buildx::{Build, Pushed};
use ecr_in_process::Session;
use jiff::Timestamp;

const NAME: &str = "team/api";
const DAY: i64 = 24 * 60 * 60 * 1000;
const START: i64 = 1_750_000_000_000;
const RECOMMENDED: &str = "[policy]\npreset = 'recommended'\n[limits]\nmax_images_share = 1.0\n";

struct Nobody;
impl Observer for Nobody {}

/// A registry on a clock of its own, and a folder for memories.
struct Registry {
    emulator: Emulator,
    folder: tempfile::TempDir,
    accept_tag_loss: Vec<String>,
}

impl Registry {
    fn new() -> Self {
        let emulator = Emulator::new();
        emulator.set_clock(Some(START));
        emulator.create_repository(NAME).unwrap();
        Self { emulator, folder: tempfile::tempdir().unwrap(), accept_tag_loss: Vec::new() }
    }

    fn day(&self, day: i64) {
        self.emulator.set_clock(Some(START + day * DAY));
    }

    fn push(&self, code: u64, tag: Option<&str>) -> Pushed {
        Build::new(&["linux/amd64"]).code(code).run(code).push(&self.emulator, NAME, tag).unwrap()
    }

    fn has(&self, digest: &str) -> bool {
        self.emulator.images(NAME).iter().any(|image| image.digest == digest)
    }

    fn memories(&self) -> Memories {
        Memories::new(Arc::new(Folder::new(self.folder.path())), "123456789012", "us-east-1")
    }

    /// One run in apply mode, at the registry's own time.
    fn night(&self, config: &str) -> Report {
        self.night_with(config, &self.memories())
    }

    fn night_with(&self, config: &str, memories: &Memories) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(self.run(&Config::parse(config, &Default::default()).unwrap(), memories))
    }

    async fn run(&self, config: &Config, memories: &Memories) -> Report {
        let ecr = Ecr::new(&Session::new(&self.emulator).config()).unwrap();
        let now = Timestamp::from_millisecond(self.emulator.now()).unwrap();
        let request = RunRequest {
            acts: true,
            memories: memories.clone(),
            accept_tag_loss: self.accept_tag_loss.clone(),
            ..RunRequest::new(now, Deadline::default())
        };
        let selection = select(&ecr, &config.select, None).await.unwrap();
        let plan = plan(&ecr, config, &request, selection, &Nobody).await;
        let conditions = Conditions {
            concurrency: 1,
            run: &RunIdentity::new(config, "us-east-1", now, "night"),
            deadline: &Deadline::default(),
            observer: &Nobody,
            memories,
        };
        apply_plan(&ecr, &NoBackups, plan, conditions).await
    }
}

fn calls(report: &Report, operation: &str) -> u64 {
    report.totals.api_calls.get(operation).copied().unwrap_or(0)
}

#[test]
fn the_janitor_s_own_reads_do_not_keep_what_nobody_else_pulls() {
    let registry = Registry::new();
    let old = registry.push(1, Some("main"));
    registry.day(5);
    registry.push(2, Some("main"));
    registry.day(6);
    registry.night(RECOMMENDED);
    let is_pulled = registry.emulator.images(NAME).iter().any(|image| image.pulled_at_ms.is_some());
    assert!(is_pulled, "ECR records the janitor's reads");
    registry.day(37);
    let report = registry.night(RECOMMENDED);
    assert_eq!(report.totals.counts.deleted, 3, "index, attestation and image");
    assert!(!registry.has(&old.root));
}

#[test]
fn a_pull_by_somebody_else_keeps_it() {
    let registry = Registry::new();
    let old = registry.push(1, Some("main"));
    registry.day(5);
    registry.push(2, Some("main"));
    registry.day(6);
    registry.night(RECOMMENDED);
    registry.day(20);
    registry.emulator.set_pulled_at(NAME, &old.root, Some(registry.emulator.now()));
    registry.day(60);
    let report = registry.night(RECOMMENDED);
    assert_eq!(report.totals.counts.deleted, 0);
    assert!(registry.has(&old.root));
}

#[test]
fn a_release_that_lost_its_tag_yesterday_is_kept_for_its_time_however_old_it_is() {
    let registry = Registry::new();
    let release = registry.push(1, Some("stable"));
    for day in [1, 100, 149] {
        registry.day(day);
        assert_eq!(registry.night(RECOMMENDED).totals.counts.deleted, 0);
    }
    registry.day(150);
    registry.push(2, Some("stable"));
    for day in [151, 160, 180] {
        registry.day(day);
        registry.night(RECOMMENDED);
        assert!(registry.has(&release.root), "day {day}: people roll back to it");
    }
    registry.day(182);
    registry.night(RECOMMENDED);
    assert!(!registry.has(&release.root), "31 days after it lost its tag");
}

#[test]
fn without_a_memory_nobody_knows_when_a_tag_was_lost_and_what_is_superseded_stays() {
    let registry = Registry::new();
    let old = registry.push(1, Some("main"));
    registry.day(1);
    registry.push(2, Some("main"));
    registry.day(200);
    assert_eq!(registry.night_with(RECOMMENDED, &Memories::none()).totals.counts.deleted, 0);
    assert!(registry.has(&old.root));
    let since_push = RECOMMENDED.replace("[limits]", "superseded_since = 'push'\n[limits]");
    registry.emulator.set_pulled_at(NAME, &old.root, None);
    assert_eq!(registry.night_with(&since_push, &Memories::none()).totals.counts.deleted, 3);
}

#[test]
fn a_night_in_which_nothing_was_pushed_reads_no_manifest() {
    let registry = Registry::new();
    for code in 0..20 {
        registry.push(code, Some("main"));
    }
    registry.day(3);
    let first = registry.night(RECOMMENDED);
    assert!(calls(&first, "BatchGetImage") > 0);
    registry.day(4);
    let second = registry.night(RECOMMENDED);
    assert_eq!(calls(&second, "BatchGetImage"), 0);
    assert_eq!(second.totals.counts.inventory, first.totals.counts.inventory);
    registry.push(99, Some("main"));
    registry.day(7);
    assert_eq!(calls(&registry.night(RECOMMENDED), "BatchGetImage"), 1, "the new index");
}

#[test]
fn a_repository_that_loses_most_of_its_tags_at_once_is_left_as_it_is_until_somebody_accepts_that() {
    let mut registry = Registry::new();
    for code in 0..20 {
        registry.push(code, Some(&format!("v{code}")));
    }
    registry.day(40);
    registry.night(RECOMMENDED);
    for code in 0..15 {
        // Deleting the only tag of an index would delete the index: the tags move onto one image instead.
        registry.push(100, Some(&format!("v{code}")));
    }
    let before = registry.emulator.images(NAME).len();
    for day in [80, 81] {
        registry.day(day);
        let report = registry.night(RECOMMENDED);
        assert_eq!(report.repositories[0].reason, Some(RepositoryReason::TagsVanished), "day {day}");
        assert!(report.tripped_a_breaker() && !report.complete);
    }
    assert_eq!(registry.emulator.images(NAME).len(), before);
    registry.accept_tag_loss = vec![NAME.to_owned()];
    registry.day(82);
    assert_eq!(registry.night(RECOMMENDED).repositories[0].reason, None);
    registry.accept_tag_loss.clear();
    registry.day(115);
    assert_eq!(registry.night(RECOMMENDED).totals.counts.deleted, 45);
}

#[test]
fn images_that_an_earlier_policy_left_behind_go_later() {
    let registry = Registry::new();
    let old = registry.push(1, Some("main"));
    registry.day(5);
    registry.push(2, Some("main"));
    let indexes_alone = RECOMMENDED.replace("[limits]", "superseded_images = 'keep'\n[limits]");
    for day in [6, 40] {
        registry.day(day);
        registry.night(&indexes_alone);
    }
    assert!(!registry.has(&old.root) && registry.has(&old.platforms[0]), "stranded");
    registry.day(41);
    registry.night(RECOMMENDED);
    assert!(!registry.has(&old.platforms[0]));
}
