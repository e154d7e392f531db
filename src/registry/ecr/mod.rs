//! Amazon ECR behind the port: paging, batching, and the translation of responses and errors.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageFailure, ImageIdentifier, ImageStatusFilter, TagStatus,
};
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::pagination::{Page, pages};
use super::{
    BatchResponse, CallError, CallErrorKind, DeleteImages, ListRegistry, ManifestPart, MeterCalls,
    ReadRepository, Refusal, ReplicationRule, Repository, StoredManifest, TagImages, TagWritten,
};
use crate::inventory::{Evidence, Image, ImageStatus, UNUSABLE_TIME};
use crate::oci::attestation::listed_type;
use crate::oci::digest::{Digest, InvalidDigest};
use crate::oci::media_type;
use crate::report::ApiUsage;

mod attempts;
mod blobs;
mod body_limit;
mod client;
mod concurrency;
mod error;
#[cfg(feature = "cli")]
mod inspection;
mod replication;
mod restore;
mod retry_quota;
#[cfg(feature = "cli")]
mod unreachable;

use attempts::Attempts;
use blobs::Downloads;
use body_limit::{BATCH_LIMIT, BATCH_ROOM, BodyLimit, PAGE_ROOM, ResponseMemory, ResponseRoom, SINGLE_LIMIT};
use concurrency::{CallsInFlight, Turn};
pub(crate) use error::{call_error, told};
use retry_quota::RetryQuota;

const REPOSITORIES: &str = "DescribeRepositories";
const RULES: &str = "DescribePullThroughCacheRules";
const RESOURCE_TAGS: &str = "ListTagsForResource";
const IMAGES: &str = "DescribeImages";
const MANIFESTS: &str = "BatchGetImage";
const DELETIONS: &str = "BatchDeleteImage";
const DOWNLOAD_URLS: &str = "GetDownloadUrlForLayer";
/// The page size of listings, the most that ECR gives.
const PAGE: i32 = 1000;

/// Amazon ECR in one region, as one caller sees it.
#[derive(Debug, Clone)]
pub struct Ecr {
    client: Client,
    max_attempts: u32,
    attempts: Attempts,
    in_flight: CallsInFlight,
    retry_quota: RetryQuota,
    memory: ResponseMemory,
    /// Whether ECR takes no filter beside ids, as it turned out.
    refuses_filter: Arc<AtomicBool>,
    downloads: Arc<Downloads>,
    region: String,
}

impl Ecr {
    /// The region, as in `eu-central-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Begins another run: its calls are counted anew, it has a full quota of retries, and what the last one learned of
    /// ECR is tried out again. One Lambda instance serves many runs. `in_flight` is a fixed number of calls in flight;
    /// without it there are as many as ECR takes.
    pub fn begin_run(&self, in_flight: Option<usize>) {
        self.attempts.reset();
        self.in_flight.begin(in_flight);
        self.retry_quota.refill();
        self.refuses_filter.store(false, Ordering::Relaxed);
    }
}

impl MeterCalls for Ecr {
    fn usage(&self) -> ApiUsage {
        self.attempts.usage()
    }
}

impl ListRegistry for Ecr {
    async fn repositories(&self) -> Result<Vec<Repository>, CallError> {
        let page = |next| async {
            let call = self.client.describe_repositories().max_results(PAGE).set_next_token(next);
            let page = call.send().await.map_err(|error| call_error(REPOSITORIES, error))?;
            let listed = page.repositories.ok_or_else(|| without(REPOSITORIES, "repositories"))?;
            let content: Vec<_> = listed.into_iter().filter_map(repository).collect();
            Ok(Page { content, next: page.next_token })
        };
        pages(REPOSITORIES, page).try_concat().await
    }

    async fn pull_through_prefixes(&self) -> Result<Vec<String>, CallError> {
        let page = |next| async {
            let call = self.client.describe_pull_through_cache_rules().max_results(PAGE).set_next_token(next);
            let page = call.send().await.map_err(|error| call_error(RULES, error))?;
            let rules = page.pull_through_cache_rules.ok_or_else(|| without(RULES, "rules"))?;
            // A rule that is missed leaves a repository unprotected.
            let prefix = |rule: aws_sdk_ecr::types::PullThroughCacheRule| {
                rule.ecr_repository_prefix.ok_or_else(|| without(RULES, "a rule's prefix"))
            };
            let content: Vec<_> = rules.into_iter().map(prefix).collect::<Result<_, _>>()?;
            Ok(Page { content, next: page.next_token })
        };
        pages(RULES, page).try_concat().await
    }

    async fn resource_tags(&self, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
        let _turn = self.in_flight.turn(RESOURCE_TAGS).await;
        let response = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let response = response.map_err(|error| call_error(RESOURCE_TAGS, error))?;
        Ok(response.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn replication_rules(&self) -> Result<Vec<ReplicationRule>, CallError> {
        let body = replication::Body::default();
        let call = self.client.describe_registry().customize().interceptor(body.clone());
        let response = call.send().await.map_err(|error| call_error("DescribeRegistry", error))?;
        Ok(body.rules(response.replication_configuration))
    }
}

impl ReadRepository for Ecr {
    fn images<'a>(&'a self, repository: &'a str) -> BoxStream<'a, Result<Vec<Image>, CallError>> {
        let page_size = Arc::new(AtomicI32::new(PAGE));
        pages(IMAGES, move |next| {
            let page_size = Arc::clone(&page_size);
            async move { self.listing_page(repository, next, &page_size).await }
        })
    }

    async fn describe(&self, repository: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        if !self.refuses_filter.load(Ordering::Relaxed) {
            match self.describe_with(Some(every_status()), repository, digests).await {
                Err(error) if error.code == "InvalidParameterException" => {}
                answer => return answer,
            }
        }
        let answer = self.describe_with(None, repository, digests).await;
        if answer.as_ref().is_err_and(|error| error.code == "InvalidParameterException") {
            return answer;
        }
        // It was the filter beside the ids.
        self.refuses_filter.store(true, Ordering::Relaxed);
        answer.map_err(|error| match error.kind {
            CallErrorKind::ImageNotFound => CallError { kind: CallErrorKind::ImageNotShown, ..error },
            _ => error,
        })
    }

    fn manifests<'a>(&'a self, repository: &'a str, digests: Vec<Digest>) -> BoxStream<'a, ManifestPart> {
        let call = move |part: Vec<Digest>| self.batch_get_image(repository, by_digest(&part));
        in_halves(digests, call).map(|(digests, response)| manifest_part(digests, response)).boxed()
    }

    async fn tag_holders(
        &self,
        repository: &str,
        tags: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        let by_tag = |tag: &String| ImageIdentifier::builder().image_tag(tag).build();
        let call = |part: Vec<String>| self.batch_get_image(repository, part.iter().map(by_tag).collect());
        in_halves(tags.to_vec(), call).map(|(_, response)| response.map(holders)).try_concat().await
    }
}

impl Ecr {
    /// A page of a listing. Of images with very many tags fewer are asked for at a time, from then on.
    async fn listing_page(
        &self,
        repository: &str,
        next: Option<String>,
        page_size: &AtomicI32,
    ) -> Result<Page<Vec<Image>>, CallError> {
        loop {
            let size = page_size.load(Ordering::Relaxed);
            let next = &next;
            let call = |limit: BodyLimit| async move {
                let _turn = self.in_flight.turn(IMAGES).await;
                let call = self.client.describe_images().repository_name(repository).filter(every_status());
                let call = call.max_results(size).set_next_token(next.clone()).customize().interceptor(limit);
                call.send().await.map_err(|error| call_error(IMAGES, error))
            };
            // Room until the page is taken apart.
            let (page, _room) = self.memory.call(PAGE_ROOM, BATCH_LIMIT, call).await?;
            if let Some(page) = page {
                let details = page.image_details.ok_or_else(|| without(IMAGES, "images"))?;
                return Ok(Page { content: images(details)?, next: page.next_token });
            }
            if size == 1 {
                let message = format!("the description of one image has more than {BATCH_LIMIT} bytes");
                return Err(CallError::of_kind(IMAGES, CallErrorKind::ResponseTooLarge, message));
            }
            page_size.store((size / 4).max(1), Ordering::Relaxed);
        }
    }

    async fn describe_with(
        &self,
        filter: Option<DescribeImagesFilter>,
        repository: &str,
        digests: &[Digest],
    ) -> Result<Vec<Image>, CallError> {
        let _turn = self.in_flight.turn_of_look(IMAGES).await;
        let call = self.client.describe_images().repository_name(repository).set_filter(filter);
        let response = call.set_image_ids(Some(by_digest(digests))).send().await;
        let response = response.map_err(|error| call_error(IMAGES, error))?;
        images(response.image_details.unwrap_or_default())
    }

    async fn batch_get_image(
        &self,
        repository: &str,
        ids: Vec<ImageIdentifier>,
    ) -> Result<(BatchGetImageOutput, ResponseRoom), CallError> {
        let response = self.batch_get_image_within(BATCH_LIMIT, repository, ids.clone()).await;
        let too_large = |error: &CallError| error.kind == CallErrorKind::ResponseTooLarge;
        let [id] = ids.as_slice() else { return response };
        if !response.as_ref().is_err_and(too_large) {
            return response;
        }
        let response = self.batch_get_image_within(SINGLE_LIMIT, repository, ids.clone()).await;
        match response {
            Err(error) if too_large(&error) => self.get_by_a_tag(repository, id.clone(), error).await,
            response => response,
        }
    }

    /// Asks for an image by its digest and one of its tags: by the digest alone, ECR gives its whole manifest once for
    /// each of its tags.
    async fn get_by_a_tag(
        &self,
        repository: &str,
        mut id: ImageIdentifier,
        too_large: CallError,
    ) -> Result<(BatchGetImageOutput, ResponseRoom), CallError> {
        let digest = id.image_digest.as_deref().filter(|_| id.image_tag.is_none());
        let Some(digest) = digest.and_then(|digest| digest.parse().ok()) else { return Err(too_large) };
        let listed = self.describe(repository, &[digest]).await?;
        let Some(tag) = listed.first().and_then(|image| image.tags.first()) else { return Err(too_large) };
        id.image_tag = Some(tag.to_string());
        self.batch_get_image_within(SINGLE_LIMIT, repository, vec![id]).await
    }

    async fn batch_get_image_within(
        &self,
        bytes: u64,
        repository: &str,
        ids: Vec<ImageIdentifier>,
    ) -> Result<(BatchGetImageOutput, ResponseRoom), CallError> {
        let ids = &ids;
        let call = |limit: BodyLimit| async move {
            let _turn = self.in_flight.turn(MANIFESTS).await;
            let call = self.client.batch_get_image().repository_name(repository);
            let accepted = media_type::ACCEPTED.map(str::to_owned).to_vec();
            let call = call.set_image_ids(Some(ids.clone())).set_accepted_media_types(Some(accepted));
            let response = call.customize().interceptor(limit).send().await;
            response.map_err(|error| call_error(MANIFESTS, error))
        };
        let (response, room) = self.memory.call(BATCH_ROOM.min(bytes), bytes, call).await?;
        let message = || format!("the response has more than {bytes} bytes and was not read");
        let response = response
            .ok_or_else(|| CallError::of_kind(MANIFESTS, CallErrorKind::ResponseTooLarge, message()))?;
        Ok((response, room))
    }
}

impl DeleteImages for Ecr {
    fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    type Turn = Turn;

    async fn turn(&self) -> Turn {
        self.in_flight.turn(DELETIONS).await
    }

    async fn delete(
        &self,
        _turn: Turn,
        repository: &str,
        digests: &[Digest],
    ) -> Result<BatchResponse<Digest>, CallError> {
        let call = self.client.batch_delete_image().repository_name(repository);
        let call = call.set_image_ids(Some(by_digest(digests))).customize().config_override(sent_once());
        let response = call.send().await;
        let response = response.map_err(|error| call_error(DELETIONS, error))?;
        // One entry a tag: what counts is distinct digests.
        let gone =
            response.image_ids.unwrap_or_default().into_iter().filter_map(|id| id.image_digest?.parse().ok());
        let mut done: Vec<Digest> = gone.collect();
        done.sort_unstable();
        done.dedup();
        Ok(BatchResponse { done, refused: refusals(response.failures.unwrap_or_default()) })
    }
}

impl TagImages for Ecr {
    async fn put_tag(
        &self,
        repository: &str,
        manifest: &StoredManifest,
        tag: &str,
    ) -> Result<TagWritten, CallError> {
        let call = self.client.put_image().repository_name(repository).image_tag(tag);
        let call = call.image_manifest(&manifest.bytes).image_digest(manifest.digest.to_string());
        let call = call.set_image_manifest_media_type(manifest.media_type.clone());
        let response = call.customize().config_override(sent_once()).send().await;
        match response.map_err(|error| call_error("PutImage", error)) {
            Ok(_) => Ok(TagWritten::Done),
            Err(error) if error.kind == CallErrorKind::ImageExists => {
                self.find_holder(repository, manifest, tag).await
            }
            Err(error) if error.kind == CallErrorKind::TagExists => Ok(TagWritten::InUse),
            Err(error) => Err(error),
        }
    }
}

impl Ecr {
    /// Whether a tag names this image, where ECR only says that the image exists.
    async fn find_holder(
        &self,
        repository: &str,
        manifest: &StoredManifest,
        tag: &str,
    ) -> Result<TagWritten, CallError> {
        let holders = self.tag_holders(repository, &[tag.to_owned()]).await?;
        let is_its = holders.get(tag) == Some(&Some(manifest.digest));
        Ok(if is_its { TagWritten::Done } else { TagWritten::InUse })
    }
}

/// The override for a write: the SDK would send it again without a new look at the image.
fn sent_once() -> aws_sdk_ecr::config::Builder {
    aws_sdk_ecr::Config::builder().retry_config(RetryConfig::disabled())
}

/// The responses about these ids. Where one would be too large, each half is asked for by itself, down to one id. A
/// response has its room in memory until the next one is wanted.
fn in_halves<'a, I, T, F, Fut>(ids: Vec<I>, call: F) -> BoxStream<'a, (Vec<I>, Result<T, CallError>)>
where
    I: Clone + Send + 'a,
    T: Send + 'a,
    F: Fn(Vec<I>) -> Fut + Send + Sync + 'a,
    Fut: Future<Output = Result<(T, ResponseRoom), CallError>> + Send + 'a,
{
    let next = move |(mut parts, call, room): (Vec<Vec<I>>, F, ResponseRoom)| async move {
        drop(room);
        loop {
            let part = parts.pop()?;
            match call(part.clone()).await {
                Err(error) if error.kind == CallErrorKind::ResponseTooLarge && part.len() > 1 => {
                    let (first, second) = part.split_at(part.len().div_ceil(2));
                    parts.extend([second.to_vec(), first.to_vec()]);
                }
                Ok((response, room)) => return Some(((part, Ok(response)), (parts, call, room))),
                Err(error) => return Some(((part, Err(error)), (parts, call, None))),
            }
        }
    };
    stream::unfold((vec![ids], call, None), next).boxed()
}

fn manifest_part(digests: Vec<Digest>, response: Result<BatchGetImageOutput, CallError>) -> ManifestPart {
    let response = response.map(|output| {
        let done = output.images.unwrap_or_default().into_iter().filter_map(stored_manifest).collect();
        BatchResponse { done, refused: refusals(output.failures.unwrap_or_default()) }
    });
    ManifestPart { digests, response }
}

/// The holder of each tag that ECR mentioned. Should it call a tag both held and unknown, it is held.
fn holders(output: BatchGetImageOutput) -> BTreeMap<String, Option<Digest>> {
    let held = output.images.unwrap_or_default().into_iter().filter_map(|image| {
        let id = image.image_id?;
        Some((id.image_tag?, Some(id.image_digest?.parse().ok()?)))
    });
    let free = output.failures.unwrap_or_default().into_iter().filter_map(|failure| {
        let not_found = failure.failure_code.as_ref().is_some_and(|code| code.as_str() == "ImageNotFound");
        Some((failure.image_id.filter(|_| not_found)?.image_tag?, None))
    });
    free.chain(held).collect()
}

/// The error for a response without its list. Not even an empty one is malformed.
fn without(operation: &'static str, what: &str) -> CallError {
    let message = format!("the response is without {what}");
    CallError::of_kind(operation, CallErrorKind::MalformedResponse, message)
}

/// The filter without which ECR hides archived images.
fn every_status() -> DescribeImagesFilter {
    DescribeImagesFilter::builder().tag_status(TagStatus::Any).image_status(ImageStatusFilter::Any).build()
}

fn by_digest(digests: &[Digest]) -> Vec<ImageIdentifier> {
    digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest.to_string()).build()).collect()
}

fn repository(answer: aws_sdk_ecr::types::Repository) -> Option<Repository> {
    Some(Repository {
        name: answer.repository_name?,
        arn: answer.repository_arn.unwrap_or_default(),
        registry: answer.registry_id.unwrap_or_default(),
    })
}

fn images(details: Vec<ImageDetail>) -> Result<Vec<Image>, CallError> {
    details.into_iter().map(image).collect()
}

/// One entry of a listing. Every member of a response may be missing; without its digest an image cannot be told
/// from another, so that a listing with such an entry is malformed.
fn image(detail: ImageDetail) -> Result<Image, CallError> {
    let malformed = |error: InvalidDigest| {
        let message = format!("an image in the response has no usable digest: {error}");
        CallError::of_kind(IMAGES, CallErrorKind::MalformedResponse, message)
    };
    let digest = detail.image_digest.unwrap_or_default().parse().map_err(malformed)?;
    let subject = detail.subject_manifest_digest;
    Ok(Image {
        digest,
        pushed_at: detail.image_pushed_at.map(timestamp),
        activated_at: detail.last_activated_at.map(timestamp),
        pulled_at: detail.last_recorded_pull_time.map(timestamp),
        untagged_at: None,
        size_bytes: detail.image_size_in_bytes.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        tags: detail.image_tags.unwrap_or_default().into_iter().map(String::into_boxed_str).collect(),
        status: match detail.image_status {
            Some(aws_sdk_ecr::types::ImageStatus::Active) => ImageStatus::Active,
            _ => ImageStatus::Inactive,
        },
        shape: media_type::shape(detail.image_manifest_media_type.as_deref()),
        listed_type: listed_type(detail.artifact_media_type.as_deref(), subject.is_some()),
        subject: subject.and_then(|subject| subject.parse().ok()),
        evidence: Evidence::Unread,
    })
}

/// A time to the nearest millisecond. ECR gives milliseconds as a fraction of seconds, which binary numbers have only
/// about: the rest of a division would make most times one millisecond earlier. One that is out of range counts as now,
/// never as unknown.
fn timestamp(time: aws_sdk_ecr::primitives::DateTime) -> Timestamp {
    const A_MILLISECOND: i128 = 1_000_000;
    let milliseconds = (time.as_nanos() + A_MILLISECOND / 2).div_euclid(A_MILLISECOND);
    let milliseconds = i64::try_from(milliseconds).ok();
    milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(UNUSABLE_TIME)
}

fn stored_manifest(image: aws_sdk_ecr::types::Image) -> Option<StoredManifest> {
    Some(StoredManifest {
        digest: image.image_id?.image_digest?.parse().ok()?,
        bytes: image.image_manifest?,
        media_type: image.image_manifest_media_type,
    })
}

fn refusals(failures: Vec<ImageFailure>) -> Vec<Refusal> {
    failures
        .into_iter()
        .filter_map(|failure| {
            let digest = failure.image_id?.image_digest?.parse().ok()?;
            let code = failure.failure_code.map(|code| code.as_str().to_owned()).unwrap_or_default();
            Some(Refusal::new(digest, code, failure.failure_reason.unwrap_or_default()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use super::*;

    /// The sizes of the calls about this many ids where a response has room for `room` of them, and the ids that
    /// came back, in order.
    async fn halved(ids: usize, room: usize) -> (Vec<usize>, Vec<usize>) {
        let calls = StdMutex::new(Vec::new());
        let call = |part: Vec<usize>| {
            calls.lock().unwrap().push(part.len());
            let too_large = CallError::of_kind(MANIFESTS, CallErrorKind::ResponseTooLarge, "large");
            let response = if part.len() > room { Err(too_large) } else { Ok(((), None)) };
            async { response }
        };
        let parts: Vec<_> = in_halves((0..ids).collect(), call).collect().await;
        (calls.into_inner().unwrap(), parts.into_iter().flat_map(|(part, _)| part).collect())
    }

    #[tokio::test]
    async fn what_is_too_large_is_asked_for_in_halves_down_to_one() {
        assert_eq!(halved(100, 100).await.0, [100]);
        assert_eq!(halved(100, 30).await.0, [100, 50, 25, 25, 50, 25, 25]);
        assert_eq!(halved(3, 1).await.0, [3, 2, 1, 1, 1]);
        for (ids, room) in [(1, 1), (7, 2), (100, 1), (100, 0), (1, 0)] {
            assert_eq!(halved(ids, room).await.1, (0..ids).collect::<Vec<_>>(), "each once, in order");
        }
    }

    #[test]
    fn a_time_that_cannot_be_used_is_later_than_any_other() {
        use aws_sdk_ecr::primitives::DateTime;
        let at = DateTime::from_millis(1_700_000_000_123);
        assert_eq!(timestamp(at), Timestamp::from_millisecond(1_700_000_000_123).unwrap());
        for seconds in [i64::MAX, i64::MIN, 400_000_000_000, -400_000_000_000] {
            assert_eq!(timestamp(DateTime::from_secs(seconds)), UNUSABLE_TIME, "{seconds}");
        }
    }

    #[test]
    fn fractions_of_seconds_are_rounded_to_milliseconds() {
        use aws_sdk_ecr::primitives::DateTime;
        for milliseconds in
            (0..1000).chain([1_700_000_000_123, 1_764_201_600_001, 1_764_201_600_999, -1, -1500])
        {
            let at = DateTime::from_secs_f64(milliseconds as f64 / 1000.0);
            assert_eq!(timestamp(at).as_millisecond(), milliseconds);
        }
    }

    #[tokio::test]
    async fn other_failures_are_passed_on_with_their_ids() {
        let fails =
            |_: Vec<u8>| async { Err::<((), _), _>(CallError::of_aws(MANIFESTS, "ServerException", "")) };
        let parts: Vec<_> = in_halves(vec![1, 2, 3], fails).collect().await;
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].0, [1, 2, 3]);
    }
}
