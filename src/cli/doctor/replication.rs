//! Replication rules that carry deletions to other registries.

use super::check::Check;
use crate::cli::session::Session;
use crate::planner::replication::Replication;
use crate::planner::selection::Selection;
use crate::render::words::counted;
use crate::util::sanitize;

const SUBJECT: &str = "Replication";

pub(super) async fn look(session: &Session, selection: &Selection) -> Check {
    let names = || selection.repositories.iter().filter(|it| it.skip.is_none()).map(|it| it.name.as_str());
    let replication = Replication::of(&session.ecr, &session.config, names(), &session.deadline).await;
    if let Some(unknown) = replication.warning() {
        return Check::warn(SUBJECT, sanitize::line(&unknown));
    }
    match (&replication, names().filter(|name| replication.covers(name)).count()) {
        (Replication::NotAsked, _) => {
            Check::ok(SUBJECT, "not relevant: this configuration deletes nothing superseded")
        }
        (_, 0) => Check::ok(SUBJECT, "no rule replicates deletions from the selected repositories"),
        (_, count) => Check::warn(
            SUBJECT,
            format!(
                "a rule replicates deletions in {} to other registries, whose pulls are not visible here: nothing superseded is deleted in them unless replicated = \"delete\"",
                counted(count, "repository")
            ),
        ),
    }
}
