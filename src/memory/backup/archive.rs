//! Reading backups: what there is, of which runs, until when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::blobs::{Needs, needs};
use super::names::{ROOT, RecordName, prefix, started_at};
use super::pack::{Content, Pack, PackedImage, RunRecord, Tally};
use super::{PackName, Restorable};
use crate::memory::repository::RepositoryId;
use crate::memory::store::{InvalidKey, Key, Listed, Store, StoreError, StoreErrorKind};
use crate::oci::digest::Digest;

/// The largest object that is read, as it is stored.
const LARGEST: u64 = 128 * 1024 * 1024;
/// Objects read at once, to make a catalog of them.
const READS_AT_ONCE: usize = 8;
/// A run may last this long after the time in its id.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24);

/// The backups in a place.
#[derive(Debug, Clone)]
pub struct Archive {
    store: Arc<dyn Store>,
}

/// Why a backup could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Its place failed.
    #[error("{}", .0.with_remedy())]
    Store(#[from] StoreError),
    /// A name that no backup can have.
    #[error("{0}")]
    Key(#[from] InvalidKey),
    /// It is not as it was written.
    #[error("{what} cannot be used: {problem}")]
    Damaged {
        /// The object.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A run of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunHistory {
    /// The run's id.
    pub run_id: String,
    /// The registry's id.
    pub registry: String,
    /// The Region.
    pub region: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended; nothing for a run that was cut.
    pub finished_at: Option<Timestamp>,
    /// Until when its images can be restored.
    pub restorable_until: Option<Timestamp>,
    /// The repositories, by name.
    pub repositories: Vec<RepositoryHistory>,
    /// Why nothing is known of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

impl ArchiveError {
    /// Whether one object is of no use, and not the place.
    fn is_of_one_object(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Key(_) => true,
            Self::Store(error) => error.kind == StoreErrorKind::TooLarge,
        }
    }
}

/// One repository in a run of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepositoryHistory {
    /// Its name.
    pub name: String,
    /// The images that ECR answered it had deleted; nothing where the run was cut, and nobody wrote it down.
    pub deleted: Option<u64>,
    /// Their sizes.
    pub deleted_bytes: Option<u64>,
    /// The images that were stored before that.
    pub backed_up: Tally,
}

/// An image of the archive, and where its bytes are.
#[derive(Debug)]
pub(in crate::memory) struct Archived {
    pub(in crate::memory) image: PackedImage,
    pub(in crate::memory) needs: Needs,
    /// The object that holds it: the newest of several.
    pub(in crate::memory) key: Key,
    /// The runs that stored it.
    pub(in crate::memory) run_ids: BTreeSet<String>,
}

/// An image of the archive, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArchivedImage {
    /// The repository.
    pub repository: RepositoryId,
    /// The image.
    #[serde(flatten)]
    pub image: PackedImage,
}

/// The images of a repository that the archive holds.
#[derive(Debug, Default)]
pub(in crate::memory) struct Catalog {
    pub(in crate::memory) images: BTreeMap<Digest, Archived>,
    /// The objects that could not be read.
    pub(in crate::memory) damaged: Vec<ArchiveError>,
}

impl Catalog {
    fn add(&mut self, pack: Pack, key: &Key) {
        let mut contents: HashMap<Digest, Content> =
            pack.contents.into_iter().map(|content| (content.digest, content)).collect();
        for image in pack.images {
            let manifest = contents.remove(&image.digest).and_then(Content::into_verified);
            let manifest = manifest.and_then(|bytes| String::from_utf8(bytes).ok());
            let Some(manifest) = manifest else {
                let what = format!("{} in {key}", image.digest);
                let problem = "its bytes do not have its digest".to_owned();
                self.damaged.push(ArchiveError::Damaged { what, problem });
                continue;
            };
            let (digest, needs, key) = (image.digest, needs(&manifest), key.clone());
            let older = self.images.remove(&digest);
            let mut run_ids = older.map(|older| older.run_ids).unwrap_or_default();
            run_ids.insert(pack.run_id.clone());
            self.images.insert(digest, Archived { image, needs, key, run_ids });
        }
    }
}

/// The bytes of one object, each verified when it is wanted.
#[derive(Debug)]
pub(in crate::memory) struct Contents {
    bytes: HashMap<Digest, Content>,
    elsewhere: BTreeMap<Digest, String>,
}

impl Contents {
    /// The bytes with this digest.
    pub(in crate::memory) fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        self.bytes.get(&digest)?.clone().into_verified()
    }

    /// The object of the same run that holds these bytes.
    pub(in crate::memory) fn elsewhere(&self, digest: Digest) -> Option<Key> {
        Key::new(self.elsewhere.get(&digest)?.as_str()).ok()
    }
}

impl Archive {
    /// The backups in this place.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The place, for messages.
    pub fn place(&self) -> String {
        self.store.place()
    }

    /// The objects of a run in a registry, or of all of them.
    pub async fn packs(&self, run_id: Option<&str>) -> Result<Vec<PackName>, ArchiveError> {
        let listed = self.store.list(ROOT).await?;
        let packs = listed.iter().filter_map(|it| PackName::parse(it.key.as_str()));
        Ok(packs.filter(|pack| run_id.is_none_or(|run_id| pack.run_id == run_id)).collect())
    }

    /// The digests of the images of a repository.
    pub async fn digests(&self, repository: &RepositoryId) -> Result<BTreeSet<Digest>, ArchiveError> {
        Ok(self.catalog(repository).await?.images.into_keys().collect())
    }

    /// The images that a run stored.
    pub async fn images_of(&self, run_id: &str) -> Result<Vec<ArchivedImage>, ArchiveError> {
        let mut images = Vec::new();
        for name in self.packs(Some(run_id)).await? {
            let pack = match self.read_pack(&name.key()?).await {
                Err(damaged) if damaged.is_of_one_object() => continue,
                pack => pack?,
            };
            let repository = pack.repository;
            let archived = |image| ArchivedImage { repository: repository.clone(), image };
            images.extend(pack.images.into_iter().map(archived));
        }
        Ok(images)
    }

    /// The images of a repository.
    pub(in crate::memory) async fn catalog(
        &self,
        repository: &RepositoryId,
    ) -> Result<Catalog, ArchiveError> {
        let listed = self.store.list(&prefix(repository)).await?;
        let keys = listed.into_iter().map(|it| it.key).filter(|key| PackName::parse(key.as_str()).is_some());
        let read = |key: Key| async move { (self.read_pack(&key).await, key) };
        let mut packs = stream::iter(keys).map(read).buffered(READS_AT_ONCE);
        let mut catalog = Catalog::default();
        while let Some((pack, key)) = packs.next().await {
            match pack {
                Ok(pack) => catalog.add(pack, &key),
                Err(damaged) if damaged.is_of_one_object() => catalog.damaged.push(damaged),
                Err(error) => return Err(error),
            }
        }
        Ok(catalog)
    }

    /// The bytes of an object.
    pub(in crate::memory) async fn contents(&self, key: &Key) -> Result<Contents, ArchiveError> {
        let pack = self.read_pack(key).await?;
        let bytes = pack.contents.into_iter().map(|content| (content.digest, content)).collect();
        Ok(Contents { bytes, elsewhere: pack.elsewhere })
    }

    /// The runs that stored something, newest first.
    pub async fn history(&self, keep: SignedDuration) -> Result<Vec<RunHistory>, ArchiveError> {
        let listed = self.store.list(ROOT).await?;
        let mut packs: BTreeMap<RecordName, Vec<(PackName, Key)>> = BTreeMap::new();
        let mut records = BTreeSet::new();
        let mut last_written: BTreeMap<String, Timestamp> = BTreeMap::new();
        for Listed { key, written_at, .. } in listed {
            let run_id = if let Some(pack) = PackName::parse(key.as_str()) {
                let RepositoryId { registry, region, .. } = pack.repository.clone();
                let run = RecordName { registry, region, run_id: pack.run_id.clone() };
                packs.entry(run.clone()).or_default().push((pack, key));
                run.run_id
            } else if let Some(record) = RecordName::parse(key.as_str()) {
                packs.entry(record.clone()).or_default();
                records.insert(record.clone());
                record.run_id
            } else {
                continue;
            };
            if let Some(at) = written_at {
                let last = last_written.entry(run_id).or_insert(at);
                *last = at.max(*last);
            }
        }
        let mut runs = Vec::with_capacity(packs.len());
        for (run, packs) in packs {
            let told = match records.contains(&run) {
                true => self.recorded(&run).await,
                false => self.counted(&packs).await.map(|repositories| (None, repositories)),
            };
            // One object that is of no use hides no other run.
            let (damaged, (finished_at, repositories)) = match told {
                Err(error) if error.is_of_one_object() => (Some(error.to_string()), (None, Vec::new())),
                told => (None, told?),
            };
            let started_at = started_at(&run.run_id);
            let restorable_until = started_at.and_then(|at| at.checked_add(keep).ok());
            let RecordName { registry, region, run_id } = run;
            runs.push(RunHistory {
                run_id,
                registry,
                region,
                started_at,
                finished_at,
                restorable_until,
                repositories,
                damaged,
            });
        }
        // A run's id says in which second it began: of several, the one that ended last comes first.
        let ended = |run: &RunHistory| run.finished_at.or_else(|| last_written.get(&run.run_id).copied());
        let order = |run: &RunHistory| (run.started_at, ended(run), run.run_id.clone());
        runs.sort_by_cached_key(|run| std::cmp::Reverse(order(run)));
        Ok(runs)
    }

    /// The images of a run and a repository that its own record counts and that are not found any more.
    pub(in crate::memory) async fn loss(
        &self,
        repository: &RepositoryId,
        run_id: &str,
        found: u64,
    ) -> Option<ArchiveError> {
        let RepositoryId { registry, region, name } = repository.clone();
        let record = RecordName { registry, region, run_id: run_id.to_owned() };
        // A run that was cut has no record.
        let (_, repositories) = self.recorded(&record).await.ok()?;
        let stored = repositories.into_iter().find(|it| it.name == name)?.backed_up.images;
        let lost = stored.checked_sub(found).filter(|lost| *lost > 0)?;
        let what = format!("the backup of the run {run_id} in {}", self.place());
        let problem =
            format!("{lost} of the {stored} images that it stored of {name} are not there any more");
        Some(ArchiveError::Damaged { what, problem })
    }

    /// What a run wrote down itself.
    async fn recorded(
        &self,
        run: &RecordName,
    ) -> Result<(Option<Timestamp>, Vec<RepositoryHistory>), ArchiveError> {
        let key = run.key()?;
        let Some(bytes) = self.store.get(&key, LARGEST).await? else { return Ok((None, Vec::new())) };
        let record = RunRecord::from_bytes(&bytes.bytes).map_err(|problem| self.damaged(&key, problem))?;
        let repositories = record.repositories.into_iter().map(|(name, done)| RepositoryHistory {
            name,
            deleted: Some(done.deleted),
            deleted_bytes: Some(done.deleted_bytes),
            backed_up: done.backed_up,
        });
        Ok((Some(record.finished_at), repositories.collect()))
    }

    /// What a run stored before it was cut.
    async fn counted(&self, packs: &[(PackName, Key)]) -> Result<Vec<RepositoryHistory>, ArchiveError> {
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        for (name, key) in packs {
            let tally = tallies.entry(&name.repository.name).or_default();
            for image in self.read_pack(key).await?.images {
                tally.add(image.restorable, image.size_bytes);
            }
        }
        let history = |(name, backed_up): (&str, Tally)| RepositoryHistory {
            name: name.to_owned(),
            deleted: None,
            deleted_bytes: None,
            backed_up,
        };
        Ok(tallies.into_iter().map(history).collect())
    }

    /// Removes what is older than this of the backups of a registry in a Region: others may be kept for longer. For a
    /// folder: a bucket does so by its lifecycle rule.
    pub async fn prune(
        &self,
        (registry, region): (&str, &str),
        keep: SignedDuration,
        now: Timestamp,
    ) -> Result<usize, ArchiveError> {
        self.store.tidy(now).await?;
        let mut removed = 0;
        for it in self.store.list(&format!("{ROOT}{registry}/{region}/")).await? {
            let key = it.key.as_str();
            let run_id = PackName::parse(key)
                .map(|pack| pack.run_id)
                .or_else(|| RecordName::parse(key).map(|record| record.run_id));
            // What the janitor did not write is not the janitor's to remove.
            let Some(at) = run_id.and_then(|run_id| started_at(&run_id)) else { continue };
            if now.duration_since(at) > keep.saturating_add(LONGEST_RUN) {
                self.store.delete(&it.key).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn read_pack(&self, key: &Key) -> Result<Pack, ArchiveError> {
        let gone = || self.damaged(key, "it was there a moment ago, and is gone".to_owned());
        let stored = self.store.get(key, LARGEST).await?.ok_or_else(gone)?;
        let pack = Pack::from_bytes(&stored.bytes).map_err(|problem| self.damaged(key, problem))?;
        match PackName::parse(key.as_str()) {
            Some(name) if name.repository == pack.repository && name.run_id == pack.run_id => Ok(pack),
            _ => Err(self.damaged(key, format!("it is of {}", pack.repository))),
        }
    }

    fn damaged(&self, key: &Key, problem: String) -> ArchiveError {
        ArchiveError::Damaged { what: format!("{key} in {}", self.place()), problem }
    }
}

/// How many images of a backup can be brought back in full.
impl FromIterator<(Restorable, u64)> for Tally {
    fn from_iter<I: IntoIterator<Item = (Restorable, u64)>>(images: I) -> Self {
        let mut tally = Self::default();
        images.into_iter().for_each(|(restorable, bytes)| tally.add(restorable, bytes));
        tally
    }
}
