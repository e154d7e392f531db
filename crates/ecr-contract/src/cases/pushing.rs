use aws_sdk_ecr::types::LayerAvailability;

use crate::case::{Case, Finding, check, judge};
use crate::evidence::{Evidence, Source};
use crate::manifest;
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "children-must-exist-before-their-index",
        claim: "PutImage of an index is a `ReferencedImagesNotFoundException` unless all of its children are there.",
        evidence: Evidence::Documented(&[Source::api("PutImage")]),
        safeguard: "The grace period is a margin: an index that cannot be read is taken to list also what was pushed \
            up to a grace period after it.",
        check: check!(missing_child),
    },
    Case {
        id: "manifest-needs-its-layers",
        claim: "PutImage of a manifest whose blobs are not there is a `LayersNotFoundException`.",
        evidence: Evidence::Documented(&[Source::api("PutImage")]),
        safeguard: "The janitor pushes only manifests that it has just read or whose blobs it has just uploaded.",
        check: check!(missing_layer),
    },
    Case {
        id: "layers-outlive-their-manifest",
        claim: "Right after an image is deleted its blobs are still available in the repository.",
        evidence: Evidence::Open { if_wrong: "Restoring an image costs an upload of its blobs." },
        safeguard: "Before a restore each blob is checked, and those that are missing are uploaded from the backup.",
        check: check!(layers_stay),
    },
    Case {
        id: "subject-may-come-later",
        claim: "A manifest can be pushed before its `subject`.",
        evidence: Evidence::Confirmed(&[
            Source::report("moby/buildkit#7015"),
            Source::report("onyx-dot-app/onyx#13996"),
        ]),
        safeguard: "An attestation whose subject is absent is judged by its indexes and its age; the grace period \
            covers a push under way.",
        check: check!(missing_subject),
    },
    Case {
        id: "digest-must-match",
        claim: "PutImage with a digest that is not that of the bytes is an `ImageDigestDoesNotMatchException`.",
        evidence: Evidence::Documented(&[Source::api("PutImage")]),
        safeguard: "The digest is always sent, and the bytes were checked against it before.",
        check: check!(mismatch),
    },
    Case {
        id: "pushing-again-without-a-tag",
        claim: "PutImage of an image that is already there, without a tag, is an `ImageAlreadyExistsException`.",
        evidence: Evidence::Open {
            if_wrong: "Restoring an image that is still there might report an error or a success that is none.",
        },
        safeguard: "An image that is already there is left as it is, whatever the answer: a push never changes bytes \
            or removes tags.",
        check: check!(again),
    },
    Case {
        id: "push-time-is-the-first",
        claim: "`imagePushedAt` is the time at which the manifest was first stored; pushing it again does not change \
            it.",
        evidence: Evidence::Supported {
            by: &[
                Source::report("aws/containers-roadmap#214"),
                Source::report("aws/containers-roadmap#2746"),
            ],
            if_wrong: "An image that is pushed again would look young and be kept longer.",
        },
        safeguard: "An absent push time counts as within the grace period, and a push time that changed since the \
            plan is `changed-since-plan`.",
        check: check!(push_time),
    },
];

async fn missing_child(target: Target) -> Finding {
    let (present, missing) = (target.image("present").await?, manifest::image(&target.own("missing")));
    let index = manifest::index(&target.own("index"), &[&present, &missing]);
    let answer = target.try_put(&index, None).await?;
    judge(answer.refused("ReferencedImagesNotFoundException"), answer)
}

async fn missing_layer(target: Target) -> Finding {
    let answer = target.try_put(&manifest::image(&target.own("image")), None).await?;
    judge(answer.refused("LayersNotFoundException"), answer)
}

async fn layers_stay(target: Target) -> Finding {
    let image = target.image("image").await?;
    let config = image.blobs[0].digest();
    let before = target.availability(&config).await?;
    target.delete_one(&image).await?;
    let gone = target.is_gone(&image).await?;
    let after = target.availability(&config).await?;
    let available = Some(LayerAvailability::Available);
    judge(gone && before == available && after == available, format!("before: {before:?}, after: {after:?}"))
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
