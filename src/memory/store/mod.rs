//! The port to a place for the janitor's own files: named blobs with versions.

use std::fmt;

use futures::future::BoxFuture;
use jiff::Timestamp;

#[cfg(test)]
mod conformance;
#[cfg(test)]
pub(crate) mod fake;
pub mod folder;
pub mod s3;

/// The name of a blob: parts with slashes between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// A text that cannot name a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot name a file of the janitor's: it has an empty part, `.`, `..`, or characters that are not plain"
)]
pub struct InvalidKey(String);

impl Key {
    /// A key, if it can lead nowhere else on a file system either.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        let is_part = |part: &str| !["", ".", ".."].contains(&part) && part.bytes().all(is_plain);
        if text.split('/').all(is_part) {
            Ok(Self(text))
        } else {
            Err(InvalidKey(text.chars().take(80).collect()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of a blob's content: an ETag, or a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// A blob as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their version.
    pub version: Version,
    /// When they were written, as far as the place says so.
    pub written_at: Option<Timestamp>,
}

/// The condition under which a blob is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteIf {
    /// Whatever is there.
    Always,
    /// Nothing is there.
    Absent,
    /// This version is there.
    Version(Version),
}

impl WriteIf {
    /// Whether it holds where this is there.
    pub fn holds(&self, there: Option<&Version>) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => there.is_none(),
            Self::Version(version) => there == Some(version),
        }
    }
}

/// A blob in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub written_at: Option<Timestamp>,
}

/// A place for blobs. What was written is durable once the answer is there.
pub trait Store: fmt::Debug + Send + Sync {
    /// The blob of this key, if it has at most `limit` bytes.
    fn get<'a>(&'a self, key: &'a Key, limit: u64) -> BoxFuture<'a, Result<Option<Stored>, StoreError>>;
    /// Writes a blob as a whole, under a condition.
    fn put<'a>(
        &'a self,
        key: &'a Key,
        bytes: Vec<u8>,
        when: WriteIf,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
    /// The blobs whose keys begin with this, in the order of their keys.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>>;
    /// Removes a blob, if it is there.
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;
    /// The place, for messages.
    fn place(&self) -> String;
    /// Removes what writers left that were killed long before now. A bucket has nothing half written.
    fn tidy(&self, _now: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
    /// Whether this blob could be written, found out without writing anything: by a write under a condition that does not
    /// hold.
    #[cfg(feature = "cli")]
    fn check_writable<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let never = WriteIf::Version(Version("\"never\"".to_owned()));
        let write = self.put(key, Vec::new(), never);
        Box::pin(async move {
            match write.await {
                Err(error) if error.kind == StoreErrorKind::Conflict => Ok(()),
                // S3 has no object whose version could be compared.
                Err(error) if error.message.contains("NoSuchKey") => Ok(()),
                done => done,
            }
        })
    }
}

/// A failed access to a place for blobs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {} {what}: {message}", operation.verb())]
pub struct StoreError {
    /// What was tried.
    pub operation: Operation,
    /// The blob or the listing, with its place.
    pub what: String,
    /// The kind of failure.
    pub kind: StoreErrorKind,
    /// The message of the system or of S3.
    pub message: String,
}

/// The accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading a blob.
    Get,
    /// Writing one.
    Put,
    /// Listing.
    List,
    /// Removing one.
    Delete,
}

impl Operation {
    fn verb(self) -> &'static str {
        match self {
            Self::Get => "read",
            Self::Put => "write",
            Self::List => "list",
            Self::Delete => "remove",
        }
    }

    /// S3's permission for it.
    fn permission(self) -> &'static str {
        match self {
            // Without the second one S3 denies what is not there.
            Self::Get => "s3:GetObject and s3:ListBucket",
            Self::Put => "s3:PutObject",
            Self::List => "s3:ListBucket",
            Self::Delete => "s3:DeleteObject",
        }
    }
}

/// The kinds of failure that the janitor tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The condition of a write does not hold: somebody else wrote meanwhile.
    Conflict,
    /// A permission is missing.
    AccessDenied,
    /// The bucket, or what should be a folder, is not there.
    NoSuchPlace,
    /// No credentials, or none that are valid.
    Credentials,
    /// The place cannot be reached, or did not answer in time.
    Unreachable,
    /// The place failed.
    ServerError,
    /// The blob is larger than what is read.
    TooLarge,
    /// The disk is full.
    Full,
    /// Anything else.
    Other,
}

impl StoreError {
    /// The error with what to do about it.
    pub fn with_remedy(&self) -> String {
        let remedy = match self.kind {
            StoreErrorKind::Conflict => {
                "another run wrote it meanwhile; the next run puts it right".to_owned()
            }
            StoreErrorKind::AccessDenied if self.what.starts_with("s3://") => {
                format!("allow {} there to this role or user", self.operation.permission())
            }
            StoreErrorKind::AccessDenied => "let this user read and write there".to_owned(),
            StoreErrorKind::NoSuchPlace => "create it, or correct `location` in the configuration".to_owned(),
            StoreErrorKind::Credentials => "check the AWS credentials".to_owned(),
            StoreErrorKind::Unreachable => {
                "check the network, the Region and any AWS endpoint setting".to_owned()
            }
            StoreErrorKind::ServerError => "try again later".to_owned(),
            StoreErrorKind::TooLarge => "it was not written by the janitor; move it away".to_owned(),
            StoreErrorKind::Full => "make room there".to_owned(),
            StoreErrorKind::Other => "look at what is there".to_owned(),
        };
        format!("{self}; {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_nowhere_else() {
        for text in ["a", "memory/123456789012/eu-west-1/team/api-x_y.z/_memory", "...", "a/.b"] {
            assert_eq!(Key::new(text).map(|key| key.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "/", "a/", "/a", "a//b", "..", "a/../b", "a/./b", "a\\b", "a b", "a\0", "ä", "a:b"]
        {
            assert_eq!(Key::new(text), Err(InvalidKey(text.into())), "{text}");
        }
    }

    #[test]
    fn every_error_says_what_happened_to_what_and_what_to_do() {
        for (kind, remedy) in [
            (StoreErrorKind::AccessDenied, "allow s3:PutObject"),
            (StoreErrorKind::NoSuchPlace, "correct `location`"),
            (StoreErrorKind::Unreachable, "check the network"),
            (StoreErrorKind::Full, "make room"),
        ] {
            let (operation, message) = (Operation::Put, "why".to_owned());
            let error = StoreError { operation, what: "s3://bucket/it".into(), kind, message };
            let told = error.with_remedy();
            assert!(told.starts_with("cannot write s3://bucket/it: why; "), "{told}");
            assert!(told.contains(remedy), "{told}");
        }
    }
}
