use std::collections::BTreeSet;

use aws_sdk_ecr::types::{ListImageReferrersFilter, SubjectIdentifier};

use crate::case::{Case, Finding, check, judge, untestable};
use crate::error::CaseError;
use crate::manifest::{ATTESTATION, Manifest};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "referrers-are-listed",
        "ListImageReferrers of an image lists the attestation that has it as subject, with its artifact type.",
        "The janitor takes subjects from DescribeImages and from the manifests' bytes.",
        check!(listed),
    ),
    Case::documented(
        "referrers-are-filtered",
        "ListImageReferrers lists only the artifact types that it is asked for.",
        "The janitor does not use ListImageReferrers.",
        check!(filtered),
    ),
    Case::documented(
        "referrers-have-pages",
        "ListImageReferrers gives at most `maxResults` referrers and a token, and the pages together give each once.",
        "The janitor does not use ListImageReferrers.",
        check!(pages),
    ),
    Case::unverified(
        "subject-can-be-deleted",
        "An image can be deleted although another manifest has it as subject.",
        "The janitor keeps what has referrers itself (`has-referrers`).",
        check!(subject_deletable),
    ),
    Case::unverified(
        "referrer-can-be-deleted",
        "A manifest with a subject that no index lists can be deleted before its subject.",
        "It is refused and reported; nothing else is deleted for it.",
        check!(referrer_deletable),
    ),
    Case::unverified(
        "referrers-stay-at-first",
        "Right after its subject is deleted a referrer is still there.",
        "What is already gone is `already-gone`, and no failure.",
        check!(stay),
    ),
    Case::unverified(
        "referrers-go-within-a-day",
        "ECR deletes referrers within 24 hours of their subject, but not what only an index listed.",
        "What is already gone is `already-gone`; what stays is an orphan of a later run.",
        untestable!("ECR takes up to a day, and may do it only with a lifecycle policy"),
    ),
];

async fn listed(target: Target) -> Finding {
    let image = target.image("image").await?;
    let attestation = target.referrer("attestation", &image).await?;
    let found = list(&target, &image, None, None).await?;
    let one = (attestation.digest, Some(ATTESTATION.to_owned()));
    judge(found == [one], format!("{found:?}"))
}

async fn filtered(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.referrer("attestation", &image).await?;
    let of_type = |kind: &str| ListImageReferrersFilter::builder().artifact_types(kind).build();
    let wanted = list(&target, &image, Some(of_type(ATTESTATION)), None).await?.len();
    let other = list(&target, &image, Some(of_type("application/vnd.example.other")), None).await?.len();
    judge(wanted == 1 && other == 0, format!("{wanted} of its type, {other} of another"))
}

async fn pages(target: Target) -> Finding {
    let image = target.image("image").await?;
    for n in 0..3 {
        target.referrer(&format!("attestation-{n}"), &image).await?;
    }
    let found = list(&target, &image, None, Some(2)).await?;
    let distinct: BTreeSet<_> = found.iter().map(|(digest, _)| digest).collect();
    judge(found.len() == 3 && distinct.len() == 3, format!("{} listed by twos", found.len()))
}

async fn subject_deletable(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.referrer("attestation", &image).await?;
    let answer = target.delete_one(&image).await?;
    judge(answer.done(), answer)
}

async fn referrer_deletable(target: Target) -> Finding {
    let image = target.image("image").await?;
    let attestation = target.referrer("attestation", &image).await?;
    let answer = target.delete_one(&attestation).await?;
    judge(answer.done(), answer)
}

async fn stay(target: Target) -> Finding {
    let image = target.image("image").await?;
    let attestation = target.referrer("attestation", &image).await?;
    target.delete_one(&image).await?;
    let there = target.is_there(&attestation).await?;
    judge(there, format!("there: {there}"))
}

/// Digests and artifact types, on all pages and as often as they come.
async fn list(
    target: &Target,
    subject: &Manifest,
    filter: Option<ListImageReferrersFilter>,
    page: Option<i32>,
) -> Result<Vec<(String, Option<String>)>, CaseError> {
    let subject = SubjectIdentifier::builder().image_digest(&subject.digest).build()?;
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let call = target.client.list_image_referrers().repository_name(&target.repository);
        let call = call.subject_id(subject.clone()).set_filter(filter.clone());
        let answer = call.set_max_results(page).set_next_token(token).send().await?;
        if page.is_some_and(|most| answer.referrers().len() > usize::try_from(most).unwrap_or_default()) {
            return Err(CaseError::new("a page has more than was asked for"));
        }
        let referrers = answer.referrers.unwrap_or_default().into_iter();
        found.extend(referrers.map(|referrer| (referrer.digest, referrer.artifact_type)));
        token = answer.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}
