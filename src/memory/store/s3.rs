//! Blobs in a bucket of Amazon S3.
//!
//! A blob's version is its ETag, and conditions are S3's own (`If-None-Match`, `If-Match`). Each write carries the SHA-256
//! of its bytes, which S3 checks and keeps; each read is compared with it. A write whose answer was lost, or that was
//! refused after that, is looked at again: if its bytes are there, it was done.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, Object};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::service_config::ServiceConfigKey;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::TryStreamExt as _;
use jiff::Timestamp;

use super::{Key, Listed, Operation, Store, StoreError, StoreErrorKind, Stored, Version, WriteIf};
use crate::config::location::S3Prefix;
use crate::oci::digest::Digest;
use crate::registry::{CallError, CallErrorKind, Page, call_error, pages};
use crate::util::aws;

mod outage;
mod region;

use outage::Outage;
use region::BucketRegion;

const GET: &str = "GetObject";
const PUT: &str = "PutObject";
const LIST: &str = "ListObjectsV2";
const DELETE: &str = "DeleteObject";

/// Attempts of one call. A place that does not answer must not hold up a run for long.
const ATTEMPTS: u32 = 5;
/// One attempt, some megabytes over a slow line included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// Reads of one blob whose body broke off.
const READS: usize = 3;

/// A prefix in a bucket.
#[derive(Debug)]
pub struct S3 {
    place: S3Prefix,
    settings: SdkConfig,
    client: Client,
    bucket_region: BucketRegion,
    outage: Outage,
    /// The client for the Region that the bucket turned out to be in.
    elsewhere: OnceLock<Client>,
}

impl S3 {
    /// The blobs below this prefix, reached with these settings. Calls nothing.
    pub fn new(place: &S3Prefix, settings: &SdkConfig) -> Self {
        let bucket_region = BucketRegion::default();
        Self {
            place: place.clone(),
            client: client(settings, &bucket_region, None),
            settings: settings.clone(),
            bucket_region,
            outage: Outage::default(),
            elsewhere: OnceLock::new(),
        }
    }

    /// The name of an object of S3.
    fn object(&self, key: &str) -> String {
        match self.place.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        }
    }

    fn failed(&self, operation: Operation, key: &str, error: CallError) -> StoreError {
        let what = format!("s3://{}/{}", self.place.bucket, self.object(key));
        let kind = kind_of(operation, &error);
        StoreError { operation, what, kind, message: format!("{} ({})", error.message, error.code) }
    }

    /// Makes a call, unless the place could not be reached just now.
    async fn call<O, E, F, Fut>(&self, operation: &'static str, send: F) -> Result<O, CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        self.outage.check(operation)?;
        let done = self.call_where_it_is(operation, send).await;
        self.outage.note(&done);
        done
    }

    /// Makes a call, and once more where the bucket is, if that is in another Region.
    async fn call_where_it_is<O, E, F, Fut>(&self, operation: &'static str, send: F) -> Result<O, CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let elsewhere = self.elsewhere.get();
        let sent = send(elsewhere.unwrap_or(&self.client).clone()).await;
        let error = match sent.map_err(|error| call_error(operation, error)) {
            Err(error) if elsewhere.is_none() && is_redirect(&error) => error,
            done => return done,
        };
        match self.follow() {
            Some(client) => send(client.clone()).await.map_err(|error| call_error(operation, error)),
            None => Err(error),
        }
    }

    /// The client for the Region that S3 named. What answers at an endpoint of the user's is not asked elsewhere.
    fn follow(&self) -> Option<&Client> {
        let region = self.bucket_region.get().filter(|_| !has_endpoint(&self.settings))?;
        let client = || client(&self.settings, &self.bucket_region, Some(Region::new(region)));
        Some(self.elsewhere.get_or_init(client))
    }

    async fn read(&self, key: &str, limit: u64) -> Result<Option<Stored>, CallError> {
        for _ in 1..READS {
            match self.read_once(key, limit).await {
                Err(error) if error.operation == BODY && error.is_transient() => {}
                done => return done,
            }
        }
        self.read_once(key, limit).await
    }

    async fn read_once(&self, key: &str, limit: u64) -> Result<Option<Stored>, CallError> {
        let get = |client: Client| {
            let call = client.get_object().bucket(&self.place.bucket).key(self.object(key));
            call.checksum_mode(ChecksumMode::Enabled).send()
        };
        match self.call(GET, get).await {
            Err(error) if error.code == "NoSuchKey" => Ok(None),
            response => body(response?, limit).await.map(Some),
        }
    }

    async fn write(&self, key: &str, bytes: Bytes, when: &WriteIf) -> Result<(), CallError> {
        let checksum = BASE64_STANDARD.encode(Digest::of(&bytes).as_bytes());
        let put = |client: Client| {
            let call = client.put_object().bucket(&self.place.bucket).key(self.object(key));
            let call = call.checksum_sha256(&checksum).body(ByteStream::from(bytes.clone()));
            match when {
                WriteIf::Always => call.send(),
                WriteIf::Absent => call.if_none_match("*").send(),
                WriteIf::Version(Version(etag)) => call.if_match(etag).send(),
            }
        };
        match self.call(PUT, put).await {
            Err(error) if may_be_done(&error) && self.holds(key, &bytes).await => Ok(()),
            done => done.map(drop),
        }
    }

    /// Whether these bytes are there.
    async fn holds(&self, key: &str, bytes: &[u8]) -> bool {
        let there = self.read(key, bytes.len() as u64).await;
        there.is_ok_and(|there| there.is_some_and(|there| there.bytes == bytes))
    }

    async fn all(&self, prefix: &str) -> Result<Vec<Listed>, CallError> {
        let page = |token: Option<String>| async move {
            let list = |client: Client| {
                let call = client.list_objects_v2().bucket(&self.place.bucket).prefix(self.object(prefix));
                call.set_continuation_token(token.clone()).send()
            };
            self.page(self.call(LIST, list).await?)
        };
        let mut listed: Vec<Listed> = pages(LIST, page).try_concat().await?;
        listed.sort_unstable_by(|one, two| one.key.cmp(&two.key));
        Ok(listed)
    }

    fn page(&self, page: ListObjectsV2Output) -> Result<Page<Vec<Listed>>, CallError> {
        let is_last = page.is_truncated.is_some_and(|is_truncated| !is_truncated);
        let next = page.next_continuation_token.filter(|_| !is_last);
        if !is_last && next.is_none() {
            return Err(malformed(LIST, "it does not say how the listing goes on"));
        }
        let objects = page.contents.unwrap_or_default();
        Ok(Page { content: objects.into_iter().filter_map(|object| self.listed(object)).collect(), next })
    }

    /// An object as a blob, unless others put it there.
    fn listed(&self, object: Object) -> Option<Listed> {
        let name = object.key?;
        let key = Key::new(name.strip_prefix(&self.object(""))?).ok()?;
        let written_at = object.last_modified.and_then(|time| Timestamp::from_second(time.secs()).ok());
        Some(Listed { key, size: u64::try_from(object.size?).ok()?, written_at })
    }
}

impl Store for S3 {
    fn get<'a>(&'a self, key: &'a Key, limit: u64) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        let read = async move {
            let stored = self.read(key.as_str(), limit).await;
            stored.map_err(|error| self.failed(Operation::Get, key.as_str(), error))
        };
        read.boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        bytes: Vec<u8>,
        when: WriteIf,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let write = async move {
            let written = self.write(key.as_str(), bytes.into(), &when).await;
            written.map_err(|error| self.failed(Operation::Put, key.as_str(), error))
        };
        write.boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        let list = async move {
            self.all(prefix).await.map_err(|error| self.failed(Operation::List, prefix, error))
        };
        list.boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let delete = async move {
            let delete = |client: Client| {
                client.delete_object().bucket(&self.place.bucket).key(self.object(key.as_str())).send()
            };
            let deleted = self.call(DELETE, delete).await;
            deleted.map(drop).map_err(|error| self.failed(Operation::Delete, key.as_str(), error))
        };
        delete.boxed()
    }

    fn place(&self) -> String {
        self.place.to_string()
    }
}

fn client(settings: &SdkConfig, bucket_region: &BucketRegion, region: Option<Region>) -> Client {
    let mut config = aws_sdk_s3::config::Builder::from(settings)
        .retry_config(aws::retries(settings, ATTEMPTS))
        .timeout_config(aws::timeouts(settings, ATTEMPT_TIMEOUT))
        // Local servers have no host for each bucket.
        .force_path_style(has_endpoint(settings))
        .interceptor(bucket_region.clone());
    if let Some(region) = region {
        config = config.region(region);
    }
    Client::from_conf(config.build())
}

/// Whether S3 is reached at an endpoint of the user's: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or the profile's.
fn has_endpoint(settings: &SdkConfig) -> bool {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_service = || settings.service_config()?.load_config(key.ok()?);
    settings.endpoint_url().is_some() || of_service().is_some()
}

const BODY: &str = "the body of GetObject";

/// The body of a response, if it is no larger than this. The SDK compares it with its checksum.
async fn body(response: GetObjectOutput, limit: u64) -> Result<Stored, CallError> {
    let version = response.e_tag.ok_or_else(|| malformed(GET, "it gives no ETag"))?;
    let too_large = || {
        let message = format!("it is larger than {limit} bytes");
        CallError::of_kind(GET, CallErrorKind::ResponseTooLarge, message)
    };
    if response.content_length.is_some_and(|length| u64::try_from(length).is_ok_and(|it| it > limit)) {
        return Err(too_large());
    }
    let mut stream = response.body;
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part.map_err(|error| malformed(BODY, &error.to_string()))?);
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
    }
    Ok(Stored { bytes, version: Version(version) })
}

fn malformed(operation: &'static str, message: &str) -> CallError {
    CallError::of_kind(operation, CallErrorKind::MalformedResponse, message)
}

/// Whether the bucket may be in another Region. Source: Amazon S3 API reference, error responses.
fn is_redirect(error: &CallError) -> bool {
    const CODES: [&str; 6] = [
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "http-301",
        "http-307",
    ];
    CODES.contains(&error.code.as_str())
}

fn is_conflict(operation: Operation, code: &str) -> bool {
    const CODES: [&str; 5] =
        ["PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "http-412", "http-409"];
    // What should be replaced is not there at all.
    CODES.contains(&code) || (operation == Operation::Put && code == "NoSuchKey")
}

/// Whether a write may have been done although it failed. A refused condition may be that of a second attempt.
fn may_be_done(error: &CallError) -> bool {
    error.is_in_doubt() || is_conflict(Operation::Put, &error.code)
}

fn kind_of(operation: Operation, error: &CallError) -> StoreErrorKind {
    match error.code.as_str() {
        code if is_conflict(operation, code) => StoreErrorKind::Conflict,
        "NoSuchBucket" => StoreErrorKind::NoSuchPlace,
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "TokenRefreshRequired" => {
            StoreErrorKind::Credentials
        }
        "AllAccessDisabled" | "AccountProblem" | "http-403" => StoreErrorKind::AccessDenied,
        "SlowDown" => StoreErrorKind::ServerError,
        _ if is_redirect(error) => StoreErrorKind::Unreachable,
        _ => match error.kind {
            CallErrorKind::AccessDenied => StoreErrorKind::AccessDenied,
            CallErrorKind::NoCredentials
            | CallErrorKind::ExpiredCredentials
            | CallErrorKind::InvalidCredentials
            | CallErrorKind::ClockSkew => StoreErrorKind::Credentials,
            CallErrorKind::NoResponse | CallErrorKind::InvalidSettings => StoreErrorKind::Unreachable,
            CallErrorKind::Throttled | CallErrorKind::ServerError | CallErrorKind::MalformedResponse => {
                StoreErrorKind::ServerError
            }
            CallErrorKind::ResponseTooLarge => StoreErrorKind::TooLarge,
            _ => StoreErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::settings_of;
