use aws_sdk_ecr::types::{ImageStatus, TargetStorageClass};

use crate::case::{Case, Finding, check, judge};
use crate::request::by_digest;
use crate::target::Target;

const UNSUPPORTED: &str = "ImageStorageClassUpdateNotSupportedException";

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "archiving-is-immediate",
        "UpdateImageStorageClass to ARCHIVE makes an image ARCHIVED at once.",
        "The janitor never archives; what is not ACTIVE is kept.",
        check!(immediate),
    ),
    Case::documented(
        "archived-is-not-archived-again",
        "Archiving an archived image is an `ImageStorageClassUpdateNotSupportedException`.",
        "The janitor never archives.",
        check!(twice),
    ),
    Case::documented(
        "restoring-takes-time",
        "A restored image is ACTIVATING before it is ACTIVE.",
        "What is ACTIVATING is not active: keep.",
        check!(activating),
    ),
    Case::documented(
        "pushing-restores",
        "PutImage of an archived image restores it.",
        "What is not ACTIVE is not tagged, so that no tag restores it.",
        check!(push_restores),
    ),
    Case::documented(
        "archived-can-be-deleted",
        "BatchDeleteImage deletes an archived image.",
        "The janitor deletes no archived image.",
        check!(deletable),
    ),
    Case::unverified(
        "archived-index-guards",
        "BatchDeleteImage refuses a child of an **archived** index, as it does of any other.",
        "An untagged archived index keeps everything under it (`not-active`); an index whose bytes cannot be had makes \
         its repository hands-off.",
        check!(index_guards),
    ),
    Case::unverified(
        "archived-is-unreadable",
        "BatchGetImage does not give the manifest of an archived image.",
        "If it does, the index is a parent like any other. If it does not, the repository is hands-off.",
        check!(unreadable),
    ),
    Case::unverified(
        "child-of-live-index-is-not-archived",
        "What an index lists that is not archived cannot be archived.",
        "An archived attestation is kept, whoever lists it.",
        check!(child_of_live_index),
    ),
];

async fn immediate(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let status = target.detail(&image).await?.image_status;
    judge(status == Some(ImageStatus::Archived), format!("{status:?}"))
}

async fn twice(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let answer = target.store(&image, TargetStorageClass::Archive).await?;
    judge(answer.refused(UNSUPPORTED), answer)
}

async fn activating(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let answer = target.store(&image, TargetStorageClass::Standard).await?;
    let status = target.detail(&image).await?.image_status;
    judge(status == Some(ImageStatus::Activating), format!("{answer}; {status:?}"))
}

async fn push_restores(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let answer = target.try_put(&image, None).await?;
    let status = target.detail(&image).await?.image_status;
    let restored = matches!(status, Some(ImageStatus::Active | ImageStatus::Activating));
    judge(answer.done() && restored, format!("{answer}; {status:?}"))
}

async fn deletable(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let answer = target.delete_one(&image).await?;
    judge(answer.done(), answer)
}

async fn index_guards(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    target.archive(&built.index).await?;
    let answer = target.delete_one(&built.attestation).await?;
    judge(answer.refused("ImageReferencedByManifestList"), answer)
}

async fn unreadable(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    target.archive(&built.index).await?;
    let got = target.get(vec![by_digest(&built.index.digest)]).await?;
    judge(got.images.is_empty(), got.about(&built.index.digest))
}

async fn child_of_live_index(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let answer = target.store(&built.attestation, TargetStorageClass::Archive).await?;
    judge(answer.refused(UNSUPPORTED), answer)
}
