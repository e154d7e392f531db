//! Blobs in a bucket of Amazon S3.

use aws_config::SdkConfig;

use super::{Key, Listed, Operation, Store, StoreError, StoreErrorKind, Stored, WriteIf};
use crate::config::location::S3Prefix;
use futures::future::{BoxFuture, FutureExt as _};

/// A prefix in a bucket.
#[derive(Debug, Clone)]
pub struct S3 {
    prefix: S3Prefix,
}

impl S3 {
    /// The blobs below this prefix, reached with these settings. Calls nothing.
    pub fn new(prefix: &S3Prefix, _: &SdkConfig) -> Self {
        Self { prefix: prefix.clone() }
    }

    fn later<'a, T: Send + 'a>(&'a self, operation: Operation) -> BoxFuture<'a, Result<T, StoreError>> {
        let message = "buckets are not supported yet".to_owned();
        let error = StoreError { operation, what: self.place(), kind: StoreErrorKind::Other, message };
        async { Err(error) }.boxed()
    }
}

impl Store for S3 {
    fn get<'a>(&'a self, _: &'a Key, _: u64) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.later(Operation::Get)
    }

    fn put<'a>(&'a self, _: &'a Key, _: Vec<u8>, _: WriteIf) -> BoxFuture<'a, Result<(), StoreError>> {
        self.later(Operation::Put)
    }

    fn list<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        self.later(Operation::List)
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.later(Operation::Delete)
    }

    fn place(&self) -> String {
        self.prefix.to_string()
    }
}
