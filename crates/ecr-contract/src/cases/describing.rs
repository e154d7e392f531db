use aws_sdk_ecr::types::ImageStatus;

use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge, untestable};
use crate::manifest::{self, ATTESTATION, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::request::{any_status, by_digest};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "unknown-digest-fails-describe",
        "DescribeImages of an unknown digest is an `ImageNotFoundException`.",
        "A digest that is left out without an error is `failed`, and not deleted.",
        check!(unknown),
    ),
    Case::unverified(
        "unknown-digest-is-named",
        "DescribeImages with one unknown digest fails as a whole with `ImageNotFoundException`, and the message names \
         the digest.",
        "A message that names none makes the janitor halve the batch. A digest that is left out without an error is \
         `failed`, and not deleted.",
        check!(unknown_among_known),
    ),
    Case::unverified(
        "status-is-present",
        "`imageStatus` is present on every image.",
        "An absent or unknown status counts as not active: keep.",
        check!(status),
    ),
    Case::unverified(
        "any-status-with-ids",
        "DescribeImages of an archived image by its digest, with the filter ANY, shows it.",
        "An image that is left out without an error is `failed`, and not deleted.",
        check!(archived_by_digest),
    ),
    Case::documented(
        "manifest-media-type",
        "`imageManifestMediaType` is the manifest's own media type.",
        "An image of an unknown type is read like an index; if it cannot be, its repository is hands-off.",
        check!(manifest_type),
    ),
    Case::unverified(
        "old-images-have-no-media-type",
        "`imageManifestMediaType` and `artifactMediaType` may be absent on old images.",
        "What has no known type is read before anything else: it may be an index. If it cannot be, its repository is \
         hands-off.",
        untestable!("a new repository has no old images"),
    ),
    Case::unverified(
        "artifact-type-of-artifact",
        "`artifactMediaType` is the artifact type, if the manifest has one.",
        "It only saves reads of what cannot be an attestation by any of its values; it never proves one.",
        check!(artifact_form),
    ),
    Case::unverified(
        "artifact-type-of-image",
        "`artifactMediaType` of a manifest without an artifact type, such as a legacy attestation, is its \
         configuration's type.",
        "It only saves reads of what cannot be an attestation by any of its values; it never proves one.",
        check!(legacy_form),
    ),
    Case::unverified(
        "subject-is-shown",
        "`subjectManifestDigest` is filled for every manifest with a `subject`.",
        "An untagged signature without it is read for its subject. Only a referrer that is not read at all (tagged, \
         archived or young) could be missed, and with it that its subject is an attestation with a signature; what is \
         deleted then is still an attestation that no index lists. Signatures in cosign's tag fashion are found by \
         their tags.",
        check!(subject),
    ),
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

async fn archived_by_digest(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let call = target.client.describe_images().repository_name(&target.repository).filter(any_status());
    let answer = call.image_ids(by_digest(&image.digest)).send().await?;
    let shown = answer.image_details().iter().any(|detail| detail.image_digest() == Some(&image.digest));
    judge(shown, if shown { "shown" } else { "left out without an error" })
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
    let attestation = target.legacy_attestation("attestation").await?;
    let seen = target.detail(&attestation).await?.artifact_media_type;
    judge(seen.as_deref() == Some(OCI_CONFIG), format!("{seen:?}"))
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
