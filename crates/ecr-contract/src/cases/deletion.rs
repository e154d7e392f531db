use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge};
use crate::manifest;
use crate::request::{by_digest, by_tag};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "digest-takes-all-tags",
        "Deleting by digest deletes the image with all of its tags.",
        "What has a tag of a user is not deleted; tags are looked at again right before.",
        check!(all_tags),
    ),
    Case::unverified(
        "deletion-reports-each-tag",
        "Deleting an image with several tags by its digest is answered with one entry for each tag.",
        "Deletions are counted by digest, not by entry.",
        check!(each_tag),
    ),
    Case::documented(
        "tag-takes-only-the-tag",
        "Deleting by one of several tags removes only that tag.",
        "The janitor never deletes by tag.",
        check!(one_tag),
    ),
    Case::documented(
        "last-tag-takes-the-image",
        "Deleting by the last tag deletes the image.",
        "The janitor never deletes by tag.",
        check!(last_tag),
    ),
    Case::documented(
        "unknown-id-fails-alone",
        "An unknown digest is a failure `ImageNotFound` of its own, and the rest of the call is done.",
        "`ImageNotFound` is `already-gone`; a call that fails as a whole makes its images `failed`.",
        check!(alone),
    ),
    Case::documented(
        "101-ids-are-refused",
        "BatchDeleteImage takes at most 100 ids: 101 are an `InvalidParameterException`.",
        "At most 100 are sent.",
        check!(too_many),
    ),
    Case::unverified(
        "pushed-again-is-new",
        "What was deleted and is pushed again has a new push time.",
        "With its old push time it would be past its grace at once: it could be deleted between its push and that of \
         its index, which then fails loudly.",
        check!(new_push_time),
    ),
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
