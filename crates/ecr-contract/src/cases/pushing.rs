use crate::case::{Case, Finding, check, judge};
use crate::manifest;
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "index-needs-its-children",
        "PutImage of an index whose children are not there is a `ReferencedImagesNotFoundException`.",
        "The guard of an index with missing children would begin late; the grace period covers that.",
        check!(missing_child),
    ),
    Case::documented(
        "manifest-needs-its-layers",
        "PutImage of a manifest whose blobs are not there is a `LayersNotFoundException`.",
        "The janitor pushes only manifests that it has just read.",
        check!(missing_layer),
    ),
    Case::unverified(
        "subject-may-come-later",
        "A manifest can be pushed before its `subject`.",
        "An attestation without its subject is judged by its indexes and its age; the grace period covers a push that \
         is under way.",
        check!(missing_subject),
    ),
    Case::documented(
        "digest-must-match",
        "PutImage with a digest that the bytes do not have is an `ImageDigestDoesNotMatchException`.",
        "The digest is always sent, and the bytes were checked against it before.",
        check!(mismatch),
    ),
    Case::unverified(
        "pushing-again-without-a-tag",
        "PutImage of what is there, without a tag, is an `ImageAlreadyExistsException`.",
        "The janitor never pushes without a tag.",
        check!(again),
    ),
    Case::unverified(
        "push-time-is-the-first",
        "`imagePushedAt` is the time the manifest was first stored, and pushing it again does not change it.",
        "An absent time is within grace. A time that changed since the plan is `changed-since-plan`.",
        check!(push_time),
    ),
];

async fn missing_child(target: Target) -> Finding {
    let child = manifest::image(&target.own("missing"));
    let index = manifest::index(&target.own("index"), &[&child]);
    let answer = target.try_put(&index, None).await?;
    judge(answer.refused("ReferencedImagesNotFoundException"), answer)
}

async fn missing_layer(target: Target) -> Finding {
    let answer = target.try_put(&manifest::image(&target.own("image")), None).await?;
    judge(answer.refused("LayersNotFoundException"), answer)
}

async fn missing_subject(target: Target) -> Finding {
    let subject = manifest::image(&target.own("subject"));
    let attestation = manifest::artifact_attestation(&target.own("attestation"), &subject);
    target.upload(&attestation).await?;
    let answer = target.try_put(&attestation, None).await?;
    judge(answer.done(), answer)
}

async fn mismatch(target: Target) -> Finding {
    let mut image = manifest::image(&target.own("image"));
    target.upload(&image).await?;
    image.text.push('\n');
    let answer = target.try_put(&image, None).await?;
    judge(answer.refused("ImageDigestDoesNotMatchException"), answer)
}

async fn again(target: Target) -> Finding {
    let image = target.image("image").await?;
    let answer = target.try_put(&image, None).await?;
    judge(answer.refused("ImageAlreadyExistsException"), answer)
}

async fn push_time(target: Target) -> Finding {
    let image = target.image("image").await?;
    let before = target.detail(&image).await?.image_pushed_at;
    target.tick().await;
    target.try_put(&image, None).await?;
    let after = target.detail(&image).await?.image_pushed_at;
    judge(before.is_some() && before == after, format!("{before:?}, then {after:?}"))
}
