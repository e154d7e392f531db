//! Surveys of a registry in memory, which answers as it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::config::policy::Action;
use crate::inventory::Image;
use crate::oci::attestation::{Form, Kind};
use crate::oci::media_type::{DOCKER_ATTESTATION, EMPTY, IN_TOTO, OCI_INDEX};
use crate::registry::{ANSWER_TOO_LARGE, Page, Refusal, Repository};
use crate::report::decision::Reason;

/// Images by digest, and what is wrong with them.
#[derive(Default)]
struct Registry {
    images: BTreeMap<Digest, (Image, String)>,
    /// BatchGetImage refuses these, each with a code.
    refused: BTreeMap<Digest, &'static str>,
    /// DescribeImages does not find these when it is asked for them, though it listed them.
    gone: BTreeSet<Digest>,
    /// An answer of BatchGetImage with more manifests than this is too large.
    room: Option<usize>,
    /// Operations that fail, each with a code.
    failing: BTreeMap<&'static str, &'static str>,
    /// How many manifests each BatchGetImage asked for.
    reads: Mutex<Vec<usize>>,
    /// How many pages of the listing were asked for.
    pages: AtomicUsize,
}

impl Registry {
    fn add(&mut self, shape: Shape, bytes: serde_json::Value) -> Digest {
        let bytes = bytes.to_string();
        let image = Image::sample(&bytes, shape);
        let digest = image.digest;
        self.images.insert(digest, (image, bytes));
        digest
    }

    fn attestation(&mut self, number: usize) -> Digest {
        self.padded_attestation(number, 0)
    }

    fn padded_attestation(&mut self, number: usize, padding: usize) -> Digest {
        let attestation = json!({
            "schemaVersion": 2,
            "annotations": { "padding": "x".repeat(padding) },
            "artifactType": DOCKER_ATTESTATION,
            "config": { "mediaType": EMPTY, "digest": Digest::of(b"{}"), "size": 2 },
            "layers": [{ "mediaType": IN_TOTO, "digest": format!("sha256:{number:064x}"), "size": 1 }],
        });
        self.add(Shape::Manifest, attestation)
    }

    fn index(&mut self, children: &[Digest]) -> Digest {
        let manifests: Vec<_> = children.iter().map(|child| json!({ "digest": child })).collect();
        self.add(Shape::Index, json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests }))
    }

    fn call(&self, operation: &'static str) -> Result<(), CallError> {
        self.failing.get(operation).map_or(Ok(()), |code| Err(failure(operation, code, "it says")))
    }

    async fn survey(&self) -> Result<Surveyed, HandsOff> {
        self.survey_until(Deadline::default()).await
    }

    async fn survey_until(&self, deadline: Deadline) -> Result<Surveyed, HandsOff> {
        survey(self, "team/api", &Policy::default(), Timestamp::now(), &deadline).await
    }

    async fn left_alone(&self) -> (RepositoryReason, String) {
        self.survey().await.map(drop).map_err(|HandsOff { reason, detail }| (reason, detail)).unwrap_err()
    }
}

fn failure(operation: &'static str, code: &str, message: &str) -> CallError {
    CallError { operation, code: code.into(), message: message.into() }
}

/// Its verdict and what is known of it.
fn found(surveyed: &Surveyed, digest: Digest) -> (Verdict, Evidence) {
    let position = surveyed.inventory.position(digest).unwrap();
    (surveyed.verdicts[position as usize], surveyed.inventory.image(position).evidence)
}

impl Read for Registry {
    async fn image_page(&self, _: &str, _: Option<String>) -> Result<Page, CallError> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.call("DescribeImages")?;
        Ok(Page { images: self.images.values().map(|(image, _)| image.clone()).collect(), next: None })
    }

    async fn describe(&self, _: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        match digests.iter().find(|digest| self.gone.contains(digest)) {
            Some(gone) => Err(failure("DescribeImages", "ImageNotFoundException", &gone.to_string())),
            None => Ok(digests.iter().map(|digest| self.images[digest].0.clone()).collect()),
        }
    }

    async fn manifests(&self, _: &str, digests: &[Digest]) -> Result<BatchAnswer<StoredManifest>, CallError> {
        self.reads.lock().unwrap().push(digests.len());
        self.call("BatchGetImage")?;
        if self.room.is_some_and(|room| digests.len() > room) {
            return Err(failure("BatchGetImage", ANSWER_TOO_LARGE, "it says"));
        }
        let mut answer = BatchAnswer { done: Vec::new(), refused: Vec::new() };
        for digest in digests.iter().copied() {
            match self.refused.get(&digest) {
                Some(code) => {
                    answer.refused.push(Refusal { digest, code: (*code).into(), reason: "why".into() })
                }
                None => answer.done.push(StoredManifest {
                    digest,
                    bytes: self.images[&digest].1.clone(),
                    media_type: None,
                }),
            }
        }
        Ok(answer)
    }

    async fn repositories(&self) -> Result<Vec<Repository>, CallError> {
        unreachable!()
    }

    async fn pull_through_prefixes(&self) -> Result<Vec<String>, CallError> {
        unreachable!()
    }

    async fn resource_tags(&self, _: &str) -> Result<BTreeMap<String, String>, CallError> {
        unreachable!()
    }

    async fn tag_holders(
        &self,
        _: &str,
        _: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        unreachable!()
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn throttles(&self) -> u64 {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_found_and_is_still_listed_protects_everything() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let index = registry.index(&[attestation]);
    registry.refused.insert(index, "ImageNotFound");
    let (reason, detail) = registry.left_alone().await;
    assert_eq!(reason, RepositoryReason::IndexUnreadable);
    assert!(
        detail.contains(&index.to_string()) && detail.contains("does not say that it is gone"),
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_index_that_was_deleted_meanwhile_lists_nothing() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let index = registry.index(&[attestation]);
    registry.refused.insert(index, "ImageNotFound");
    registry.gone.insert(index);
    let surveyed = registry.survey().await.unwrap();
    assert_eq!(found(&surveyed, index).1, Evidence::Gone);
    let (verdict, evidence) = found(&surveyed, attestation);
    assert_eq!((verdict.reason, evidence), (Reason::Orphaned, Evidence::Attestation(Form::Oci)));
}

#[tokio::test(start_paused = true)]
async fn any_other_refusal_of_an_index_is_told_as_it_is() {
    let mut registry = Registry::default();
    let index = registry.index(&[]);
    registry.refused.insert(index, "KmsError");
    let (reason, detail) = registry.left_alone().await;
    assert_eq!(reason, RepositoryReason::IndexUnreadable);
    assert!(detail.contains("KmsError: why") && !detail.contains("is gone"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn an_attestation_that_is_refused_is_kept_and_the_rest_is_read() {
    let mut registry = Registry::default();
    let [bad, good] = [1, 2].map(|number| registry.attestation(number));
    registry.refused.insert(bad, "KmsError");
    let surveyed = registry.survey().await.unwrap();
    assert_eq!(found(&surveyed, bad).0, Verdict::keep(Kind::Unread, Reason::Unreadable));
    assert_eq!(found(&surveyed, good).0.reason, Reason::Orphaned);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_too_large_are_asked_for_in_halves_down_to_one() {
    let mut registry = Registry::default();
    let attestations: Vec<Digest> = (0..250).map(|number| registry.attestation(number)).collect();
    registry.room = Some(30);
    let surveyed = registry.survey().await.unwrap();
    for attestation in &attestations {
        assert_eq!(found(&surveyed, *attestation).1, Evidence::Attestation(Form::Oci));
    }
    let mut reads = std::mem::take(&mut *registry.reads.lock().unwrap());
    reads.sort_unstable();
    assert_eq!(reads, [25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 50, 50, 50, 50, 50, 100, 100]);
    registry.room = Some(0);
    let surveyed = registry.survey().await.unwrap();
    assert_eq!(found(&surveyed, attestations[0]).1, Evidence::CallFailed, "not even one is read");
    assert_eq!(registry.reads.lock().unwrap().iter().filter(|named| **named == 1).count(), 250);
}

#[tokio::test(start_paused = true)]
async fn what_fails_as_a_whole_is_told_with_what_to_do() {
    for (operation, code, reason, says) in [
        ("DescribeImages", "ServerException", RepositoryReason::ListingIncomplete, "it says"),
        (
            "DescribeImages",
            "AccessDeniedException",
            RepositoryReason::AccessDenied,
            "allow ecr:DescribeImages",
        ),
        ("DescribeImages", "RepositoryNotFoundException", RepositoryReason::RepositoryGone, "it says"),
        ("BatchGetImage", "ServerException", RepositoryReason::IndexUnreadable, "it says"),
        ("BatchGetImage", "AccessDeniedException", RepositoryReason::AccessDenied, "allow ecr:BatchGetImage"),
    ] {
        let mut registry = Registry::default();
        registry.index(&[]);
        registry.failing.insert(operation, code);
        let (told, detail) = registry.left_alone().await;
        assert_eq!(told, reason, "{operation} {code}");
        assert!(detail.contains(says), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_candidates_cannot_be_read_they_are_kept_unless_the_repository_is_gone() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    registry.failing.insert("BatchGetImage", "ServerException");
    let surveyed = registry.survey().await.unwrap();
    let kept = (Verdict::keep(Kind::Unread, Reason::Unreadable), Evidence::CallFailed);
    assert_eq!(found(&surveyed, attestation), kept);
    registry.failing.insert("BatchGetImage", "RepositoryNotFoundException");
    assert_eq!(registry.left_alone().await.0, RepositoryReason::RepositoryGone);
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_is_asked() {
    let mut registry = Registry::default();
    registry.index(&[]);
    let left = registry.survey_until(Deadline::after(Duration::ZERO, true)).await.map(drop);
    assert_eq!(left, Err(HandsOff::out_of_time()));
    assert!(registry.reads.lock().unwrap().is_empty());
    assert_eq!(registry.pages.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_tagged_is_kept_in_memory_up_to_a_bound() {
    let mut registry = Registry::default();
    let attestations: Vec<Digest> =
        (0..6).map(|number| registry.padded_attestation(number, KEPT_BYTES / 5)).collect();
    let policy = Policy { orphaned: Action::Tag, ..Policy::default() };
    let surveyed =
        survey(&registry, "team/api", &policy, Timestamp::now(), &Deadline::default()).await.unwrap();
    assert!(attestations.iter().all(|it| found(&surveyed, *it).0.action == Action::Tag));
    assert_eq!(surveyed.manifests.len(), 4);
    assert!(registry.survey().await.unwrap().manifests.is_empty(), "nothing is to be tagged");
}
