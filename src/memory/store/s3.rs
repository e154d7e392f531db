//! Blobs in a bucket of Amazon S3.
//!
//! A blob's version is its ETag, and conditions are S3's own (`If-None-Match`, `If-Match`). Each write carries the SHA-256
//! of its bytes, which S3 checks and keeps; each read is compared with it. A write whose answer was lost, or that was
//! refused after that, is looked at again: if its bytes are there, it was done.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::TryStreamExt as _;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::{Key, Listed, Operation, Store, StoreError, StoreErrorKind, Stored, Version, WriteIf};
use crate::config::location::S3Prefix;
use crate::oci::digest::Digest;
use crate::registry::requests::{Service, body, given_endpoint, too_large};
use crate::registry::{CallError, CallErrorKind, Page, call_error, pages};

mod client;
mod endpoint;
mod outage;
mod region;
mod xml;

use client::{Client, Reply, Request};
use outage::Outage;
use region::BucketRegion;

const GET: &str = "GetObject";
const PUT: &str = "PutObject";
const LIST: &str = "ListObjectsV2";
const DELETE: &str = "DeleteObject";
/// A response that broke off, or is not what was stored.
const BODY: &str = "the body of GetObject";

/// S3. A place that does not answer must not hold up a run for long; an attempt is also for some megabytes over a slow
/// line.
const SERVICE: Service =
    Service { id: "S3", signing_name: "s3", attempts: 5, attempt_timeout: Duration::from_secs(60) };
/// Reads of one blob whose body broke off.
const READS: usize = 3;
/// The largest page of a listing: 1,000 names of 1,024 bytes, each byte escaped.
const LARGEST_PAGE: u64 = 8 * 1024 * 1024;

/// A prefix in a bucket.
#[derive(Debug)]
pub struct S3 {
    place: S3Prefix,
    settings: SdkConfig,
    client: OnceCell<Client>,
    bucket_region: BucketRegion,
    outage: Outage,
    /// The client for the Region that the bucket turned out to be in.
    elsewhere: OnceCell<Client>,
}

impl S3 {
    /// The blobs below this prefix, reached with these settings. Calls nothing.
    pub fn new(place: &S3Prefix, settings: &SdkConfig) -> Self {
        Self {
            place: place.clone(),
            settings: settings.clone(),
            client: OnceCell::new(),
            bucket_region: BucketRegion::default(),
            outage: Outage::default(),
            elsewhere: OnceCell::new(),
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

    async fn client_in(&self, region: Region) -> Client {
        let url = endpoint::url(&self.place.bucket, region.as_ref(), &self.settings).await;
        Client::new(&url, region, &self.settings, &self.bucket_region)
    }

    /// The client for the Region of the settings.
    async fn home(&self) -> Result<&Client, CallError> {
        let no_region =
            || CallError::of_kind(GET, CallErrorKind::InvalidSettings, "no AWS Region is configured");
        let region = self.settings.region().cloned().ok_or_else(no_region)?;
        Ok(self.client.get_or_init(|| self.client_in(region)).await)
    }

    /// Makes a call, unless the place could not be reached just now.
    async fn call(&self, operation: &'static str, request: Request) -> Result<Reply, CallError> {
        self.outage.check(operation)?;
        let done = self.call_where_it_is(operation, request).await;
        self.outage.note(&done);
        done
    }

    /// Makes a call, and once more where the bucket is, if that is in another Region.
    async fn call_where_it_is(&self, operation: &'static str, request: Request) -> Result<Reply, CallError> {
        let send = async |client: &Client| {
            let sent = client.send(request.clone()).await;
            sent.map_err(|error| call_error(operation, error))
        };
        if let Some(client) = self.elsewhere.get() {
            return send(client).await;
        }
        match send(self.home().await?).await {
            Err(error) if is_redirect(&error) => match self.follow().await {
                Some(client) => send(client).await,
                None => Err(error),
            },
            done => done,
        }
    }

    /// The client for the Region that S3 named. What answers at an endpoint of the user's is not asked elsewhere.
    async fn follow(&self) -> Option<&Client> {
        let region =
            self.bucket_region.get().filter(|_| given_endpoint(&SERVICE, &self.settings).is_none())?;
        Some(self.elsewhere.get_or_init(|| self.client_in(Region::new(region))).await)
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
        let headers = vec![("x-amz-checksum-mode", "ENABLED".to_owned())];
        let request = Request { method: "GET", object: self.object(key), headers, ..Request::default() };
        match self.call(GET, request).await {
            Err(error) if error.code == "NoSuchKey" => Ok(None),
            reply => stored(reply?, limit).await.map(Some),
        }
    }

    async fn write(&self, key: &str, bytes: Bytes, when: &WriteIf) -> Result<(), CallError> {
        let mut headers = vec![("x-amz-checksum-sha256", sha256(&bytes))];
        match when {
            WriteIf::Always => {}
            WriteIf::Absent => headers.push(("if-none-match", "*".to_owned())),
            WriteIf::Version(Version(etag)) => headers.push(("if-match", etag.clone())),
        }
        let object = self.object(key);
        let request = Request { method: "PUT", object, headers, body: bytes.clone(), ..Request::default() };
        match self.call(PUT, request).await {
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
            let mut query = Vec::from([("list-type", "2".to_owned()), ("prefix", self.object(prefix))]);
            // In the order of their names, as signatures want them.
            query.splice(0..0, token.map(|token| ("continuation-token", token)));
            let reply = self.call(LIST, Request { method: "GET", query, ..Request::default() }).await?;
            let bytes = body(&SERVICE, LIST, reply.body, LARGEST_PAGE).await?;
            self.page(xml::listing(&bytes).map_err(|problem| malformed(LIST, &problem))?)
        };
        let mut listed: Vec<Listed> = pages(LIST, page).try_concat().await?;
        listed.sort_unstable_by(|one, two| one.key.cmp(&two.key));
        Ok(listed)
    }

    fn page(&self, page: xml::ListingPage) -> Result<Page<Vec<Listed>>, CallError> {
        let is_last = page.is_truncated.is_some_and(|is_truncated| !is_truncated);
        let next = page.next.filter(|_| !is_last);
        if !is_last && next.is_none() {
            return Err(malformed(LIST, "it does not say how the listing goes on"));
        }
        let listed = |object| self.listed(object);
        Ok(Page { content: page.objects.into_iter().filter_map(listed).collect(), next })
    }

    /// An object as a blob, unless others put it there.
    fn listed(&self, object: xml::Object) -> Option<Listed> {
        let key = Key::new(object.name.strip_prefix(&self.object(""))?).ok()?;
        let written_at = object.last_modified.and_then(|time| time.parse::<Timestamp>().ok());
        Some(Listed { key, size: object.size?, written_at })
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
            let object = self.object(key.as_str());
            let request = Request { method: "DELETE", object, ..Request::default() };
            let deleted = self.call(DELETE, request).await;
            deleted.map(drop).map_err(|error| self.failed(Operation::Delete, key.as_str(), error))
        };
        delete.boxed()
    }

    fn place(&self) -> String {
        self.place.to_string()
    }
}

/// The blob of a response, if it is no larger than this and is what was stored.
async fn stored(reply: Reply, limit: u64) -> Result<Stored, CallError> {
    let version = reply.etag.ok_or_else(|| malformed(GET, "it gives no ETag"))?;
    if reply.length.is_some_and(|length| length > limit) {
        return Err(too_large(GET, limit));
    }
    let bytes = body(&SERVICE, BODY, reply.body, limit).await?;
    // The checksum of what others uploaded in parts is one of checksums.
    let sum = reply.sha256.filter(|sum| !sum.contains('-'));
    if sum.is_some_and(|sum| sum != sha256(&bytes)) {
        return Err(malformed(BODY, "its bytes do not have the checksum that they were stored with"));
    }
    let written_at = reply.modified.and_then(|date| written_at(&date));
    Ok(Stored { bytes, version: Version(version), written_at })
}

/// The time of a Last-Modified header.
fn written_at(date: &str) -> Option<Timestamp> {
    let date = DateTime::from_str(date, Format::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Digest::of(bytes).as_bytes())
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
