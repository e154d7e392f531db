//! What a command printed and how it ended, and reports.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use super::Repo;
use super::documents::checked;

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(super) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Holds the exit code against this one.
    pub(crate) fn exited(&self, code: i32) {
        assert_eq!(self.code, code, "{self:?}");
    }

    /// The JSON on stdout.
    pub(crate) fn json(&self) -> Value {
        checked(serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}")))
    }

    /// The report on stdout of a command that ended with this code.
    pub(crate) fn report(&self, code: i32) -> Report {
        assert_eq!(self.code, code, "{self:?}");
        Report(self.json())
    }

    /// Demands an end with this code, nothing on stdout, and one line on stderr that holds these texts.
    pub(crate) fn refused(&self, code: i32, texts: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "{self:?}");
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in {self:?}");
        }
    }
}

/// A run's report.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Value);

impl Report {
    /// A repository's part.
    pub(crate) fn of(&self, repository: &Repo) -> &Value {
        self.find(&repository.name).unwrap_or_else(|| panic!("no {} in {:#}", repository.name, self.0))
    }

    /// A repository's part, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        self.0["repositories"].as_array().unwrap().iter().find(|repository| repository["name"] == name)
    }

    /// The names of the repositories.
    pub(crate) fn names(&self) -> Vec<&str> {
        let repositories = self.0["repositories"].as_array().unwrap();
        repositories.iter().map(|repository| repository["name"].as_str().unwrap()).collect()
    }

    /// Why nothing was done in a repository; empty if it was worked on.
    pub(crate) fn left_alone(&self, repository: &Repo) -> &str {
        self.of(repository)["reason"].as_str().unwrap_or_default()
    }

    /// The decision on an image.
    pub(crate) fn decision(&self, repository: &Repo, digest: &str) -> &Value {
        self.decisions(repository)
            .iter()
            .find(|decision| decision["digest"] == digest)
            .unwrap_or_else(|| panic!("no decision on {digest} in {:#}", self.of(repository)))
    }

    /// All decisions in a repository.
    pub(crate) fn decisions(&self, repository: &Repo) -> &[Value] {
        self.of(repository)["decisions"].as_array().unwrap()
    }

    /// The reason and the outcome of the decision on an image.
    pub(crate) fn verdict(&self, repository: &Repo, digest: &str) -> (&str, &str) {
        let decision = self.decision(repository, digest);
        (decision["reason"].as_str().unwrap(), decision["outcome"].as_str().unwrap())
    }

    /// The reason of the decision on an image.
    pub(crate) fn reason(&self, repository: &Repo, digest: &str) -> &str {
        self.verdict(repository, digest).0
    }

    /// The images that came out so.
    pub(crate) fn with_outcome(&self, repository: &Repo, outcome: &str) -> BTreeSet<String> {
        let decisions = self.decisions(repository).iter().filter(|d| d["outcome"] == outcome);
        decisions.map(|decision| decision["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// One of the totals.
    pub(crate) fn total(&self, name: &str) -> u64 {
        self.0["totals"][name].as_u64().unwrap_or_else(|| panic!("no total {name} in {:#}", self.0["totals"]))
    }
}
