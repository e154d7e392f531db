//! The memories of a registry's repositories, in their place.
//!
//! Nothing here fails a run: what cannot be read is as unknown, what cannot be written is read again, and each comes
//! with one warning.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::repository::{RepositoryId, RepositoryMemory};
use super::store::{InvalidKey, Key, Store, StoreError, StoreErrorKind, Stored, Version, WriteIf};
use crate::oci::digest::Digest;

/// The largest memory that is read. One of 100,000 images in 20,000 indexes has some 10 MB.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Writes of one memory, the later ones after somebody else's.
const WRITES: usize = 3;
/// A place that did not answer so often in a row is not asked again in this run.
const SILENCES: u32 = 3;
/// The longest wait for a place.
const PATIENCE: Duration = Duration::from_secs(30);

/// The memories of a registry in a Region.
#[derive(Debug, Clone)]
pub struct Memories {
    store: Option<Arc<dyn Store>>,
    registry: String,
    region: String,
    /// How often the place did not answer, one time after the other.
    silences: Arc<AtomicU32>,
}

/// A memory as it was found, to be changed and saved.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// The memory; empty if there was none, or none that could be used.
    pub memory: RepositoryMemory,
    /// Why it could not be used.
    pub warning: Option<MemoryWarning>,
    found: Option<Found>,
}

#[derive(Debug, Clone)]
enum Found {
    /// Whatever is there may be replaced under this condition.
    Replaceable { when: WriteIf, unchanged: Option<Digest> },
    /// It could not be read: what is there is worth more than what this run knows.
    Unreachable,
}

/// The reason why a memory could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryWarning {
    /// The repository.
    pub repository: String,
    /// The reason, and what to do.
    pub detail: String,
}

impl fmt::Display for MemoryWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the memory of {}: {}", self.repository, self.detail)
    }
}

impl Memories {
    /// The memories in this place.
    pub fn new(store: Arc<dyn Store>, registry: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            store: Some(store),
            registry: registry.into(),
            region: region.into(),
            silences: Arc::default(),
        }
    }

    /// No memories: `memory.location = "none"`.
    pub fn none() -> Self {
        Self { store: None, registry: String::new(), region: String::new(), silences: Arc::default() }
    }

    /// Whether anything is remembered from run to run.
    pub fn is_on(&self) -> bool {
        self.store.is_some()
    }

    /// The memory of a repository. Without a place for memories it is empty, and stays so.
    pub async fn load(&self, repository: &str) -> Remembered {
        let id = self.id(repository);
        let empty = RepositoryMemory::empty(id.clone());
        let Some(store) = &self.store else {
            return Remembered { memory: empty, warning: None, found: None };
        };
        let warn = |detail| Some(MemoryWarning { repository: repository.to_owned(), detail });
        match self.in_time(read(store.as_ref(), &id)).await {
            Ok(None) => {
                let found = Found::Replaceable { when: WriteIf::Absent, unchanged: None };
                Remembered { memory: empty, warning: None, found: Some(found) }
            }
            Ok(Some((Ok(memory), version))) => {
                let unchanged = memory.content_digest().ok();
                let found = Found::Replaceable { when: WriteIf::Version(version), unchanged };
                Remembered { memory, warning: None, found: Some(found) }
            }
            Ok(Some((Err(detail), version))) => {
                let found = Found::Replaceable { when: WriteIf::Version(version), unchanged: None };
                Remembered { memory: empty, warning: warn(detail), found: Some(found) }
            }
            Err(error) => {
                let detail = format!("{error}; this run goes on as if there were none");
                Remembered { memory: empty, warning: warn(detail), found: Some(Found::Unreachable) }
            }
        }
    }

    /// Saves a memory that was loaded and changed. What another run wrote meanwhile is merged.
    pub async fn save(&self, remembered: Remembered) -> Option<MemoryWarning> {
        let Remembered { memory, found, .. } = remembered;
        let (Some(store), Some(Found::Replaceable { when, unchanged })) = (&self.store, found) else {
            return None;
        };
        if unchanged.is_some() && unchanged == memory.content_digest().ok() {
            return None;
        }
        let repository = memory.id().name.clone();
        let saved = self.in_time(write(store.as_ref(), memory, when)).await;
        saved.err().map(|error| MemoryWarning { repository, detail: error.to_string() })
    }

    /// Loads a memory, changes it, and saves it.
    pub async fn update(
        &self,
        repository: &str,
        change: impl FnOnce(&mut RepositoryMemory),
    ) -> Option<MemoryWarning> {
        let mut remembered = self.load(repository).await;
        change(&mut remembered.memory);
        let warning = remembered.warning.take();
        self.save(remembered).await.or(warning)
    }

    /// Waits for the place, but not again and again: a run must not wait for a silent one once for each repository.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        if self.silences.load(Ordering::Relaxed) >= SILENCES {
            return Err(Failure::Silent);
        }
        let done = tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(Failure::Silent));
        match &done {
            Err(Failure::Silent) => self.silences.store(SILENCES, Ordering::Relaxed),
            Err(Failure::Store(error)) if error.kind == StoreErrorKind::Unreachable => {
                self.silences.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.silences.store(0, Ordering::Relaxed),
        }
        done
    }

    fn id(&self, repository: &str) -> RepositoryId {
        let (registry, region) = (self.registry.clone(), self.region.clone());
        RepositoryId { registry, region, name: repository.to_owned() }
    }
}

/// Why a memory could not be reached.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Key(#[from] InvalidKey),
    #[error("{}", .0.with_remedy())]
    Store(#[from] StoreError),
    #[error("its place does not answer; check the network, and `memory.location`")]
    Silent,
    #[error("it cannot be written as bytes: {0}")]
    Encoding(#[from] std::io::Error),
}

/// No name of a repository has a part that begins with `_`.
fn key(id: &RepositoryId) -> Result<Key, InvalidKey> {
    Key::new(format!("memory/{}/{}/{}/_memory", id.registry, id.region, id.name))
}

async fn read(
    store: &dyn Store,
    id: &RepositoryId,
) -> Result<Option<(Result<RepositoryMemory, String>, Version)>, Failure> {
    let key = key(id)?;
    let Some(Stored { bytes, version, .. }) = store.get(&key, LARGEST).await? else { return Ok(None) };
    let memory = RepositoryMemory::from_bytes(&bytes, id).map_err(|unusable| {
        format!("{unusable}: {key} in {} counts as none, and is written anew", store.place())
    });
    Ok(Some((memory, version)))
}

async fn write(store: &dyn Store, mut memory: RepositoryMemory, mut when: WriteIf) -> Result<(), Failure> {
    let key = key(memory.id())?;
    for _ in 1..WRITES {
        match store.put(&key, memory.to_bytes()?, when).await {
            Err(error) if error.kind == StoreErrorKind::Conflict => {}
            done => return Ok(done?),
        }
        when = match read(store, memory.id()).await? {
            None => WriteIf::Absent,
            Some((theirs, version)) => {
                if let Ok(theirs) = theirs {
                    memory = memory.merge(theirs);
                }
                WriteIf::Version(version)
            }
        };
    }
    Ok(store.put(&key, memory.to_bytes()?, when).await?)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::repository::{Reads, Sight};
    use super::super::store::Operation::{Get, Put};
    use super::super::store::fake::{FakeStore, Fault};
    use super::*;

    const KEY: &str = "memory/1/eu/team/api/_memory";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn see(memory: &mut RepositoryMemory, name: &str, second: i64) {
        let digest = Digest::of(name.as_bytes());
        let sight = Sight { digest, pushed_at: None, pulled_at: None, has_user_tag: false, subject: None };
        memory.observe(&[sight], Reads::default(), at(second));
    }

    fn store() -> (Arc<FakeStore>, Memories) {
        let store = Arc::new(FakeStore::default());
        (store.clone(), Memories::new(store, "1", "eu"))
    }

    fn knows(remembered: &Remembered, name: &str) -> bool {
        remembered.memory.was_here(Digest::of(name.as_bytes()))
    }

    #[tokio::test]
    async fn what_one_run_saw_the_next_one_knows() {
        let (store, memories) = store();
        let mut first = memories.load("team/api").await;
        assert!(first.memory.is_empty() && first.warning.is_none());
        see(&mut first.memory, "it", 100);
        assert_eq!(memories.save(first).await, None);
        let second = memories.load("team/api").await;
        assert!(knows(&second, "it") && second.warning.is_none());
        assert_eq!(store.state().keys().collect::<Vec<_>>(), [KEY]);
        assert!(memories.load("team").await.memory.is_empty());
    }

    #[tokio::test]
    async fn what_did_not_change_is_not_written() {
        let (store, memories) = store();
        memories.update("team/api", |memory| see(memory, "it", 100)).await;
        memories.update("team/api", |memory| see(memory, "it", 200)).await;
        assert_eq!((store.calls(Get), store.calls(Put)), (2, 1));
    }

    #[tokio::test]
    async fn what_another_run_wrote_meanwhile_is_merged() {
        let (store, memories) = store();
        memories.update("team/api", |memory| see(memory, "before", 100)).await;
        let (mut one, mut two) = (memories.load("team/api").await, memories.load("team/api").await);
        see(&mut one.memory, "one", 200);
        see(&mut two.memory, "two", 300);
        assert_eq!(memories.save(one).await, None);
        assert_eq!(memories.save(two).await, None);
        let both = memories.load("team/api").await;
        assert!(knows(&both, "one") && knows(&both, "two"));
        assert_eq!((store.calls(Get), store.calls(Put)), (5, 4), "two for the merge");
    }

    #[tokio::test]
    async fn a_write_that_is_overtaken_again_and_again_ends_with_a_warning() {
        let (store, memories) = store();
        for nth in 0..WRITES {
            store.fault(Put, Fault::Overtaken(vec![nth as u8]));
        }
        let warning = memories.update("team/api", |memory| see(memory, "it", 100)).await.unwrap();
        assert!(warning.to_string().contains("another run wrote it meanwhile"), "{warning}");
        assert_eq!(store.calls(Put), WRITES);
    }

    #[tokio::test]
    async fn a_place_that_does_not_answer_is_not_asked_again() {
        let (store, memories) = store();
        for _ in 0..SILENCES {
            store.fault(Get, Fault::Fails(StoreErrorKind::Unreachable));
            assert!(memories.load("team/api").await.warning.is_some());
        }
        let later = memories.load("team/web").await;
        assert!(later.warning.unwrap().detail.contains("does not answer"));
        assert_eq!(store.calls(Get), SILENCES as usize);
    }

    #[tokio::test]
    async fn a_lost_answer_leads_to_no_second_write_that_loses_something() {
        let (store, memories) = store();
        store.fault(Put, Fault::AnswerLost);
        let warning = memories.update("team/api", |memory| see(memory, "it", 100)).await;
        assert!(warning.unwrap().detail.contains("check the network"));
        assert!(knows(&memories.load("team/api").await, "it"));
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_none_and_is_replaced() {
        let (store, memories) = store();
        memories.update("team/web", |memory| see(memory, "foreign", 100)).await;
        let foreign = store.state()["memory/1/eu/team/web/_memory"].clone();
        let mut newer = foreign.clone();
        newer[19] = 9;
        for (bytes, told) in [
            (foreign.as_slice(), "it is the memory of team/web of the registry 1 in eu"),
            (&newer, "another version of the janitor (its format is 9"),
            (&foreign[..50], "it is damaged"),
            (b"", "it is damaged"),
        ] {
            store.set(KEY, bytes);
            let remembered = memories.load("team/api").await;
            let warning = remembered.warning.as_ref().unwrap().to_string();
            assert!(warning.starts_with("the memory of team/api: ") && warning.contains(told), "{warning}");
            assert!(remembered.memory.is_empty());
            memories.update("team/api", |memory| see(memory, "it", 100)).await;
            assert!(knows(&memories.load("team/api").await, "it"));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_none_and_is_left_as_it_is() {
        let (store, memories) = store();
        memories.update("team/api", |memory| see(memory, "it", 100)).await;
        for kind in [StoreErrorKind::AccessDenied, StoreErrorKind::Unreachable, StoreErrorKind::TooLarge] {
            let before = store.state();
            store.fault(Get, Fault::Fails(kind));
            let warning = memories.update("team/api", |memory| see(memory, "other", 200)).await.unwrap();
            assert!(warning.detail.contains("this run goes on as if there were none"), "{warning}");
            assert_eq!(store.state(), before);
        }
        let warning = memories.update("../api", |memory| see(memory, "it", 1)).await.unwrap();
        assert!(warning.detail.contains("cannot name a file"), "{warning}");
    }

    #[tokio::test]
    async fn without_a_place_nothing_is_remembered() {
        let memories = Memories::none();
        assert!(!memories.is_on());
        assert_eq!(memories.update("team/api", |memory| see(memory, "it", 1)).await, None);
        assert!(memories.load("team/api").await.memory.is_empty());
    }
}
