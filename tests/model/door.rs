//! The port to the registry, in process: each call goes to the embedded ECR as a client's would, without a wire.
//!
//! It notes what was named by which call, and how the repository was right before each write: with the registry's
//! own journal that is all that [`crate::outside`] needs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use ecr_attestation_janitor::inventory::{Evidence, Image, Status};
use ecr_attestation_janitor::oci::attestation::kind_by_listing;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::media_type;
use ecr_attestation_janitor::registry::{
    BatchAnswer, CallError, Delete, Page, Read, Refusal, Repository, StoredManifest, Tag, TagWritten,
};
use ecr_emulator::{Emulator, ImageView};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{NAME, Stage, World};

pub(crate) struct Door {
    emulator: Emulator,
    page: usize,
    reads_archived: bool,
    trouble: Option<(usize, Trouble)>,
    calls: Mutex<Vec<Call>>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is refused, and not done.
    Fails,
    /// It is done, and the answer is lost.
    Unanswered,
    /// It is done, and the answer says nothing of every other image.
    Silent,
    /// It takes longer than there is time, and is not done.
    Hangs,
    /// It is done, and the answer comes when there is no time left.
    TooLate,
}

/// Longer than any test has time.
const AN_AGE: Duration = Duration::from_secs(24 * 3600);

/// What was asked of the door.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// The images that it named, or the tags.
    pub(crate) named: Vec<String>,
    /// Of a page of the listing: what it showed.
    pub(crate) shown: Option<Vec<String>>,
    /// Its number in the registry's journal, if it came so far.
    pub(crate) n: Option<u64>,
    /// Before a write: the repository, with what somebody else did right before it.
    pub(crate) before: Option<Vec<ImageView>>,
}

impl Door {
    pub(crate) fn new(world: &World, stage: &Stage, trouble: Option<(usize, Trouble)>) -> Self {
        stage.emulator.reset_calls();
        let World { page, reads_archived, .. } = *world;
        Self { emulator: stage.emulator.clone(), page, reads_archived, trouble, calls: Mutex::default() }
    }

    /// All that was asked, in order.
    pub(crate) fn calls(self) -> Vec<Call> {
        self.calls.into_inner().unwrap()
    }

    async fn send(
        &self,
        operation: &'static str,
        named: Vec<String>,
        request: Value,
    ) -> Result<Value, CallError> {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(Call { operation, named, shown: None, n: None, before: None });
            calls.len()
        };
        let trouble = self.trouble.filter(|(at, _)| *at == number).map(|(_, trouble)| trouble);
        let scripted =
            || CallError { operation, code: "ServerException".into(), message: "as scripted".into() };
        match trouble {
            None => self.perform(number, operation, request),
            Some(Trouble::Fails) => Err(scripted()),
            Some(Trouble::Unanswered) => self.perform(number, operation, request).and(Err(scripted())),
            Some(Trouble::Silent) => self.perform(number, operation, request).map(every_other),
            Some(Trouble::Hangs) => {
                tokio::time::sleep(AN_AGE).await;
                Err(scripted())
            }
            Some(Trouble::TooLate) => {
                let answer = self.perform(number, operation, request);
                tokio::time::sleep(AN_AGE).await;
                answer
            }
        }
    }

    fn perform(&self, number: usize, operation: &'static str, request: Value) -> Result<Value, CallError> {
        let n = {
            let mut calls = self.calls.lock().unwrap();
            let n = 1 + calls.iter().filter(|call| call.n.is_some()).count() as u64;
            calls[number - 1].n = Some(n);
            n
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        if ["BatchDeleteImage", "PutImage"].contains(&operation) {
            // Hooks run in the order they came, so that this one sees what the others did.
            self.emulator.before("*", n, move |emulator| drop(sender.send(emulator.images(NAME))));
        }
        let answer = self.emulator.send(operation, request);
        self.calls.lock().unwrap()[number - 1].before = receiver.try_recv().ok();
        answer.map_err(|error| failure(operation, error))
    }

    /// What this ECR does not give to others, if it is one that gives it.
    fn archived(&self, digest: Digest) -> Option<StoredManifest> {
        let image = self.emulator.image(NAME, &digest.to_string()).filter(|_| self.reads_archived)?;
        Some(StoredManifest { digest, bytes: image.manifest, media_type: Some(image.media_type) })
    }
}

fn every_other(mut answer: Value) -> Value {
    for list in ["imageDetails", "images", "imageIds", "failures"] {
        if let Some(list) = answer[list].as_array_mut() {
            let mut number = 0;
            list.retain(|_| {
                number += 1;
                number % 2 == 0
            });
        }
    }
    answer
}

fn failure(operation: &'static str, error: ecr_emulator::ApiError) -> CallError {
    CallError { operation, code: error.code, message: error.message }
}

impl Read for Door {
    async fn repositories(&self) -> Result<Vec<Repository>, CallError> {
        let answer = self.send("DescribeRepositories", Vec::new(), json!({})).await?;
        let repository = |it: &Value| Repository {
            name: text(&it["repositoryName"]),
            arn: text(&it["repositoryArn"]),
            registry: text(&it["registryId"]),
        };
        Ok(list(&answer["repositories"]).map(repository).collect())
    }

    async fn pull_through_prefixes(&self) -> Result<Vec<String>, CallError> {
        let answer = self.send("DescribePullThroughCacheRules", Vec::new(), json!({})).await?;
        Ok(list(&answer["pullThroughCacheRules"]).map(|rule| text(&rule["ecrRepositoryPrefix"])).collect())
    }

    async fn resource_tags(&self, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
        let answer = self.send("ListTagsForResource", Vec::new(), json!({"resourceArn": arn})).await?;
        Ok(list(&answer["tags"]).map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect())
    }

    async fn image_page(&self, repository: &str, next: Option<String>) -> Result<Page, CallError> {
        let request = json!({
            "repositoryName": repository,
            "filter": {"tagStatus": "ANY", "imageStatus": "ANY"},
            "maxResults": self.page,
            "nextToken": next,
        });
        let answer = self.send("DescribeImages", Vec::new(), request).await?;
        let next = answer["nextToken"].as_str().map(str::to_owned);
        let shown = list(&answer["imageDetails"]).map(|detail| text(&detail["imageDigest"])).collect();
        if let Some(call) = self.calls.lock().unwrap().last_mut() {
            call.shown = Some(shown);
        }
        Ok(Page { images: list(&answer["imageDetails"]).map(image).collect(), next })
    }

    async fn describe(&self, repository: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        let filter = json!({"tagStatus": "ANY", "imageStatus": "ANY"});
        let request = json!({"repositoryName": repository, "filter": filter, "imageIds": ids(digests)});
        let answer = self.send("DescribeImages", texts(digests), request).await?;
        Ok(list(&answer["imageDetails"]).map(image).collect())
    }

    async fn manifests(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> Result<BatchAnswer<StoredManifest>, CallError> {
        let request = json!({
            "repositoryName": repository,
            "imageIds": ids(digests),
            "acceptedMediaTypes": media_type::ACCEPTED,
        });
        let answer = self.send("BatchGetImage", texts(digests), request).await?;
        let mut done: Vec<StoredManifest> = list(&answer["images"])
            .map(|image| StoredManifest {
                digest: digest(&image["imageId"]["imageDigest"]),
                bytes: text(&image["imageManifest"]),
                media_type: image["imageManifestMediaType"].as_str().map(str::to_owned),
            })
            .collect();
        let (inaccessible, refused): (Vec<Refusal>, Vec<Refusal>) =
            refusals(&answer).into_iter().partition(|refusal| refusal.code == "ImageInaccessible");
        let (given, kept): (Vec<_>, Vec<_>) =
            inaccessible.into_iter().partition(|refusal| self.archived(refusal.digest).is_some());
        done.extend(given.iter().filter_map(|refusal| self.archived(refusal.digest)));
        Ok(BatchAnswer { done, refused: refused.into_iter().chain(kept).collect() })
    }

    async fn tag_holders(
        &self,
        repository: &str,
        tags: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        let ids: Vec<Value> = tags.iter().map(|tag| json!({"imageTag": tag})).collect();
        let request = json!({
            "repositoryName": repository,
            "imageIds": ids,
            "acceptedMediaTypes": media_type::ACCEPTED,
        });
        let answer = self.send("BatchGetImage", tags.to_vec(), request).await?;
        let free = list(&answer["failures"]).filter(|failure| failure["failureCode"] == "ImageNotFound");
        let free = free.map(|failure| (text(&failure["imageId"]["imageTag"]), None));
        let held = list(&answer["images"]).map(|image| {
            (text(&image["imageId"]["imageTag"]), Some(digest(&image["imageId"]["imageDigest"])))
        });
        Ok(free.chain(held).collect())
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.emulator.calls()
    }

    fn throttles(&self) -> u64 {
        0
    }
}

impl Delete for Door {
    async fn delete(&self, repository: &str, digests: &[Digest]) -> Result<BatchAnswer<Digest>, CallError> {
        let request = json!({"repositoryName": repository, "imageIds": ids(digests)});
        let answer = self.send("BatchDeleteImage", texts(digests), request).await?;
        let mut done: Vec<Digest> = list(&answer["imageIds"]).map(|id| digest(&id["imageDigest"])).collect();
        done.sort_unstable();
        done.dedup();
        Ok(BatchAnswer { done, refused: refusals(&answer) })
    }
}

impl Tag for Door {
    async fn put_tag(
        &self,
        repository: &str,
        manifest: &StoredManifest,
        tag: &str,
    ) -> Result<TagWritten, CallError> {
        let request = json!({
            "repositoryName": repository,
            "imageManifest": manifest.bytes,
            "imageManifestMediaType": manifest.media_type,
            "imageDigest": manifest.digest.to_string(),
            "imageTag": tag,
        });
        match self.send("PutImage", vec![manifest.digest.to_string()], request).await {
            Ok(_) => Ok(TagWritten::Done),
            Err(error) if error.code == "ImageAlreadyExistsException" => Ok(TagWritten::Done),
            Err(error) if error.code == "ImageTagAlreadyExistsException" => Ok(TagWritten::InUse),
            Err(error) => Err(error),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(digests: &[Digest]) -> Vec<String> {
    digests.iter().map(ToString::to_string).collect()
}

fn ids(digests: &[Digest]) -> Value {
    digests.iter().map(|digest| json!({"imageDigest": digest})).collect()
}

fn digest(value: &Value) -> Digest {
    text(value).parse().unwrap()
}

fn refusals(answer: &Value) -> Vec<Refusal> {
    let refusal = |failure: &Value| Refusal {
        digest: digest(&failure["imageId"]["imageDigest"]),
        code: text(&failure["failureCode"]),
        reason: text(&failure["failureReason"]),
    };
    list(&answer["failures"]).map(refusal).collect()
}

fn image(detail: &Value) -> Image {
    let time = |key: &str| {
        let milliseconds = (detail[key].as_f64()? * 1000.0).round();
        Timestamp::from_millisecond(milliseconds as i64).ok()
    };
    let subject = detail["subjectManifestDigest"].as_str();
    Image {
        digest: digest(&detail["imageDigest"]),
        pushed_at: time("imagePushedAt"),
        pulled_at: time("lastRecordedPullTime"),
        size_bytes: detail["imageSizeInBytes"].as_u64().unwrap_or(0),
        tags: list(&detail["imageTags"]).map(|tag| text(tag).into_boxed_str()).collect(),
        status: if detail["imageStatus"] == "ACTIVE" { Status::Active } else { Status::Inactive },
        shape: media_type::shape(detail["imageManifestMediaType"].as_str()),
        ruled_out: kind_by_listing(detail["artifactMediaType"].as_str(), subject.is_some()),
        subject: subject.and_then(|subject| subject.parse().ok()),
        evidence: Evidence::Unread,
    }
}
