//! Amazon ECR behind the port: paging, batching, and the translation of answers and errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageFailure, ImageIdentifier, ImageStatus, ImageStatusFilter,
    TagStatus,
};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::pagination::Tokens;
use super::{
    ANSWER_TOO_LARGE, BatchAnswer, CallError, Delete, Page, Read, Refusal, Repository, StoredManifest, Tag,
    TagWritten,
};
use crate::inventory::{Evidence, Image, Status};
use crate::oci::attestation::kind_by_listing;
use crate::oci::digest::Digest;
use crate::oci::media_type;

mod body_limit;
mod client;
mod error;

use body_limit::{MANY, ONE, Room};
pub use client::Attempts;
use error::call_error;

const REPOSITORIES: &str = "DescribeRepositories";
const RULES: &str = "DescribePullThroughCacheRules";
/// Pages of listings, the most that ECR gives.
const PAGE: i32 = 1000;

/// Amazon ECR in one region, as one caller sees it.
#[derive(Debug, Clone)]
pub struct Ecr {
    client: Client,
    attempts: Attempts,
    large_answers: Arc<Mutex<()>>,
    region: String,
}

impl Ecr {
    /// The region, as in `eu-central-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Counts from nothing again: one Lambda instance serves many runs.
    pub fn forget_calls(&self) {
        self.attempts.reset();
    }
}

impl Read for Ecr {
    async fn repositories(&self) -> Result<Vec<Repository>, CallError> {
        let (mut tokens, mut next, mut repositories) = (Tokens::default(), None, Vec::new());
        loop {
            let call = self.client.describe_repositories().max_results(PAGE).set_next_token(next);
            let page = call.send().await.map_err(|error| call_error(REPOSITORIES, error))?;
            let listed = page.repositories.ok_or_else(|| without(REPOSITORIES, "repositories"))?;
            repositories.extend(listed.into_iter().filter_map(repository));
            next = tokens.follow(REPOSITORIES, page.next_token)?;
            if next.is_none() {
                return Ok(repositories);
            }
        }
    }

    async fn pull_through_prefixes(&self) -> Result<Vec<String>, CallError> {
        let (mut tokens, mut next, mut prefixes) = (Tokens::default(), None, Vec::new());
        loop {
            let call = self.client.describe_pull_through_cache_rules().max_results(PAGE).set_next_token(next);
            let page = call.send().await.map_err(|error| call_error(RULES, error))?;
            // A rule that is not seen leaves a repository unprotected.
            for rule in page.pull_through_cache_rules.ok_or_else(|| without(RULES, "rules"))? {
                prefixes.push(rule.ecr_repository_prefix.ok_or_else(|| without(RULES, "a rule's prefix"))?);
            }
            next = tokens.follow(RULES, page.next_token)?;
            if next.is_none() {
                return Ok(prefixes);
            }
        }
    }

    async fn resource_tags(&self, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let answer = answer.map_err(|error| call_error("ListTagsForResource", error))?;
        Ok(answer.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn image_page(&self, repository: &str, next: Option<String>) -> Result<Page, CallError> {
        let call = self.client.describe_images().repository_name(repository).filter(everything());
        let answer = call.max_results(PAGE).set_next_token(next).send().await;
        let answer = answer.map_err(|error| call_error("DescribeImages", error))?;
        let details = answer.image_details.ok_or_else(|| without("DescribeImages", "images"))?;
        Ok(Page { images: images(details)?, next: answer.next_token })
    }

    async fn describe(&self, repository: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        let call = self.client.describe_images().repository_name(repository).filter(everything());
        let answer = call.set_image_ids(Some(by_digest(digests))).send().await;
        let answer = answer.map_err(|error| call_error("DescribeImages", error))?;
        images(answer.image_details.unwrap_or_default())
    }

    async fn manifests(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> Result<BatchAnswer<StoredManifest>, CallError> {
        let answer = self.batch_get_image(repository, by_digest(digests)).await?;
        let done = answer.images.unwrap_or_default().into_iter().filter_map(stored_manifest).collect();
        Ok(BatchAnswer { done, refused: refusals(answer.failures.unwrap_or_default()) })
    }

    async fn tag_holders(
        &self,
        repository: &str,
        tags: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        let ids = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag).build()).collect();
        let answer = self.batch_get_image(repository, ids).await?;
        let held = answer.images.unwrap_or_default().into_iter().filter_map(|image| {
            let id = image.image_id?;
            Some((id.image_tag?, Some(id.image_digest?.parse().ok()?)))
        });
        let free = answer.failures.unwrap_or_default().into_iter().filter_map(|failure| {
            let not_found =
                failure.failure_code.as_ref().is_some_and(|code| code.as_str() == "ImageNotFound");
            Some((failure.image_id.filter(|_| not_found)?.image_tag?, None))
        });
        // Should ECR say both of one tag, then it is held.
        Ok(free.chain(held).collect())
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.attempts.calls()
    }

    fn throttles(&self) -> u64 {
        self.attempts.throttles()
    }
}

impl Ecr {
    async fn batch_get_image(
        &self,
        repository: &str,
        ids: Vec<ImageIdentifier>,
    ) -> Result<BatchGetImageOutput, CallError> {
        let answer = self.batch_get_image_within(MANY, repository, ids.clone()).await;
        if ids.len() == 1 && answer.as_ref().is_err_and(CallError::is_answer_too_large) {
            // There is room for one, but not for as many as there are calls at once.
            let _turn = self.large_answers.lock().await;
            return self.batch_get_image_within(ONE, repository, ids).await;
        }
        answer
    }

    async fn batch_get_image_within(
        &self,
        bytes: u64,
        repository: &str,
        ids: Vec<ImageIdentifier>,
    ) -> Result<BatchGetImageOutput, CallError> {
        let call = self.client.batch_get_image().repository_name(repository).set_image_ids(Some(ids));
        let accepted = media_type::ACCEPTED.map(str::to_owned).to_vec();
        let room = Room::of(bytes);
        let call = call.set_accepted_media_types(Some(accepted)).customize().interceptor(room.clone());
        let answer = call.send().await.map_err(|error| call_error("BatchGetImage", error))?;
        if room.was_exceeded() {
            let message = format!("the answer has more than {bytes} bytes and was not read");
            return Err(CallError { operation: "BatchGetImage", code: ANSWER_TOO_LARGE.into(), message });
        }
        Ok(answer)
    }
}

impl Delete for Ecr {
    async fn delete(&self, repository: &str, digests: &[Digest]) -> Result<BatchAnswer<Digest>, CallError> {
        let call = self.client.batch_delete_image().repository_name(repository);
        let answer = call.set_image_ids(Some(by_digest(digests))).send().await;
        let answer = answer.map_err(|error| call_error("BatchDeleteImage", error))?;
        // One entry a tag: what counts is distinct digests.
        let gone =
            answer.image_ids.unwrap_or_default().into_iter().filter_map(|id| id.image_digest?.parse().ok());
        let mut done: Vec<Digest> = gone.collect();
        done.sort_unstable();
        done.dedup();
        Ok(BatchAnswer { done, refused: refusals(answer.failures.unwrap_or_default()) })
    }
}

impl Tag for Ecr {
    async fn put_tag(
        &self,
        repository: &str,
        manifest: &StoredManifest,
        tag: &str,
    ) -> Result<TagWritten, CallError> {
        let call = self.client.put_image().repository_name(repository).image_tag(tag);
        let call = call.image_manifest(&manifest.bytes).image_digest(manifest.digest.to_string());
        let answer = call.set_image_manifest_media_type(manifest.media_type.clone()).send().await;
        match answer.map_err(|error| call_error("PutImage", error)) {
            Ok(_) => Ok(TagWritten::Done),
            Err(error) if error.code == "ImageAlreadyExistsException" => Ok(TagWritten::Done),
            Err(error) if error.code == "ImageTagAlreadyExistsException" => Ok(TagWritten::InUse),
            Err(error) => Err(error),
        }
    }
}

/// An answer without what it is about, not even an empty list, is no answer.
fn without(operation: &'static str, what: &str) -> CallError {
    CallError { operation, code: "BadAnswer".into(), message: format!("the answer is without {what}") }
}

/// ECR hides archived images unless asked for every status.
fn everything() -> DescribeImagesFilter {
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

/// Every member of an answer may be missing. Without its digest an image cannot be told from another, so that a
/// listing with such an entry is not a listing.
fn image(detail: ImageDetail) -> Result<Image, CallError> {
    let digest = detail.image_digest.unwrap_or_default().parse().map_err(
        |error: crate::oci::digest::InvalidDigest| CallError {
            operation: "DescribeImages",
            code: "BadAnswer".into(),
            message: format!("an image in the answer cannot be told: {error}"),
        },
    )?;
    let subject = detail.subject_manifest_digest;
    Ok(Image {
        digest,
        pushed_at: detail.image_pushed_at.and_then(timestamp),
        pulled_at: detail.last_recorded_pull_time.and_then(timestamp),
        size_bytes: detail.image_size_in_bytes.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        tags: detail.image_tags.unwrap_or_default().into_iter().map(String::into_boxed_str).collect(),
        status: match detail.image_status {
            Some(ImageStatus::Active) => Status::Active,
            _ => Status::Inactive,
        },
        shape: media_type::shape(detail.image_manifest_media_type.as_deref()),
        ruled_out: kind_by_listing(detail.artifact_media_type.as_deref(), subject.is_some()),
        subject: subject.and_then(|subject| subject.parse().ok()),
        evidence: Evidence::Unread,
    })
}

/// To the millisecond, which is what ECR gives.
fn timestamp(time: aws_sdk_ecr::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(time.to_millis().ok()?).ok()
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
            Some(Refusal {
                digest: failure.image_id?.image_digest?.parse().ok()?,
                code: failure.failure_code.map(|code| code.as_str().to_owned()).unwrap_or_default(),
                reason: failure.failure_reason.unwrap_or_default(),
            })
        })
        .collect()
}
