//! The objects, and what S3 does with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::stream::{self, StreamExt as _};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    ListObjectsV2Input, ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use sha2::{Digest as _, Sha256};

use crate::fault::{Fault, Operation};

/// A bucket, to be looked into and changed beside the server.
#[derive(Debug, Clone)]
pub struct Bucket {
    name: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    objects: BTreeMap<String, Stored>,
    page: usize,
    calls: Vec<Operation>,
    faults: Vec<(Operation, Fault)>,
}

#[derive(Debug, Clone)]
struct Stored {
    bytes: Vec<u8>,
    written_at: SystemTime,
}

impl Bucket {
    pub(crate) fn new(name: &str) -> Self {
        let state = State { objects: BTreeMap::new(), page: 1000, calls: Vec::new(), faults: Vec::new() };
        Self { name: name.to_owned(), state: Arc::new(Mutex::new(state)) }
    }

    /// The objects.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.objects.iter().map(|(key, object)| (key.clone(), object.bytes.clone())).collect()
    }

    /// Puts an object there, past the server.
    pub fn set(&self, key: &str, bytes: &[u8]) {
        let object = Stored { bytes: bytes.to_vec(), written_at: SystemTime::now() };
        self.state().objects.insert(key.to_owned(), object);
    }

    /// Takes all objects away.
    pub fn clear(&self) {
        self.state().objects.clear();
    }

    /// Lists with so many objects a page; 1,000 at first.
    pub fn set_page(&self, page: usize) {
        self.state().page = page;
    }

    /// Lets the next request for this operation fail; with several faults, one after the other.
    pub fn fault(&self, operation: Operation, fault: Fault) {
        self.state().faults.push((operation, fault));
    }

    /// The requests for this operation so far, failed ones included.
    pub fn calls(&self, wanted: Operation) -> usize {
        self.state().calls.iter().filter(|operation| **operation == wanted).count()
    }

    /// Notes a request, and gives its fault.
    pub(crate) fn called(&self, operation: Operation) -> Option<Fault> {
        let mut state = self.state();
        state.calls.push(operation);
        let fault = state.faults.iter().position(|(hit, _)| *hit == operation)?;
        Some(state.faults.remove(fault).1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, name: &str) -> S3Result<()> {
        if name == self.name {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"))
        }
    }
}

/// Anything that is another for other bytes will do: S3's is opaque.
fn etag(bytes: &[u8]) -> ETag {
    ETag::Strong(sha256(bytes).chars().filter(char::is_ascii_alphanumeric).take(32).collect())
}

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        self.check(&input.bucket)?;
        let found = self.state().objects.get(&input.key).cloned();
        let found = found.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        let checksum = input.checksum_mode.map(|_| sha256(&found.bytes));
        let length = i64::try_from(found.bytes.len()).ok();
        let output = GetObjectOutput {
            e_tag: Some(etag(&found.bytes)),
            checksum_sha256: checksum,
            content_length: length,
            body: Some(StreamingBlob::wrap(stream::iter([Ok::<_, std::io::Error>(found.bytes.into())]))),
            last_modified: Some(found.written_at.into()),
            ..GetObjectOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.check(&input.bucket)?;
        let mut bytes = Vec::new();
        if let Some(mut body) = input.body {
            while let Some(part) = body.next().await {
                bytes.extend_from_slice(&part.map_err(|_| s3_error!(IncompleteBody, "The body broke off"))?);
            }
        }
        if input.checksum_sha256.is_none_or(|checksum| checksum != sha256(&bytes)) {
            return Err(s3_error!(
                BadDigest,
                "The SHA256 you specified did not match the calculated checksum."
            ));
        }
        let mut state = self.state();
        let there = state.objects.get(&input.key).map(|object| etag(&object.bytes));
        let failed =
            || s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold");
        match (input.if_none_match, input.if_match) {
            (Some(_), _) if there.is_some() => return Err(failed()),
            (_, Some(_)) if there.is_none() => {
                return Err(s3_error!(NoSuchKey, "The specified key does not exist."));
            }
            (_, Some(ETagCondition::ETag(wanted))) if there != Some(wanted.clone()) => return Err(failed()),
            _ => {}
        }
        let output = PutObjectOutput { e_tag: Some(etag(&bytes)), ..PutObjectOutput::default() };
        state.objects.insert(input.key, Stored { bytes, written_at: SystemTime::now() });
        Ok(S3Response::new(output))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.check(&input.bucket)?;
        let state = self.state();
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.clone().unwrap_or_default();
        let wanted = state.objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
        let mut found: Vec<_> = wanted.take(state.page + 1).collect();
        let is_truncated = found.len() > state.page;
        found.truncate(state.page);
        let next = found.last().map(|(key, _)| (*key).clone()).filter(|_| is_truncated);
        let object = |(key, object): (&String, &Stored)| Object {
            key: Some(key.clone()),
            size: i64::try_from(object.bytes.len()).ok(),
            e_tag: Some(etag(&object.bytes)),
            last_modified: Some(object.written_at.into()),
            ..Object::default()
        };
        let output = ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            contents: Some(found.into_iter().map(object).collect()),
            is_truncated: Some(is_truncated),
            next_continuation_token: next,
            continuation_token: input.continuation_token,
            ..ListObjectsV2Output::default()
        };
        Ok(S3Response::new(output))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.check(&request.input.bucket)?;
        self.state().objects.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }
}
