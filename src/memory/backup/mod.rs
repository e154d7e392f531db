//! Backups of what is deleted: stored before the deletion is sent, kept for a while, and put back by `restore`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::repository::RepositoryId;
use super::store::{Store, StoreErrorKind, WriteIf};
use super::{BackUpImages, BackupImage};
use crate::oci::digest::Digest;
use crate::registry::blobs::ReadBlobs;

mod archive;
mod blobs;
mod names;
mod pack;

pub use archive::{Archive, ArchiveError, ArchivedImage, RepositoryHistory, RunHistory};
pub(in crate::memory) use archive::{Archived, Contents};
pub(in crate::memory) use blobs::EMPTY;
pub use blobs::Restorable;
pub use names::PackName;
pub use pack::{PackedImage, Tally};

use blobs::WantedBlob;
use names::RecordName;
use pack::{Content, Pack, RepositoryRecord, RunRecord};

/// The bytes that one object holds, before compression; a larger image is an object of its own.
const PACK_BYTES: u64 = 8 * 1024 * 1024;
/// The bytes of blobs that a run holds at once, in units of [`UNIT`]; what is larger cannot be backed up.
const UNITS: u32 = 48;
const UNIT: u64 = 1024 * 1024;
/// Blobs of one pack that wait for their download at once.
const MOST_WAITING: usize = 1000;
/// The objects of one run.
const MOST_PACKS: u32 = 1_000_000;

/// Backups of one run.
#[derive(Debug)]
pub struct Backups<R> {
    store: Arc<dyn Store>,
    blobs: R,
    run: BackupRun,
    /// Held by each download. All packs share them: there may be as many packs as repositories at once.
    downloads: Semaphore,
    packs: AtomicU32,
    progress: Mutex<Progress>,
    room: Semaphore,
}

#[derive(Debug, Default)]
struct Progress {
    /// The blobs that this run has stored, and where. What earlier runs stored is stored again, because a place
    /// forgets by age.
    blobs: HashMap<Digest, Arc<str>>,
    tallies: BTreeMap<String, Tally>,
}

/// The run that backups are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRun {
    /// The run's id.
    pub run_id: String,
    /// The registry's id.
    pub registry: String,
    /// The Region.
    pub region: String,
}

impl<R: ReadBlobs + Clone + 'static> Backups<R> {
    /// Backups in this place, with so many downloads at once.
    pub fn new(store: Arc<dyn Store>, blobs: R, run: BackupRun, concurrency: usize) -> Self {
        Self {
            store,
            blobs,
            run,
            downloads: Semaphore::new(concurrency.max(1)),
            packs: AtomicU32::new(0),
            progress: Mutex::default(),
            room: Semaphore::new(UNITS as usize),
        }
    }

    /// Stores some images as one object. The answer names those that could not be stored.
    async fn store_pack(&self, repository: &str, images: &[Wanted<'_>]) -> BTreeMap<Digest, String> {
        let bytes: u64 = images.iter().map(|image| image.bytes).sum();
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, UNITS);
        // Held until the object is written. All at once, so that two packs never wait for each other.
        let _room = self.room.acquire_many(units).await;
        let (elsewhere, missing) = self.sort_out(images);
        let (blobs, lost) = self.fetch(repository, missing).await;
        let (whole, mut failed) = without_lost(images, &lost);
        if whole.is_empty() {
            return failed;
        }
        let stored: Vec<Digest> = blobs.iter().map(|content| content.digest).collect();
        let manifests = whole.iter().map(|image| Content::text(image.digest(), &image.image.manifest.bytes));
        let pack = Pack {
            run_id: self.run.run_id.clone(),
            repository: self.id(repository),
            at: Timestamp::now(),
            images: whole.iter().map(|image| image.record()).collect(),
            elsewhere,
            contents: manifests.chain(blobs).collect(),
        };
        match self.write(pack).await {
            Ok(key) => self.note_stored(repository, &whole, &stored, &key),
            Err(why) => failed.extend(whole.iter().map(|image| (image.digest(), why.clone()))),
        }
        failed
    }

    fn note_stored(&self, repository: &str, images: &[&Wanted<'_>], blobs: &[Digest], key: &Arc<str>) {
        let mut progress = self.progress();
        progress.blobs.extend(blobs.iter().map(|digest| (*digest, key.clone())));
        let tally = progress.tallies.entry(repository.to_owned()).or_default();
        images.iter().for_each(|image| tally.add(image.restorable, image.size_bytes));
    }

    /// The blobs that this run has stored already, and those that have to be fetched.
    fn sort_out(&self, images: &[Wanted<'_>]) -> (BTreeMap<Digest, String>, BTreeSet<WantedBlob>) {
        let known = &self.progress().blobs;
        let (mut elsewhere, mut missing) = (BTreeMap::new(), BTreeSet::new());
        for blob in images.iter().flat_map(|image| &image.blobs) {
            match known.get(&blob.digest) {
                Some(key) => drop(elsewhere.insert(blob.digest, key.to_string())),
                None => drop(missing.insert(*blob)),
            }
        }
        (elsewhere, missing)
    }

    /// The blobs that could be had, and why the others could not.
    async fn fetch(
        &self,
        repository: &str,
        blobs: BTreeSet<WantedBlob>,
    ) -> (Vec<Content>, BTreeMap<Digest, String>) {
        let fetched = stream::iter(blobs)
            .map(|blob| self.fetch_one(repository.to_owned(), blob))
            .buffer_unordered(MOST_WAITING);
        let (mut contents, mut lost) = (Vec::new(), BTreeMap::new());
        let mut fetched = std::pin::pin!(fetched);
        while let Some(blob) = fetched.next().await {
            match blob {
                Ok(content) => contents.push(content),
                Err((digest, why)) => drop(lost.insert(digest, why)),
            }
        }
        (contents, lost)
    }

    /// Fetches one blob in a task of its own: downloads are most of what a run with backups does, and need not share one
    /// processor with the rest of it.
    async fn fetch_one(&self, repository: String, blob: WantedBlob) -> Result<Content, (Digest, String)> {
        let _turn = self.downloads.acquire().await;
        let blobs = self.blobs.clone();
        let download = async move {
            let bytes = blobs.blob(&repository, blob.digest, blob.size).await;
            bytes.map(|bytes| Content::new(blob.digest, bytes)).map_err(|error| error.to_string())
        };
        // A set of one ends its task with itself.
        let mut task = JoinSet::new();
        task.spawn(download);
        let downloaded = task.join_next().await.unwrap_or_else(|| Ok(Err("nobody fetched it".to_owned())));
        downloaded.unwrap_or_else(|error| Err(error.to_string())).map_err(|why| (blob.digest, why))
    }

    /// Writes an object under a name that nothing has. What is there, of another process of the same run say, is never
    /// written over.
    async fn write(&self, pack: Pack) -> Result<Arc<str>, String> {
        let bytes = pack.to_bytes().map_err(|error| format!("it cannot be compressed: {error}"))?;
        loop {
            let nth = self.packs.fetch_add(1, Ordering::Relaxed);
            let name = PackName { repository: pack.repository.clone(), run_id: pack.run_id.clone(), nth };
            let key = name.key().map_err(|error| error.to_string())?;
            match self.store.put(&key, bytes.clone(), WriteIf::Absent).await {
                Ok(()) => return Ok(key.as_str().into()),
                Err(error) if error.kind == StoreErrorKind::Conflict && nth < MOST_PACKS => {}
                Err(error) => return Err(error.with_remedy()),
            }
        }
    }

    /// Writes down what became of the backups: the images that ECR answered it had deleted, with their sizes. What is
    /// stored can be restored without it.
    pub async fn finish<'a>(
        &self,
        deleted: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<(), ArchiveError> {
        let mut repositories: BTreeMap<String, RepositoryRecord> = BTreeMap::new();
        for (name, backed_up) in &self.progress().tallies {
            repositories.entry(name.clone()).or_default().backed_up = *backed_up;
        }
        for (name, size_bytes) in deleted {
            let record = repositories.entry(name.to_owned()).or_default();
            record.deleted += 1;
            record.deleted_bytes += size_bytes;
        }
        if repositories.is_empty() {
            return Ok(());
        }
        let BackupRun { run_id, registry, region } = self.run.clone();
        let name = RecordName { registry, region, run_id };
        let record = RunRecord { finished_at: Timestamp::now(), repositories };
        let bytes = record.to_bytes().map_err(|error| ArchiveError::Damaged {
            what: "the record of this run".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(self.store.put(&name.key()?, bytes, WriteIf::Always).await?)
    }

    fn id(&self, repository: &str) -> RepositoryId {
        let BackupRun { registry, region, .. } = self.run.clone();
        RepositoryId { registry, region, name: repository.to_owned() }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: ReadBlobs + Clone + 'static> BackUpImages for Backups<R> {
    async fn back_up(&self, repository: &str, images: &[BackupImage<'_>]) -> BTreeMap<Digest, String> {
        let mut failed = BTreeMap::new();
        let mut wanted = Vec::with_capacity(images.len());
        for image in images {
            match Wanted::of(*image) {
                Ok(image) => wanted.push(image),
                Err(why) => drop(failed.insert(image.manifest.digest, why)),
            }
        }
        for pack in packs(&wanted) {
            failed.extend(self.store_pack(repository, pack).await);
        }
        failed
    }

    async fn conclude(&self, deleted: &[(&str, u64)]) -> Option<String> {
        let written = self.finish(deleted.iter().copied()).await;
        let error = written.err()?;
        Some(format!(
            "the history lacks the end of this run, though all that it stored can be restored: {error}"
        ))
    }
}

/// An image with the blobs that are stored with it.
struct Wanted<'a> {
    image: BackupImage<'a>,
    blobs: Vec<WantedBlob>,
    restorable: Restorable,
    size_bytes: u64,
    bytes: u64,
}

impl<'a> Wanted<'a> {
    fn of(image: BackupImage<'a>) -> Result<Self, String> {
        let manifest = image.manifest;
        if Digest::of(manifest.bytes.as_bytes()) != manifest.digest {
            return Err("its bytes do not have its digest".to_owned());
        }
        let wanted = blobs::wanted(image.kind, &manifest.bytes)?;
        let blobs = wanted.stored.iter().map(|blob| blob.size);
        let bytes = blobs.fold(manifest.bytes.len() as u64, u64::saturating_add);
        if bytes > u64::from(UNITS) * UNIT {
            return Err(format!(
                "its blobs have {bytes} bytes, more than a backup of one image may have ({} MiB)",
                u64::from(UNITS) * UNIT / 1024 / 1024
            ));
        }
        let size_bytes = wanted.size_bytes;
        let restorable = if image.loses_images { Restorable::ManifestOnly } else { wanted.restorable };
        Ok(Self { image, blobs: wanted.stored, restorable, size_bytes, bytes })
    }

    fn digest(&self) -> Digest {
        self.image.manifest.digest
    }

    fn record(&self) -> PackedImage {
        PackedImage {
            digest: self.digest(),
            media_type: self.image.manifest.media_type.clone(),
            kind: self.image.kind,
            tags: self.image.tags.to_vec(),
            pushed_at: self.image.pushed_at,
            size_bytes: self.size_bytes,
            restorable: self.restorable,
        }
    }
}

/// Those of these images that need none of these blobs, and why the others cannot be stored.
fn without_lost<'a, 'b>(
    images: &'a [Wanted<'b>],
    lost: &BTreeMap<Digest, String>,
) -> (Vec<&'a Wanted<'b>>, BTreeMap<Digest, String>) {
    let (mut whole, mut failed) = (Vec::new(), BTreeMap::new());
    for image in images {
        let why = image.blobs.iter().find_map(|blob| Some((blob.digest, lost.get(&blob.digest)?)));
        match why {
            None => whole.push(image),
            Some((blob, why)) => {
                drop(failed.insert(image.digest(), format!("its blob {blob} cannot be had: {why}")));
            }
        }
    }
    (whole, failed)
}

/// The images in the order in which they came, in parts of at most [`PACK_BYTES`].
fn packs<'a, 'b>(mut images: &'a [Wanted<'b>]) -> Vec<&'a [Wanted<'b>]> {
    let mut packs = Vec::new();
    while !images.is_empty() {
        let mut bytes = 0;
        let fits = |image: &&Wanted<'_>| {
            bytes += image.bytes;
            bytes <= PACK_BYTES
        };
        let (pack, rest) = images.split_at(images.iter().take_while(fits).count().max(1));
        packs.push(pack);
        images = rest;
    }
    packs
}

#[cfg(test)]
mod tests;
