use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge};
use crate::evidence::{Evidence, Source};
use crate::manifest;
use crate::request::{by_both, by_digest, by_tag};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "digest-takes-all-tags",
        claim: "Deleting by digest deletes the image with all of its tags.",
        evidence: Evidence::Documented(&[Source::api("BatchDeleteImage")]),
        safeguard: "An image with a user's tag is not deleted, and tags are read again right before each deletion.",
        check: check!(all_tags),
    },
    Case {
        id: "deletion-reports-each-tag",
        claim: "Deleting an image with several tags by its digest returns one entry per tag.",
        evidence: Evidence::Confirmed(&[
            Source::docs(
                "`aws ecr batch-delete-image`",
                "https://docs.aws.amazon.com/cli/latest/reference/ecr/batch-delete-image.html",
            ),
            Source::localstack("test_delete_images"),
        ]),
        safeguard: "Deletions are counted by digest, not by entry.",
        check: check!(each_tag),
    },
    Case {
        id: "tag-takes-only-the-tag",
        claim: "Deleting by one of several tags removes only that tag.",
        evidence: Evidence::Documented(&[Source::api("BatchDeleteImage")]),
        safeguard: "The janitor never deletes by tag.",
        check: check!(one_tag),
    },
    Case {
        id: "last-tag-takes-the-image",
        claim: "Deleting by the last tag deletes the image.",
        evidence: Evidence::Documented(&[Source::api("BatchDeleteImage")]),
        safeguard: "The janitor never deletes by tag.",
        check: check!(last_tag),
    },
    Case {
        id: "digest-and-tag-deletes-only-the-tag",
        claim: "Deleting by a digest together with one of several tags removes only that tag.",
        evidence: Evidence::Supported {
            by: &[Source::localstack("test_batch_delete_images_tag_and_digest")],
            if_wrong: "Nothing.",
        },
        safeguard: "The janitor deletes by digest alone and never sends a tag with it.",
        check: check!(digest_and_tag),
    },
    Case {
        id: "tag-must-match-digest-to-delete",
        claim: "Deleting by a digest and the tag of another image is a failure `ImageTagDoesNotMatchDigest`, by a \
            digest and an unknown tag a failure `ImageNotFound`, and nothing is deleted.",
        evidence: Evidence::Supported {
            by: &[Source::localstack("test_batch_delete_images_tag_and_digest")],
            if_wrong: "Nothing.",
        },
        safeguard: "The janitor deletes by digest alone and never sends a tag with it.",
        check: check!(mismatched_tag),
    },
    Case {
        id: "unknown-id-fails-alone",
        claim: "An unknown digest is reported as a failure `ImageNotFound`, and the rest of the call is carried out.",
        evidence: Evidence::Documented(&[Source::api("BatchDeleteImage"), Source::api("ImageFailure")]),
        safeguard: "`ImageNotFound` is `already-gone`; a call that fails as a whole makes its images `failed`.",
        check: check!(alone),
    },
    Case {
        id: "101-ids-are-refused",
        claim: "BatchDeleteImage takes at most 100 ids; 101 are an `InvalidParameterException`.",
        evidence: Evidence::Documented(&[Source::api("BatchDeleteImage")]),
        safeguard: "At most 100 are sent.",
        check: check!(too_many),
    },
    Case {
        id: "pushed-again-is-new",
        claim: "An image that is deleted and pushed again has a new push time.",
        evidence: Evidence::Open {
            if_wrong: "With its old push time it would be past its grace period at once, and could be deleted \
                between its push and that of its index. That push then fails with an error.",
        },
        safeguard: "The re-check right before each deletion compares the push time with the plan, and running the \
            build again pushes the image again.",
        check: check!(new_push_time),
    },
];

async fn all_tags(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let image = target.tagged("image", &[&one, &two]).await?;
    target.delete_one(&image).await?;
    let got = target.get(vec![by_tag(&one), by_tag(&two)]).await?;
    let gone = target.is_gone(&image).await?;
    judge(gone && got.images.is_empty(), format!("the image is gone: {gone}; by tag: {}", got.about(&one)))
}

async fn each_tag(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let image = target.tagged("image", &[&one, &two]).await?;
    let deleted = target.delete(vec![by_digest(&image.digest)]).await?;
    let mut tags: Vec<&str> = deleted.ids.iter().filter_map(|id| id.image_tag()).collect();
    tags.sort_unstable();
    let seen = format!("{} entries with {} tags", deleted.ids.len(), tags.len());
    judge(tags == [one.as_str(), two.as_str()], seen)
}

async fn one_tag(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let image = target.tagged("image", &[&one, &two]).await?;
    let answer = target.delete_tag(&one).await?;
    let left = target.tags(&image).await?;
    judge(answer.done() && left == [two], format!("{answer}; left: {}", left.join(", ")))
}

async fn last_tag(target: Target) -> Finding {
    let tag = target.own("only");
    let image = target.tagged("image", &[&tag]).await?;
    let answer = target.delete_tag(&tag).await?;
    let gone = target.is_gone(&image).await?;
    judge(answer.done() && gone, format!("{answer}; the image is gone: {gone}"))
}

async fn digest_and_tag(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let image = target.tagged("image", &[&one, &two]).await?;
    let answer = target.delete(vec![by_both(&image.digest, &one)]).await?.about(&image.digest);
    let left = target.tags(&image).await?;
    judge(answer.done() && left == [two], format!("{answer}; left: {}", left.join(", ")))
}

async fn mismatched_tag(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let (image, other) = (target.tagged("image", &[&one]).await?, target.tagged("other", &[&two]).await?);
    let of_other = target.delete(vec![by_both(&image.digest, &two)]).await?.about(&image.digest);
    let unknown =
        target.delete(vec![by_both(&image.digest, &target.own("three"))]).await?.about(&image.digest);
    let left = target.tags(&image).await? == [one] && target.tags(&other).await? == [two];
    let refused = of_other.refused("ImageTagDoesNotMatchDigest") && unknown.refused("ImageNotFound");
    judge(
        refused && left,
        format!("tag of another: {of_other}; unknown tag: {unknown}; tags are left: {left}"),
    )
}

async fn alone(target: Target) -> Finding {
    let image = target.image("image").await?;
    let unknown = manifest::digest(target.own("unknown").as_bytes());
    let deleted = target.delete(vec![by_digest(&unknown), by_digest(&image.digest)]).await?;
    let (of_unknown, of_image) = (deleted.about(&unknown), deleted.about(&image.digest));
    let holds = of_unknown.refused("ImageNotFound") && of_image.done();
    judge(holds, format!("unknown: {of_unknown}; known: {of_image}"))
}

async fn too_many(target: Target) -> Finding {
    let digest = |n: i32| manifest::digest(target.own(&n.to_string()).as_bytes());
    let ids = (0..101).map(|n| by_digest(&digest(n))).collect();
    let call = target.client.batch_delete_image().repository_name(&target.repository);
    let answer = Answer::to_call(call.set_image_ids(Some(ids)).send().await)?;
    judge(answer.refused("InvalidParameterException"), answer)
}

async fn new_push_time(target: Target) -> Finding {
    let image = target.image("image").await?;
    let before = target.detail(&image).await?.image_pushed_at;
    target.delete_one(&image).await?;
    target.tick().await;
    target.put(&image, None).await?;
    let after = target.detail(&image).await?.image_pushed_at;
    judge(before.is_some() && after > before, format!("{before:?}, then {after:?}"))
}
