//! A run of the janitor's library over a stage, on a clock that nobody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ecr_attestation_janitor::config::Config;
use ecr_attestation_janitor::executor::run::{Conditions, apply_plan, report_plan};
use ecr_attestation_janitor::executor::saved::take_up;
use ecr_attestation_janitor::in_use::{Reference, Source, SourceError, Sources, Use};
use ecr_attestation_janitor::memory::NoBackups;
use ecr_attestation_janitor::memory::memories::Memories;
use ecr_attestation_janitor::planner::plan_file::SavedPlan;
use ecr_attestation_janitor::planner::selection::select;
use ecr_attestation_janitor::planner::{Plan, RunRequest, plan};
use ecr_attestation_janitor::registry::CallError;
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_attestation_janitor::report::observer::Observer;
use ecr_attestation_janitor::report::{Report, RunIdentity};
use ecr_attestation_janitor::util::deadline::Deadline;
use ecr_emulator::{Emulator, Entry};
use ecr_in_process::Session;
use futures::future::{BoxFuture, FutureExt as _, ready};
use jiff::Timestamp;
use serde_json::Value;

use crate::in_process::{Call, Connection, Retries};
use crate::world::{Contents, NAME, Stage, World};

/// What a run said and did.
pub(crate) struct Ran {
    /// Its report; nothing if it could not even begin, or was killed.
    pub(crate) report: Option<Value>,
    pub(crate) was_killed: bool,
    /// The repository as it was at first.
    pub(crate) before: Contents,
    /// What went to the registry.
    pub(crate) calls: Vec<Call>,
    /// What these calls changed, as the registry has it.
    pub(crate) journal: Vec<Entry>,
    /// What it could rest on besides the registry.
    pub(crate) recollection: Option<Recollection>,
    /// What BatchGetImage gives wrong bytes for.
    pub(crate) corrupt: BTreeSet<String>,
    /// What runs by its digest.
    pub(crate) running: BTreeSet<String>,
}

/// What a memory can know.
#[derive(Clone)]
pub(crate) struct Recollection {
    /// Everything that was there when an earlier run began, or this one.
    pub(crate) ever: Contents,
    /// Somebody else wrote the memory.
    pub(crate) is_forged: bool,
}

impl Recollection {
    fn of(stage: &Stage) -> Option<Self> {
        let memory = stage.memory.as_ref()?;
        let mut ever = memory.ever.borrow_mut();
        ever.extend(stage.contents());
        Some(Self { ever: ever.clone(), is_forged: memory.is_forged })
    }
}

struct Nobody;
impl Observer for Nobody {}

/// Only plans.
pub(crate) fn plans(world: &World, stage: &Stage) -> Ran {
    let run = Run::new(world, stage, Retries::Usual);
    run.ends(async |run: &Run| Ok(report_plan(run.ecr(), run.plan().await?, &run.identity(), &Nobody)))
}

/// Plans and applies.
pub(crate) fn applies(world: &World, stage: &Stage) -> Ran {
    applies_while(world, stage, Retries::Usual, |_| ())
}

/// Plans and applies, while other clients or faults come between, as arranged.
pub(crate) fn applies_while(
    world: &World,
    stage: &Stage,
    retries: Retries,
    arrange: impl FnOnce(&Session),
) -> Ran {
    let run = Run::new(world, stage, retries);
    arrange(&run.connection.session);
    run.ends(async |run: &Run| Ok(run.apply(run.plan().await?).await))
}

/// Plans, and saves what is planned as text.
pub(crate) fn saves(world: &World, stage: &Stage) -> String {
    let mut text = String::new();
    let run = Run::new(world, stage, Retries::Usual);
    run.ends(async |run: &Run| {
        let plan = run.plan().await?;
        text = serde_json::to_string(&SavedPlan::new(&plan, "us-east-1")).unwrap();
        Ok(report_plan(run.ecr(), plan, &run.identity(), &Nobody))
    });
    text
}

/// Applies a saved plan, while other clients or faults come between, as arranged.
pub(crate) fn applies_saved(
    world: &World,
    stage: &Stage,
    saved: &str,
    retries: Retries,
    arrange: impl FnOnce(&Session),
) -> Ran {
    let saved = SavedPlan::parse(saved).unwrap();
    let run = Run::new(world, stage, retries);
    arrange(&run.connection.session);
    let ran = run.ends(async |run: &Run| {
        let selection = select(run.ecr(), &run.config.select, None).await?;
        let plan = take_up(run.ecr(), &run.config, &run.request(), saved.clone(), selection).await;
        Ok(run.apply(plan).await)
    });
    // What the plan rests on was listed when it was made.
    let calls = ran.calls.into_iter().map(|call| Call { shown: None, ..call }).collect();
    Ran { calls, ..ran }
}

/// A source of what runs, or one that cannot be read.
#[derive(Debug)]
struct Running(Option<BTreeSet<String>>);

impl Source for Running {
    fn name(&self) -> String {
        "model".to_owned()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        let in_use = |digest: &String| {
            let image = Reference::parse(&format!("{NAME}@{digest}")).unwrap();
            Use { image, user: "model".into() }
        };
        let told = self.0.as_ref().map(|digests| digests.iter().map(in_use).collect());
        ready(told.ok_or_else(|| SourceError::new("why"))).boxed()
    }
}

/// What runs in a world, if anything does, and the source that cannot be read.
fn sources(world: &World, stage: &Stage) -> Sources {
    let running = Some(stage.running(world)).filter(|running| !running.is_empty());
    let named = running.map(|running| Box::new(Running(Some(running))) as Box<dyn Source>);
    let lacking = world.lacks_source.then(|| Box::new(Running(None)) as Box<dyn Source>);
    Sources::new(named.into_iter().chain(lacking).collect(), "us-east-1")
}

struct Run {
    connection: Connection,
    config: Config,
    now: Timestamp,
    before: Contents,
    emulator: Emulator,
    memories: Memories,
    in_use: Sources,
    recollection: Option<Recollection>,
    corrupt: BTreeSet<String>,
    running: BTreeSet<String>,
}

impl Run {
    fn new(world: &World, stage: &Stage, retries: Retries) -> Self {
        Self {
            connection: Connection::new(world, stage, retries),
            config: Config::parse(&world.setting.toml(NAME), &BTreeMap::new()).unwrap(),
            now: Timestamp::from_millisecond(world.now).unwrap(),
            before: stage.contents(),
            emulator: stage.emulator.clone(),
            memories: stage.memories(),
            in_use: sources(world, stage),
            recollection: Recollection::of(stage),
            corrupt: stage.corrupt.clone(),
            running: stage.running(world),
        }
    }

    fn ecr(&self) -> &Ecr {
        &self.connection.ecr
    }

    fn identity(&self) -> RunIdentity {
        RunIdentity::new(&self.config, self.ecr().region(), self.now, "model")
    }

    async fn plan(&self) -> Result<Plan, CallError> {
        let selection = select(self.ecr(), &self.config.select, None).await?;
        Ok(plan(self.ecr(), &self.config, &self.request(), selection, &Nobody).await)
    }

    fn request(&self) -> RunRequest {
        let (memories, in_use) = (self.memories.clone(), self.in_use.clone());
        RunRequest { acts: true, memories, in_use, ..RunRequest::new(self.now, self.deadline()) }
    }

    async fn apply(&self, plan: Plan) -> Report {
        let conditions = Conditions {
            concurrency: self.config.limits.concurrency,
            run: &self.identity(),
            deadline: &self.deadline(),
            observer: &Nobody,
            memories: &self.memories,
            in_use: &self.in_use,
        };
        apply_plan(self.ecr(), &NoBackups, plan, conditions).await
    }

    /// Time for everything but a call that hangs for ever.
    fn deadline(&self) -> Deadline {
        Deadline::after(Duration::from_secs(3600), true)
    }

    fn ends(self, run: impl AsyncFnOnce(&Self) -> Result<Report, CallError>) -> Ran {
        // Paused, the clock jumps to whatever is waited for: five tags a second cost nothing.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let ended = runtime.unwrap().block_on(self.connection.session.until_killed(run(&self)));
        Ran {
            was_killed: ended.is_none(),
            report: ended.and_then(Result::ok).map(|report| serde_json::to_value(report).unwrap()),
            before: self.before,
            calls: self.connection.calls(),
            journal: self.emulator.journal(),
            recollection: self.recollection,
            corrupt: self.corrupt,
            running: self.running,
        }
    }
}

impl Ran {
    /// The part of the report on the repository.
    pub(crate) fn repository(&self) -> Option<&Value> {
        self.report.as_ref()?["repositories"].as_array()?.iter().find(|repository| repository["name"] == NAME)
    }

    /// The decisions by digest.
    pub(crate) fn decisions(&self) -> BTreeMap<&str, &Value> {
        let decisions = self.repository().and_then(|repository| repository["decisions"].as_array());
        decisions.into_iter().flatten().map(|it| (it["digest"].as_str().unwrap(), it)).collect()
    }

    /// The images that came out so.
    pub(crate) fn with_outcome(&self, outcome: &str) -> BTreeSet<String> {
        let decisions = self.decisions().into_iter().filter(|(_, decision)| decision["outcome"] == outcome);
        decisions.map(|(digest, _)| digest.to_owned()).collect()
    }

    /// One of the report's totals.
    pub(crate) fn total(&self, name: &str) -> u64 {
        self.report.as_ref().and_then(|report| report["totals"][name].as_u64()).unwrap_or(0)
    }
}
