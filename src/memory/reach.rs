//! Whether a place for the janitor's own files can be reached, without writing anything there.

use super::store::{Key, Store, StoreError};

/// Reads a blob that is not there, and finds out whether it could be written.
pub(super) async fn reach(store: &dyn Store, below: &str) -> Result<(), StoreError> {
    let Ok(key) = Key::new(format!("{below}/doctor")) else { return Ok(()) };
    store.get(&key, LIMIT).await?;
    store.check_writable(&key).await
}

const LIMIT: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::store::StoreErrorKind;
    use crate::memory::store::folder::Folder;

    #[tokio::test]
    async fn a_folder_that_could_be_made_is_reached_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        for place in ["state", "state/of/mine", ""] {
            reach(&Folder::new(folder.path().join(place)), "memory").await.unwrap();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{place}");
        }
    }

    #[tokio::test]
    async fn what_is_no_folder_is_not_reached() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for place in ["file", "file/state"] {
            let error = reach(&Folder::new(folder.path().join(place)), "memory").await.unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::NoSuchPlace, "{error}");
        }
    }
}
