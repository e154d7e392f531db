//! Putting back what was deleted: children first, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use strum::IntoStaticStr;

use super::backup::{Archive, ArchiveError, Archived};
use super::repository::RepositoryId;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::registry::{CallError, MAX_IDS, ReadRepository, presence};

mod execute;

/// The images that are to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These.
    Images(BTreeSet<Digest>),
    /// All that a run deleted.
    Run(String),
    /// All that the backup has.
    All,
}

/// What can be restored in one repository, and what cannot. Nothing is written yet.
#[derive(Debug)]
pub struct RestorePlan {
    /// The repository.
    pub repository: RepositoryId,
    /// Objects of the backup that are of no use.
    pub damaged: Vec<ArchiveError>,
    images: BTreeMap<Digest, Archived>,
    /// What is to be put back, what something lists before what lists it.
    levels: Vec<Vec<Digest>>,
    settled: Vec<RestoredImage>,
    /// The images of the repository that matter here.
    there: BTreeSet<Digest>,
}

/// What became of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredImage {
    /// Its digest.
    pub digest: Digest,
    /// What it is, as far as the backup knows it.
    pub kind: Option<Kind>,
    /// What became of it.
    pub outcome: RestoreOutcome,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The tags that it has again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its former tags that name another image now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_in_use: Vec<String>,
}

/// What became of an image that was to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RestoreOutcome {
    /// It is there again.
    Restored,
    /// It was there already.
    AlreadyThere,
    /// It cannot be restored.
    Impossible,
    /// A call failed; trying again may help.
    Failed,
}

impl RestoreOutcome {
    /// Whether the image is in the repository now.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Restored | Self::AlreadyThere)
    }
}

/// Why a restore could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be read.
    #[error("the backup cannot be read: {0}")]
    Archive(#[from] ArchiveError),
    /// The repository cannot be looked at.
    #[error("{}", .0.with_remedy())]
    Registry(#[from] CallError),
}

impl RestoredImage {
    fn new(digest: Digest, kind: Option<Kind>, outcome: RestoreOutcome, detail: Option<String>) -> Self {
        Self { digest, kind, outcome, detail, tags: Vec::new(), tags_in_use: Vec::new() }
    }
}

/// Plans what to restore in a repository, with what it takes to restore it: the images that an index lists.
pub async fn plan_restore(
    archive: &Archive,
    registry: &impl ReadRepository,
    repository: &RepositoryId,
    wanted: &Wanted,
) -> Result<RestorePlan, RestoreError> {
    let catalog = archive.catalog(repository).await?;
    let images = catalog.images;
    let wanted_as_asked = wanted;
    let wanted = match wanted {
        Wanted::Images(digests) => digests.clone(),
        Wanted::All => images.keys().copied().collect(),
        Wanted::Run(run_id) => {
            images.iter().filter(|(_, it)| it.run_ids.contains(run_id)).map(|(digest, _)| *digest).collect()
        }
    };
    let wanted_count = wanted.len() as u64;
    let there = look(registry, &repository.name, &closure(&images, &wanted)).await?;
    let mut settled = Vec::new();
    let mut missing = BTreeSet::new();
    for digest in wanted {
        let kind = images.get(&digest).map(|it| it.image.kind);
        let settle = |outcome, detail| RestoredImage::new(digest, kind, outcome, detail);
        if there.contains(&digest) {
            settled.push(settle(RestoreOutcome::AlreadyThere, None));
        } else if kind.is_none() {
            let detail = "the backup does not have it".to_owned();
            settled.push(settle(RestoreOutcome::Impossible, Some(detail)));
        } else {
            missing.insert(digest);
        }
    }
    let missing: BTreeSet<Digest> = closure(&images, &missing)
        .into_iter()
        .filter(|it| images.contains_key(it) && !there.contains(it))
        .collect();
    let levels = levels(&images, missing);
    let (repository, mut damaged) = (repository.clone(), catalog.damaged);
    if let Wanted::Run(run_id) = wanted_as_asked {
        damaged.extend(archive.loss(&repository, run_id, wanted_count).await);
    }
    Ok(RestorePlan { repository, damaged, images, levels, settled, there })
}

/// These images and all that they list, as far as the backup knows it.
fn closure(images: &BTreeMap<Digest, Archived>, wanted: &BTreeSet<Digest>) -> BTreeSet<Digest> {
    let mut seen = wanted.clone();
    let mut todo: Vec<Digest> = wanted.iter().copied().collect();
    while let Some(digest) = todo.pop() {
        let children = images.get(&digest).map(|it| it.needs.children.as_slice()).unwrap_or_default();
        todo.extend(children.iter().filter(|child| seen.insert(**child)));
    }
    seen
}

/// Images by levels: none lists one of its own level or of a later one.
fn levels(images: &BTreeMap<Digest, Archived>, mut left: BTreeSet<Digest>) -> Vec<Vec<Digest>> {
    let mut levels = Vec::new();
    while !left.is_empty() {
        let waits = |digest: &Digest| images[digest].needs.children.iter().any(|child| left.contains(child));
        let level: Vec<Digest> = left.iter().copied().filter(|digest| !waits(digest)).collect();
        // No digest lists itself, not even by a detour.
        if level.is_empty() {
            break;
        }
        left.retain(|digest| !level.contains(digest));
        levels.push(level);
    }
    levels
}

/// Those of these images that are in the repository.
async fn look(
    registry: &impl ReadRepository,
    repository: &str,
    digests: &BTreeSet<Digest>,
) -> Result<BTreeSet<Digest>, CallError> {
    let digests: Vec<Digest> = digests.iter().copied().collect();
    let mut there = BTreeSet::new();
    for batch in digests.chunks(MAX_IDS) {
        there.extend(presence::look(registry, repository, batch).await?.there.into_keys());
    }
    Ok(there)
}

impl RestorePlan {
    /// The images that would be put back, in this order, with what they are.
    pub fn pending(&self) -> impl Iterator<Item = (Digest, Kind)> + '_ {
        self.levels.iter().flatten().map(|digest| (*digest, self.images[digest].image.kind))
    }

    /// What is settled without writing anything.
    pub fn settled(&self) -> &[RestoredImage] {
        &self.settled
    }

    /// Whether the backup knows any of the images that were asked for.
    pub fn knows_something(&self) -> bool {
        let known = |it: &RestoredImage| it.kind.is_some() || it.outcome.is_there();
        !self.levels.is_empty() || self.settled.iter().any(known)
    }
}
