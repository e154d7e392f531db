//! The places of a run's memory and backups, as its configuration names them.

use std::sync::Arc;

use aws_config::SdkConfig;
use jiff::Timestamp;

use super::backup::{Archive, BackupRun, Backups};
use super::memories::Memories;
use super::place::{Host, Place};
#[cfg(feature = "cli")]
use super::reach::reach;
use super::store::Store;
#[cfg(feature = "cli")]
use super::store::StoreError;
use crate::config::{Config, Environment};
use crate::registry::blobs::ReadBlobs;
use crate::report::RunIdentity;

/// Downloads of blobs at once, for all backups of a run. A hundred deletions need nearly two hundred of them, of two calls
/// each, beside three calls: with fewer at once a backup would take longer than the deletion. Connections to both hosts
/// stay open, and a function may have 1,024.
const DOWNLOADS: usize = 256;

/// The places of memory and backups.
#[derive(Debug, Clone, Default)]
pub struct Places {
    memory: Option<Arc<dyn Store>>,
    backups: Option<Arc<dyn Store>>,
    keeps_backups: bool,
    is_pruned: bool,
}

/// The warning of a plan that could not be applied.
const NO_PLACE: &str = "there is no place for backups, and apply is refused without one: set backup.location (JANITOR_BACKUP_LOCATION) to a folder or to s3://bucket/prefix, or backup.keep = \"0d\" to do without backups";

/// The refusal of an apply that could not be undone, although it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no place for backups, and nothing is deleted without one: set backup.location (JANITOR_BACKUP_LOCATION) to a folder or to s3://bucket/prefix, or backup.keep = \"0d\" to do without backups; nothing was done"
)]
pub struct NoPlaceForBackups;

impl Places {
    /// The places that a configuration names, buckets with these settings. Calls and writes nothing. A user without a
    /// state folder has no place there.
    pub fn open(config: &Config, host: Host, environment: &Environment, settings: &SdkConfig) -> Self {
        let place = |location| Place::of(location, config, host, environment).ok().flatten();
        let backups = place(&config.backup.location);
        Self {
            memory: place(&config.memory.location).map(|place| place.open(settings)),
            is_pruned: backups.as_ref().is_some_and(Place::is_pruned),
            keeps_backups: config.backup.is_on(),
            backups: backups.map(|place| place.open(settings)),
        }
    }

    /// The place of what a fleet's run leaves for its steps: that of memory.
    pub fn of_fleet(&self) -> Option<Arc<dyn Store>> {
        self.memory.clone()
    }

    /// The memories of the registry that a run is of; none while nobody knows which it is.
    pub fn memories(&self, run: &RunIdentity) -> Memories {
        match &run.account {
            Some(account) => self.memories_of(account, &run.region),
            None => Memories::none(),
        }
    }

    /// The memories of a registry in a Region.
    pub fn memories_of(&self, registry: &str, region: &str) -> Memories {
        match &self.memory {
            Some(store) => Memories::new(store.clone(), registry, region),
            None => Memories::none(),
        }
    }

    /// Refuses an apply that backs up nothing although backups are switched on.
    pub fn check_backups(&self) -> Result<(), NoPlaceForBackups> {
        if self.keeps_backups && self.backups.is_none() { Err(NoPlaceForBackups) } else { Ok(()) }
    }

    /// Until when the backup of a run that begins now would be kept.
    pub fn backup_until(&self, config: &Config, now: Timestamp) -> Option<Timestamp> {
        let keep = config.backup.keep;
        self.backups.as_ref().filter(|_| self.keeps_backups).and_then(|_| now.checked_add(keep).ok())
    }

    /// What everybody who looks at a plan should know of its backups.
    pub fn warning(&self) -> Option<String> {
        if !self.keeps_backups {
            return Some(
                "backups are switched off (backup.keep = \"0d\"): nothing that is deleted can be restored"
                    .to_owned(),
            );
        }
        self.check_backups().err().map(|_| NO_PLACE.to_owned())
    }

    /// The backups of a run; none where they are switched off.
    pub fn backups<R: ReadBlobs + Clone + 'static>(&self, run: &RunIdentity, blobs: R) -> Option<Backups<R>> {
        let store = self.backups.clone().filter(|_| self.keeps_backups)?;
        let account = run.account.clone()?;
        let run = BackupRun { run_id: run.run_id.clone(), registry: account, region: run.region.clone() };
        Some(Backups::new(store, blobs, run, DOWNLOADS))
    }

    /// The place of memory, and whether it can be reached; nothing without one.
    #[cfg(feature = "cli")]
    pub async fn reach_memory(&self) -> Option<(String, Result<(), StoreError>)> {
        let store = self.memory.as_ref()?;
        Some((store.place(), reach(store.as_ref(), "memory").await))
    }

    /// The place of backups, and whether it can be reached; nothing where there are none.
    #[cfg(feature = "cli")]
    pub async fn reach_backups(&self) -> Option<(String, Result<(), StoreError>)> {
        let store = self.backups.as_ref().filter(|_| self.keeps_backups)?;
        Some((store.place(), reach(store.as_ref(), "backup").await))
    }

    /// The backups of earlier runs.
    pub fn archive(&self) -> Option<Archive> {
        self.backups.clone().map(Archive::new)
    }

    /// Removes backups that are older than they are kept, where nothing else does: in a folder. The answer is a warning.
    pub async fn prune(&self, config: &Config, run: &RunIdentity, now: Timestamp) -> Option<String> {
        let archive = self.archive().filter(|_| self.is_pruned && self.keeps_backups)?;
        let of = (run.account.as_deref()?, run.region.as_str());
        let error = archive.prune(of, config.backup.keep, now).await.err()?;
        Some(format!("backups older than backup.keep could not be removed: {error}"))
    }
}
