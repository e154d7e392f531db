use std::time::Instant;

use aws_sdk_ecr::types::{ImageStatus, TargetStorageClass};

use super::sources;
use crate::case::{Case, Finding, check, judge, not_testable};
use crate::evidence::{Evidence, Source};
use crate::request::by_digest;
use crate::target::Target;

const UNSUPPORTED: &str = "ImageStorageClassUpdateNotSupportedException";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "archiving-is-immediate",
        claim: "UpdateImageStorageClass to ARCHIVE makes an image ARCHIVED at once.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_LAB, sources::ARCHIVE_DEMO]),
        safeguard: "The janitor never archives, and keeps every image that is not ACTIVE.",
        check: check!(immediate),
    },
    Case {
        id: "archived-is-not-archived-again",
        claim: "Archiving an archived image is an `ImageStorageClassUpdateNotSupportedException`.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_LAB, Source::api("UpdateImageStorageClass")]),
        safeguard: "The janitor never archives.",
        check: check!(twice),
    },
    Case {
        id: "restoring-takes-time",
        claim: "A restored image is ACTIVATING before it is ACTIVE.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_LAB, sources::RESTORING]),
        safeguard: "An image that is ACTIVATING is not active and is kept.",
        check: check!(activating),
    },
    Case {
        id: "restored-is-young",
        claim: "A restored image has a `lastActivatedAt` that is later than its push.",
        evidence: Evidence::Documented(&[
            Source::api("ImageDetail"),
            Source::guide("the archive storage class", "archive_restore_image"),
        ]),
        safeguard: "The age of an image counts from the later of the two times; without a `lastActivatedAt` a \
            restored image would be as old as its push.",
        check: check!(restored),
    },
    Case {
        id: "pushing-restores",
        claim: "PutImage of an archived image restores it.",
        evidence: Evidence::Documented(&[sources::ARCHIVING, sources::RESTORING]),
        safeguard: "An image that is not ACTIVE is not tagged, so that no tag restores it.",
        check: check!(push_restores),
    },
    Case {
        id: "archived-can-be-deleted",
        claim: "BatchDeleteImage deletes an archived image.",
        evidence: Evidence::Documented(&[sources::ARCHIVING]),
        safeguard: "The janitor deletes no archived image.",
        check: check!(deletable),
    },
    Case {
        id: "archived-index-guards",
        claim: "BatchDeleteImage refuses a child of an **archived** index, as it does for any other index.",
        evidence: Evidence::Open {
            if_wrong: "ECR would not stop the deletion of a child of an archived index: the index would be broken \
                once it is restored. AWS documents the opposite for lifecycle policies, which may expire the \
                children of an archived index.",
        },
        safeguard: "The janitor does not rely on the refusal: everything below an archived index is kept \
            (`not-active`), and so is everything that an index with unreadable bytes could list.",
        check: check!(index_guards),
    },
    Case {
        id: "archived-is-unreadable",
        claim: "An archived image cannot be pulled: BatchGetImage does not return its manifest. The failure code is \
            not known.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_DEMO, sources::ARCHIVING]),
        safeguard: "Readable or not, an archived index is a parent: what it lists, or could list, is kept.",
        check: check!(unreadable),
    },
    Case {
        id: "child-of-live-index-is-not-archived",
        claim: "A child of an index that is not archived cannot be archived.",
        evidence: Evidence::Supported {
            by: &[sources::LIFECYCLE_POLICIES],
            if_wrong: "An attestation of a live index could be archived. It would be kept like every image that is \
                not active.",
        },
        safeguard: "An archived attestation is kept, whichever index lists it.",
        check: check!(child_of_live_index),
    },
    Case {
        id: "subject-of-an-archived-image-is-shown",
        claim: "`subjectManifestDigest` is shown for archived images, too.",
        evidence: Evidence::Open {
            if_wrong: "An archived signature would not be noticed: its bytes cannot be read, so that only the \
                listing shows its subject. The image that it signs could be deleted.",
        },
        safeguard: "The image would be an attestation that no index lists, or one that the policy for superseded \
            builds takes; cosign's tagged signatures are noticed by their tags, archived or not.",
        check: check!(archived_subject),
    },
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

async fn restored(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    target.tick().await;
    target.store(&image, TargetStorageClass::Standard).await?;
    let started = Instant::now();
    loop {
        let detail = target.detail(&image).await?;
        if detail.image_status == Some(ImageStatus::Active) {
            let (pushed, activated) = (detail.image_pushed_at, detail.last_activated_at);
            return judge(activated > pushed, format!("pushed {pushed:?}, activated {activated:?}"));
        }
        if !target.wait_further(started).await {
            return not_testable("it is still being restored; ECR takes up to 20 minutes (--wait)");
        }
    }
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

async fn archived_subject(target: Target) -> Finding {
    let image = target.image("image").await?;
    let referrer = target.referrer("attestation", &image).await?;
    target.archive(&referrer).await?;
    let detail = target.detail(&referrer).await?;
    let subject = detail.subject_manifest_digest;
    let archived = detail.image_status == Some(ImageStatus::Archived);
    judge(archived && subject.as_deref() == Some(&image.digest), format!("archived: {archived}; {subject:?}"))
}

async fn child_of_live_index(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let answer = target.store(&built.attestation, TargetStorageClass::Archive).await?;
    judge(answer.refused(UNSUPPORTED), answer)
}
