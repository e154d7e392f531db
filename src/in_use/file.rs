//! A list of images in use in a file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures::future::{BoxFuture, FutureExt as _, ready};
use jiff::{SignedDuration, Timestamp};

use super::{Source, SourceError, Use, lines};

/// The largest list that is read.
pub(super) const LARGEST: u64 = 16 * 1024 * 1024;

/// How far another clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A file with one image a line.
#[derive(Debug)]
pub struct ListFile {
    path: PathBuf,
    max_age: SignedDuration,
}

impl ListFile {
    /// The list in this file, of use up to this age.
    pub fn new(path: &Path, max_age: SignedDuration) -> Self {
        Self { path: path.to_owned(), max_age }
    }

    fn uses(&self, now: Timestamp) -> Result<Vec<Use>, SourceError> {
        let name = self.path.display().to_string();
        let unreadable = |error: std::io::Error| {
            SourceError::new(format!("{name} cannot be read: {error}; check the path"))
        };
        let (is_file, length, written) = std::fs::metadata(&self.path)
            .and_then(|meta| Ok((meta.is_file(), meta.len(), meta.modified()?)))
            .map_err(unreadable)?;
        if !is_file {
            return Err(SourceError::new(format!("{name} is no file; write the list to one")));
        }
        if length > LARGEST {
            return Err(too_large(&name));
        }
        check_age(&name, timestamp(written), self.max_age, now)?;
        lines::parse_bytes(&std::fs::read(&self.path).map_err(unreadable)?, &name)
    }
}

impl Source for ListFile {
    fn name(&self) -> String {
        format!("file:{}", self.path.display())
    }

    fn read(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        ready(self.uses(now)).boxed()
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

pub(super) fn too_large(name: &str) -> SourceError {
    SourceError::new(format!("{name} is larger than {} MiB; name fewer images", LARGEST / (1024 * 1024)))
}

/// Refuses a list that was written too long ago, or nobody knows when.
pub(super) fn check_age(
    name: &str,
    written_at: Option<Timestamp>,
    max_age: SignedDuration,
    now: Timestamp,
) -> Result<(), SourceError> {
    let Some(written_at) = written_at else {
        return Err(SourceError::new(format!("nobody knows when {name} was written")));
    };
    if written_at.duration_since(now) > AHEAD {
        return Err(SourceError::new(format!(
            "{name} was written on {}, which is later than now, so that nobody knows how old it is",
            written_at.strftime("%Y-%m-%d at %H:%M UTC")
        )));
    }
    if now.duration_since(written_at) > max_age {
        return Err(SourceError::new(format!(
            "{name} was written on {}, longer ago than in_use.max_age allows; write it anew before each run",
            written_at.strftime("%Y-%m-%d at %H:%M UTC")
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_DAY: SignedDuration = SignedDuration::from_hours(24);

    async fn told(text: &[u8], age: SignedDuration) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in-use.txt");
        std::fs::write(&path, text).unwrap();
        let read = ListFile::new(&path, A_DAY).read(Timestamp::now() + age).await;
        read.map(|uses| uses.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_list_is_read_unless_it_is_too_old() {
        assert_eq!(told(b"team/api:v1\n", SignedDuration::ZERO).await, Ok(1));
        let old = told(b"team/api:v1\n", A_DAY + SignedDuration::from_mins(1)).await.unwrap_err();
        assert!(old.contains("longer ago than in_use.max_age allows"), "{old}");
        let ahead = told(b"team/api:v1\n", -SignedDuration::from_mins(10)).await.unwrap_err();
        assert!(ahead.contains("later than now"), "{ahead}");
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_named() {
        let folder = ListFile::new(Path::new("."), A_DAY);
        let told = folder.read(Timestamp::now()).await.unwrap_err().to_string();
        assert!(told.contains("is no file"), "{told}");
        let source = ListFile::new(Path::new("no/such/list"), A_DAY);
        let error = source.read(Timestamp::now()).await.unwrap_err().to_string();
        assert!(error.starts_with("no/such/list cannot be read: "), "{error}");
        assert_eq!(source.name(), "file:no/such/list");
    }
}
