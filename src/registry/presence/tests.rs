//! Asking again, of a registry whose error names the gone in different ways, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures::stream::BoxStream;

use crate::report::testing::decisions::*;

use super::*;
use crate::inventory::{Evidence, ImageStatus};
use crate::oci::attestation::ListedType;
use crate::oci::media_type::Shape;
use crate::registry::ManifestPart;

/// Has some images, and fails every call that names another.
struct Registry {
    there: BTreeSet<Digest>,
    message: fn(&[Digest]) -> String,
    code: &'static str,
    calls: Mutex<Vec<usize>>,
}

impl ReadRepository for Registry {
    async fn describe(&self, _: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        self.calls.lock().unwrap().push(digests.len());
        let gone: Vec<Digest> = digests.iter().copied().filter(|d| !self.there.contains(d)).collect();
        if gone.is_empty() {
            return Ok(digests.iter().map(|digest| listed(*digest)).collect());
        }
        let message = (self.message)(&gone);
        Err(CallError::of_aws("DescribeImages", self.code, message))
    }

    fn images<'a>(&'a self, _: &'a str) -> BoxStream<'a, Result<Vec<Image>, CallError>> {
        unreachable!()
    }

    fn manifests<'a>(&'a self, _: &'a str, _: Vec<Digest>) -> BoxStream<'a, ManifestPart> {
        unreachable!()
    }

    async fn tag_holders(
        &self,
        _: &str,
        _: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        unreachable!()
    }
}

fn listed(digest: Digest) -> Image {
    Image {
        digest,
        pushed_at: Some(time(0)),
        activated_at: None,
        pulled_at: None,
        untagged_at: None,
        size_bytes: 1000,
        tags: Box::default(),
        status: ImageStatus::Active,
        shape: Shape::Manifest,
        listed_type: ListedType::Unknown,
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
