use aws_sdk_ecr::types::{DescribeImagesFilter, ImageStatus};

use super::sources;
use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge, untestable};
use crate::evidence::{Evidence, Source};
use crate::manifest::{self, ATTESTATION, Manifest, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::request::{any_status, by_digest};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "unknown-digest-fails-describe",
        claim: "DescribeImages for an unknown digest is an `ImageNotFoundException`.",
        evidence: Evidence::Confirmed(&[
            Source::output("hashicorp/terraform-provider-aws#35268"),
            Source::api("DescribeImages"),
        ]),
        safeguard: "An image missing from the response without an error is `failed`, and not deleted.",
        check: check!(unknown),
    },
    Case {
        id: "unknown-digest-is-named",
        claim: "DescribeImages with one unknown digest fails as a whole, and the message names the digest.",
        evidence: Evidence::Confirmed(&[Source::output("hashicorp/terraform-provider-aws#35268")]),
        safeguard: "A message that names no digest makes the janitor halve the batch. An image missing from the \
            response without an error is `failed`, and not deleted.",
        check: check!(unknown_among_known),
    },
    Case {
        id: "several-unknown-digests-are-all-named",
        claim: "If several digests are unknown, the message of the `ImageNotFoundException` names all of them.",
        evidence: Evidence::Open {
            if_wrong: "More calls: each re-check finds one vanished image instead of all of them.",
        },
        safeguard: "The digests that are named are taken out, and the rest is asked for again until no unknown one \
            is left.",
        check: check!(several_unknown),
    },
    Case {
        id: "status-is-present",
        claim: "`imageStatus` is present on every image.",
        evidence: Evidence::Confirmed(&[Source::output_text(
            "five `describe-images` outputs of 2026, children and \
            indexes alike",
        )]),
        safeguard: "An absent or unknown status counts as not active, and the image is kept.",
        check: check!(status),
    },
    Case {
        id: "ids-with-filter-are-accepted",
        claim: "DescribeImages accepts `imageIds` together with a filter, and with the image status ANY shows an \
            archived image.",
        evidence: Evidence::Open {
            if_wrong: "The re-check before each deletion would be refused: apply would delete nothing.",
        },
        safeguard: "An image is deleted only after a re-check that returned it unchanged.",
        check: check!(ids_with_filter),
    },
    Case {
        id: "ids-show-archived-without-filter",
        claim: "DescribeImages by id shows an archived image even without a filter.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_DEMO, sources::ARCHIVE_LAB]),
        safeguard: "The janitor reads the status of every image that it asks for, and keeps those that are not active.",
        check: check!(ids_without_filter),
    },
    Case {
        id: "default-filter-applies-to-ids",
        claim: "Without a filter, DescribeImages by id shows active images only.",
        evidence: Evidence::Refuted {
            by: &[sources::ARCHIVE_DEMO, sources::ARCHIVE_LAB],
            fact: "The default of the status filter applies to listings; an archived image is shown when it is asked \
                for by id.",
        },
        safeguard: "The janitor reads the status of every image that it asks for, and keeps those that are not active.",
        check: untestable!("see ids-show-archived-without-filter"),
    },
    Case {
        id: "manifest-media-type",
        claim: "`imageManifestMediaType` is the manifest's own media type.",
        evidence: Evidence::Documented(&[Source::api("ImageDetail")]),
        safeguard: "An image of unknown type is read like an index. If it cannot be read, everything that it could \
            list is kept.",
        check: check!(manifest_type),
    },
    Case {
        id: "old-images-have-no-media-type",
        claim: "`imageManifestMediaType` and `artifactMediaType` may be absent on old images.",
        evidence: Evidence::Open {
            if_wrong: "Nothing: an absent type costs a read, and if they are never absent no read is wasted.",
        },
        safeguard: "An image without a known type is read first, because it may be an index. If it cannot be read, \
            everything that it could list is kept.",
        check: untestable!("a new repository has no old images"),
    },
    Case {
        id: "artifact-type-of-artifact",
        claim: "`artifactMediaType` is the artifact type, if the manifest has one.",
        evidence: Evidence::Supported {
            by: &[Source::docs(
                "a sample EventBridge event",
                "https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html",
            )],
            if_wrong: "Reads are saved for the wrong images, or none are saved.",
        },
        safeguard: "The type only saves reads of images that no attestation can look like; it never proves an \
            attestation.",
        check: check!(artifact_form),
    },
    Case {
        id: "artifact-type-of-image",
        claim: "`artifactMediaType` of a manifest without an artifact type, such as a legacy attestation, is the \
            media type of its config; an index has none.",
        evidence: Evidence::Confirmed(&[Source::output_text(
            "two `describe-images` outputs of buildx attestations, \
            February and August 2026",
        )]),
        safeguard: "The type only saves reads of images that no attestation can look like; it never proves an \
            attestation.",
        check: check!(legacy_form),
    },
    Case {
        id: "subject-is-shown",
        claim: "`subjectManifestDigest` is filled for every manifest with a `subject`.",
        evidence: Evidence::Open {
            if_wrong: "A signature could be overlooked, and an image deleted although something refers to it. \
                Deleted would still be only an attestation that no index lists, or what the policy for superseded \
                builds takes.",
        },
        safeguard: "Referrers are also found by reading manifests for their subject, and cosign's tagged signatures \
            by their tags.",
        check: check!(subject),
    },
];

async fn unknown(target: Target) -> Finding {
    let answer = target.try_describe(&manifest::digest(target.own("unknown").as_bytes())).await?;
    judge(answer.refused("ImageNotFoundException"), answer)
}

async fn unknown_among_known(target: Target) -> Finding {
    let known = target.image("known").await?;
    let unknown = manifest::digest(target.own("unknown").as_bytes());
    let call = target.client.describe_images().repository_name(&target.repository).filter(any_status());
    let call = call.image_ids(by_digest(&known.digest)).image_ids(by_digest(&unknown));
    let answer = Answer::to_call(call.send().await)?;
    judge(
        answer.refused("ImageNotFoundException") && answer.names(&unknown) && !answer.names(&known.digest),
        answer,
    )
}

async fn status(target: Target) -> Finding {
    let built = target.built("v1", Some(&target.own("v1"))).await?;
    let mut seen = Vec::new();
    for manifest in [&built.index, &built.image, &built.attestation] {
        seen.push(target.detail(manifest).await?.image_status);
    }
    judge(seen.iter().all(|status| *status == Some(ImageStatus::Active)), format!("{seen:?}"))
}

async fn several_unknown(target: Target) -> Finding {
    let known = target.image("known").await?;
    let unknown = ["one", "two"].map(|name| manifest::digest(target.own(name).as_bytes()));
    let ids = [&unknown[0], &known.digest, &unknown[1]].map(|digest| by_digest(digest));
    let call = target.client.describe_images().repository_name(&target.repository).filter(any_status());
    let answer = Answer::to_call(call.set_image_ids(Some(ids.to_vec())).send().await)?;
    let named = unknown.iter().filter(|digest| answer.names(digest)).count();
    judge(answer.refused("ImageNotFoundException") && named == 2, format!("{named} of 2 named; {answer}"))
}

async fn ids_with_filter(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    shown_by_digest(&target, &image, Some(any_status())).await
}

async fn ids_without_filter(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    shown_by_digest(&target, &image, None).await
}

async fn shown_by_digest(target: &Target, image: &Manifest, filter: Option<DescribeImagesFilter>) -> Finding {
    let call = target.client.describe_images().repository_name(&target.repository).set_filter(filter);
    let result = call.image_ids(by_digest(&image.digest)).send().await;
    let details = result.as_ref().ok().map(|output| output.image_details().to_vec()).unwrap_or_default();
    let answer = Answer::to_call(result)?;
    let status = details.iter().find(|detail| detail.image_digest() == Some(&image.digest));
    let status = status.and_then(|detail| detail.image_status());
    judge(status == Some(&ImageStatus::Archived), format!("{answer}; {status:?}"))
}

async fn manifest_type(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let of_index = target.detail(&built.index).await?.image_manifest_media_type;
    let of_image = target.detail(&built.attestation).await?.image_manifest_media_type;
    let holds = of_index.as_deref() == Some(OCI_INDEX) && of_image.as_deref() == Some(OCI_MANIFEST);
    judge(holds, format!("{of_index:?}, {of_image:?}"))
}

async fn artifact_form(target: Target) -> Finding {
    let image = target.image("image").await?;
    let attestation = target.referrer("attestation", &image).await?;
    let seen = target.detail(&attestation).await?.artifact_media_type;
    judge(seen.as_deref() == Some(ATTESTATION), format!("{seen:?}"))
}

async fn legacy_form(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let of_attestation = target.detail(&built.attestation).await?.artifact_media_type;
    let of_index = target.detail(&built.index).await?.artifact_media_type;
    let holds = of_attestation.as_deref() == Some(OCI_CONFIG) && of_index.is_none();
    judge(holds, format!("attestation: {of_attestation:?}; index: {of_index:?}"))
}

async fn subject(target: Target) -> Finding {
    let image = target.image("image").await?;
    let referrer = target.referrer("attestation", &image).await?;
    let legacy = target.legacy_attestation("attestation").await?;
    let of_referrer = target.detail(&referrer).await?.subject_manifest_digest;
    let of_legacy = target.detail(&legacy).await?.subject_manifest_digest;
    let holds = of_referrer.as_deref() == Some(&image.digest) && of_legacy.is_none();
    judge(holds, format!("artifact: {of_referrer:?}; without a subject: {of_legacy:?}"))
}
