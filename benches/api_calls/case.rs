//! The cases: which registries, and which runs against them.

use std::time::Duration;

use serde::Serialize;

use crate::Result;
use crate::floor::{Calls, Floor, Task, floor};
use crate::janitor::{self, Needs, Ran};
use crate::number::thousands;
use crate::world::{self, Workflow};

/// How long the registry waits before it answers.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency(u32);

impl Latency {
    pub(crate) fn of_ms(ms: u32) -> Self {
        Self(ms)
    }

    pub(crate) fn ms(self) -> u32 {
        self.0
    }
}

/// A registry, and how the janitor is run against it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Case {
    pub(crate) repositories: u64,
    pub(crate) images: usize,
    pub(crate) concurrency: u64,
    #[serde(skip)]
    workflow: Workflow,
    #[serde(skip)]
    superseded: bool,
}

/// A case with its runs.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    #[serde(flatten)]
    pub(crate) case: Case,
    pub(crate) runs: Vec<Run>,
}

/// One run, measured.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) name: &'static str,
    pub(crate) wall_ms: f64,
    /// What all calls would take with nothing but the latency, one call at a time in each repository under way.
    pub(crate) waiting_ms: f64,
    #[serde(flatten)]
    pub(crate) needs: Option<Needs>,
    /// As the registry counted them.
    pub(crate) calls: Calls,
    pub(crate) floor: Calls,
    /// The report's `api_calls` are the registry's.
    pub(crate) report_agrees: bool,
    /// The most calls at once.
    pub(crate) in_flight_peak: u64,
    /// Images deleted, or planned to be.
    pub(crate) deletions: u64,
    pub(crate) expected_deletions: u64,
}

const DEFAULT: Task = Task { applies: false, superseded: false };
const RUNS: [(&str, Task); 3] = [
    ("plan", DEFAULT),
    ("apply", Task { applies: true, ..DEFAULT }),
    ("apply again", Task { applies: true, ..DEFAULT }),
];
const SUPERSEDED: (&str, Task) = ("superseded", Task { applies: true, superseded: true });

impl Case {
    /// All cases; the quick ones are of the same kinds.
    pub(crate) fn all(quick: bool) -> Vec<Self> {
        let (repositories, images, one) = if quick { (3, 1_015, 4_000) } else { (50, 1_015, 100_000) };
        let many = |concurrency| Self {
            repositories,
            images,
            concurrency,
            workflow: Workflow::OneJob,
            superseded: true,
        };
        let one = Self {
            repositories: 1,
            images: one,
            concurrency: 4,
            workflow: Workflow::Matrix,
            superseded: false,
        };
        vec![many(4), many(32), one]
    }

    /// The case in words.
    pub(crate) fn title(&self) -> String {
        let Self { repositories, images, concurrency, .. } = self;
        let what = if *repositories == 1 { "repository" } else { "repositories" };
        let images = thousands(*images as u64);
        format!("{repositories} {what} x {images} images, --concurrency {concurrency}")
    }

    /// Makes the registry, serves it, and runs the janitor against it again and again.
    pub(crate) fn measure(self, latency: Latency) -> Result<Measured> {
        let emulator = world::registry(self.repositories, self.images, self.workflow)?;
        emulator.set_latency(None, Duration::from_millis(latency.ms().into()));
        let names: Vec<String> = (0..self.repositories).map(world::name).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let server = runtime.block_on(emulator.serve(([127, 0, 0, 1], 0).into()))?;
        let mut runs = Vec::new();
        for (name, task) in RUNS.into_iter().chain(self.superseded.then_some(SUPERSEDED)) {
            let floor = floor(&emulator, &names, task)?;
            emulator.reset_calls();
            let ran = janitor::run(&server.url(), task, self.concurrency)?;
            let seen = Seen { calls: emulator.calls(), in_flight_peak: emulator.in_flight_peak() };
            runs.push(self.compare(name, task, floor, ran, seen, latency));
        }
        runtime.block_on(server.stop());
        Ok(Measured { case: self, runs })
    }

    fn compare(
        &self,
        name: &'static str,
        task: Task,
        floor: Floor,
        ran: Ran,
        seen: Seen,
        latency: Latency,
    ) -> Run {
        let calls: u64 = seen.calls.values().sum();
        let lanes = self.concurrency.min(self.repositories);
        Run {
            name,
            wall_ms: ran.wall.as_secs_f64() * 1000.0,
            waiting_ms: calls as f64 * f64::from(latency.ms()) / lanes as f64,
            needs: ran.needs,
            report_agrees: ran.totals.api_calls == seen.calls,
            calls: seen.calls,
            floor: floor.calls,
            in_flight_peak: seen.in_flight_peak,
            deletions: if task.applies { ran.totals.deleted } else { ran.totals.planned },
            expected_deletions: floor.deletions,
        }
    }
}

/// What the registry saw of a run.
struct Seen {
    calls: Calls,
    in_flight_peak: u64,
}

impl Measured {
    /// Whether every run made just the calls it needed, and did just what it should.
    pub(crate) fn is_at_the_floor(&self) -> bool {
        self.runs.iter().all(|run| run.problems().is_empty())
    }
}

impl Run {
    /// What differs from the floor, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut operations: Vec<&String> = self.calls.keys().chain(self.floor.keys()).collect();
        operations.sort_unstable();
        operations.dedup();
        for operation in operations {
            let count = |calls: &Calls| calls.get(operation).copied().unwrap_or(0);
            let (made, needed) = (count(&self.calls), count(&self.floor));
            if made != needed {
                problems.push(format!("{operation} {:+}", i128::from(made) - i128::from(needed)));
            }
        }
        if !self.report_agrees {
            problems.push("the report counts other calls".to_owned());
        }
        if self.deletions != self.expected_deletions {
            problems.push(format!("{} deletions, not {}", self.deletions, self.expected_deletions));
        }
        problems
    }
}
