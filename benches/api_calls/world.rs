//! Registries as GitHub Actions leaves them. The same numbers make the same registry, but for the push times, which
//! are so long ago each.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ecr_emulator::buildx::{Build, Form, Pushed, merge};
use ecr_emulator::{Emulator, artifacts};
use serde_json::json;

use crate::Result;

/// How a workflow builds for two platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workflow {
    /// One job builds both: an index, two images, two attestations.
    OneJob,
    /// A job for each platform pushes by digest, and one more merges: a third of all images are indexes.
    Matrix,
    /// As [`Workflow::OneJob`], where old builds are deleted with their images: three quarters are left-over attestations.
    LeftOvers,
}

/// A registry with so many repositories of exactly so many images.
pub(crate) fn registry(repositories: u64, images: usize, workflow: Workflow) -> Result<Emulator> {
    let emulator = Emulator::new();
    for number in 0..repositories {
        let name = name(number);
        emulator.create_repository(&name)?;
        let mut repository =
            Repository { emulator: &emulator, name: &name, workflow, code: number << 32, now: now()? };
        repository.fill(images)?;
        if emulator.image_count(&name) != images {
            return Err(format!("{name} has {} images", emulator.image_count(&name)).into());
        }
    }
    emulator.set_clock(None);
    // The janitor's role is excluded from pull times, or its own reads would make everything look in use.
    emulator.set_pull_time_updates(false);
    Ok(emulator)
}

/// Pushes so many new images to a repository, or a few less: builds whose tags are new.
pub(crate) fn push_new(emulator: &Emulator, name: &str, number: u64, images: usize) -> Result<()> {
    // No registry has so many codes.
    let first = (number << 32) + (1 << 31);
    for code in (first..).take(images / (2 * BOTH.len() + 1)) {
        Build::new(&BOTH).code(code).push(emulator, name, Some(&format!("new-{code}")))?;
    }
    Ok(())
}

/// What the repositories are called.
pub(crate) fn name(number: u64) -> String {
    format!("team-{}/service-{number:02}", number % 7)
}

fn now() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that leaves images behind.
#[derive(Debug, Clone, Copy)]
enum Step {
    Release,
    Superseded,
    Expired,
    IndexExpired,
    InFlight,
    Plain { tagged: bool },
}

/// A release, builds that another one replaced, and what a lifecycle policy makes of older ones.
const WEEK: [Step; 7] = [
    Step::Release,
    Step::Superseded,
    Step::Expired,
    Step::Expired,
    Step::Superseded,
    Step::Expired,
    Step::Plain { tagged: true },
];
/// One of these comes every week too.
const RARE: [Step; 4] = [Step::IndexExpired, Step::InFlight, Step::Plain { tagged: false }, Step::Expired];
/// The most images that one step adds.
const LARGEST_STEP: usize = 14;

struct Repository<'a> {
    emulator: &'a Emulator,
    name: &'a str,
    workflow: Workflow,
    /// Another code makes other images.
    code: u64,
    now: i64,
}

impl Repository<'_> {
    fn fill(&mut self, images: usize) -> Result<()> {
        let mut week = 0;
        while self.room(images) >= LARGEST_STEP {
            self.week(week, images)?;
            week += 1;
        }
        for _ in 0..self.room(images) {
            self.plain(true)?;
        }
        Ok(())
    }

    fn room(&self, images: usize) -> usize {
        images.saturating_sub(self.emulator.image_count(self.name))
    }

    /// What one week leaves, as far as there is room.
    fn week(&mut self, week: u64, images: usize) -> Result<()> {
        let form = if (week + week / 4).is_multiple_of(2) { Form::Oci } else { Form::Legacy };
        let rare = RARE[usize::try_from(week % 4)?];
        for step in WEEK.into_iter().chain([rare]) {
            if self.room(images) >= LARGEST_STEP {
                self.step(step, form, week)?;
            }
            let more = if self.workflow == Workflow::LeftOvers { 3 } else { 0 };
            for _ in 0..more {
                if self.room(images) >= LARGEST_STEP {
                    self.expired(form)?;
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, step: Step, form: Form, week: u64) -> Result<()> {
        match step {
            Step::Release => self.release(form, &format!("v{week}")),
            Step::Superseded => self.superseded(form),
            Step::Expired => self.expired(form),
            Step::IndexExpired => self.index_expired(form),
            Step::InFlight => self.in_flight(form),
            Step::Plain { tagged } => self.plain(tagged),
        }
    }

    /// One code, built three times: the first index lost its tag to the second, and the third one's was deleted.
    fn release(&mut self, form: Form, tag: &str) -> Result<()> {
        let code = self.begin()?;
        self.build(code, 0, form, None)?;
        self.build(code, 1, form, Some(tag))?;
        Self::build_of(&BOTH, code, 2, form).push_attestations_only(self.emulator, self.name)?;
        Ok(())
    }

    /// A build whose tag moved on.
    fn superseded(&mut self, form: Form) -> Result<()> {
        let code = self.begin()?;
        self.build(code, 0, form, None)?;
        Ok(())
    }

    /// A build whose index and images are deleted: nothing deletes the attestations.
    fn expired(&mut self, form: Form) -> Result<()> {
        let code = self.begin()?;
        Self::build_of(&BOTH, code, 0, form).push_attestations_only(self.emulator, self.name)?;
        Ok(())
    }

    /// A build of which only the index is deleted.
    fn index_expired(&mut self, form: Form) -> Result<()> {
        let code = self.begin()?;
        let pushed = Self::build_of(&BOTH, code, 0, form).push(self.emulator, self.name, None)?;
        let request = json!({ "repositoryName": self.name, "imageIds": [{ "imageDigest": pushed.root }] });
        self.emulator.call("BatchDeleteImage", request)?;
        Ok(())
    }

    /// A push that is under way.
    fn in_flight(&mut self, form: Form) -> Result<()> {
        let code = self.begin()?;
        self.pushed_ago(20 * MINUTE)?;
        Self::build_of(&BOTH, code, 0, form).push_attestations_only(self.emulator, self.name)?;
        Ok(())
    }

    /// An image of one platform without attestations, by other means than buildx.
    fn plain(&mut self, tagged: bool) -> Result<()> {
        let code = self.begin()?;
        let tag = tagged.then(|| format!("nightly-{code}"));
        if code.is_multiple_of(5) {
            artifacts::plain_docker_image(self.emulator, self.name, code, tag.as_deref())?;
        } else {
            artifacts::plain_image(self.emulator, self.name, code, tag.as_deref())?;
        }
        Ok(())
    }

    fn build(&self, code: u64, run: u64, form: Form, tag: Option<&str>) -> Result<()> {
        match self.workflow {
            Workflow::OneJob | Workflow::LeftOvers => {
                Self::build_of(&BOTH, code, run, form).push(self.emulator, self.name, tag)?;
            }
            Workflow::Matrix => {
                let push = |platform: &str| -> Result<Pushed> {
                    Ok(Self::build_of(&[platform], code, run, form).push(self.emulator, self.name, None)?)
                };
                let roots = [push(BOTH[0])?.root, push(BOTH[1])?.root];
                merge(self.emulator, self.name, &roots.each_ref().map(String::as_str), tag)?;
            }
        }
        Ok(())
    }

    fn build_of(platforms: &[&str], code: u64, run: u64, form: Form) -> Build {
        Build::new(platforms).code(code).run(run).form(form).sbom(code.is_multiple_of(4))
    }

    /// Another code, pushed on some day between three days and a year ago.
    fn begin(&mut self) -> Result<u64> {
        self.code += 1;
        let days = 3 + self.code.wrapping_mul(2_654_435_761) % 362;
        self.pushed_ago(DAY * u32::try_from(days)?)?;
        Ok(self.code)
    }

    fn pushed_ago(&self, age: Duration) -> Result<()> {
        self.emulator.set_clock(Some(self.now - i64::try_from(age.as_millis())?));
        Ok(())
    }
}

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];
