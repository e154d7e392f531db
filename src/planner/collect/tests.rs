//! Surveys of a registry in memory, which answers as it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::config::Config;
use crate::config::policy::{Action, SupersededSince};
use crate::inventory::Image;
use crate::oci::attestation::{Classified, Form, Kind};
use crate::oci::media_type::{DOCKER_ATTESTATION, EMPTY, IN_TOTO, OCI_INDEX};
use crate::planner::RunRequest;
use crate::registry::Refusal;
use crate::report::reason::Reason;

/// Images by digest, and what is wrong with them.
struct Registry {
    images: BTreeMap<Digest, (Image, String)>,
    /// BatchGetImage refuses these, each with a code.
    refused: BTreeMap<Digest, &'static str>,
    /// DescribeImages does not find these when it is asked for them, though it listed them.
    gone: BTreeSet<Digest>,
    /// BatchGetImage gives this many manifests in one part.
    part: usize,
    /// Operations that fail, each with a code.
    failing: BTreeMap<&'static str, &'static str>,
    /// How many manifests each BatchGetImage asked for.
    reads: Mutex<Vec<usize>>,
    /// How many pages of the listing were asked for.
    pages: AtomicUsize,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            images: BTreeMap::new(),
            refused: BTreeMap::new(),
            gone: BTreeSet::new(),
            part: MAX_IDS,
            failing: BTreeMap::new(),
            reads: Mutex::default(),
            pages: AtomicUsize::new(0),
        }
    }
}

impl Registry {
    fn manifests_of(&self, digests: &[Digest]) -> BatchResponse<StoredManifest> {
        let mut response = BatchResponse { done: Vec::new(), refused: Vec::new() };
        for digest in digests.iter().copied() {
            match self.refused.get(&digest) {
                Some(code) => response.refused.push(Refusal::new(digest, *code, "why")),
                None => response.done.push(StoredManifest {
                    digest,
                    bytes: self.images[&digest].1.clone(),
                    media_type: None,
                }),
            }
        }
        response
    }

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

    async fn collect(&self) -> Result<Collected, Skipped> {
        self.collect_until(Deadline::default()).await
    }

    async fn collect_under(&self, policy: &Policy) -> Result<Collected, Skipped> {
        collect(
            self,
            "team/api",
            policy,
            &Surroundings::default(),
            &mut recall().await,
            &<_>::default(),
            &Deadline::default(),
        )
        .await
    }

    /// Pushes an image so many days after the others.
    fn push(&mut self, digest: Digest, days: i64) {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days);
        self.images.get_mut(&digest).unwrap().0.pushed_at = Some(at);
    }

    async fn collect_until(&self, deadline: Deadline) -> Result<Collected, Skipped> {
        collect(
            self,
            "team/api",
            &Policy::default(),
            &Surroundings::default(),
            &mut recall().await,
            &<_>::default(),
            &deadline,
        )
        .await
    }

    async fn skipped(&self) -> (RepositoryReason, String) {
        self.collect().await.map(drop).map_err(|Skipped { reason, detail }| (reason, detail)).unwrap_err()
    }
}

/// No memory.
async fn recall() -> Recall {
    let request = RunRequest::new(Timestamp::now(), Deadline::default());
    Recall::load(&request, &Config::default(), "team/api").await
}

fn failure(operation: &'static str, code: &str, message: &str) -> CallError {
    CallError::of_aws(operation, code, message)
}

/// Its verdict and what is known of it.
fn found(collected: &Collected, digest: Digest) -> (Verdict, Evidence) {
    let position = collected.inventory.position(digest).unwrap();
    (collected.verdicts[position], collected.inventory.image(position).evidence)
}

impl ReadRepository for Registry {
    fn images<'a>(&'a self, _: &'a str) -> BoxStream<'a, Result<Vec<Image>, CallError>> {
        let page = async {
            self.pages.fetch_add(1, Ordering::Relaxed);
            let images = self.images.values().map(|(image, _)| image.clone()).collect();
            self.call("DescribeImages").map(|()| images)
        };
        stream::once(page).boxed()
    }

    async fn describe(&self, _: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        match digests.iter().find(|digest| self.gone.contains(digest)) {
            Some(gone) => Err(failure("DescribeImages", "ImageNotFoundException", &gone.to_string())),
            None => Ok(digests.iter().map(|digest| self.images[digest].0.clone()).collect()),
        }
    }

    fn manifests<'a>(&'a self, _: &'a str, digests: Vec<Digest>) -> BoxStream<'a, ManifestPart> {
        self.reads.lock().unwrap().push(digests.len());
        let part = |digests: &[Digest]| ManifestPart {
            digests: digests.to_vec(),
            response: self.call("BatchGetImage").map(|()| self.manifests_of(digests)),
        };
        stream::iter(digests.chunks(self.part).map(part).collect::<Vec<_>>()).boxed()
    }

    async fn tag_holders(
        &self,
        _: &str,
        _: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        unreachable!()
    }
}

/// An attestation pushed so many days before an unreadable index, and the verdict on it.
async fn beside_an_unreadable_index(days: i64, refusal: &'static str) -> (Verdict, Evidence, String) {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let index = registry.index(&[attestation]);
    registry.push(index, days);
    registry.refused.insert(index, refusal);
    let collected = registry.collect().await.unwrap();
    let position = collected.inventory.position(index).unwrap();
    let (verdict, evidence) = found(&collected, index);
    assert_eq!((verdict, evidence), (Verdict::keep(Kind::Index, Reason::Unreadable), Evidence::Unreadable));
    let problem = collected.inventory.problem(position).unwrap().detail.to_string();
    let (verdict, evidence) = found(&collected, attestation);
    (verdict, evidence, problem)
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_read_holds_what_it_could_list() {
    for (days, reason) in [(0, Reason::MayBeListed), (-2, Reason::MayBeListed), (-3, Reason::Orphaned)] {
        let (verdict, _, problem) = beside_an_unreadable_index(days, "KmsError").await;
        assert_eq!(verdict.reason, reason, "{days}");
        assert!(problem.contains("KmsError: why") && !problem.contains("is gone"), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_found_and_is_still_listed_is_unreadable() {
    let (verdict, _, problem) = beside_an_unreadable_index(0, "ImageNotFound").await;
    assert_eq!(verdict.reason, Reason::MayBeListed);
    assert!(problem.contains("does not say that it is gone"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_index_of_unknown_age_protects_everything() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let index = registry.index(&[attestation]);
    registry.images.get_mut(&index).unwrap().0.pushed_at = None;
    registry.refused.insert(index, "KmsError");
    let (reason, detail) = registry.skipped().await;
    assert_eq!(reason, RepositoryReason::IndexUnreadable);
    assert!(detail.contains(&index.to_string()) && detail.contains("KmsError: why"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn bytes_of_an_index_that_make_no_sense_are_unreadable_too() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let odd = registry.add(Shape::Manifest, json!({ "manifests": [{ "digest": "sha256:aaa111" }] }));
    registry.push(odd, -2);
    let collected = registry.collect().await.unwrap();
    assert_eq!(found(&collected, odd).1, Evidence::Unreadable);
    assert_eq!(found(&collected, attestation).0.reason, Reason::MayBeListed);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_was_deleted_meanwhile_lists_nothing() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let index = registry.index(&[attestation]);
    registry.refused.insert(index, "ImageNotFound");
    registry.gone.insert(index);
    let collected = registry.collect().await.unwrap();
    assert_eq!(found(&collected, index).1, Evidence::Gone);
    let (verdict, evidence) = found(&collected, attestation);
    assert_eq!(
        (verdict.reason, evidence),
        (Reason::Orphaned, Evidence::Read(Classified::attestation(Form::Oci)))
    );
}

#[tokio::test(start_paused = true)]
async fn an_attestation_that_is_refused_is_kept_and_the_rest_is_read() {
    let mut registry = Registry::default();
    let [bad, good] = [1, 2].map(|number| registry.attestation(number));
    registry.refused.insert(bad, "KmsError");
    let collected = registry.collect().await.unwrap();
    assert_eq!(found(&collected, bad).0, Verdict::keep(Kind::Unread, Reason::Unreadable));
    assert_eq!(found(&collected, good).0.reason, Reason::Orphaned);
}

#[tokio::test(start_paused = true)]
async fn manifests_may_come_in_parts() {
    let mut registry = Registry { part: 30, ..Registry::default() };
    let attestations: Vec<Digest> = (0..250).map(|number| registry.attestation(number)).collect();
    let collected = registry.collect().await.unwrap();
    for attestation in &attestations {
        assert_eq!(found(&collected, *attestation).1, Evidence::Read(Classified::attestation(Form::Oci)));
    }
    let mut reads = std::mem::take(&mut *registry.reads.lock().unwrap());
    reads.sort_unstable();
    assert_eq!(reads, [50, 100, 100]);
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
        ("BatchGetImage", "AccessDeniedException", RepositoryReason::AccessDenied, "allow ecr:BatchGetImage"),
    ] {
        let mut registry = Registry::default();
        registry.index(&[]);
        registry.failing.insert(operation, code);
        let (told, detail) = registry.skipped().await;
        assert_eq!(told, reason, "{operation} {code}");
        assert!(detail.contains(says), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_candidates_cannot_be_read_they_are_kept_unless_the_repository_is_gone() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    for code in ["ServerException", "AccessDeniedException"] {
        registry.failing.insert("BatchGetImage", code);
        let collected = registry.collect().await.unwrap();
        let kept = (Verdict::keep(Kind::Unread, Reason::Unreadable), Evidence::CallFailed);
        assert_eq!(found(&collected, attestation), kept);
    }
    registry.failing.insert("BatchGetImage", "RepositoryNotFoundException");
    assert_eq!(registry.skipped().await.0, RepositoryReason::RepositoryGone);
}

#[tokio::test(start_paused = true)]
async fn when_indexes_cannot_be_read_they_failed_and_hold_what_they_could_list() {
    let mut registry = Registry::default();
    let attestation = registry.attestation(1);
    let index = registry.index(&[attestation]);
    registry.failing.insert("BatchGetImage", "ServerException");
    let collected = registry.collect().await.unwrap();
    for digest in [attestation, index] {
        assert_eq!(found(&collected, digest).1, Evidence::CallFailed);
    }
    assert_eq!(found(&collected, index).0.reason, Reason::Unreadable);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_cannot_be_read_costs_a_few_calls() {
    for (code, most) in
        [("ServerException", MAX_FAILED_CALLS + READS_AT_ONCE), ("AccessDeniedException", READS_AT_ONCE)]
    {
        let mut registry = Registry::default();
        let attestations: Vec<Digest> = (0..3000).map(|number| registry.attestation(number)).collect();
        registry.failing.insert("BatchGetImage", code);
        let collected = registry.collect().await.unwrap();
        assert!(attestations.iter().all(|it| found(&collected, *it).1 == Evidence::CallFailed));
        let calls = registry.reads.lock().unwrap().len();
        assert!(calls <= most, "{calls} calls");
    }
}

/// A tagged signature whose subject the listing does not show, and the attestation that it signs.
fn signed_out_of_sight(registry: &mut Registry) -> (Digest, Digest) {
    let attestation = registry.attestation(1);
    registry.index(&[attestation]);
    let signature = json!({
        "schemaVersion": 2,
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "config": { "mediaType": EMPTY, "digest": Digest::of(b"{}"), "size": 2 },
        "layers": [],
        "subject": { "digest": attestation },
    });
    let signature = registry.add(Shape::Manifest, signature);
    registry.images.get_mut(&signature).unwrap().0.tags = ["keep".into()].into();
    (signature, attestation)
}

fn deletes_superseded() -> Policy {
    Policy { superseded: Action::Delete, superseded_since: SupersededSince::Push, ..Policy::default() }
}

#[tokio::test(start_paused = true)]
async fn where_superseded_goes_what_refers_to_what_is_read() {
    let mut registry = Registry::default();
    let (signature, attestation) = signed_out_of_sight(&mut registry);
    let kept = registry.collect().await.unwrap();
    assert_eq!(found(&kept, signature).1, Evidence::Unread);
    let deleted = registry.collect_under(&deletes_superseded()).await.unwrap();
    assert!(matches!(found(&deleted, signature).1, Evidence::Seen(_)));
    assert_eq!(found(&deleted, signature).0.kind(), Kind::Unread, "counted as under any other policy");
    assert_eq!(found(&deleted, attestation).0.reason, Reason::HasReferrers);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_anyway_and_cannot_be_read_for_its_subject_is_taken_as_listed() {
    let mut registry = Registry::default();
    let (signature, attestation) = signed_out_of_sight(&mut registry);
    registry.refused.insert(signature, "ImageInaccessible");
    let collected = registry.collect_under(&deletes_superseded()).await.unwrap();
    assert_eq!(found(&collected, signature).1, Evidence::Withheld);
    assert_eq!(found(&collected, signature).0.reason, Reason::NotAnAttestation);
    assert_eq!(found(&collected, attestation).0.reason, Reason::Superseded);
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_is_asked() {
    let mut registry = Registry::default();
    registry.index(&[]);
    let left = registry.collect_until(Deadline::after(Duration::ZERO, true)).await.map(drop);
    assert_eq!(left, Err(Skipped::out_of_time()));
    assert!(registry.reads.lock().unwrap().is_empty());
    assert_eq!(registry.pages.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_tagged_is_kept_in_memory_up_to_a_bound() {
    let mut registry = Registry::default();
    let attestations: Vec<Digest> =
        (0..6).map(|number| registry.padded_attestation(number, KEPT_BYTES / 5)).collect();
    let policy = Policy { orphaned: Action::Tag, ..Policy::default() };
    let collected = registry.collect_under(&policy).await.unwrap();
    assert!(attestations.iter().all(|it| found(&collected, *it).0.action == Action::Tag));
    assert_eq!(collected.manifests.len(), 4);
    assert!(registry.collect().await.unwrap().manifests.is_empty(), "nothing is to be tagged");
}
