//! Consent: asked on a terminal, given by `--yes` elsewhere.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use jiff::Timestamp;

use super::Failure;
use super::progress::note;
use super::session::Session;
use super::stdout::{View, width};
use crate::config::Mode;
use crate::oci::attestation::Kind;
use crate::planner::{Plan, Planned};
use crate::registry::MeterCalls as _;
use crate::render::summary::place;
use crate::render::table;
use crate::render::words::{counted, size};
use crate::report::outcome::Outcome;
use crate::report::outcomes::Outcomes;
use crate::report::plan::{Artifact, RepositoryPlan, Step};
use crate::report::{Backup, Report, RepositoryReport, RunFrame};
use crate::util::deadline::Deadline;

/// How consent comes about.
pub(super) enum Consent {
    Given,
    Asked,
}

impl Consent {
    /// Known before anything is called: without a terminal somebody must have said yes.
    pub(super) fn new(verb: &str, yes: bool) -> Result<Self, Failure> {
        if yes {
            Ok(Self::Given)
        } else if io::stdin().is_terminal() {
            Ok(Self::Asked)
        } else {
            Err(Failure::Usage(format!(
                "{verb} asks before it writes, and there is no terminal to ask on: give --yes, or look at `ecr-janitor {}` first",
                match verb {
                    "apply" => "plan",
                    "fleet apply" => "fleet plan",
                    _ => "history",
                }
            )))
        }
    }

    /// Shows the plan and asks, if there is anything to ask about.
    pub(super) async fn is_given(&self, plan: &Plan, session: &Session, view: View) -> Result<bool, Failure> {
        if matches!(self, Self::Given) {
            return Ok(true);
        }
        let pending = Pending::of(plan, session);
        self.is_given_for(pending, &place(&session.run), view, &session.deadline, || preview(plan, session))
            .await
    }

    /// Shows plans and asks, if there is anything to ask about.
    pub(super) async fn is_given_for(
        &self,
        pending: Pending,
        place: &str,
        view: View,
        deadline: &Deadline,
        preview: impl FnOnce() -> Report,
    ) -> Result<bool, Failure> {
        if matches!(self, Self::Given) {
            return Ok(true);
        }
        let Some(question) = pending.question(place) else { return Ok(true) };
        note(&table::report(&preview(), &view.layout(&io::stderr())));
        self.answer(&question, deadline).await
    }

    /// The answer to a question: yes if consent was given before.
    pub(super) async fn answer(&self, question: &str, deadline: &Deadline) -> Result<bool, Failure> {
        if matches!(self, Self::Given) {
            return Ok(true);
        }
        let question = textwrap::fill(&format!("{question} [y/N]"), width()) + " ";
        let _ = io::stderr().write_all(question.as_bytes());
        // The answer may never come: the thread that waits for it is left behind.
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().lock().read_line(&mut answer).map(|_| answer)
        });
        tokio::select! {
            answer = answer => {
                let answer = answer.map_err(io::Error::other).flatten();
                let answer = answer
                    .map_err(|error| Failure::Usage(format!("cannot read the answer: {error}")))?;
                Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
            }
            () = deadline.interrupted() => Err(Failure::Interrupted),
        }
    }
}

/// The plan as the report of a run that only planned.
pub(super) fn preview(plan: &Plan, session: &Session) -> Report {
    let report = |planned: &Planned| match planned {
        Planned::Skipped { name, skipped } => skipped.clone().report(name.clone()),
        Planned::Ready(ready) => {
            let mut outcomes = Outcomes::none(ready.plan.steps.len());
            plan.pace.waiting(&ready.plan.name).for_each(|it| outcomes.set(it, Outcome::LimitReached));
            RepositoryReport::new(ready.plan.clone(), outcomes)
        }
    };
    let reports = plan.repositories.iter().map(report).collect();
    let frame = RunFrame::new(session.run.clone(), Mode::Plan, Timestamp::now(), session.ecr.usage());
    let (what_if, in_use, warnings) = (plan.what_if(), plan.usage.sources.clone(), plan.warnings.clone());
    let (runs_left, backup_until) = (plan.pace.runs_left, plan.backup_until);
    Report::new(RunFrame { runs_left, what_if, backup_until, in_use, warnings, ..frame }, reports)
}

/// What plans would do, counted for a question.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending {
    deletions: usize,
    tags: usize,
    bytes: u64,
    repositories: usize,
    backup: Option<Backup>,
}

impl Pending {
    /// What a plan would do.
    pub(super) fn of(plan: &Plan, session: &Session) -> Self {
        let pending: Vec<&RepositoryPlan> = plan.plans().filter(|it| plan.due(it).next().is_some()).collect();
        let steps = || pending.iter().flat_map(|it| plan.due(it));
        Self {
            deletions: steps().filter(|step| step.deletion().is_some()).count(),
            tags: steps().filter(|step| step.tagging().is_some()).count(),
            bytes: bytes(steps()),
            repositories: pending.len(),
            backup: preview(plan, session).backup,
        }
    }

    /// What both would do.
    pub(super) fn and(self, other: Self) -> Self {
        let backup = match (self.backup, other.backup) {
            (Some(one), Some(two)) => Some(one.and(&two)),
            (one, two) => one.or(two),
        };
        Self {
            deletions: self.deletions + other.deletions,
            tags: self.tags + other.tags,
            bytes: self.bytes.saturating_add(other.bytes),
            repositories: self.repositories + other.repositories,
            backup,
        }
    }

    /// `Delete 12 images (34.1 kB, all restorable until 2026-12-27) in 2 repositories of account 123456789012, Region
    /// eu-west-1?`; nothing where nothing is planned.
    fn question(&self, place: &str) -> Option<String> {
        let no_backup = || "without a backup: nothing can be restored".to_owned();
        let backup = self.backup.as_ref().map_or_else(no_backup, restorable);
        let delete =
            || format!("Delete {} ({}, {backup})", counted(self.deletions, "image"), size(self.bytes));
        let what = match (self.deletions, self.tags) {
            (0, 0) => return None,
            (_, 0) => delete(),
            (0, tags) => format!("Tag {}", counted(tags, "image")),
            (_, tags) => format!("{} and tag {}", delete(), counted(tags, "image")),
        };
        Some(format!("{what} in {} of {place}?", counted(self.repositories, "repository")))
    }
}

/// How much of what goes can be brought back, and until when.
fn restorable(backup: &Backup) -> String {
    let until = backup.restorable_until.strftime("%Y-%m-%d");
    match (backup.fully_restorable, backup.manifest_only) {
        (_, 0) => format!("all restorable until {until}"),
        (0, _) => format!("restorable until {until} while ECR still has the layers"),
        (fully, with_layers) => {
            format!("{fully} restorable until {until}, {with_layers} while ECR still has their layers")
        }
    }
}

/// The size of what would be deleted. Indexes do not count: ECR gives an index the size of a child.
fn bytes<'a>(steps: impl Iterator<Item = &'a Step>) -> u64 {
    let deletions = steps.filter_map(Step::deletion);
    let sized = deletions.filter(|deletion| Artifact::from(deletion.target).kind() != Kind::Index);
    sized.fold(0, |sum, deletion| sum.saturating_add(deletion.image.size_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_can_be_brought_back_is_part_of_the_question() {
        let backup = |fully_restorable, manifest_only| Backup {
            restorable_until: "2026-12-27T00:00:00Z".parse().unwrap(),
            fully_restorable,
            manifest_only,
        };
        for (fully, with_layers, text) in [
            (3, 0, "all restorable until 2026-12-27"),
            (0, 3, "restorable until 2026-12-27 while ECR still has the layers"),
            (2, 3, "2 restorable until 2026-12-27, 3 while ECR still has their layers"),
        ] {
            assert_eq!(restorable(&backup(fully, with_layers)), text);
        }
    }
}
