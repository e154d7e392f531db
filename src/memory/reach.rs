//! Whether a place for the janitor's own files can be reached, without writing anything there.

use super::store::{Key, Store, StoreError, StoreErrorKind, Version, WriteIf};

/// Reads a blob that is not there, and writes it under a condition that does not hold: who may do both may read and
/// write. A folder is created, as by the first run.
pub(super) async fn reach(store: &dyn Store, below: &str) -> Result<(), StoreError> {
    let Ok(key) = Key::new(format!("{below}/doctor")) else { return Ok(()) };
    store.get(&key, LIMIT).await?;
    let never = WriteIf::Version(Version("\"never\"".to_owned()));
    match store.put(&key, Vec::new(), never).await {
        Err(error) if error.kind == StoreErrorKind::Conflict => Ok(()),
        // S3 has no object whose version could be compared.
        Err(error) if error.message.contains("NoSuchKey") => Ok(()),
        done => done,
    }
}

const LIMIT: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::store::folder::Folder;

    #[tokio::test]
    async fn a_folder_that_can_be_written_is_reached_and_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path().join("state"));
        reach(&store, "memory").await.unwrap();
        assert_eq!(store.list("").await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_is_no_folder_is_not_reached() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = reach(&Folder::new(folder.path().join("file")), "memory").await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::NoSuchPlace, "{error}");
    }
}
