//! How much of what a run deletes its backup can bring back.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RepositoryReport;
use super::decision::Decision;
use super::outcome::OutcomeName;
use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;

/// The most bytes of blobs that are stored for what is no attestation: signatures and the like have a few thousand.
pub const SMALL_ARTIFACT: u64 = 1024 * 1024;

/// The deletions of a run, planned or done, by how far its backup can bring them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Backup {
    /// Until when: `backup.keep` after the beginning of the run.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub restorable_until: Timestamp,
    /// Images of which the backup holds all that ECR may drop.
    pub fully_restorable: u64,
    /// Platform images, indexes of such, and large artifacts: the backup has their manifests, and they come back while ECR still has
    /// their layers.
    pub manifest_only: u64,
}

impl Backup {
    /// The backup of what these repositories lose.
    pub(super) fn of(repositories: &[RepositoryReport], restorable_until: Timestamp) -> Self {
        let mut backup = Self { restorable_until, fully_restorable: 0, manifest_only: 0 };
        for repository in repositories {
            let going = || repository.decisions.iter().filter(|row| goes(row));
            let images = going().filter(|row| row.kind == Kind::Image);
            let without_images: HashSet<Digest> = images.flat_map(|row| row.image.parents.clone()).collect();
            for row in going() {
                let is_small = row.kind == Kind::Attestation || row.image.size_bytes <= SMALL_ARTIFACT;
                let needs_layers = match row.kind {
                    Kind::Index => without_images.contains(&row.image.digest),
                    Kind::Image => true,
                    _ => !is_small,
                };
                backup.manifest_only += u64::from(needs_layers);
                backup.fully_restorable += u64::from(!needs_layers);
            }
        }
        backup
    }

    /// The backup of both parts of a run: what is restorable is so until the earlier time.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            restorable_until: self.restorable_until.min(other.restorable_until),
            fully_restorable: self.fully_restorable + other.fully_restorable,
            manifest_only: self.manifest_only + other.manifest_only,
        }
    }

    /// All deletions.
    pub fn deletions(&self) -> u64 {
        self.fully_restorable + self.manifest_only
    }
}

fn goes(row: &Decision) -> bool {
    row.action == Action::Delete && matches!(row.outcome, OutcomeName::Planned | OutcomeName::Deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::outcome::OutcomeName::{Deleted, Failed};
    use crate::report::testing::decisions::{With as _, attestation, image, index, repository, time};

    #[test]
    fn an_index_whose_images_go_too_comes_back_only_with_their_layers() {
        let rows = vec![
            attestation("a").under(&["i"]),
            index("i"),
            image("p").under(&["i"]).came_out(Deleted),
            index("j").came_out(Deleted),
            attestation("b").under(&["j"]).came_out(Failed),
        ];
        let backup = Backup::of(&[repository("r", 9, rows)], time(0));
        assert_eq!((backup.fully_restorable, backup.manifest_only, backup.deletions()), (2, 2, 4));
    }
}
