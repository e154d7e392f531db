//! A list of images in use in a bucket.

use aws_config::SdkConfig;
use futures::future::{BoxFuture, FutureExt as _};
use jiff::{SignedDuration, Timestamp};

use super::file::{LARGEST, check_age};
use super::{Source, SourceError, Use, lines};
use crate::config::location::S3Prefix;
use crate::memory::store::s3::S3;
use crate::memory::store::{Key, Store as _, StoreError, StoreErrorKind};

/// An object with one image a line.
#[derive(Debug)]
pub struct ListObject {
    store: S3,
    key: Option<Key>,
    name: String,
    max_age: SignedDuration,
}

impl ListObject {
    /// The list in this object, of use up to this age. Calls nothing.
    pub fn new(folder: &S3Prefix, name: &str, max_age: SignedDuration, settings: &SdkConfig) -> Self {
        let (store, key) = (S3::new(folder, settings), Key::new(name).ok());
        Self { store, key, name: format!("{folder}/{name}"), max_age }
    }

    async fn uses(&self, now: Timestamp) -> Result<Vec<Use>, SourceError> {
        let missing = || SourceError::new(format!("{} is not there; write it before each run", self.name));
        let key = self.key.as_ref().ok_or_else(missing)?;
        let stored = self.store.get(key, LARGEST).await;
        let stored = stored.map_err(failed)?.ok_or_else(missing)?;
        check_age(&self.name, stored.written_at, self.max_age, now)?;
        lines::parse_bytes(&stored.bytes, &self.name)
    }
}

fn failed(error: StoreError) -> SourceError {
    let heals = matches!(error.kind, StoreErrorKind::Unreachable | StoreErrorKind::ServerError);
    SourceError::new(error.with_remedy()).that_may_heal(heals)
}

impl Source for ListObject {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        self.uses(now).boxed()
    }
}

#[cfg(test)]
mod tests {
    use s3_test_server::{Fault, Operation as Op, S3Server};

    use super::*;
    use crate::memory::store::s3::settings_of;

    #[tokio::test]
    async fn a_list_in_a_bucket_is_read_unless_it_is_old_missing_or_denied() {
        let server = S3Server::start("lists");
        server.bucket().set("in/use.txt", b"team/api:v1\nteam/web:v1\n");
        let folder = S3Prefix { bucket: "lists".into(), prefix: "in".into() };
        let day = SignedDuration::from_hours(24);
        let source = |name| ListObject::new(&folder, name, day, &settings_of(&server));
        let told = async |name, now: Timestamp| {
            let read = source(name).read(now).await;
            read.map(|uses| uses.len()).map_err(|error| error.to_string())
        };
        let now = Timestamp::now();
        assert_eq!(told("use.txt", now).await, Ok(2));
        assert_eq!(source("use.txt").name(), "s3://lists/in/use.txt");
        let old = told("use.txt", now + day + SignedDuration::from_hours(1)).await.unwrap_err();
        assert!(old.starts_with("s3://lists/in/use.txt was written on "), "{old}");
        let missing = told("other.txt", now).await.unwrap_err();
        assert!(missing.starts_with("s3://lists/in/other.txt is not there"), "{missing}");
        server.bucket().fault(Op::Get, Fault::Refused(403, "AccessDenied", "no"));
        let denied = told("use.txt", now).await.unwrap_err();
        assert!(denied.contains("allow s3:GetObject"), "{denied}");
    }
}
