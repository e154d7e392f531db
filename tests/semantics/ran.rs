//! What a command did and said, the same for both binaries.

use std::collections::BTreeMap;

use ecr_attestation_janitor::cli::local_lambda::Answer;
use serde_json::Value;

use super::notation::End;
use crate::harness::Outcome;

/// What a command did and said.
pub(super) struct Ran {
    pub(super) end: End,
    /// The report, or what the function answered.
    pub(super) answer: Value,
    /// Each decision, with its repository.
    pub(super) decisions: Vec<(String, Value)>,
    /// Each repository that was left alone, with the reason.
    pub(super) left_alone: BTreeMap<String, String>,
    /// All that was said.
    pub(super) said: String,
}

impl Ran {
    /// The command line prints a report with all decisions.
    pub(super) fn cli(outcome: &Outcome) -> Self {
        let answer: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
        let repositories = || answer["repositories"].as_array().into_iter().flatten();
        let decisions = |repository: &Value| -> Vec<(String, Value)> {
            let decisions = repository["decisions"].as_array().into_iter().flatten();
            decisions.map(|decision| (text(&repository["name"]), decision.clone())).collect()
        };
        Self {
            end: End::Exit(outcome.code),
            decisions: repositories().flat_map(decisions).collect(),
            left_alone: repositories().filter_map(|line| left_alone(line, "name")).collect(),
            said: format!("{}{}", outcome.stdout, outcome.stderr),
            answer,
        }
    }

    /// The function answers what changes something; its log, at DEBUG, has every decision.
    pub(super) fn lambda(answer: Answer, log: &[Value]) -> Self {
        let (end, answer) = match answer {
            Answer::Response(answer) => (End::Exit(0), answer),
            Answer::Error(error) => (End::InvocationFails, error),
        };
        let lines = |message: &'static str| log.iter().filter(move |line| line["message"] == message);
        let said: Vec<String> = log.iter().chain([&answer]).map(Value::to_string).collect();
        Self {
            end,
            decisions: last_of_each(lines("decision")),
            left_alone: lines("repository").filter_map(|line| left_alone(line, "repository")).collect(),
            said: said.join("\n"),
            answer,
        }
    }

    /// A field of the answer, by its path.
    pub(super) fn field(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.answer, |value, key| value.get(key))
    }
}

/// The decision lines, of each image the last: what a limit stops was planned before.
fn last_of_each<'a>(lines: impl Iterator<Item = &'a Value>) -> Vec<(String, Value)> {
    let key = |line: &Value| (text(&line["repository"]), text(&line["digest"]));
    let last: BTreeMap<_, _> = lines.map(|line| (key(line), line.clone())).collect();
    last.into_iter().map(|((repository, _), line)| (repository, line)).collect()
}

fn left_alone(repository: &Value, name: &str) -> Option<(String, String)> {
    Some((text(&repository[name]), repository["reason"].as_str()?.to_owned()))
}

/// A value as an example writes it.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
