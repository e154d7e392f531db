//! A command, and a comparison of what comes of it with what is stated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ecr_emulator::ImageView;
use serde_json::{Value, json};

use super::{Image, Result, Stage};
use crate::harness::Contents;
use crate::notation::{Command, End, Expectation};
use crate::ran::{Ran, text};

/// What every repository holds.
type Registry = BTreeMap<String, Contents>;
/// A line, and what is otherwise than it states.
type Wrong = (usize, String);

impl Stage {
    /// Runs a command, and tells what comes of it that is not stated, or otherwise stated.
    pub(super) fn run(
        &mut self,
        line: usize,
        command: &Command,
        stated: &[(usize, Expectation)],
    ) -> Vec<Wrong> {
        let before = self.registry();
        self.world.ecr.reset_calls();
        let ran = match self.carry_out(command) {
            Ok(ran) => ran,
            Err(what) => return vec![(line, what)],
        };
        let compared = stated.iter().map(|(at, expectation)| (*at, self.compare(&ran, expectation)));
        let mut wrong: Vec<Wrong> = compared.filter_map(|(at, result)| Some((at, result.err()?))).collect();
        if !stated.iter().any(|(_, expectation)| matches!(expectation, Expectation::End(_))) {
            wrong.extend(ended(&ran, End::Exit(0)).err().map(|what| (line, what)));
        }
        let expected = self.as_stated(before, &ran, stated);
        let others = self.unstated(&ran, stated).into_iter().chain(self.differences(&expected));
        wrong.extend(others.map(|what| (line, what)));
        wrong
    }

    fn carry_out(&mut self, command: &Command) -> Result<Ran> {
        match command {
            Command::Cli { variables, arguments, output } => {
                self.cli(variables, arguments, output.as_deref())
            }
            Command::Invoke { event, seconds: None } => self.invoke(event, Duration::from_secs(60), false),
            Command::Invoke { event, seconds: Some(seconds) } => {
                self.invoke(event, Duration::from_secs(*seconds), true)
            }
        }
    }

    fn cli(&mut self, variables: &[(String, String)], arguments: &str, output: Option<&str>) -> Result<Ran> {
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
        let outcome = match (self.interrupt_at.take(), output) {
            (Some(operation), _) => self.world.cli_interrupted(&operation, &arguments),
            (None, Some(path)) => self.world.cli_to(path, &arguments),
            (None, None) => self.world.cli(&arguments),
        };
        usual.iter().for_each(|(name, value)| self.world.set(name, value));
        Ok(Ran::cli(&outcome))
    }

    /// Where time is short, the start of the process takes nothing of it.
    fn invoke(&self, event: &Value, time: Duration, is_short: bool) -> Result<Ran> {
        let mut function = self.world.lambda();
        if is_short {
            function.report(&json!({"repositories": []}));
        }
        let answer = function.invoke_for(time, event);
        let log = function.stop();
        Ok(Ran::lambda(answer.ok_or("the function did not answer in time")?, &log))
    }

    fn compare(&self, ran: &Ran, expectation: &Expectation) -> Result {
        match expectation {
            Expectation::Decision { name, fields } => {
                let fields = fields.iter().map(|(key, value)| Ok((key.as_str(), self.with_digits(value)?)));
                let fields: Vec<_> = fields.collect::<Result<_>>()?;
                self.find(name)?.iter().try_for_each(|image| image.compare(ran, &fields))
            }
            Expectation::LeftAlone { repository, reason } => {
                let found = ran.left_alone.get(repository).map_or("nothing", String::as_str);
                same("the reason to leave it alone", reason, found)
            }
            Expectation::Restored(name) => self.find(name)?.iter().try_for_each(|image| {
                let is_there = image.repo.has(&image.digest);
                is_there.then_some(()).ok_or_else(|| format!("{name} is not there: {}", ran.said))
            }),
            Expectation::Field { path, value } => {
                let found = ran.field(path).map_or("absent".to_owned(), Value::to_string);
                same(path, &value.to_string(), &found)
            }
            Expectation::Says(part) if ran.said.contains(part) => Ok(()),
            Expectation::Says(part) => Err(format!("it does not say {part:?}, but: {}", ran.said)),
            Expectation::NoCall => same("the list of calls", "{}", &format!("{:?}", self.world.ecr.calls())),
            Expectation::End(end) => ended(ran, *end),
        }
    }

    /// Whatever is not kept, and every repository that is left alone, must be stated.
    fn unstated(&self, ran: &Ran, stated: &[(usize, Expectation)]) -> Vec<String> {
        let images: BTreeSet<(&str, &str)> = self
            .decisions(stated)
            .map(|(image, _)| (image.repo.name.as_str(), image.digest.as_str()))
            .collect();
        let repositories: BTreeSet<&String> = stated
            .iter()
            .filter_map(|(_, expectation)| match expectation {
                Expectation::LeftAlone { repository, .. } => Some(repository),
                _ => None,
            })
            .collect();
        let mut unstated = Vec::new();
        for (repository, decision) in &ran.decisions {
            let [digest, reason, outcome] = ["digest", "reason", "outcome"].map(|key| text(&decision[key]));
            if outcome != "kept" && !images.contains(&(repository, &digest)) {
                let name = self.called(repository, &digest);
                unstated.push(format!("it does not state {name}: {reason}, {outcome}"));
            }
        }
        for (name, reason) in ran.left_alone.iter().filter(|(name, _)| !repositories.contains(name)) {
            unstated.push(format!("it does not state {name}: {reason}"));
        }
        unstated
    }

    /// The registry as it must be: what is stated to be deleted or gone is gone, and what is stated to be tagged has the tag
    /// that the report tells; nothing else is different.
    fn as_stated(&self, mut registry: Registry, ran: &Ran, stated: &[(usize, Expectation)]) -> Registry {
        for (image, outcome) in self.decisions(stated) {
            let contents = registry.entry(image.repo.name.clone()).or_default();
            match (outcome, contents.get_mut(&image.digest)) {
                // Whoever deleted it: an answer may have been lost.
                ("deleted" | "already-gone", Some(_)) => drop(contents.remove(&image.digest)),
                ("tagged", Some(view)) => {
                    view.tags.extend(image.decision(ran).map(|decision| text(&decision["new_tag"])));
                    view.tags.sort();
                }
                _ => {}
            }
        }
        let restored = stated.iter().filter_map(|(_, expectation)| match expectation {
            Expectation::Restored(name) => self.find(name).ok(),
            _ => None,
        });
        for image in restored.flatten() {
            // Its digest is the proof of its bytes.
            if let Some(view) = image.repo.contents().remove(&image.digest) {
                registry.entry(image.repo.name.clone()).or_default().insert(image.digest.clone(), view);
            }
        }
        registry
    }

    fn differences(&self, expected: &Registry) -> Vec<String> {
        let state = |image: Option<&ImageView>| match image {
            None => "gone".to_owned(),
            Some(image) => format!("there, {:?}, with the tags {:?}", image.status, image.tags),
        };
        let mut differences = Vec::new();
        for (repository, contents) in self.registry() {
            let expected = &expected[&repository];
            let digests: BTreeSet<&String> = expected.keys().chain(contents.keys()).collect();
            for digest in digests {
                let (should, is) = (expected.get(digest), contents.get(digest));
                if should != is {
                    let name = self.called(&repository, digest);
                    differences.push(format!("{name} should be {}, but is {}", state(should), state(is)));
                }
            }
        }
        differences
    }

    fn registry(&self) -> Registry {
        self.repositories.iter().map(|(name, repo)| (name.clone(), repo.contents())).collect()
    }

    /// The images of which a decision is stated, with its outcome.
    fn decisions<'a>(
        &'a self,
        stated: &'a [(usize, Expectation)],
    ) -> impl Iterator<Item = (&'a Image, &'a str)> {
        let outcome = |fields: &'a [(String, String)]| {
            fields.iter().find(|(key, _)| key == "outcome").map_or("", |(_, outcome)| outcome.as_str())
        };
        stated.iter().flat_map(move |(_, expectation)| match expectation {
            Expectation::Decision { name, fields } => {
                let images = self.find(name).unwrap_or_default().iter();
                images.map(|image| (image, outcome(fields))).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        })
    }
}

impl Image {
    fn compare(&self, ran: &Ran, fields: &[(&str, String)]) -> Result {
        let decision = self.decision(ran).ok_or_else(|| {
            format!("there is no decision on it; it ended with {:?}: {}", ran.end, ran.said)
        })?;
        fields.iter().try_for_each(|(key, value)| match decision[key].as_array() {
            // Of a list it is enough that an entry begins so: a digest.
            Some(list) if list.iter().any(|entry| text(entry).starts_with(value)) => Ok(()),
            _ => same(key, value, &text(&decision[key])),
        })
    }

    fn decision<'a>(&self, ran: &'a Ran) -> Option<&'a Value> {
        let is_it = |(name, decision): &&(String, Value)| {
            *name == self.repo.name && decision["digest"] == *self.digest
        };
        ran.decisions.iter().find(is_it).map(|(_, decision)| decision)
    }
}

fn ended(ran: &Ran, stated: End) -> Result {
    match ran.end == stated {
        true => Ok(()),
        false => Err(format!("it should end with {stated:?}, not with {:?}: {}", ran.end, ran.said)),
    }
}

fn same(what: &str, stated: &str, found: &str) -> Result {
    match stated == found {
        true => Ok(()),
        false => Err(format!("{what} is {found}, not {stated}")),
    }
}
