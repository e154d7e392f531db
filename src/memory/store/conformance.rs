//! The contract of [`Store`], checked on each place for blobs.

use std::sync::Arc;

use s3_test_server::S3Server;

use super::fake::FakeStore;
use super::folder::Folder;
use super::s3::{S3, settings_of};
use super::{Key, Listed, Store, StoreErrorKind, WriteIf};
use crate::config::location::S3Prefix;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

struct Checked(Arc<dyn Store>);

impl Checked {
    async fn put(&self, name: &str, bytes: &[u8], when: WriteIf) -> Result<(), StoreErrorKind> {
        self.0.put(&key(name), bytes.to_vec(), when).await.map_err(|error| error.kind)
    }

    async fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.0.get(&key(name), 1_000_000).await.unwrap().map(|stored| stored.bytes)
    }

    async fn version(&self, name: &str) -> WriteIf {
        WriteIf::Version(self.0.get(&key(name), 1_000_000).await.unwrap().unwrap().version)
    }

    async fn names(&self, prefix: &str) -> Vec<(String, u64)> {
        let name = |it: Listed| (it.key.to_string(), it.size);
        self.0.list(prefix).await.unwrap().into_iter().map(name).collect()
    }

    async fn nothing_is_there_at_first(&self) {
        assert_eq!(self.get("a/it").await, None);
        assert_eq!(self.names("").await, []);
        assert_eq!(self.0.delete(&key("a/it")).await, Ok(()));
        let stale = WriteIf::Version(super::Version("\"0\"".into()));
        assert_eq!(self.put("a/it", b"x", stale).await, Err(StoreErrorKind::Conflict));
        assert_eq!(self.get("a/it").await, None);
    }

    async fn what_was_written_is_read_back_and_listed_in_order(&self) {
        let every_byte: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        for (name, bytes) in
            [("b/y", b"".as_slice()), ("b/x-y_z.json", &every_byte), ("b/_m/z", b"z"), ("bb", b"12")]
        {
            assert_eq!(self.put(name, bytes, WriteIf::Always).await, Ok(()), "{name}");
            assert_eq!(self.get(name).await.as_deref(), Some(bytes), "{name}");
        }
        let owned = |(name, size): (&str, u64)| (name.to_owned(), size);
        let below = [("b/_m/z", 1), ("b/x-y_z.json", 300_000), ("b/y", 0)].map(owned);
        assert_eq!(self.names("b/").await, below);
        assert_eq!(self.names("b/_").await, below[..1]);
        assert_eq!(self.names("").await, [below.as_slice(), &[owned(("bb", 2))]].concat());
        assert_eq!(self.names("c/").await, []);
        self.0.delete(&key("b/y")).await.unwrap();
        assert_eq!((self.get("b/y").await, self.names("b/").await.len()), (None, 2));
        assert_eq!(self.put("b/y", b"again", WriteIf::Absent).await, Ok(()));
    }

    async fn no_more_is_read_than_allowed(&self) {
        self.put("limit", &[7; 1000], WriteIf::Always).await.unwrap();
        assert_eq!(self.0.get(&key("limit"), 1000).await.unwrap().unwrap().bytes, [7; 1000]);
        let error = self.0.get(&key("limit"), 999).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::TooLarge);
        assert!(error.what.ends_with("limit") && error.what.contains(&self.0.place()[..4]), "{error}");
    }

    async fn a_write_needs_its_condition(&self) {
        assert_eq!(self.put("c/it", b"one", WriteIf::Absent).await, Ok(()));
        assert_eq!(self.put("c/it", b"two", WriteIf::Absent).await, Err(StoreErrorKind::Conflict));
        let first = self.version("c/it").await;
        assert_eq!(self.put("c/it", b"two", first.clone()).await, Ok(()));
        assert_eq!(self.put("c/it", b"three", first).await, Err(StoreErrorKind::Conflict));
        assert_eq!(self.get("c/it").await.unwrap(), b"two");
        assert_eq!(self.put("c/it", b"four", WriteIf::Always).await, Ok(()));
        let gone = self.version("c/it").await;
        self.0.delete(&key("c/it")).await.unwrap();
        assert_eq!(self.put("c/it", b"five", gone).await, Err(StoreErrorKind::Conflict));
        assert_eq!(self.get("c/it").await, None);
    }

    async fn of_several_writers_one_wins(&self) {
        self.put("d/it", b"before", WriteIf::Always).await.unwrap();
        let before = self.version("d/it").await;
        for when in [before, WriteIf::Absent] {
            let write = async |nth: u8| (nth, self.put("d/it", &[nth; 9], when.clone()).await);
            let done = futures::future::join_all((0..12).map(write)).await;
            let won: Vec<u8> = done.iter().filter(|(_, done)| done.is_ok()).map(|(nth, _)| *nth).collect();
            assert_eq!(won.len(), 1, "{done:?}");
            assert!(done.iter().all(|(_, done)| [Ok(()), Err(StoreErrorKind::Conflict)].contains(done)));
            assert_eq!(self.get("d/it").await.unwrap(), [won[0]; 9]);
            self.0.delete(&key("d/it")).await.unwrap();
        }
    }

    async fn all(store: Arc<dyn Store>) {
        let it = Self(store);
        it.nothing_is_there_at_first().await;
        it.what_was_written_is_read_back_and_listed_in_order().await;
        it.no_more_is_read_than_allowed().await;
        it.a_write_needs_its_condition().await;
        it.of_several_writers_one_wins().await;
    }
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let place = tempfile::tempdir().unwrap();
    Checked::all(Arc::new(Folder::new(place.path().join("state")))).await;
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    Checked::all(Arc::new(FakeStore::default())).await;
}

#[tokio::test]
async fn a_bucket_keeps_the_contract() {
    for (prefix, page) in [("", 1000), ("a/prefix=x", 1000), ("p", 1)] {
        let server = S3Server::start("bucket");
        server.bucket().set_page(page);
        // Of others, beside and before what is ours.
        server.bucket().set("q/c/it", b"not ours");
        let place = S3Prefix { bucket: "bucket".into(), prefix: prefix.into() };
        if prefix.is_empty() {
            server.bucket().clear();
        }
        Checked::all(Arc::new(S3::new(&place, &settings_of(&server)))).await;
    }
}
