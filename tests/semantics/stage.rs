//! An example, carried out: a registry as it says, and the real binaries beside it.

mod push;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use ecr_attestation_janitor::planner::plan_file::{SavedPlan, checksum};
use ecr_emulator::Status;
use ecr_emulator::buildx::Build;
use jiff::SignedDuration;

use super::document::Problem;
use super::notation::{Event, Script, Step};
use crate::harness::{Repo, World};

/// Longer than any example takes.
const NEVER: Duration = Duration::from_secs(3600);

/// Each run as if it were the first, and without backups.
const STATELESS: [(&str, &str); 2] =
    [("memory.location", "memory.location = \"none\""), ("backup.keep", "backup.keep = \"0d\"")];

/// A registry, and what the images in it are called.
pub(super) struct Stage {
    world: World,
    /// The lines of janitor.toml, with their keys.
    settings: Vec<(String, String)>,
    repositories: BTreeMap<String, Repo>,
    /// The repository that the next steps are about.
    here: Option<Repo>,
    images: BTreeMap<String, Vec<Image>>,
    builds: BTreeMap<String, Build>,
    /// The operation during which the next command is interrupted.
    interrupt_at: Option<String>,
    /// Makes each build and each image another one.
    serial: u64,
}

/// An image and the repository that it is or was in.
struct Image {
    repo: Repo,
    digest: String,
}

/// Otherwise, what is wrong.
type Result<T = ()> = std::result::Result<T, String>;

impl Stage {
    pub(super) fn new() -> Self {
        let mut stage = Self {
            world: World::new()
                .with("AWS_MAX_ATTEMPTS", "1")
                .with("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
                .with_state(),
            settings: Vec::new(),
            repositories: BTreeMap::new(),
            here: None,
            images: BTreeMap::new(),
            builds: BTreeMap::new(),
            interrupt_at: None,
            serial: 0,
        };
        STATELESS.iter().for_each(|(key, line)| stage.set(key, line));
        stage
    }

    /// Does what the script says, and tells what comes out otherwise.
    pub(super) fn play(mut self, script: &Script) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (line, step) in &script.steps {
            if let Step::Run { command, expectations } = step {
                let wrong = self.run(*line, command, expectations);
                problems.extend(wrong.into_iter().map(|(line, what)| script.problem(line, what)));
            } else if let Err(what) = self.prepare(step) {
                problems.push(script.problem(*line, what));
                break;
            }
        }
        problems
    }

    fn prepare(&mut self, step: &Step) -> Result {
        match step {
            Step::Setting { key, line } => self.set(key, line),
            Step::Repository(name) => self.go_to(name),
            Step::Label { key, value } => self.here()?.label(key, value),
            Step::Push(push) => return self.push(&self.here()?, push),
            Step::Happens { name, what } => {
                return self.find(name)?.iter().try_for_each(|image| self.happens(image, what));
            }
            Step::Trouble(rule) => self.world.ecr.fault(rule.clone()),
            Step::NeverAnswers(operation) => self.world.ecr.set_latency(Some(operation), NEVER),
            Step::PullThrough(prefix) => self.world.pull_through(prefix),
            Step::Interrupt(operation) => self.interrupt_at = Some(operation.clone()),
            Step::Replication(prefix) => self.world.replicate(prefix),
            Step::Remember => self.remember(),
            Step::AgePlan(days) => self.age_plan(*days),
            Step::EditPlan { from, to } => return self.edit_plan(from, to),
            Step::Run { .. } => return Err("a command prepares nothing".to_owned()),
        }
        Ok(())
    }

    /// A later line of the same key replaces the earlier one.
    fn set(&mut self, key: &str, line: &str) {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), line.to_owned()));
        self.write_settings();
    }

    fn write_settings(&self) {
        let lines: Vec<&str> = self.settings.iter().map(|(_, line)| line.as_str()).collect();
        std::fs::write(self.world.file("janitor.toml"), lines.join("\n")).unwrap();
    }

    /// Runs keep memory and backups from here on, as by default.
    fn remember(&mut self) {
        self.settings.retain(|(known, _)| STATELESS.iter().all(|(key, _)| known != key));
        self.write_settings();
    }

    fn go_to(&mut self, name: &str) {
        let new = || self.world.repository(name);
        self.here = Some(self.repositories.entry(name.to_owned()).or_insert_with(new).clone());
    }

    fn here(&self) -> Result<Repo> {
        self.here.clone().ok_or_else(|| "it stands in no repository".to_owned())
    }

    /// Puts the saved plan into the past, with a checksum that is right again.
    fn age_plan(&self, days: i64) {
        let path = self.world.file("plan.json");
        let mut plan: SavedPlan = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let age = SignedDuration::from_hours(24 * days);
        plan.created_at -= age;
        plan.read_until -= age;
        plan.checksum = checksum(&serde_json::to_value(&plan).unwrap());
        std::fs::write(path, serde_json::to_vec_pretty(&plan).unwrap()).unwrap();
    }

    fn edit_plan(&self, from: &str, to: &str) -> Result {
        let path = self.world.file("plan.json");
        let plan = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if !plan.contains(from) {
            return Err(format!("{from:?} is not in {plan}"));
        }
        std::fs::write(path, plan.replacen(from, to, 1)).map_err(|error| error.to_string())
    }

    /// Adds an image to the list of those that are in use.
    fn list_as_in_use(&self, repository: &str, digest: &str) -> Result {
        let path = self.world.file("in-use.txt");
        let list = std::fs::read_to_string(&path).unwrap_or_default();
        let list = format!("{list}{repository}@{digest}\n");
        std::fs::write(path, list).map_err(|error| error.to_string())
    }

    /// What others do.
    fn happens(&self, Image { repo, digest }: &Image, what: &Event) -> Result {
        let image = repo.ecr.image(&repo.name, digest).ok_or("it is not there")?;
        match what {
            Event::GetsTag(tag) => repo.tag(digest, &self.with_digits(tag)?),
            Event::TakesTags { of } => {
                for other in self.find(of)? {
                    repo.tags(&other.digest).iter().for_each(|tag| repo.tag(digest, tag));
                }
            }
            Event::IsDeleted => {
                repo.try_to_delete(digest);
                if repo.has(digest) {
                    return Err("ECR refuses to delete it".to_owned());
                }
            }
            Event::IsArchived => repo.archive(digest),
            Event::IsBeingActivated => repo.ecr.set_status(&repo.name, digest, Status::Activating),
            Event::IsPushedAgain => {
                repo.delete([digest]);
                let again = repo.ecr.put_image(&repo.name, &image.manifest, Some(&image.media_type), None);
                again.map_err(|error| error.to_string())?;
            }
            Event::WasPulled { days_ago } => repo.pulled(*days_ago, digest),
            Event::WasRestored { days_ago } => repo.restored(*days_ago, digest),
            Event::HasDamagedBytes => repo.ecr.corrupt_manifest(&repo.name, digest, "{}"),
            Event::HasNoKnownAge => repo.ecr.set_pushed_at(&repo.name, digest, None),
            Event::IsInUse => self.list_as_in_use(&repo.name, digest)?,
        }
        Ok(())
    }
}

/// Names.
impl Stage {
    fn name(&mut self, repo: &Repo, name: &str, digest: &str) {
        let image = Image { repo: repo.clone(), digest: digest.to_owned() };
        self.images.entry(name.to_owned()).or_default().push(image);
    }

    fn find(&self, name: &str) -> Result<&[Image]> {
        self.images.get(name).map(Vec::as_slice).ok_or_else(|| format!("nothing is called {name:?}"))
    }

    fn one(&self, name: &str) -> Result<&str> {
        match self.find(name)? {
            [one] => Ok(&one.digest),
            _ => Err(format!("{name:?} is more than one image")),
        }
    }

    /// `{NAME}` is the beginning of the image's digest, as long as in a tag.
    fn with_digits(&self, text: &str) -> Result<String> {
        let Some((before, rest)) = text.split_once('{') else { return Ok(text.to_owned()) };
        let (name, after) = rest.split_once('}').ok_or("a brace is open")?;
        let digits = &self.one(name)?["sha256:".len()..][..12];
        Ok(format!("{before}{digits}{after}"))
    }

    /// What the example calls an image.
    fn called(&self, repository: &str, digest: &str) -> String {
        let is_it = |image: &Image| image.repo.name == repository && image.digest == digest;
        let name = self.images.iter().find(|(_, images)| images.iter().any(is_it));
        name.map_or_else(|| format!("{repository}@{digest}"), |(name, _)| name.clone())
    }
}
