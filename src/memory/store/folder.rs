//! Blobs in a folder of the file system.
//!
//! A blob is written beside its place, flushed to the disk, and renamed: it is there as a whole or not at all.
//! Conditions are checked under a lock on the folder, so that of two processes one wins.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use jiff::{SignedDuration, Timestamp};

use super::{Key, Listed, Operation, Store, StoreError, StoreErrorKind, Stored, Version, WriteIf};
use crate::oci::digest::Digest;

/// The file whose lock is held while a condition is checked and the blob is replaced.
const LOCK: &str = ".lock";
/// What a file is called until it is complete.
const PART: &str = ".part";
/// The age from which an incomplete file is that of a writer that was killed.
const OLD_PART: SignedDuration = SignedDuration::from_hours(24);
/// How long another process may hold the lock: it does so for one blob.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time from one look at the lock to the next.
const LOOK: Duration = Duration::from_millis(20);

/// A folder of blobs.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    patience: Duration,
}

impl Folder {
    /// The blobs of this folder, which is created with the first of them, for its owner alone.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), patience: PATIENCE }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Does blocking work elsewhere.
    fn run<'a, T: Send + 'static>(
        &'a self,
        operation: Operation,
        path: PathBuf,
        work: impl FnOnce(&Path) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        async move {
            let shown = path.display().to_string();
            let done = tokio::task::spawn_blocking(move || work(&path)).await;
            done.unwrap_or_else(|_| Err(Failure::Io(io::Error::other("the work on it was given up"))))
                .map_err(|failure| failure.into_error(operation, shown))
        }
        .boxed()
    }
}

enum Failure {
    Conflict,
    /// Another process holds the lock.
    Locked(PathBuf, Duration),
    TooLarge(u64),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    fn into_error(self, operation: Operation, what: String) -> StoreError {
        let (kind, message) = match self {
            Self::Conflict => (StoreErrorKind::Conflict, "it was written meanwhile".to_owned()),
            Self::Locked(lock, patience) => {
                let message = format!(
                    "another process has held the lock {} for {} seconds; end the one that hangs, or try again later",
                    lock.display(),
                    patience.as_secs()
                );
                (StoreErrorKind::Other, message)
            }
            Self::TooLarge(limit) => (StoreErrorKind::TooLarge, format!("it is larger than {limit} bytes")),
            Self::Io(error) => (kind_of(error.kind()), error.to_string()),
        };
        StoreError { operation, what, kind, message }
    }
}

fn kind_of(kind: io::ErrorKind) -> StoreErrorKind {
    match kind {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::AccessDenied,
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            StoreErrorKind::NoSuchPlace
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
        io::ErrorKind::TimedOut | io::ErrorKind::StaleNetworkFileHandle => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Other,
    }
}

impl Store for Folder {
    fn get<'a>(&'a self, key: &'a Key, limit: u64) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.run(Operation::Get, self.path(key), move |path| {
            let bytes = read(path, limit)?;
            Ok(bytes.map(|bytes| Stored { version: version(&bytes), bytes, written_at: None }))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        bytes: Vec<u8>,
        when: WriteIf,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (root, patience) = (self.root.clone(), self.patience);
        self.run(Operation::Put, self.path(key), move |path| {
            create_folders(path.parent().unwrap_or(&root))?;
            if when == WriteIf::Always {
                return Ok(write(path, &bytes)?);
            }
            let _lock = locked(&root.join(LOCK), patience)?;
            let there = read(path, u64::MAX)?.map(|bytes| version(&bytes));
            if !when.holds(there.as_ref()) {
                return Err(Failure::Conflict);
            }
            // The lock goes with its file, after the blob is in its place.
            Ok(write(path, &bytes)?)
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        let prefix = prefix.to_owned();
        self.run(Operation::List, self.root.clone(), move |root| {
            let mut found = Vec::new();
            walk(root, &prefix, &mut |entry| {
                found.extend(listed(root, entry)?.filter(|it| it.key.as_str().starts_with(&prefix)));
                Ok(())
            })?;
            found.sort_by(|one: &Listed, two| one.key.cmp(&two.key));
            Ok(found)
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.run(Operation::Delete, self.path(key), |path| Ok(remove(path)?))
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn tidy(&self, now: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        self.run(Operation::Delete, self.root.clone(), move |root| {
            let mut old = Vec::new();
            walk(root, "", &mut |entry| {
                let is_part = entry.file_name().to_string_lossy().ends_with(PART);
                let written_at = modified(&entry.metadata()?);
                if is_part && written_at.is_some_and(|at| now.duration_since(at) > OLD_PART) {
                    old.push(entry.path());
                }
                Ok(())
            })?;
            for path in old {
                remove(&path)?;
            }
            Ok(())
        })
    }

    /// A folder that is not there yet could be made in the nearest one above it.
    #[cfg(feature = "cli")]
    fn check_writable<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.run(Operation::Put, self.path(key), |path| Ok(path.parent().map_or(Ok(()), check_folder)?))
    }
}

#[cfg(feature = "cli")]
fn check_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match (fs::metadata(folder), folder.parent()) {
        (Ok(there), _) if there.is_dir() => access(folder),
        (Ok(_), _) => Err(io::ErrorKind::NotADirectory.into()),
        (Err(error), Some(above)) if error.kind() == io::ErrorKind::NotFound => check_folder(above),
        (Err(error), _) => Err(error),
    }
}

/// Whether this process may make files in a folder.
#[cfg(all(feature = "cli", unix))]
fn access(folder: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(all(feature = "cli", not(unix)))]
fn access(_: &Path) -> io::Result<()> {
    Ok(())
}

fn version(bytes: &[u8]) -> Version {
    Version(Digest::of(bytes).hex())
}

fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(Failure::TooLarge(limit)) } else { Ok(Some(bytes)) }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let nth = WRITES.fetch_add(1, Ordering::Relaxed);
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}-{nth}{PART}", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut file = open_new(&beside, true)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| sync_folder(path.parent()))
}

/// A new name is durable only with the folder that it stands in.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder.filter(|_| cfg!(unix)) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        create_folders(above)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(folder.parent().filter(|above| !above.as_os_str().is_empty())),
    }
}

/// Opens a file for its owner alone.
fn open_new(path: &Path, truncate: bool) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The lock, which goes with its file.
fn locked(path: &Path, patience: Duration) -> Result<File, Failure> {
    let lock = open_new(path, false)?;
    let since = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if since.elapsed() >= patience => {
                return Err(Failure::Locked(path.to_owned(), patience));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Looks at the files below a folder. Links to folders are followed, each folder once: somebody may have moved a part to
/// another disk. Links to files are not.
fn walk(root: &Path, prefix: &str, look: &mut dyn FnMut(&fs::DirEntry) -> io::Result<()>) -> io::Result<()> {
    let (above, _) = prefix.rsplit_once('/').unwrap_or_default();
    let mut todo = vec![root.join(above)];
    // A link that leads up, and out of where this began, leads nowhere.
    let mut seen: HashSet<PathBuf> =
        Path::new(above).ancestors().skip(1).filter_map(|it| fs::canonicalize(root.join(it)).ok()).collect();
    while let Some(folder) = todo.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        if !seen.insert(fs::canonicalize(&folder)?) {
            continue;
        }
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let is_link_to_folder = || kind.is_symlink() && entry.path().is_dir();
            if kind.is_dir() || is_link_to_folder() {
                todo.push(entry.path());
            } else if kind.is_file() {
                match look(&entry) {
                    // It went meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    looked => looked?,
                }
            }
        }
    }
    Ok(())
}

fn modified(metadata: &fs::Metadata) -> Option<Timestamp> {
    metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok())
}

fn listed(root: &Path, entry: &fs::DirEntry) -> io::Result<Option<Listed>> {
    let path = entry.path();
    let parts = path.strip_prefix(root).ok().map(Path::components).into_iter().flatten();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    let name = parts.unwrap_or_default().join("/");
    if name == LOCK || name.ends_with(PART) {
        return Ok(None);
    }
    let Ok(key) = Key::new(name) else { return Ok(None) };
    let metadata = entry.metadata()?;
    Ok(Some(Listed { key, size: metadata.len(), written_at: modified(&metadata) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    async fn get(folder: &Folder, name: &str) -> Option<Vec<u8>> {
        folder.get(&key(name), 1000).await.unwrap().map(|stored| stored.bytes)
    }

    #[tokio::test]
    async fn what_was_written_is_read_back_and_listed() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("a/b"));
        assert_eq!(get(&folder, "x/y").await, None);
        assert_eq!(folder.list("").await, Ok(Vec::new()));
        for name in ["x/y", "x/z/_m", "xx"] {
            folder.put(&key(name), name.as_bytes().to_vec(), WriteIf::Always).await.unwrap();
            assert_eq!(get(&folder, name).await.unwrap(), name.as_bytes());
        }
        let names = |listed: Vec<Listed>| -> Vec<(String, u64)> {
            listed.into_iter().map(|it| (it.key.to_string(), it.size)).collect()
        };
        let owned = |name: &str| (name.to_owned(), name.len() as u64);
        assert_eq!(names(folder.list("").await.unwrap()), ["x/y", "x/z/_m", "xx"].map(owned));
        assert_eq!(names(folder.list("x/").await.unwrap()), ["x/y", "x/z/_m"].map(owned));
        assert_eq!(names(folder.list("x/z").await.unwrap()), ["x/z/_m"].map(owned));
        folder.delete(&key("x/y")).await.unwrap();
        folder.delete(&key("x/y")).await.unwrap();
        assert_eq!(get(&folder, "x/y").await, None);
    }

    #[tokio::test]
    async fn of_two_writers_one_wins() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let it = key("it");
        let put = |bytes: &str, when| folder.put(&it, bytes.as_bytes().to_vec(), when);
        put("one", WriteIf::Absent).await.unwrap();
        assert_eq!(put("two", WriteIf::Absent).await.unwrap_err().kind, StoreErrorKind::Conflict);
        let one = folder.get(&it, 1000).await.unwrap().unwrap().version;
        put("two", WriteIf::Version(one.clone())).await.unwrap();
        assert_eq!(put("three", WriteIf::Version(one)).await.unwrap_err().kind, StoreErrorKind::Conflict);
        assert_eq!(get(&folder, "it").await.unwrap(), b"two");
        let version = folder.get(&it, 1000).await.unwrap().unwrap().version;
        let writers =
            (0..20).map(|nth| put("x", WriteIf::Version(version.clone())).map(move |done| (nth, done)));
        let done = futures::future::join_all(writers).await;
        assert_eq!(done.iter().filter(|(_, done)| done.is_ok()).count(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn it_is_for_its_owner_alone_and_leaves_nothing_half_written() {
        use std::os::unix::fs::PermissionsExt as _;

        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("state"));
        folder.put(&key("a/it"), b"it".to_vec(), WriteIf::Absent).await.unwrap();
        for (name, mode) in [("state", 0o700), ("state/a", 0o700), ("state/a/it", 0o600)] {
            let found = fs::metadata(place.path().join(name)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{name}");
        }
        // Something that cannot be replaced by a file.
        fs::create_dir_all(place.path().join("state/b/x")).unwrap();
        folder.put(&key("b"), b"it".to_vec(), WriteIf::Always).await.unwrap_err();
        let left: Vec<_> = fs::read_dir(place.path().join("state")).unwrap().flatten().collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(PART)), "{left:?}");
    }

    #[tokio::test]
    async fn an_error_names_the_file_and_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        let folder = Folder::new(place.path().join("file/below"));
        let error = folder.put(&key("it"), Vec::new(), WriteIf::Always).await.unwrap_err();
        assert_eq!((error.operation, error.kind), (Operation::Put, StoreErrorKind::NoSuchPlace));
        assert!(error.with_remedy().contains("file/below/it: File exists"), "{}", error.with_remedy());
        let folder = Folder::new(place.path());
        folder.put(&key("it"), vec![0; 1001], WriteIf::Always).await.unwrap();
        assert_eq!(folder.get(&key("it"), 1000).await.unwrap_err().kind, StoreErrorKind::TooLarge);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_and_files_of_others_are_not_listed() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        folder.put(&key("it"), Vec::new(), WriteIf::Absent).await.unwrap();
        std::os::unix::fs::symlink("it", place.path().join("link")).unwrap();
        fs::write(place.path().join("not a key"), "").unwrap();
        fs::write(place.path().join("it.1-1.part"), "").unwrap();
        let listed = folder.list("").await.unwrap();
        assert_eq!(listed.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["it"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_folder_behind_a_link_is_listed_once() {
        let place = tempfile::tempdir().unwrap();
        let (here, there) = (place.path().join("here"), place.path().join("there"));
        let folder = Folder::new(&here);
        folder.put(&key("backup/1/it"), Vec::new(), WriteIf::Absent).await.unwrap();
        fs::rename(here.join("backup/1"), &there).unwrap();
        std::os::unix::fs::symlink(&there, here.join("backup/1")).unwrap();
        std::os::unix::fs::symlink(&here, there.join("round")).unwrap();
        for prefix in ["", "backup/", "backup/1/"] {
            let listed = folder.list(prefix).await.unwrap();
            let names: Vec<_> = listed.iter().map(|it| it.key.as_str()).collect();
            assert_eq!(names, ["backup/1/it"], "{prefix}");
        }
    }

    #[tokio::test]
    async fn what_a_killed_writer_left_goes_when_it_is_old() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        folder.put(&key("a/it"), Vec::new(), WriteIf::Absent).await.unwrap();
        let part = place.path().join("a/it.1-1.part");
        fs::write(&part, "half").unwrap();
        let now = Timestamp::now();
        folder.tidy(now).await.unwrap();
        assert!(part.exists(), "its writer may still be at it");
        folder.tidy(now + OLD_PART + SignedDuration::from_hours(1)).await.unwrap();
        assert!(!part.exists());
        assert_eq!(get(&folder, "a/it").await.unwrap(), b"");
        Folder::new(place.path().join("nowhere")).tidy(now).await.unwrap();
    }

    #[tokio::test]
    async fn a_lock_that_nobody_lets_go_is_an_error_that_names_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder { patience: Duration::ZERO, ..Folder::new(place.path()) };
        let held = locked(&place.path().join(LOCK), Duration::ZERO).ok().unwrap();
        let error = folder.put(&key("it"), Vec::new(), WriteIf::Absent).await.unwrap_err();
        assert!(error.message.contains("another process has held the lock "), "{error}");
        assert!(error.message.contains(LOCK), "{error}");
        // What needs no condition needs no lock.
        folder.put(&key("it"), Vec::new(), WriteIf::Always).await.unwrap();
        drop(held);
        folder.put(&key("other"), Vec::new(), WriteIf::Absent).await.unwrap();
    }
}
