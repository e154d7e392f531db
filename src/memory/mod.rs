//! What outlives a run: the memory of each repository, and backups of what is deleted.

pub mod backup;
pub mod memories;
pub mod place;
pub mod repository;
pub mod restore;
pub mod store;

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;

use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::registry::StoredManifest;

/// An image that is about to be deleted.
#[derive(Debug, Clone, Copy)]
pub struct BackupImage<'a> {
    /// The manifest, read and verified in this run.
    pub manifest: &'a StoredManifest,
    /// What it is.
    pub kind: Kind,
    /// Its tags.
    pub tags: &'a [String],
    /// When its manifest was first stored.
    pub pushed_at: Option<Timestamp>,
}

/// Storing images before they are deleted.
pub trait BackUpImages: Send + Sync {
    /// Stores these images durably, at most [`crate::registry::MAX_IDS`]. The answer names those that could not be
    /// stored, with the reason: they must not be deleted.
    fn back_up(
        &self,
        repository: &str,
        images: &[BackupImage<'_>],
    ) -> impl Future<Output = BTreeMap<Digest, String>> + Send;
}

/// No backups: `backup.keep = "0d"`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBackups;

impl BackUpImages for NoBackups {
    async fn back_up(&self, _: &str, _: &[BackupImage<'_>]) -> BTreeMap<Digest, String> {
        BTreeMap::new()
    }
}
