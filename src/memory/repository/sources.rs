//! What earlier runs learned of the pipelines that push to a repository.
//!
//! For people alone: no rule sees it, so that a lie in it misleads a reader and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RepositoryMemory;
use super::moment::Moment;
use crate::oci::digest::Digest;
use crate::oci::statement::Pipeline;

/// The most pipelines that are told apart in one repository; further ones count as unknown.
const MOST_PIPELINES: usize = 200;
/// The most statements of which it is known who made them; the oldest are forgotten.
const MOST_STATEMENTS: usize = 10_000;
/// Days of which arrivals are kept.
const DAYS: u32 = 400;
/// The longest text of a pipeline, in bytes.
const LONGEST: usize = 300;
const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// What is known of the pipelines that push to a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sources {
    /// In the order in which they were met.
    pipelines: Vec<KnownPipeline>,
    /// The attestations whose statements were read.
    statements: BTreeMap<Digest, Known>,
    /// What arrived, by the day.
    days: BTreeMap<Day, Arrivals>,
}

/// A pipeline, and the BuildKit that it builds with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownPipeline {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The version of its BuildKit, as the last SBOM that was read has it.
    pub buildkit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    pipeline: u16,
    read_at: Moment,
}

/// A day since 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(u32);

impl Day {
    /// The day of a time.
    pub fn of(time: Timestamp) -> Self {
        Self(u32::try_from(time.as_second() / SECONDS_OF_A_DAY).unwrap_or(0))
    }

    /// Its begin.
    pub fn begin(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS_OF_A_DAY).unwrap_or(Timestamp::MAX)
    }
}

/// What was pushed to a repository on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrivals {
    /// Attestations.
    pub attestations: u32,
    /// Images and indexes that nothing lists: about as many pushes.
    pub pushes: u32,
}

impl Sources {
    pub(super) fn merge(&mut self, other: Self) {
        for (digest, known) in &other.statements {
            let Some(theirs) = other.pipelines.get(usize::from(known.pipeline)) else { continue };
            if !self.statements.contains_key(digest) {
                self.learn(*digest, theirs, known.read_at);
            }
        }
        self.note_arrivals(&other.days);
    }

    fn learn(&mut self, digest: Digest, read: &KnownPipeline, read_at: Moment) {
        let known = self.pipelines.iter().position(|known| known.pipeline == read.pipeline);
        let number = match known {
            Some(number) => number,
            None if self.pipelines.len() < MOST_PIPELINES => {
                self.pipelines.push(read.clone());
                self.pipelines.len() - 1
            }
            None => return,
        };
        if read.buildkit.is_some() {
            self.pipelines[number].buildkit.clone_from(&read.buildkit);
        }
        let Ok(pipeline) = u16::try_from(number) else { return };
        self.statements.insert(digest, Known { pipeline, read_at });
        while self.statements.len() > MOST_STATEMENTS {
            let oldest = self.statements.iter().min_by_key(|(_, known)| known.read_at);
            let Some(oldest) = oldest.map(|(digest, _)| *digest) else { return };
            self.statements.remove(&oldest);
        }
    }

    /// What was deleted since does not count again: of two numbers the larger one holds.
    fn note_arrivals(&mut self, days: &BTreeMap<Day, Arrivals>) {
        for (day, seen) in days {
            let known = self.days.entry(*day).or_default();
            known.attestations = known.attestations.max(seen.attestations);
            known.pushes = known.pushes.max(seen.pushes);
        }
        let first = self.days.last_key_value().map_or(0, |(Day(last), _)| last.saturating_sub(DAYS));
        self.days.retain(|day, _| day.0 > first);
    }
}

impl RepositoryMemory {
    /// Takes note of the pipeline that made an attestation, by its statement.
    pub fn learn_source(&mut self, digest: Digest, read: &KnownPipeline, now: Timestamp) {
        let KnownPipeline { pipeline, buildkit } = read;
        let short = |text: &Option<String>| text.clone().filter(|text| text.len() <= LONGEST);
        let pipeline = Pipeline {
            kind: pipeline.kind,
            source: short(&pipeline.source),
            workflow: short(&pipeline.workflow),
        };
        let read = KnownPipeline { pipeline, buildkit: short(buildkit) };
        self.sources.learn(digest, &read, Moment::floor(now));
    }

    /// Takes note of what arrived, day by day, as far as it is still here.
    pub fn note_arrivals(&mut self, days: &BTreeMap<Day, Arrivals>) {
        self.sources.note_arrivals(days);
    }

    /// Whether any statement was ever read.
    pub fn knows_sources(&self) -> bool {
        !self.sources.statements.is_empty()
    }

    /// The pipeline that made an attestation, if its statement was read.
    pub fn source_of(&self, digest: Digest) -> Option<&KnownPipeline> {
        let known = self.sources.statements.get(&digest)?;
        self.sources.pipelines.get(usize::from(known.pipeline))
    }

    /// What arrived on which day.
    pub fn arrivals(&self) -> &BTreeMap<Day, Arrivals> {
        &self.sources.days
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RepositoryId, RepositoryMemory};
    use super::*;
    use crate::oci::statement::PipelineKind;

    fn memory() -> RepositoryMemory {
        let [registry, region, name] = ["1", "eu", "team/api"].map(str::to_owned);
        RepositoryMemory::empty(RepositoryId { registry, region, name })
    }

    fn pipeline(source: &str, buildkit: Option<&str>) -> KnownPipeline {
        let source = Some(source.to_owned());
        KnownPipeline {
            pipeline: Pipeline { kind: PipelineKind::Buildx, source, workflow: None },
            buildkit: buildkit.map(str::to_owned),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    #[test]
    fn what_was_read_is_known_and_survives_as_bytes() {
        let mut memory = memory();
        memory.learn_source(digest(1), &pipeline("a", None), at(1));
        memory.learn_source(digest(2), &pipeline("b", None), at(2));
        memory.learn_source(digest(3), &pipeline("a", Some("v0.32.0")), at(3));
        let day = Day::of(at(86_400 * 7 + 5));
        memory.note_arrivals(&[(day, Arrivals { attestations: 2, pushes: 1 })].into());
        let read = RepositoryMemory::from_bytes(&memory.to_bytes().unwrap(), memory.id()).unwrap();
        assert_eq!(read, memory);
        assert_eq!(read.source_of(digest(1)), Some(&pipeline("a", Some("v0.32.0"))));
        assert_eq!(read.source_of(digest(2)), Some(&pipeline("b", None)));
        assert_eq!(read.source_of(digest(4)), None);
        assert_eq!(day.begin(), at(86_400 * 7));
    }

    #[test]
    fn it_is_written_only_when_something_was_learned() {
        let mut memory = memory();
        let empty = memory.content_digest().unwrap();
        memory.learn_source(digest(1), &pipeline("a", None), at(1));
        let learned = memory.content_digest().unwrap();
        assert_ne!(learned, empty);
        let days: BTreeMap<Day, Arrivals> = [(Day(3), Arrivals { attestations: 2, pushes: 1 })].into();
        memory.note_arrivals(&days);
        let noted = memory.content_digest().unwrap();
        assert_ne!(noted, learned);
        memory.note_arrivals(&days);
        memory.note_arrivals(&[(Day(3), Arrivals::default())].into());
        assert_eq!(memory.content_digest().unwrap(), noted);
    }

    #[test]
    fn two_runs_know_together_what_each_learned() {
        let (mut one, mut two) = (memory(), memory());
        one.learn_source(digest(1), &pipeline("a", None), at(1));
        two.learn_source(digest(2), &pipeline("b", None), at(1));
        two.learn_source(digest(3), &pipeline("a", None), at(1));
        one.note_arrivals(&[(Day(3), Arrivals { attestations: 2, pushes: 1 })].into());
        two.note_arrivals(&[(Day(3), Arrivals { attestations: 1, pushes: 4 })].into());
        let both = one.merge(two);
        for (number, source) in [(1, "a"), (2, "b"), (3, "a")] {
            assert_eq!(both.source_of(digest(number)), Some(&pipeline(source, None)));
        }
        assert_eq!(both.arrivals(), &[(Day(3), Arrivals { attestations: 2, pushes: 4 })].into());
    }

    #[test]
    fn it_is_bounded() {
        let mut memory = memory();
        for number in 0..MOST_STATEMENTS + 2 {
            memory.learn_source(digest(number), &pipeline("a", None), at(number as i64 + 1));
        }
        let is_known = |memory: &RepositoryMemory, number| memory.source_of(digest(number)).is_some();
        assert_eq!([0, 1, 2].map(|number| is_known(&memory, number)), [false, false, true]);
        for number in 0..MOST_PIPELINES + 1 {
            memory.learn_source(digest(20_000 + number), &pipeline(&number.to_string(), None), at(99_999));
        }
        assert!(!is_known(&memory, 20_000 + MOST_PIPELINES));
        memory.learn_source(digest(1), &pipeline(&"x".repeat(LONGEST + 1), None), at(99_999));
        assert_ne!(
            memory.source_of(digest(1)).and_then(|it| it.pipeline.source.as_deref()).map(str::len),
            Some(301)
        );
        for day in 0..500 {
            memory.note_arrivals(&[(Day(day), Arrivals { attestations: 1, pushes: 1 })].into());
        }
        assert_eq!(memory.arrivals().len(), DAYS as usize);
    }

    #[test]
    fn a_number_that_is_no_pipeline_is_as_unknown() {
        let mut memory = memory();
        memory.sources.statements.insert(digest(1), Known { pipeline: 7, read_at: Moment::floor(at(1)) });
        assert_eq!(memory.source_of(digest(1)), None);
        let mut other = self::memory();
        other.sources.merge(memory.sources);
        assert_eq!(other.source_of(digest(1)), None);
    }
}
