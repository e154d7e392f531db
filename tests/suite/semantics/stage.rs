//! An example, carried out: a registry as it says, the real binaries, and a look at what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ecr_emulator::artifacts;
use ecr_emulator::buildx::{Build, Form};
use ecr_emulator::{Fault, ImageView, Status, When};

use super::document::Problem;
use super::notation::{
    Child, Circumstance, Command, End, Event, Expectation, Push, Role, Script, Step, What,
};
use super::outcome::{Ran, text};
use crate::harness::{Contents, Listed, Repo, World, single, trouble};

/// Longer than any example takes.
const NEVER: Duration = Duration::from_secs(3600);

/// A registry, and what the images in it are called.
pub(super) struct Stage {
    world: World,
    settings: Vec<(String, String)>,
    repositories: BTreeMap<String, Repo>,
    images: BTreeMap<String, Vec<Image>>,
    builds: BTreeMap<String, Build>,
    /// Makes each build and each image another one.
    serial: u64,
}

/// An image and the repository that it is or was in.
#[derive(Clone)]
struct Image {
    repo: Repo,
    digest: String,
}

type Result<T = ()> = std::result::Result<T, String>;

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            world: World::new().with("AWS_MAX_ATTEMPTS", "1"),
            settings: Vec::new(),
            repositories: BTreeMap::new(),
            images: BTreeMap::new(),
            builds: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Does what the script says, and says what comes out otherwise.
    pub(super) fn play(mut self, script: &Script) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut here = None;
        for (line, step) in &script.steps {
            let result = match step {
                Step::Run { command, expectations } => {
                    let complaints = self.run(*line, command, expectations);
                    problems.extend(complaints.into_iter().map(|(line, what)| script.problem(line, what)));
                    Ok(())
                }
                Step::Repository(name) => {
                    here = Some(self.repository(name));
                    Ok(())
                }
                other => self.prepare(here.as_ref(), other),
            };
            if let Err(what) = result {
                problems.push(script.problem(*line, what));
                return problems;
            }
        }
        problems
    }

    fn repository(&mut self, name: &str) -> Repo {
        let Self { world, repositories, .. } = self;
        repositories.entry(name.to_owned()).or_insert_with(|| world.repository(name)).clone()
    }

    fn prepare(&mut self, here: Option<&Repo>, step: &Step) -> Result {
        match step {
            Step::Setting { key, line } => self.set(key, line),
            Step::Label { key, value } => here.unwrap().label(key, value),
            Step::Push(push) => return self.push(here.unwrap(), push),
            Step::Happens { name, what } => {
                let images = self.find(name)?.iter();
                return images.map(|image| self.happens(image, what)).collect();
            }
            Step::Circumstance(circumstance) => return self.circumstance(circumstance),
            Step::Run { .. } | Step::Repository(_) => unreachable!("told by the caller"),
        }
        Ok(())
    }

    /// The later line of a key replaces the earlier one.
    fn set(&mut self, key: &str, line: &str) {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), line.to_owned()));
        let lines: Vec<&str> = self.settings.iter().map(|(_, line)| line.as_str()).collect();
        std::fs::write(self.world.file("janitor.toml"), lines.join("\n")).unwrap();
    }

    fn circumstance(&self, circumstance: &Circumstance) -> Result {
        let fault = |operation: &str, repository: &Option<String>, fault: Fault| {
            let mut rule = trouble(operation, When::Always, fault);
            rule.repository.clone_from(repository);
            self.world.ecr.fault(rule);
        };
        match circumstance {
            Circumstance::Denied { operation, repository } => {
                fault(operation, repository, Fault::AccessDenied)
            }
            Circumstance::Fails { operation, repository } => fault(operation, repository, Fault::ServerError),
            Circumstance::NeverAnswers { operation } => self.world.ecr.set_latency(Some(operation), NEVER),
            Circumstance::PullThrough { prefix } => self.world.pull_through(prefix),
            Circumstance::PlanEdited { from, to } => return self.edit_plan(from, to),
        }
        Ok(())
    }

    fn edit_plan(&self, from: &str, to: &str) -> Result {
        let path = self.world.file("plan.json");
        let plan = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if !plan.contains(from) {
            return Err(format!("{from:?} is not in {plan}"));
        }
        std::fs::write(path, plan.replacen(from, to, 1)).map_err(|error| error.to_string())
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

    fn name(&mut self, repo: &Repo, name: &str, digest: &str) {
        let image = Image { repo: repo.clone(), digest: digest.to_owned() };
        self.images.entry(name.to_owned()).or_default().push(image);
    }
}

/// Pushing.
impl Stage {
    fn push(&mut self, repo: &Repo, push: &Push) -> Result {
        if self.images.keys().any(|known| known.split('.').next() == push.name.split('.').next()) {
            return Err(format!("something is called {:?} already", push.name));
        }
        let is_free =
            matches!(push.what, What::Build { .. } | What::Rebuild(_) | What::Image | What::Index(_));
        if push.tag.is_some() && !(is_free && push.count == 1) {
            return Err("a tag can be chosen for one build, image or index".to_owned());
        }
        (0..push.count).try_for_each(|_| self.push_one(repo, push))
    }

    fn push_one(&mut self, repo: &Repo, push: &Push) -> Result {
        self.serial += 1;
        let Push { name, days_ago: days, tag, .. } = push;
        let (serial, days, tag) = (self.serial, *days, tag.as_deref());
        let form = |legacy: bool| if legacy { Form::Legacy } else { Form::Oci };
        let digest = match &push.what {
            What::Build { legacy } => {
                return self.build(repo, push, single(serial).form(form(*legacy)));
            }
            What::Rebuild(of) => {
                let build = self.builds.get(of).ok_or_else(|| format!("no build is called {of:?}"))?;
                return self.build(repo, push, build.clone().run(serial));
            }
            What::Orphan { legacy } => repo.orphans(days, single(serial).form(form(*legacy))).remove(0),
            What::Image => repo.ago(days, |ecr, at| artifacts::plain_image(ecr, at, serial, tag)),
            What::Signature(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::cosign_bundle_referrer(ecr, at, of))
            }
            What::SignatureTag(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::cosign_signature_tag(ecr, at, of))
            }
            What::SociIndex(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::soci_index_v1(ecr, at, of))
            }
            What::Cache => repo.ago(days, |ecr, at| artifacts::build_cache(ecr, at, "cache")),
            What::Chart => repo.ago(days, |ecr, at| artifacts::helm_chart(ecr, at, "1.0.0")),
            What::Statements => repo.statements(days, serial),
            What::Index(children) => {
                let listed: Vec<Listed<'_>> =
                    children.iter().map(|child| self.listed(child)).collect::<Result<_>>()?;
                repo.index(days, &listed, tag)
            }
        };
        self.name(repo, name, &digest);
        Ok(())
    }

    fn build(&mut self, repo: &Repo, push: &Push, build: Build) -> Result {
        let pushed = repo.ago(push.days_ago, |ecr, at| build.push(ecr, at, push.tag.as_deref()));
        let name = &push.name;
        self.name(repo, &format!("{name}.index"), &pushed.root);
        self.name(repo, &format!("{name}.image"), &pushed.platforms[0]);
        self.name(repo, &format!("{name}.attestation"), &pushed.attestations[0]);
        self.builds.insert(name.clone(), build);
        Ok(())
    }

    fn listed<'a>(&'a self, Child { name, role }: &'a Child) -> Result<Listed<'a>> {
        let digest = self.one(name)?;
        Ok(match role {
            Role::Unsaid => Listed::Plain(digest),
            Role::Image => Listed::Amd64(digest),
            Role::AttestationOf(image) => Listed::AttestationOf(digest, self.one(image)?),
        })
    }
}

/// What others do.
impl Stage {
    fn happens(&self, Image { repo, digest }: &Image, what: &Event) -> Result {
        match what {
            Event::GetsTag(tag) => repo.tag(digest, &self.with_digits(tag)?),
            Event::IsDeleted => {
                repo.try_to_delete(digest);
                if repo.has(digest) {
                    return Err("ECR refuses to delete it".to_owned());
                }
            }
            Event::IsArchived => repo.archive(digest),
            Event::IsBeingActivated => repo.ecr.set_status(&repo.name, digest, Status::Activating),
            Event::IsPushedAgain => {
                let image = repo.ecr.image(&repo.name, digest).ok_or("it is not there")?;
                repo.delete([digest]);
                repo.ecr
                    .put_image(&repo.name, &image.manifest, Some(&image.media_type), None)
                    .map_err(|error| error.to_string())?;
            }
            Event::WasPulled { days_ago } => repo.pulled(*days_ago, digest),
            Event::HasDamagedBytes => repo.ecr.corrupt_manifest(&repo.name, digest, "{}"),
            Event::HasNoKnownAge => repo.ecr.set_pushed_at(&repo.name, digest, None),
        }
        Ok(())
    }
}

/// What comes of a command is otherwise than stated in this line.
type Complaint = (usize, String);

/// Running, and comparing.
impl Stage {
    fn run(
        &mut self,
        line: usize,
        command: &Command,
        expectations: &[(usize, Expectation)],
    ) -> Vec<Complaint> {
        let before = self.contents();
        self.world.ecr.reset_calls();
        let ran = match self.carry_out(command) {
            Ok(ran) => ran,
            Err(what) => return vec![(line, what)],
        };
        let mut complaints: Vec<Complaint> = Vec::new();
        for (at, expectation) in expectations {
            complaints.extend(self.compare(&ran, expectation).err().map(|what| (*at, what)));
        }
        let stated = |complaint: String| (line, complaint);
        complaints.extend(ended_otherwise(&ran, expectations).map(stated));
        complaints.extend(self.unstated(&ran, expectations).into_iter().map(stated));
        complaints.extend(self.unexpected_changes(&ran, expectations, &before).into_iter().map(stated));
        complaints
    }

    fn carry_out(&mut self, command: &Command) -> Result<Ran> {
        match command {
            Command::Cli { variables, arguments } => {
                let arguments = self.with_digits(arguments)?;
                let mut arguments: Vec<&str> = arguments.split(' ').collect();
                if matches!(arguments[0], "plan" | "apply") {
                    arguments.extend(["--output", "json"]);
                }
                let usual: BTreeMap<String, String> =
                    self.world.variables().map(|(name, value)| (name.clone(), value.clone())).collect();
                if let Some((name, _)) = variables.iter().find(|(name, _)| !usual.contains_key(name)) {
                    return Err(format!("{name} is not set otherwise, so that it could not be set back"));
                }
                variables.iter().for_each(|(name, value)| self.world.set(name, value));
                let outcome = self.world.cli(&arguments);
                usual.iter().for_each(|(name, value)| self.world.set(name, value));
                Ok(Ran::cli(&outcome))
            }
            Command::Invoke { event, seconds } => {
                let mut function = self.world.lambda();
                let answer = function.invoke_for(Duration::from_secs(*seconds), event);
                let log = function.stop();
                Ok(Ran::lambda(answer.ok_or("the function did not answer in time")?, &log))
            }
        }
    }

    /// `{NAME}` is the first twelve hexadecimal digits of the image's digest, as in a tag template.
    fn with_digits(&self, text: &str) -> Result<String> {
        let Some((before, rest)) = text.split_once('{') else { return Ok(text.to_owned()) };
        let (name, after) = rest.split_once('}').ok_or("a brace is open")?;
        let digits = &self.one(name)?["sha256:".len()..][..12];
        Ok(format!("{before}{digits}{after}"))
    }

    fn compare(&self, ran: &Ran, expectation: &Expectation) -> Result {
        match expectation {
            Expectation::Decision { name, reason, outcome, others } => {
                let others = others.iter().map(|(key, value)| Ok((key.as_str(), self.with_digits(value)?)));
                let said = [("reason", reason.clone()), ("outcome", outcome.clone())];
                let fields: Vec<_> = said.into_iter().map(Ok).chain(others).collect::<Result<_>>()?;
                self.find(name)?.iter().try_for_each(|image| image.compare(ran, &fields))
            }
            Expectation::LeftAlone { repository, reason } => {
                let found = ran.left_alone.iter().find(|(name, _)| name == repository);
                same("the reason", reason, found.map_or("(not left alone)", |(_, reason)| reason))
            }
            Expectation::Field { path, value } => {
                same(path, &value.to_string(), &ran.field(path).to_string())
            }
            Expectation::Says(part) if ran.said.contains(part) => Ok(()),
            Expectation::Says(part) => Err(format!("it does not say {part:?}, but: {}", ran.said)),
            Expectation::NoCall => same("the calls", "{}", &format!("{:?}", self.world.ecr.calls())),
            Expectation::End(_) => Ok(()),
        }
    }

    /// Whatever is not kept, and every repository that is left alone, must be stated.
    fn unstated(&self, ran: &Ran, expectations: &[(usize, Expectation)]) -> Vec<String> {
        let (mut images, mut repositories) = (BTreeSet::new(), BTreeSet::new());
        for (_, expectation) in expectations {
            match expectation {
                Expectation::Decision { name, .. } => images.extend(self.digests(name)),
                Expectation::LeftAlone { repository, .. } => drop(repositories.insert(repository)),
                _ => {}
            }
        }
        let decisions = ran.decisions.iter().filter(|(repository, decision)| {
            decision["outcome"] != "kept"
                && !images.contains(&(repository.clone(), text(&decision["digest"])))
        });
        let unstated = decisions.map(|(repository, decision)| {
            let [digest, reason, outcome] = ["digest", "reason", "outcome"].map(|key| text(&decision[key]));
            format!("it does not state {}: {reason}, {outcome}", self.called(repository, &digest))
        });
        let left_alone = ran.left_alone.iter().filter(|(name, _)| !repositories.contains(name));
        unstated
            .chain(left_alone.map(|(name, reason)| format!("it does not state {name}: {reason}")))
            .collect()
    }

    /// What is stated to be deleted is gone, what is stated to be tagged has its tag; nothing else is different.
    fn unexpected_changes(
        &self,
        ran: &Ran,
        expectations: &[(usize, Expectation)],
        before: &BTreeMap<String, Contents>,
    ) -> Vec<String> {
        let mut expected = before.clone();
        for (_, expectation) in expectations {
            let Expectation::Decision { name, outcome, .. } = expectation else { continue };
            for (repository, digest) in self.digests(name) {
                let contents = expected.get_mut(&repository).unwrap();
                match (outcome.as_str(), contents.get_mut(&digest)) {
                    ("deleted", Some(_)) => drop(contents.remove(&digest)),
                    ("tagged", Some(image)) => {
                        let decision = ran.decision(&repository, &digest);
                        image.tags.extend(decision.map(|decision| text(&decision["new_tag"])));
                        image.tags.sort();
                    }
                    _ => {}
                }
            }
        }
        let mut complaints = Vec::new();
        for (repository, contents) in self.contents() {
            let expected = &expected[&repository];
            let digests: BTreeSet<&String> = expected.keys().chain(contents.keys()).collect();
            for digest in digests {
                let state = |image: Option<&ImageView>| match image {
                    None => "gone".to_owned(),
                    Some(image) => format!("there, {:?}, tags {:?}", image.status, image.tags),
                };
                if expected.get(digest) != contents.get(digest) {
                    let (should, is) = (state(expected.get(digest)), state(contents.get(digest)));
                    complaints.push(format!(
                        "{} should be {should}, but is {is}",
                        self.called(&repository, digest)
                    ));
                }
            }
        }
        complaints
    }

    fn contents(&self) -> BTreeMap<String, Contents> {
        self.repositories.iter().map(|(name, repo)| (name.clone(), repo.contents())).collect()
    }

    fn digests(&self, name: &str) -> Vec<(String, String)> {
        let images = self.find(name).unwrap_or_default().iter();
        images.map(|image| (image.repo.name.clone(), image.digest.clone())).collect()
    }

    /// What the example calls an image.
    fn called(&self, repository: &str, digest: &str) -> String {
        let is_it = |image: &Image| image.repo.name == repository && image.digest == digest;
        let names = self.images.iter().filter(|(_, images)| images.iter().any(is_it));
        let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { format!("{repository}@{digest}") } else { names.join(" = ") }
    }
}

impl Ran {
    fn decision(&self, repository: &str, digest: &str) -> Option<&serde_json::Value> {
        let mut decisions = self.decisions.iter().filter(|(name, _)| name == repository);
        decisions.find(|(_, decision)| decision["digest"] == digest).map(|(_, decision)| decision)
    }
}

impl Image {
    fn compare(&self, ran: &Ran, fields: &[(&str, String)]) -> Result {
        let decision = ran.decision(&self.repo.name, &self.digest).ok_or_else(|| {
            format!("there is no decision on it; it ended with {:?}: {}", ran.end, ran.said)
        })?;
        fields.iter().try_for_each(|(key, value)| same(key, value, &text(&decision[key])))
    }
}

fn ended_otherwise(ran: &Ran, expectations: &[(usize, Expectation)]) -> Option<String> {
    let stated = expectations.iter().find_map(|(_, expectation)| match expectation {
        Expectation::End(end) => Some(*end),
        _ => None,
    });
    let end = stated.unwrap_or(End::Exit(0));
    (ran.end != end).then(|| format!("it should end with {end:?}, not with {:?}: {}", ran.end, ran.said))
}

fn same(what: &str, stated: &str, found: &str) -> Result {
    if stated == found { Ok(()) } else { Err(format!("{what} is {found:?}, not {stated:?}")) }
}
