//! Asking again, of a registry whose error names the gone in different ways, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::testing::decisions::*;

use super::*;
use crate::inventory::Evidence;
use crate::oci::media_type::Shape;
use crate::registry::{BatchAnswer, Page, Repository, StoredManifest};

/// Has some images, and fails every call that names another.
struct Registry {
    there: BTreeSet<Digest>,
    message: fn(&[Digest]) -> String,
    code: &'static str,
    calls: Mutex<Vec<usize>>,
}

impl Read for Registry {
    async fn describe(&self, _: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        self.calls.lock().unwrap().push(digests.len());
        let gone: Vec<Digest> = digests.iter().copied().filter(|d| !self.there.contains(d)).collect();
        if gone.is_empty() {
            return Ok(digests.iter().map(|digest| listed(*digest)).collect());
        }
        let message = (self.message)(&gone);
        Err(CallError { operation: "DescribeImages", code: self.code.into(), message })
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

    async fn image_page(&self, _: &str, _: Option<String>) -> Result<Page, CallError> {
        unreachable!()
    }

    async fn manifests(&self, _: &str, _: &[Digest]) -> Result<BatchAnswer<StoredManifest>, CallError> {
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

fn listed(digest: Digest) -> Image {
    Image {
        digest,
        pushed_at: Some(time(0)),
        pulled_at: None,
        size_bytes: 1000,
        tags: Box::default(),
        status: Status::Active,
        shape: Shape::Manifest,
        ruled_out: None,
        subject: None,
        evidence: Evidence::Unread,
    }
}

fn names_one(gone: &[Digest]) -> String {
    format!("The image with imageId {{imageDigest:'{}', imageTag:'null'}} does not exist", gone[0])
}

fn names_all(gone: &[Digest]) -> String {
    format!("{gone:?} do not exist")
}

fn names_none(_: &[Digest]) -> String {
    "Requested image not found".into()
}

/// Asks for a hundred images of which these are gone: which of them are found, and with how many calls?
async fn ask(message: fn(&[Digest]) -> String, gone: &[usize]) -> (bool, usize) {
    let asked: Vec<Digest> = (0..100).map(|number| digest(&number.to_string())).collect();
    let there: BTreeSet<Digest> =
        (0..100).filter(|number| !gone.contains(number)).map(|number| asked[number]).collect();
    let registry =
        Registry { there: there.clone(), message, code: "ImageNotFoundException", calls: Mutex::default() };
    let presence = look(&registry, "r", &asked).await.unwrap();
    let found: BTreeSet<Digest> = presence.there.into_keys().collect();
    let is_exact = found == there && presence.gone == gone.iter().map(|number| asked[*number]).collect();
    (is_exact, registry.calls.into_inner().unwrap().len())
}

#[tokio::test]
async fn when_all_are_there_one_call_is_enough() {
    assert_eq!(ask(names_none, &[]).await, (true, 1));
}

#[tokio::test]
async fn what_the_error_names_is_taken_out() {
    assert_eq!(ask(names_one, &[7]).await, (true, 2));
    assert_eq!(ask(names_one, &[7, 8, 99]).await, (true, 4));
    assert_eq!(ask(names_all, &[7, 8, 99]).await, (true, 2));
}

#[tokio::test]
async fn an_error_that_names_none_is_searched_by_halves() {
    for gone in [&[0][..], &[99], &[0, 50, 99], &[10, 11, 12, 13]] {
        let (is_exact, calls) = ask(names_none, gone).await;
        assert!(is_exact && calls <= 1 + 2 * 7 * gone.len(), "{calls} calls for {gone:?}");
    }
}

#[tokio::test]
async fn when_all_are_gone_nothing_is_found_and_the_asking_ends() {
    let everything: Vec<usize> = (0..100).collect();
    assert_eq!(ask(names_all, &everything).await, (true, 1));
    assert_eq!(ask(names_one, &everything).await, (true, 100));
    assert_eq!(ask(names_none, &everything).await, (true, 199));
}

#[tokio::test]
async fn an_error_that_names_something_else_is_searched_all_the_same() {
    let names_another = |_: &[Digest]| format!("{} does not exist", digest("elsewhere"));
    assert!(ask(names_another, &[3, 4]).await.0);
}

#[tokio::test]
async fn any_other_error_is_passed_on_after_one_call() {
    for code in ["AccessDeniedException", "RepositoryNotFoundException", "ServerException"] {
        let registry = Registry { there: BTreeSet::new(), message: names_all, code, calls: Mutex::default() };
        let error = look(&registry, "r", &[digest("a"), digest("b")]).await.unwrap_err();
        assert_eq!((error.code.as_str(), registry.calls.into_inner().unwrap()), (code, vec![2]));
    }
}

#[tokio::test]
async fn nothing_is_asked_about_nothing() {
    let registry = Registry { there: BTreeSet::new(), message: names_all, code: "", calls: Mutex::default() };
    assert_eq!(look(&registry, "r", &[]).await.unwrap().there.len(), 0);
    assert!(registry.calls.into_inner().unwrap().is_empty());
}

/// What is made of a planned image with the tag `known` that is now so.
fn outcome(change: impl FnOnce(&mut Image)) -> Option<Outcome> {
    let planned = attestation("a").said(|it| it.tags = vec!["known".into()]);
    let mut now = listed(planned.digest);
    now.tags = ["known".into()].into();
    change(&mut now);
    difference(&planned, &now).map(|(outcome, _)| outcome)
}

#[test]
fn what_is_as_it_was_may_go() {
    assert_eq!(outcome(|_| ()), None);
}

#[test]
fn pulls_sizes_and_lost_tags_are_no_difference() {
    assert_eq!(outcome(|now| now.pulled_at = Some(time(1))), None);
    assert_eq!(outcome(|now| now.size_bytes = 1), None);
    assert_eq!(outcome(|now| now.tags = Box::default()), None);
}

#[test]
fn a_new_tag_another_push_or_another_status_is_a_difference() {
    let changed = Some(Outcome::ChangedSincePlan);
    assert_eq!(outcome(|now| now.tags = ["known".into(), "new".into()].into()), changed);
    assert_eq!(outcome(|now| now.pushed_at = Some(time(1))), changed);
    assert_eq!(outcome(|now| now.pushed_at = Some(time(-1))), changed);
    assert_eq!(outcome(|now| now.pushed_at = None), changed);
    assert_eq!(outcome(|now| now.status = Status::Inactive), changed);
}

#[test]
fn an_image_that_has_the_wanted_tag_by_now_is_left_as_it_is() {
    let planned = attestation("a").to_be_tagged("wanted");
    let mut now = listed(planned.digest);
    now.tags = ["wanted".into()].into();
    assert_eq!(difference(&planned, &now).map(|(outcome, _)| outcome), Some(Outcome::Kept));
}

#[test]
fn gone_is_only_what_ecr_says_it_does_not_find() {
    let planned = attestation("a");
    let outcome = |presence: Presence| presence.change(&planned).map(|(outcome, ..)| outcome);
    let gone = Presence { gone: [planned.digest].into(), ..Presence::default() };
    assert_eq!(outcome(gone), Some(Outcome::AlreadyGone));
    assert_eq!(outcome(Presence::default()), Some(Outcome::Failed), "silence");
}
