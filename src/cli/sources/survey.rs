//! The pipelines of one repository: by what memory knows, and by statements that are read now.

use serde::Serialize;

use crate::cli::session::Session;
use crate::inventory::{ImageIndex, Inventory};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::statement::Pipeline;
use crate::planner::collect::{Collected, collect};
use crate::planner::recall::Recall;
use crate::planner::selection::Selected;
use crate::planner::statements::{Unread, Wanted, manifest, pipeline, read};
use crate::planner::surroundings::Surroundings;
use crate::planner::{RunRequest, check_opt_in, sources};
use crate::report::source::{Source, Trend};

/// A repository and the pipelines that push to it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Surveyed {
    pub(super) name: String,
    /// The attestations that are in it now.
    pub(super) attestations: u64,
    pub(super) attestations_of_the_last_30_days: u64,
    pub(super) sources: Vec<Source>,
    /// Whether attestations have stopped to arrive, or arrive again.
    #[serde(flatten)]
    pub(super) trend: Option<Trend>,
    /// The statements that could not be read.
    pub(super) unread: Vec<Missing>,
    /// Why the repository was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(skip)]
    pub(super) failed: bool,
}

/// An attestation of which no statement could be read.
#[derive(Debug, Serialize)]
pub(super) struct Missing {
    pub(super) digest: Digest,
    pub(super) detail: String,
}

/// Looks at a repository, with its memory, which is saved whatever comes of it. The warning is about memory.
pub(super) async fn survey(
    session: &Session,
    request: &RunRequest,
    chosen: Selected,
    most: usize,
) -> (Surveyed, Option<String>) {
    let name = chosen.name.clone();
    let surveyed = Surveyed { name: name.clone(), ..Surveyed::default() };
    let (ecr, config, deadline) = (&session.ecr, &session.config, &session.deadline);
    if let Err(skipped) = check_opt_in(ecr, &config.select.require_tag, &chosen, deadline).await {
        let failed = skipped.reason.is_failure();
        return (Surveyed { detail: Some(skipped.detail), failed, ..surveyed }, None);
    }
    // A breaker stops what is written; who pushes can be told all the same.
    let request = RunRequest { accept_tag_loss: vec![name.clone()], ..request.clone() };
    let mut recall = Recall::load(&request, config, &name).await;
    let policy = config.policy_of(&name);
    let collected =
        collect(ecr, &name, &policy, &Surroundings::default(), &mut recall, &request.large, deadline).await;
    match collected {
        Ok(mut collected) => {
            let unread = read_statements(session, &name, &mut collected, &mut recall, most).await;
            recall.note_arrivals(&collected.inventory, &collected.verdicts);
            let surveyed = Surveyed { unread, ..told(surveyed, &collected, &recall, session) };
            let warning = recall.save(&request, Some(&collected.inventory)).await;
            (surveyed, warning)
        }
        Err(skipped) => {
            let warning = recall.save(&request, None).await;
            (Surveyed { detail: Some(skipped.detail), failed: true, ..surveyed }, warning)
        }
    }
}

/// What is known after the reading.
fn told(surveyed: Surveyed, collected: &Collected, recall: &Recall, session: &Session) -> Surveyed {
    let Collected { inventory, verdicts, .. } = collected;
    let now = session.run.started_at;
    let count = sources::count(inventory, verdicts, now);
    let mut sources = sources::sources(inventory, verdicts, recall.memory(), now);
    if sources.is_empty() && count.attestations > 0 {
        sources.push(count.clone());
    }
    Surveyed {
        attestations: count.attestations,
        attestations_of_the_last_30_days: count.attestations_of_the_last_30_days,
        sources,
        trend: sources::trend(recall.memory().arrivals(), now),
        ..surveyed
    }
}

/// Reads statements of pushes of which none is known. One after another: one that cannot be read for a reason that holds for
/// all ends it.
async fn read_statements(
    session: &Session,
    name: &str,
    collected: &mut Collected,
    recall: &mut Recall,
    most: usize,
) -> Vec<Missing> {
    let wanted = sources::to_read(&collected.inventory, &collected.verdicts, recall.memory(), most);
    let mut missing = Vec::new();
    for index in wanted {
        let digest = collected.inventory.image(index).digest;
        let unread = read_one(session, name, &mut collected.inventory, recall, index).await.err();
        let is_general = unread.as_ref().is_some_and(|it| it.is_general);
        missing.extend(unread.map(|it| Missing { digest, detail: it.detail }));
        if is_general {
            break;
        }
    }
    missing
}

async fn read_one(
    session: &Session,
    name: &str,
    inventory: &mut Inventory,
    recall: &mut Recall,
    index: ImageIndex,
) -> Result<(), Unread> {
    let (ecr, deadline) = (&session.ecr, &session.deadline);
    let digest = inventory.image(index).digest;
    let of_call = |error| Unread::of(&error, ecr.region());
    let stored = manifest(ecr, name, digest, deadline).await.map_err(of_call)?;
    recall.note_read_by_hand(inventory, index, stored.bytes.as_bytes());
    let read = read(ecr, (name, ecr.region()), stored.bytes.as_bytes(), Wanted::All, deadline).await;
    if let Some(known) = pipeline(&read) {
        recall.learn_source(digest, &known);
        let is_unknown = known.pipeline == Pipeline::UNKNOWN;
        let first = read.into_iter().find_map(|it| it.statement.err()).filter(|_| is_unknown);
        return first.map_or(Ok(()), Err);
    }
    let first = read.into_iter().find_map(|it| it.statement.err());
    Err(first.unwrap_or_else(|| Unread {
        detail: format!("its manifest, a {}, has no statement", <&str>::from(Kind::Attestation)),
        is_general: false,
    }))
}
