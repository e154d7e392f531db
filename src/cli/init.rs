//! `init`: a commented configuration from what there is. Never overwrites one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::progress::{Waiting, say};
use super::session::Session;
use super::stdout::print_text;
use super::{Common, Failure, next, signals};
use crate::cli::exit_code::ExitCode;
use crate::config::Config;
use crate::planner::selection::Selection;
use crate::registry::{CallErrorKind, ListRegistry as _};
use crate::render::summary::place;
use crate::render::words::counted;
use crate::report::{RepositoryReason, RunIdentity};
use crate::util::sanitize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write, - for standard output; one that is there is never overwritten
    #[arg(long, value_name = "FILE", default_value = "janitor.toml")]
    out: PathBuf,
}

/// The shipped example: every key with its default and what it does.
const TEMPLATE: &str = include_str!("../../janitor.toml");
/// Groups of repositories that are told.
const GROUPS: usize = 10;

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let to_stdout = args.out.as_os_str() == "-";
    if !to_stdout && std::fs::symlink_metadata(&args.out).is_ok() {
        return Err(is_there(&args.out));
    }
    let mut session = Session::open(common, Config::default(), signals::watch()).await?;
    let selection = session.select(None).await?;
    let waiting = Waiting::new("looking at the registry");
    let carries_deletions = carries_deletions(&session).await?;
    drop(waiting);
    let text = configuration(&session.run, &selection, carries_deletions);
    if to_stdout {
        print_text(&text)?;
        return Ok(ExitCode::Done);
    }
    write(&args.out, &text)?;
    let shown = sanitize::line(&args.out.display().to_string());
    say(&format!("wrote {shown}: the defaults, with comments on {}", place(&session.run)));
    say(&format!("next: ecr-janitor doctor{}", next::after_init(&args.out, common)));
    Ok(ExitCode::Done)
}

/// Whether a replication rule carries deletions elsewhere, as far as that may be asked.
async fn carries_deletions(session: &Session) -> Result<Option<bool>, Failure> {
    match session.deadline.call(session.ecr.replication_rules()).await {
        Ok(rules) => Ok(Some(rules.iter().any(|rule| rule.deletes))),
        Err(error) if error.kind == CallErrorKind::DeadlineExceeded => Err(Failure::Interrupted),
        Err(_) => Ok(None),
    }
}

fn is_there(path: &Path) -> Failure {
    let shown = sanitize::line(&path.display().to_string());
    Failure::Usage(format!("{shown} already exists and was not changed; choose another file with --out"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::Usage(format!("cannot write {}: {error}", sanitize::line(&path.display().to_string()))),
    })
}

/// The shipped example with what was found, as comments at the keys that it concerns.
fn configuration(run: &RunIdentity, selection: &Selection, carries_deletions: Option<bool>) -> String {
    let mut text = format!("# Written by ecr-janitor {} for {}.\n", env!("CARGO_PKG_VERSION"), place(run));
    let groups = Groups::of(selection);
    for line in TEMPLATE.lines() {
        if line.starts_with("repositories") {
            text.push_str(&groups.comment());
        }
        if line.starts_with("replicated ") {
            text.push_str(match carries_deletions {
                Some(true) => "# A replication rule of this registry also replicates deletions: where it applies, nothing superseded is deleted without \"delete\".\n",
                Some(false) => "# No replication rule of this registry replicates deletions.\n",
                None => "# The replication rules could not be read: nothing superseded is deleted until ecr:DescribeRegistry is allowed.\n",
            });
        }
        let line = match groups.largest() {
            Some(group) if line.starts_with("# repositories = [\"prod/*\"]") => {
                format!("# repositories = [\"{group}/*\"]")
            }
            _ => line.to_owned(),
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The repositories by the first part of their names.
struct Groups {
    by_name: Vec<(String, usize)>,
    alone: usize,
    pulled_through: usize,
}

impl Groups {
    fn of(selection: &Selection) -> Self {
        let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
        let (mut alone, mut pulled_through) = (0, 0);
        for repository in &selection.repositories {
            match repository.name.split_once('/') {
                _ if repository.skip == Some(RepositoryReason::PullThroughCache) => pulled_through += 1,
                Some((group, _)) => *by_name.entry(sanitize::line(group)).or_default() += 1,
                None => alone += 1,
            }
        }
        let mut by_name: Vec<(String, usize)> = by_name.into_iter().collect();
        by_name.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self { by_name, alone, pulled_through }
    }

    fn largest(&self) -> Option<&str> {
        self.by_name.first().map(|(group, _)| group.as_str())
    }

    fn comment(&self) -> String {
        let all: usize = self.by_name.iter().map(|(_, count)| count).sum::<usize>() + self.alone;
        let mut parts: Vec<String> =
            self.by_name.iter().take(GROUPS).map(|(group, count)| format!("{count} in {group}/*")).collect();
        if self.by_name.len() > GROUPS {
            parts.push(format!("{} more groups", self.by_name.len() - GROUPS));
        }
        if self.alone > 0 {
            parts.push(format!("{} without a slash", self.alone));
        }
        let mut text = format!("# Here: {}", counted(all, "repository"));
        if !parts.is_empty() {
            let _ = write!(text, ", {}", parts.join(", "));
        }
        if self.pulled_through > 0 {
            let _ = write!(
                text,
                ". {} more, filled by pull-through cache rules, are always skipped",
                self.pulled_through
            );
        }
        text + ".\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::selection::Selected;
    use crate::util::clock::Clock;

    fn written(names: &[&str], carries_deletions: Option<bool>) -> String {
        let selected = |name: &&str| Selected {
            name: (*name).to_owned(),
            arn: String::new(),
            skip: name.starts_with("hub/").then_some(RepositoryReason::PullThroughCache),
        };
        let repositories = names.iter().map(selected).collect();
        let selection = Selection { repositories, ..Selection::default() };
        let run = RunIdentity::new(&Config::default(), "eu-west-1", Clock::default().started_at(), "x");
        configuration(&run, &selection, carries_deletions)
    }

    #[test]
    fn what_is_written_says_the_defaults() {
        let text = written(&["team/a", "team/b", "shop/x", "web", "hub/nginx"], Some(true));
        assert!(
            text.contains(
                "# Here: 4 repositories, 2 in team/*, 1 in shop/*, 1 without a slash. 1 more, filled"
            )
        );
        assert!(text.contains("# repositories = [\"team/*\"]"), "{text}");
        let read = Config::parse(&text, &BTreeMap::new()).unwrap();
        let default = Config::default();
        assert_eq!(read.policy_of("team/a"), default.policy_of("team/a"));
        assert_eq!((read.limits, read.mode), (default.limits, default.mode));
    }

    #[test]
    fn replication_is_told_at_its_key() {
        for (found, text) in [
            (Some(true), "also replicates deletions"),
            (Some(false), "# No replication rule"),
            (None, "could not be read"),
        ] {
            let written = written(&[], found);
            let at = written.lines().position(|line| line.starts_with("replicated ")).unwrap();
            assert!(written.lines().nth(at - 1).unwrap().contains(text), "{written}");
        }
    }

    #[test]
    fn the_override_and_the_target_that_are_commented_out_would_be_legal() {
        let text = written(&["team/a"], None);
        let (_, example) = text.split_once("key by key:\n").unwrap();
        let is_toml = |line: &&str| line.starts_with("[[") || line.contains(" = ");
        let lines = example.lines().map(|line| line.trim_start_matches("# ")).filter(is_toml);
        let example: String = lines.map(|line| format!("{line}\n")).collect();
        let read = Config::parse(&example, &BTreeMap::new()).unwrap();
        assert_eq!(read.targets.len(), 1);
        assert_ne!(read.policy_of("team/a"), read.policy_of("other"));
    }
}
