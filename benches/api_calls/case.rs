//! The cases: which registries, and which runs against them.

use std::path::Path;
use std::time::Duration;

use ecr_emulator::Emulator;
use serde::Serialize;

use crate::Result;
use crate::floor::{self, Calls, DOWNLOAD, Floor, Known, Task, floor};
use crate::janitor::{self, Needs, Ran};
use crate::number::thousands;
use crate::world::{self, Workflow};

/// How long the registry waits before it answers, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Latency {
    /// Of a page of a listing, or a look at images.
    pub(crate) describe: u32,
    /// Of a deletion.
    pub(crate) delete: u32,
    /// Of everything else.
    pub(crate) other: u32,
}

impl Latency {
    /// The same for each call.
    pub(crate) const fn of_ms(ms: u32) -> Self {
        Self { describe: ms, delete: ms, other: ms }
    }

    /// As it may be on AWS, within one Region.
    pub(crate) const PLAUSIBLE: Self = Self { describe: 150, delete: 120, other: 80 };

    fn of(self, operation: &str) -> u32 {
        match operation {
            "DescribeImages" => self.describe,
            "BatchDeleteImage" => self.delete,
            _ => self.other,
        }
    }

    fn set(self, emulator: &Emulator) {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        emulator.set_latency(None, ms(self.other));
        for operation in ["DescribeImages", "BatchDeleteImage"] {
            emulator.set_latency(Some(operation), ms(self.of(operation)));
        }
    }
}

/// The operations that make nearly all calls.
const THROTTLED: [&str; 3] = ["DescribeImages", "BatchGetImage", "BatchDeleteImage"];

/// A registry, and how the janitor is run against it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Case {
    pub(crate) repositories: u64,
    pub(crate) images: usize,
    /// A fixed number of calls in flight, or as many as the registry takes.
    pub(crate) concurrency: Option<u64>,
    pub(crate) latency: Latency,
    /// How many calls of each operation the registry allows a second, if it throttles.
    pub(crate) rate: Option<u32>,
    pub(crate) series: Series,
    #[serde(skip)]
    pub(crate) workflow: Workflow,
}

/// The runs of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Series {
    /// Without memory and backups, under the default policy.
    Default,
    /// The same, and one more run that deletes superseded builds.
    Superseded,
    /// With memory: a first night, one in which nothing is new, and one with 1 % new images.
    Nights,
    /// The same deletions without and with backups, in two copies of the registry.
    Backups,
    /// Without memory and backups: a plan, and all its deletions.
    Once,
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
    /// What listing the images takes with nothing but the latency: a page needs the one before.
    pub(crate) listing_ms: f64,
    #[serde(flatten)]
    pub(crate) needs: Option<Needs>,
    /// As the registry counted them.
    pub(crate) calls: Calls,
    pub(crate) floor: Calls,
    /// The report's `api_calls` are the registry's.
    pub(crate) report_agrees: bool,
    /// The most calls at once.
    pub(crate) in_flight_peak: u64,
    /// Calls that the registry refused because they were too many a second. The janitor sends them again.
    pub(crate) throttled: u64,
    /// Images deleted, or planned to be.
    pub(crate) deletions: u64,
    pub(crate) expected_deletions: u64,
}

const DEFAULT: Task = Task { applies: false, superseded: false, remembers: false, backs_up: false };
const APPLY: Task = Task { applies: true, ..DEFAULT };
const NIGHT: Task = Task { remembers: true, ..APPLY };

/// One run of a series.
struct Step {
    name: &'static str,
    task: Task,
    /// The share of new images that are pushed before it, in percent.
    new_percent: usize,
    /// Whether it works in a copy, so that the next one finds the registry as it was.
    on_copy: bool,
}

impl Series {
    fn steps(self) -> Vec<Step> {
        let step = |name, task| Step { name, task, new_percent: 0, on_copy: false };
        let mut steps = vec![step("plan", DEFAULT), step("apply", APPLY), step("apply again", APPLY)];
        match self {
            Self::Default => steps,
            Self::Superseded => {
                steps.push(step("superseded", Task { superseded: true, ..APPLY }));
                steps
            }
            Self::Nights => vec![
                step("first night", NIGHT),
                step("nothing new", NIGHT),
                Step { new_percent: 1, ..step("1 % new", NIGHT) },
            ],
            Self::Once => vec![step("plan", DEFAULT), step("apply", APPLY)],
            Self::Backups => vec![
                Step { on_copy: true, ..step("apply", APPLY) },
                step("with backup", Task { backs_up: true, ..APPLY }),
            ],
        }
    }
}

impl Case {
    /// All cases; the quick ones are of the same kinds.
    pub(crate) fn all(quick: bool) -> Vec<Self> {
        let (repositories, images, one) = if quick { (3, 1_015, 4_000) } else { (50, 1_015, 100_000) };
        let many = |series, concurrency| Self {
            repositories,
            images,
            concurrency,
            latency: Latency::of_ms(10),
            rate: None,
            series,
            workflow: Workflow::OneJob,
        };
        let one =
            |series| Self { repositories: 1, images: one, workflow: Workflow::Matrix, ..many(series, None) };
        vec![
            many(Series::Superseded, Some(4)),
            many(Series::Superseded, None),
            one(Series::Default),
            many(Series::Nights, None),
            one(Series::Nights),
            many(Series::Backups, None),
            one(Series::Backups),
        ]
    }

    /// Large registries at latencies as on AWS.
    pub(crate) fn large(quick: bool) -> Vec<Self> {
        let size = |full: usize| if quick { full / 10 } else { full };
        let one = |series| Self {
            repositories: 1,
            images: size(99_030),
            concurrency: None,
            latency: Latency::PLAUSIBLE,
            rate: None,
            series,
            workflow: Workflow::LeftOvers,
        };
        let many = Self { repositories: size(10_000) as u64, images: 100, ..one(Series::Once) };
        let throttled = Self { repositories: size(600) as u64, rate: Some(20), ..many };
        vec![one(Series::Once), one(Series::Nights), one(Series::Backups), many, throttled]
    }

    /// The case in words.
    pub(crate) fn title(&self) -> String {
        let Self { repositories, images, .. } = self;
        let concurrency = self.concurrency.map_or("auto".to_owned(), |number| number.to_string());
        let what = if *repositories == 1 { "repository" } else { "repositories" };
        let images = thousands(*images as u64);
        let with = match self.series {
            Series::Default | Series::Superseded | Series::Once => "",
            Series::Nights => ", with memory",
            Series::Backups => ", without and with backups",
        };
        let throttled =
            self.rate.map_or(String::new(), |rate| format!(", {rate} calls a second of each kind"));
        format!("{repositories} {what} x {images} images, --concurrency {concurrency}{with}{throttled}")
    }

    /// Makes the registry, serves it, and runs the janitor against it again and again.
    pub(crate) fn measure(self) -> Result<Measured> {
        let emulator = world::registry(self.repositories, self.images, self.workflow)?;
        let names: Vec<String> = (0..self.repositories).map(world::name).collect();
        let state = tempfile::tempdir()?;
        let mut known = Known::new();
        let mut runs = Vec::new();
        for step in self.series.steps() {
            for (number, name) in (0..).zip(&names) {
                world::push_new(&emulator, name, number, self.images * step.new_percent / 100)?;
            }
            let emulator = if step.on_copy { emulator.fork() } else { emulator.clone() };
            let floor = floor(&emulator, &names, step.task, &known)?;
            let (ran, seen) = self.run(&emulator, step.task, state.path())?;
            runs.push(self.compare(step.name, step.task, floor, ran, seen));
            known = if step.task.remembers { floor::known(&emulator, &names) } else { Known::new() };
        }
        Ok(Measured { case: self, runs })
    }

    /// One run, against a server of its own.
    fn run(&self, emulator: &Emulator, task: Task, state: &Path) -> Result<(Ran, Seen)> {
        self.latency.set(emulator);
        for operation in self.rate.iter().flat_map(|_| THROTTLED) {
            let rate = f64::from(self.rate.unwrap_or_default());
            emulator.set_rate(operation, rate, rate);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let server = runtime.block_on(emulator.serve(([127, 0, 0, 1], 0).into()))?;
        emulator.reset_calls();
        let ran = janitor::run(&server.url(), task, self.concurrency, state)?;
        let seen = Seen { calls: emulator.calls(), in_flight_peak: emulator.in_flight_peak() };
        runtime.block_on(server.stop());
        Ok((ran, seen))
    }

    fn compare(&self, name: &'static str, task: Task, floor: Floor, ran: Ran, seen: Seen) -> Run {
        let api = seen.calls.iter().filter(|(operation, _)| *operation != DOWNLOAD);
        let api: Calls = api.map(|(operation, count)| (operation.clone(), *count)).collect();
        Run {
            name,
            wall_ms: ran.wall.as_secs_f64() * 1000.0,
            listing_ms: floor.pages as f64 * f64::from(self.latency.describe),
            needs: ran.needs,
            report_agrees: ran.totals.api_calls == api,
            calls: seen.calls,
            floor: floor.calls,
            in_flight_peak: seen.in_flight_peak,
            throttled: ran.totals.throttles,
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
    /// How many times as long the last run took as the first, where they did the same.
    pub(crate) fn backups_take(&self) -> Option<f64> {
        let [without, with] = self.runs.as_slice() else { return None };
        (self.case.series == Series::Backups).then(|| with.wall_ms / without.wall_ms)
    }

    /// Whether every run made just the calls it needed, and did just what it should.
    pub(crate) fn is_at_the_floor(&self) -> bool {
        self.runs.iter().all(|run| run.problems().is_empty())
    }
}

impl Run {
    /// The share of the allowed rate that was used while the run lasted, of the operation with the most calls.
    pub(crate) fn share_of(&self, rate: u32) -> f64 {
        let most = THROTTLED.iter().filter_map(|operation| self.floor.get(*operation)).max();
        let seconds = most.map_or(0.0, |calls| *calls as f64 / f64::from(rate));
        seconds / (self.wall_ms / 1000.0)
    }

    /// The share of all calls that was throttled.
    pub(crate) fn throttled_share(&self) -> f64 {
        self.throttled as f64 / self.calls.values().sum::<u64>().max(1) as f64
    }

    /// What differs from the floor, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut operations: Vec<&String> = self.calls.keys().chain(self.floor.keys()).collect();
        operations.sort_unstable();
        operations.dedup();
        for operation in operations.into_iter().filter(|_| self.throttled == 0) {
            let count = |calls: &Calls| calls.get(operation).copied().unwrap_or(0);
            let (made, needed) = (count(&self.calls), count(&self.floor));
            if made != needed {
                problems.push(format!("{operation} {:+}", i128::from(made) - i128::from(needed)));
            }
        }
        let (made, needed) = (self.calls.values().sum::<u64>(), self.floor.values().sum::<u64>());
        if made != needed + self.throttled {
            problems.push(format!("{made} calls, not {needed} and {} that were throttled", self.throttled));
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
