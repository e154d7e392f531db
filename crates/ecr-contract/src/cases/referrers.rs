use std::collections::BTreeSet;

use aws_sdk_ecr::types::{ListImageReferrersFilter, SubjectIdentifier};

use super::sources;
use crate::case::{Case, Finding, check, judge, untestable};
use crate::error::CaseError;
use crate::evidence::{Evidence, Source};
use crate::manifest::{ATTESTATION, Manifest};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "referrers-are-listed",
        claim: "ListImageReferrers of an image lists the attestation that has it as subject, with its artifact type.",
        evidence: Evidence::Documented(&[Source::api("ListImageReferrers")]),
        safeguard: "The janitor takes subjects from DescribeImages and from the bytes of manifests.",
        check: check!(listed),
    },
    Case {
        id: "referrers-are-filtered",
        claim: "ListImageReferrers lists only the artifact types that are asked for.",
        evidence: Evidence::Documented(&[Source::api("ListImageReferrersFilter")]),
        safeguard: "The janitor does not use ListImageReferrers.",
        check: check!(filtered),
    },
    Case {
        id: "referrers-have-pages",
        claim: "ListImageReferrers returns at most `maxResults` referrers and a token, and the pages together have \
            each once.",
        evidence: Evidence::Documented(&[Source::api("ListImageReferrers")]),
        safeguard: "The janitor does not use ListImageReferrers.",
        check: check!(pages),
    },
    Case {
        id: "subject-can-be-deleted",
        claim: "An image can be deleted although another manifest has it as subject.",
        evidence: Evidence::Confirmed(&[
            sources::DELETING_ARTIFACTS,
            Source::output("onyx-dot-app/onyx#13996"),
        ]),
        safeguard: "The janitor itself keeps an image that has referrers (`has-referrers`).",
        check: check!(subject_deletable),
    },
    Case {
        id: "referrer-can-be-deleted",
        claim: "A manifest with a subject that no index lists can be deleted before its subject.",
        evidence: Evidence::Confirmed(&[
            sources::DELETING_ARTIFACTS,
            Source::output("onyx-dot-app/onyx#13996"),
        ]),
        safeguard: "If not, it is refused and reported; nothing else is deleted because of it.",
        check: check!(referrer_deletable),
    },
    Case {
        id: "referrers-stay-at-first",
        claim: "Right after its subject is deleted a referrer is still there.",
        evidence: Evidence::Confirmed(&[
            sources::DELETING_ARTIFACTS,
            Source::output("onyx-dot-app/onyx#13996"),
        ]),
        safeguard: "An image that is already gone is `already-gone`, and no failure.",
        check: check!(stay),
    },
    Case {
        id: "lifecycle-policy-removes-referrers",
        claim: "A lifecycle policy that expires or archives an image does the same to its referrers within 24 hours.",
        evidence: Evidence::Documented(&[sources::LIFECYCLE_POLICIES]),
        safeguard: "An image that a policy deleted meanwhile is `already-gone`.",
        check: untestable!("lifecycle policies run once a day"),
    },
    Case {
        id: "referrers-go-within-a-day",
        claim: "ECR deletes referrers within 24 hours of any deletion of their subject.",
        evidence: Evidence::Refuted {
            by: &[sources::LIFECYCLE_POLICIES],
            fact: "AWS documents it for deletions by a lifecycle policy only. Nothing says so for a deletion by the \
                API or in a repository without a policy, so that referrers have to be expected to stay.",
        },
        safeguard: "Referrers that are to go are deleted by the janitor itself, after their subject; what stays is \
            an orphan of a later run.",
        check: untestable!("ECR may take a day; see lifecycle-policy-removes-referrers"),
    },
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
