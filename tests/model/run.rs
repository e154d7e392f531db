//! A run of the janitor's library over a stage, on a clock that nobody waits for.

use std::collections::BTreeMap;

use ecr_attestation_janitor::config::Config;
use ecr_attestation_janitor::deadline::Deadline;
use ecr_attestation_janitor::observer::Observer;
use ecr_attestation_janitor::plan::{Request, plan};
use ecr_attestation_janitor::run::{apply_plan, report_plan};
use ecr_attestation_janitor::select::select;
use ecr_emulator::Entry;
use jiff::Timestamp;
use serde_json::Value;

use crate::door::{Call, Door};
use crate::world::{NAME, Stage, World};

/// What a run said and did.
pub(crate) struct Ran {
    /// Its report; nothing if it could not even begin.
    pub(crate) report: Option<Value>,
    /// What went to the registry.
    pub(crate) calls: Vec<Call>,
    /// What these calls changed, as the registry has it.
    pub(crate) journal: Vec<Entry>,
}

struct Nobody;
impl Observer for Nobody {}

/// Only plans.
pub(crate) fn plans(world: &World, stage: &Stage) -> Ran {
    run(world, stage, false, |_| ())
}

/// Plans and applies.
pub(crate) fn applies(world: &World, stage: &Stage) -> Ran {
    run(world, stage, true, |_| ())
}

/// Plans and applies, after something was set up that waits for its calls.
pub(crate) fn applies_while(world: &World, stage: &Stage, waits: impl FnOnce(&Stage)) -> Ran {
    run(world, stage, true, waits)
}

fn run(world: &World, stage: &Stage, applies: bool, waits: impl FnOnce(&Stage)) -> Ran {
    let config = Config::parse(&world.setting.toml(NAME), &BTreeMap::new()).unwrap();
    let now = Timestamp::from_millisecond(world.now).unwrap();
    let door = Door::new(&stage.emulator, world.page, world.reads_archived);
    waits(stage);
    let run = async {
        let selection = select(&door, &config.select, None).await.ok()?;
        let request = Request { now, deadline: Deadline::default(), start_at: 0 };
        let plan = plan(&door, &config, &request, selection, &Nobody).await;
        Some(if applies {
            apply_plan(&door, plan, config.concurrency, now, &request.deadline, &Nobody).await
        } else {
            report_plan(&door, plan, now, &Nobody)
        })
    };
    // Paused, the clock jumps to whatever is waited for: five tags a second cost nothing.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let report = runtime.unwrap().block_on(run);
    Ran {
        report: report.map(|report| serde_json::to_value(report).unwrap()),
        calls: door.notes().calls,
        journal: stage.emulator.journal(),
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

    /// One of the report's totals.
    pub(crate) fn total(&self, name: &str) -> u64 {
        self.report.as_ref().and_then(|report| report["totals"][name].as_u64()).unwrap_or(0)
    }
}
