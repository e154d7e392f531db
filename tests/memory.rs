//! Runs that remember: nights over one registry, each of which knows what the earlier ones learned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecr_attestation_janitor::config::{Concurrency, Config};
use ecr_attestation_janitor::executor::run::{Conditions, apply_plan};
use ecr_attestation_janitor::in_use::Sources;
use ecr_attestation_janitor::memory::NoBackups;
use ecr_attestation_janitor::memory::memories::Memories;
use ecr_attestation_janitor::memory::repository::{ManifestFact, Reads, RepositoryMemory, Sight};
use ecr_attestation_janitor::memory::store::folder::Folder;
use ecr_attestation_janitor::oci::attestation::{Classified, Form, Kind};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::planner::selection::select;
use ecr_attestation_janitor::planner::{RunRequest, plan};
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_attestation_janitor::report::observer::Observer;
use ecr_attestation_janitor::report::{Report, RepositoryReason, RunIdentity};
use ecr_attestation_janitor::util::deadline::Deadline;
use ecr_emulator::buildx::{Build, Pushed};
use ecr_emulator::{Emulator, artifacts};
use ecr_in_process::Session;
use jiff::Timestamp;

const NAME: &str = "team/api";
/// Where the folder has the memory of the repository.
const MEMORY: &str = "memory/123456789012/us-east-1/team/api/_memory";
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

    /// The same registry and a copy of what is remembered; what happens there does not happen here.
    fn fork(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let memory = folder.path().join(MEMORY);
        fs::create_dir_all(memory.parent().unwrap()).unwrap();
        fs::copy(self.memory_file(), memory).unwrap();
        Self { emulator: self.emulator.fork(), folder, accept_tag_loss: self.accept_tag_loss.clone() }
    }

    fn memory_file(&self) -> PathBuf {
        self.folder.path().join(MEMORY)
    }

    fn digests(&self) -> BTreeSet<String> {
        self.emulator.images(NAME).into_iter().map(|image| image.digest).collect()
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
            concurrency: Concurrency::Fixed(1),
            run: &RunIdentity::new(config, "us-east-1", now, "night"),
            deadline: &Deadline::default(),
            observer: &Nobody,
            memories,
            in_use: &Sources::none(),
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

/// What a night deletes in a copy of a registry whose memory was damaged before, and the warnings.
fn deleted_after(registry: &Registry, damage: impl Fn(&Path)) -> (BTreeSet<String>, Vec<String>) {
    let fork = registry.fork();
    damage(&fork.memory_file());
    let before = fork.digests();
    let report = fork.night(RECOMMENDED);
    let deleted = before.difference(&fork.digests()).cloned().collect();
    (deleted, report.warnings)
}

/// A registry with an orphan and three builds, all seen by earlier runs: of them one lost its tag long ago, one lately, and
/// one has it.
fn seen_for_long() -> (Registry, [Pushed; 3]) {
    let registry = Registry::new();
    Build::new(&["linux/amd64"]).code(9).push_attestations_only(&registry.emulator, NAME).unwrap();
    let long_ago = registry.push(1, Some("main"));
    registry.day(1);
    registry.night("[policy]\norphaned = 'keep'");
    let lately = registry.push(2, Some("main"));
    registry.day(20);
    registry.night("[policy]\norphaned = 'keep'");
    let last = registry.push(3, Some("main"));
    registry.day(60);
    registry.night("[policy]\norphaned = 'keep'");
    registry.day(61);
    (registry, [long_ago, lately, last])
}

/// Something that happens to the file of a memory.
type Damage = Box<dyn Fn(&Path)>;

#[test]
fn a_memory_that_is_lost_or_damaged_deletes_no_more_than_one_that_is_whole() {
    let (registry, [long_ago, lately, _]) = seen_for_long();
    let (deleted, warnings) = deleted_after(&registry, |_| ());
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(deleted.contains(&long_ago.root) && !deleted.contains(&lately.root));
    let whole = fs::read(registry.memory_file()).unwrap();
    let write = |bytes: Vec<u8>| move |path: &Path| fs::write(path, &bytes).unwrap();
    let mut damages: Vec<(String, Damage)> = vec![
        ("lost".into(), Box::new(|path| fs::remove_file(path).unwrap())),
        ("of another format".into(), Box::new(write(b"{}".to_vec()))),
        (
            "not a file".into(),
            Box::new(|path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }),
        ),
        (
            "in a folder that is a file".into(),
            Box::new(|path| {
                let folder = path.parent().unwrap();
                fs::remove_dir_all(folder).unwrap();
                fs::write(folder, "").unwrap();
            }),
        ),
    ];
    for at in (0..whole.len()).step_by((whole.len() / 12).max(1)) {
        damages.push((format!("cut at {at}"), Box::new(write(whole[..at].to_vec()))));
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        damages.push((format!("changed at {at}"), Box::new(write(changed))));
    }
    for (name, damage) in damages {
        let (without, warnings) = deleted_after(&registry, damage);
        assert!(without.is_subset(&deleted), "{name}: {without:?}");
        assert!(!without.contains(&long_ago.root), "{name}: nobody knows when it lost its tag");
        assert!(!without.is_empty(), "{name}: orphans go all the same");
        assert_eq!(warnings.is_empty(), name == "lost", "{name}: {warnings:?}");
    }
}

#[test]
fn the_memory_of_another_repository_is_none() {
    let (registry, [long_ago, ..]) = seen_for_long();
    registry.emulator.create_repository("team/other").unwrap();
    Build::new(&["linux/amd64"]).code(5).push(&registry.emulator, "team/other", Some("v1")).unwrap();
    registry.night("[policy]\norphaned = 'keep'");
    let other = fs::read(registry.folder.path().join(MEMORY.replace("api", "other"))).unwrap();
    let (deleted, warnings) = deleted_after(&registry, |path| fs::write(path, &other).unwrap());
    assert!(!deleted.contains(&long_ago.root));
    assert!(warnings.len() == 1 && warnings[0].contains("team/api"), "{warnings:?}");
}

#[test]
fn a_clock_that_was_ahead_makes_what_is_superseded_wait_and_loses_nothing() {
    let (registry, [long_ago, lately, last]) = seen_for_long();
    registry.push(5, Some("something-new"));
    registry.day(400);
    registry.night("[policy]\norphaned = 'keep'");
    registry.day(62);
    registry.push(4, Some("main"));
    for day in [62, 95] {
        registry.day(day);
        registry.night(RECOMMENDED);
        // The clock of a memory never goes back: this one lost its tag on day 400, for all that it knows.
        assert!(registry.has(&last.root), "day {day}");
    }
    assert!(!registry.has(&long_ago.root) && !registry.has(&lately.root));
    registry.day(431);
    registry.night(RECOMMENDED);
    assert!(!registry.has(&last.root));
}

/// Forges the memory of a repository by what somebody claims to have seen and read.
fn forge(registry: &Registry, memories: &Memories, day: i64, facts: &[(Digest, ManifestFact)]) {
    let at = Timestamp::from_millisecond(START + day * DAY).unwrap();
    let sight =
        |digest| Sight { digest, pushed_at: None, pulled_at: None, has_user_tag: false, subject: None };
    let sights: Vec<Sight> = registry.digests().iter().map(|digest| sight(digest.parse().unwrap())).collect();
    let mut reads = Reads::default();
    facts.iter().for_each(|(digest, fact)| reads.add_manifest(*digest, *fact));
    let change = |memory: &mut RepositoryMemory| memory.observe(&sights, reads, at);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(memories.update(NAME, change)), None);
}

#[test]
fn a_forged_memory_hides_no_referrer() {
    for hides_subjects in [false, true] {
        let registry = Registry::new();
        registry.emulator.set_hide_subjects(hides_subjects);
        let old = registry.push(1, Some("main"));
        let signature = artifacts::notation_signature(&registry.emulator, NAME, &old.root).unwrap();
        registry.day(1);
        registry.push(2, Some("main"));
        registry.day(100);
        let nothing = ManifestFact { classified: Classified::other(Kind::Chart), subject: None };
        forge(&registry, &registry.memories(), 1, &[(signature.parse().unwrap(), nothing)]);
        let holding = RECOMMENDED.replace("[limits]", "referrers = 'hold'\n[limits]");
        assert_eq!(registry.night(&holding).totals.counts.deleted, 0, "hides: {hides_subjects}");
        assert!(registry.has(&old.root));
    }
}

#[test]
fn a_forged_memory_deletes_no_image_for_an_attestation() {
    let registry = Registry::new();
    let image = artifacts::plain_docker_image(&registry.emulator, NAME, 1, None).unwrap();
    registry.push(2, Some("main"));
    registry.day(100);
    let lie = ManifestFact { classified: Classified::attestation(Form::Legacy), subject: None };
    forge(&registry, &registry.memories(), 1, &[(image.parse().unwrap(), lie)]);
    let report = registry.night(RECOMMENDED);
    assert!(registry.has(&image), "its bytes are read again");
    assert_eq!(report.totals.counts.deleted, 0);
}
