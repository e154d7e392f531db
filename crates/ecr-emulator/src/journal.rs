//! The journal: changes of the state, and the calls that made them.

use serde::Serialize;

/// One change of the registry's state that an HTTP call made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number of the HTTP call that made it, counted from 1 since the last reset.
    pub n: u64,
    /// The operation of that call.
    pub operation: String,
    /// The repository; empty when the change is to the registry itself. In another account or Region than the
    /// emulator was made for it is the repository's ARN.
    pub repository: String,
    /// The change.
    pub kind: Change,
}

/// A change of state. A recorded pull is not one.
///
/// Deleting a tagged image makes an `Untagged` for each of its tags and then a `Deleted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// A manifest that was not there before.
    Pushed {
        /// Its digest.
        digest: String,
    },
    /// A tag that now names this image.
    Tagged {
        /// The image's digest.
        digest: String,
        /// The tag.
        tag: String,
        /// The image that the tag named before.
        moved_from: Option<String>,
    },
    /// A tag that was removed.
    Untagged {
        /// The image that it named.
        digest: String,
        /// The tag.
        tag: String,
    },
    /// An image that is gone.
    Deleted {
        /// Its digest.
        digest: String,
    },
    /// An image that went to the archive.
    Archived {
        /// Its digest.
        digest: String,
    },
    /// An archived image that is being restored.
    Activating {
        /// Its digest.
        digest: String,
    },
    /// An archived image that a push made active again.
    Restored {
        /// Its digest.
        digest: String,
    },
    /// A blob whose upload was completed.
    Uploaded {
        /// Its digest.
        digest: String,
    },
    /// A repository that was created.
    RepositoryCreated,
    /// A repository that was deleted with all that was in it.
    RepositoryDeleted,
    /// A setting that was written or removed.
    Configured {
        /// The setting: `imageTagMutability`, `imageScanningConfiguration`, `tags`, `lifecyclePolicy`,
        /// `repositoryPolicy`, `pullThroughCacheRule`, `registryPolicy`, `registryScanningConfiguration`,
        /// `replicationConfiguration`.
        setting: String,
    },
}
