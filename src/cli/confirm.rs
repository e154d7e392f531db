//! Consent: asked on a terminal, given by `--yes` elsewhere.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::Failure;
use super::render::pending_table;
use crate::planner::Plan;
use crate::report::plan::{RepositoryPlan, Step};

/// How consent comes about.
pub(super) enum Consent {
    Given,
    Asked,
}

impl Consent {
    /// Known before anything is called: without a terminal somebody must have said yes.
    pub(super) fn new(yes: bool) -> Result<Self, Failure> {
        if yes {
            Ok(Self::Given)
        } else if std::io::stdin().is_terminal() {
            Ok(Self::Asked)
        } else {
            Err(Failure::Usage("apply asks before it writes, and there is no terminal to ask on: give --yes, or look at `ecr-janitor plan` first".into()))
        }
    }

    /// Shows the plan and asks, if there is anything to ask about.
    pub(super) fn is_given(&self, plan: &Plan) -> Result<bool, Failure> {
        let question = question(plan);
        if matches!(self, Self::Given) || question.is_none() {
            return Ok(true);
        }
        eprintln!("{}", pending_table(plan));
        eprint!("{} [y/N] ", question.unwrap_or_default());
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.map_err(|error| Failure::Usage(format!("cannot read the answer: {error}")))?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

/// `Delete 12 and tag 3 images in 2 repositories?`; nothing where nothing is planned.
fn question(plan: &Plan) -> Option<String> {
    let pending = || plan.plans().filter(|it| plan.due(it).next().is_some());
    let count = |wanted: fn(&Step) -> bool| {
        pending().flat_map(|it: &RepositoryPlan| plan.due(it)).filter(|step| wanted(step)).count()
    };
    let repositories = pending().count();
    let what = match (count(|step| step.deletion().is_some()), count(|step| step.tagging().is_some())) {
        (0, 0) => return None,
        (deletions, 0) => format!("Delete {deletions}"),
        (0, tags) => format!("Tag {tags}"),
        (deletions, tags) => format!("Delete {deletions} and tag {tags}"),
    };
    Some(format!(
        "{what} image(s) in {repositories} repositor{}?",
        if repositories == 1 { "y" } else { "ies" }
    ))
}
