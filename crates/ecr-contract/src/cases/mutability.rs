use aws_sdk_ecr::types::{
    ImageTagMutability as Mutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType,
};

use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge};
use crate::error::CaseError;
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "immutable-tag-stays",
        "In an immutable repository, PutImage with a tag of another image is an `ImageTagAlreadyExistsException`.",
        "A tag that another image holds is not written anyway.",
        check!(stays),
    ),
    Case::documented(
        "immutable-takes-new-tags",
        "In an immutable repository, an image that is there can be given a new tag.",
        "The tag is not written, and reported as `failed`.",
        check!(new_tag),
    ),
    Case::documented(
        "immutable-with-exclusion",
        "In a repository that is IMMUTABLE_WITH_EXCLUSION, tags that a filter names can be moved, and others not.",
        "A tag that another image holds is not written anyway.",
        check!(immutable_but),
    ),
    Case::documented(
        "mutable-with-exclusion",
        "In a repository that is MUTABLE_WITH_EXCLUSION, tags that a filter names cannot be moved, and others can.",
        "A tag that another image holds is not written anyway.",
        check!(mutable_but),
    ),
    Case::unverified(
        "filter-with-two-wildcards",
        "An exclusion filter may have two wildcards.",
        "The janitor reads no such filter; ECR refuses the tag or takes it.",
        check!(two_wildcards),
    ),
    Case::unverified(
        "immutable-tag-can-be-deleted",
        "In an immutable repository a tag can be deleted.",
        "The janitor deletes no tags. A tag that it wrote there stays until the user deletes the image.",
        check!(deletable),
    ),
];

async fn stays(target: Target) -> Finding {
    let answer = try_move(&target, Mutability::Immutable, None, "v1").await?;
    judge(answer.refused("ImageTagAlreadyExistsException"), answer)
}

async fn new_tag(target: Target) -> Finding {
    let image = target.tagged("image", &[&target.own("old")]).await?;
    let new = target.own("new");
    let answer = under(&target, Mutability::Immutable, None, target.try_put(&image, Some(&new))).await?;
    judge(answer.done(), answer)
}

async fn immutable_but(target: Target) -> Finding {
    let filter = target.own("dev*");
    let named = try_move(&target, Mutability::ImmutableWithExclusion, Some(&filter), "dev-1").await?;
    let other = try_move(&target, Mutability::ImmutableWithExclusion, Some(&filter), "v1").await?;
    let holds = named.done() && other.refused("ImageTagAlreadyExistsException");
    judge(holds, format!("named: {named}; other: {other}"))
}

async fn mutable_but(target: Target) -> Finding {
    let filter = target.own("v*");
    let named = try_move(&target, Mutability::MutableWithExclusion, Some(&filter), "v1").await?;
    let other = try_move(&target, Mutability::MutableWithExclusion, Some(&filter), "dev-1").await?;
    let holds = other.done() && named.refused("ImageTagAlreadyExistsException");
    judge(holds, format!("named: {named}; other: {other}"))
}

async fn two_wildcards(target: Target) -> Finding {
    let filter = format!("{}*x", target.own("*-"));
    let answer = set(&target, Mutability::ImmutableWithExclusion, Some(&filter)).await;
    target.make_mutable().await?;
    let answer = answer?;
    judge(answer.done(), answer)
}

async fn deletable(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let image = target.tagged("image", &[&one, &two]).await?;
    let answer = under(&target, Mutability::Immutable, None, target.delete_tag(&one)).await?;
    let tags = target.tags(&image).await?;
    judge(answer.done() && tags == [two], answer)
}

/// Pushes another image under a tag that is taken.
async fn try_move(
    target: &Target,
    mutability: Mutability,
    filter: Option<&str>,
    tag: &str,
) -> Result<Answer, CaseError> {
    let name = target.own(tag);
    target.tagged(&format!("first-{tag}"), &[&name]).await?;
    let second = target.image(&format!("second-{tag}")).await?;
    under(target, mutability, filter, target.try_put(&second, Some(&name))).await
}

/// Does something while the repository is set so. Afterwards it is as it was, whatever came of it.
async fn under(
    target: &Target,
    mutability: Mutability,
    filter: Option<&str>,
    act: impl Future<Output = Result<Answer, CaseError>>,
) -> Result<Answer, CaseError> {
    let set = set(target, mutability, filter).await;
    let answer = match set {
        Ok(set) if set.done() => act.await,
        Ok(refused) => Err(CaseError(refused.to_string())),
        Err(error) => Err(error),
    };
    target.make_mutable().await?;
    answer
}

async fn set(target: &Target, mutability: Mutability, filter: Option<&str>) -> Result<Answer, CaseError> {
    let call = target.client.put_image_tag_mutability().repository_name(&target.repository);
    let mut call = call.image_tag_mutability(mutability);
    if let Some(filter) = filter {
        let filter = ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter(filter)
            .build()?;
        call = call.image_tag_mutability_exclusion_filters(filter);
    }
    Answer::to_call(call.send().await)
}
