//! Cleaners under test: the janitor, and simple ones for comparison.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecr_attestation_janitor::config::Config;
use ecr_attestation_janitor::executor::run::{Conditions, apply_plan};
use ecr_attestation_janitor::in_use::{Reference, Source, SourceError, Sources, Use};
use ecr_attestation_janitor::memory::NoBackups;
use ecr_attestation_janitor::memory::memories::Memories;
use ecr_attestation_janitor::memory::store::folder::Folder;
use ecr_attestation_janitor::planner::selection::select;
use ecr_attestation_janitor::planner::{RunRequest, plan};
use ecr_attestation_janitor::registry::CallError;
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_attestation_janitor::report::observer::Observer;
use ecr_attestation_janitor::report::{Report, RunIdentity};
use ecr_attestation_janitor::util::deadline::Deadline;
use ecr_emulator::{Change, Emulator};
use ecr_in_process::Session;
use futures::future::{BoxFuture, FutureExt as _, ready};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::{DAY, Ms};
use crate::kinds::{KINDS, WORKLOADS};

/// A program that runs every night.
pub(crate) enum Cleaner {
    Janitor(Box<Janitor>),
    /// Deletes what has no tag, in two passes.
    Untagged,
    /// Deletes what has no tag and was pushed so many days ago.
    UntaggedFor(i64),
}

/// One night.
#[derive(Default)]
pub(crate) struct Night {
    /// The digests that are gone, by repository.
    pub(crate) deleted: BTreeMap<String, Vec<String>>,
    /// The calls, by repository.
    pub(crate) calls: BTreeMap<String, u64>,
    /// The janitor's report.
    pub(crate) report: Option<Report>,
}

impl Cleaner {
    /// A night's run; in the last one the report has a row for everything that is kept. These digests run in [`WORKLOADS`].
    pub(crate) fn night(
        &mut self,
        emulator: &Emulator,
        now: Ms,
        running: Vec<String>,
        is_last: bool,
    ) -> Night {
        emulator.set_clock(Some(now));
        match self {
            Self::Janitor(janitor) => janitor.night(emulator, now, running, is_last),
            Self::Untagged => by_tag(emulator, i64::MAX, 2),
            Self::UntaggedFor(days) => by_tag(emulator, now - *days * DAY, 1),
        }
    }
}

/// The janitor's library, connected to the emulator in this process.
pub(crate) struct Janitor {
    config: Config,
    /// Whether ECR takes its reads for pulls, as it does unless the role is excluded.
    reads_are_pulls: bool,
    memory: Option<Memory>,
    /// Whether it asks what runs.
    asks: bool,
}

/// The digests that run.
#[derive(Debug)]
struct Running(Vec<String>);

impl Source for Running {
    fn name(&self) -> String {
        "nights".to_owned()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        let in_use = |digest: &String| {
            let image = Reference::parse(&format!("{WORKLOADS}@{digest}")).expect("a reference");
            Use { image, user: "a function".into() }
        };
        ready(Ok(self.0.iter().map(in_use).collect())).boxed()
    }
}

/// A folder for what the janitor remembers from night to night.
struct Memory {
    memories: Memories,
    _folder: TempDir,
}

impl Memory {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(Folder::new(folder.path()));
        Self { memories: Memories::new(store, "123456789012", "us-east-1"), _folder: folder }
    }
}

struct Nobody;
impl Observer for Nobody {}

impl Janitor {
    pub(crate) fn new(config: &str, reads_are_pulls: bool) -> Self {
        let config = Config::parse(config, &BTreeMap::new()).expect("a configuration");
        Self { config, reads_are_pulls, memory: None, asks: true }
    }

    /// The same, which remembers from night to night.
    pub(crate) fn with_memory(self) -> Self {
        Self { memory: Some(Memory::new()), ..self }
    }

    /// The same, which asks nobody what runs.
    pub(crate) fn without_source(self) -> Self {
        Self { asks: false, ..self }
    }

    fn night(&mut self, emulator: &Emulator, now: Ms, running: Vec<String>, keeps_rows: bool) -> Night {
        let session = Session::new(emulator);
        let calls = count_calls(&session);
        let ecr = Ecr::new(&session.config()).expect("settings of the SDK");
        emulator.set_pull_time_updates(self.reads_are_pulls);
        // Paused, the clock jumps to whatever is waited for.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let now = Timestamp::from_millisecond(now).expect("a time");
        let source: Vec<Box<dyn Source>> =
            if self.asks { vec![Box::new(Running(running))] } else { Vec::new() };
        let sources = Sources::new(source, ecr.region());
        let run = self.run(&ecr, now, sources, keeps_rows);
        let report = runtime.expect("a runtime").block_on(run).expect("no call fails");
        emulator.set_pull_time_updates(true);
        let calls = std::mem::take(&mut *calls.lock().expect("no thread panics"));
        Night { deleted: deleted(emulator), calls, report: Some(report) }
    }

    /// One run of the library. All that outlives it is in `self`.
    async fn run(
        &mut self,
        ecr: &Ecr,
        now: Timestamp,
        in_use: Sources,
        keeps_rows: bool,
    ) -> Result<Report, CallError> {
        let deadline = Deadline::after(Duration::from_secs(900), true);
        let selection = select(ecr, &self.config.select, None).await?;
        let memories = self.memory.as_ref().map_or_else(Memories::none, |memory| memory.memories.clone());
        let request = RunRequest {
            keeps_rows,
            acts: true,
            memories: memories.clone(),
            in_use: in_use.clone(),
            ..RunRequest::new(now, deadline.clone())
        };
        let plan = plan(ecr, &self.config, &request, selection, &Nobody).await;
        let conditions = Conditions {
            concurrency: self.config.limits.concurrency,
            run: &RunIdentity::new(&self.config, ecr.region(), now, "nights"),
            deadline: &deadline,
            observer: &Nobody,
            memories: &memories,
            in_use: &in_use,
        };
        Ok(apply_plan(ecr, &NoBackups, plan, conditions).await)
    }
}

/// Deletes in every repository what has no tag and was pushed before some time, a page and a hundred at a time.
fn by_tag(emulator: &Emulator, before: Ms, passes: usize) -> Night {
    emulator.reset_calls();
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    for kind in KINDS {
        let mut call = |operation: &str, request: Value| {
            *calls.entry(kind.name.to_owned()).or_default() += 1;
            emulator.send(operation, request).expect("the cleaner asks for what there is")
        };
        for _ in 0..passes {
            for batch in untagged(kind.name, before, &mut call).chunks(100) {
                call("BatchDeleteImage", json!({ "repositoryName": kind.name, "imageIds": batch }));
            }
        }
    }
    Night { deleted: deleted(emulator), calls, report: None }
}

fn untagged(name: &str, before: Ms, mut call: impl FnMut(&str, Value) -> Value) -> Vec<Value> {
    let mut found = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut request =
            json!({ "repositoryName": name, "maxResults": 1000, "filter": { "tagStatus": "UNTAGGED" } });
        if token.is_string() {
            request["nextToken"] = token;
        }
        let page = call("DescribeImages", request);
        let due = page["imageDetails"].as_array().into_iter().flatten().filter(|image| {
            let pushed = image["imagePushedAt"].as_f64().unwrap_or(f64::MAX);
            pushed * 1000.0 < before as f64
        });
        found.extend(due.map(|image| json!({ "imageDigest": image["imageDigest"] })));
        token = page["nextToken"].clone();
        if !token.is_string() {
            return found;
        }
    }
}

/// Counts a session's calls by repository; those of the whole registry have no name.
fn count_calls(session: &Session) -> Arc<Mutex<BTreeMap<String, u64>>> {
    let calls = Arc::<Mutex<BTreeMap<String, u64>>>::default();
    let counted = Arc::clone(&calls);
    session.watch(move |_, attempt| {
        let repository = attempt.request["repositoryName"].as_str().unwrap_or_default();
        *counted.lock().expect("no thread panics").entry(repository.to_owned()).or_default() += 1;
    });
    calls
}

fn deleted(emulator: &Emulator) -> BTreeMap<String, Vec<String>> {
    let mut deleted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in emulator.journal() {
        if let Change::Deleted { digest } = entry.kind {
            deleted.entry(entry.repository).or_default().push(digest);
        }
    }
    deleted
}
