//! What outlives a run: the memory of each repository, and backups of what is deleted.

pub mod backup;
pub mod memories;
pub mod place;
pub mod places;
#[cfg(feature = "cli")]
mod reach;
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
    /// Whether it is an index of which platform images go too.
    pub loses_images: bool,
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

    /// Writes down at the end of a run what became of the stored images: those that ECR answered it had deleted, each
    /// as its repository and its size in bytes. The answer is a warning: what is stored can be restored without it.
    fn conclude(&self, deleted: &[(&str, u64)]) -> impl Future<Output = Option<String>> + Send;
}

/// No backups: `backup.keep = "0d"`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBackups;

impl BackUpImages for NoBackups {
    async fn back_up(&self, _: &str, _: &[BackupImage<'_>]) -> BTreeMap<Digest, String> {
        BTreeMap::new()
    }

    async fn conclude(&self, _: &[(&str, u64)]) -> Option<String> {
        None
    }
}

/// Backups where they are switched on.
impl<B: BackUpImages> BackUpImages for Option<B> {
    async fn back_up(&self, repository: &str, images: &[BackupImage<'_>]) -> BTreeMap<Digest, String> {
        match self {
            Some(backups) => backups.back_up(repository, images).await,
            None => BTreeMap::new(),
        }
    }

    async fn conclude(&self, deleted: &[(&str, u64)]) -> Option<String> {
        match self {
            Some(backups) => backups.conclude(deleted).await,
            None => None,
        }
    }
}
