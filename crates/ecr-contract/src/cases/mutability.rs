use aws_sdk_ecr::types::{
    ImageTagMutability as Mutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType,
};

use super::sources;
use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge};
use crate::error::CaseError;
use crate::evidence::{Evidence, Source};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "immutable-tag-stays",
        claim: "In an immutable repository, PutImage with a tag of another image is an \
            `ImageTagAlreadyExistsException`.",
        evidence: Evidence::Documented(&[sources::TAG_MUTABILITY, Source::api("PutImage")]),
        safeguard: "A tag that another image holds is not written anyway.",
        check: check!(stays),
    },
    Case {
        id: "immutable-takes-new-tags",
        claim: "In an immutable repository an existing image can be given a new tag.",
        evidence: Evidence::Documented(&[sources::TAG_MUTABILITY]),
        safeguard: "If not, the tag is not written and the image is reported as `failed`.",
        check: check!(new_tag),
    },
    Case {
        id: "immutable-with-exclusion",
        claim: "In a repository that is IMMUTABLE_WITH_EXCLUSION, tags that match a filter can be moved, and others \
            cannot.",
        evidence: Evidence::Documented(&[sources::TAG_MUTABILITY]),
        safeguard: "A tag that another image holds is not written anyway.",
        check: check!(immutable_but),
    },
    Case {
        id: "mutable-with-exclusion",
        claim: "In a repository that is MUTABLE_WITH_EXCLUSION, tags that match a filter cannot be moved, and others \
            can.",
        evidence: Evidence::Documented(&[sources::TAG_MUTABILITY]),
        safeguard: "A tag that another image holds is not written anyway.",
        check: check!(mutable_but),
    },
    Case {
        id: "filter-with-two-wildcards",
        claim: "An exclusion filter may have two wildcards.",
        evidence: Evidence::Confirmed(&[Source::tests_text(
            "acceptance tests of \
            [hashicorp/terraform-provider-aws](https://github.com/hashicorp/terraform-provider-aws)",
        )]),
        safeguard: "The janitor does not read the filters; ECR accepts or refuses the tag.",
        check: check!(two_wildcards),
    },
    Case {
        id: "immutable-tag-can-be-deleted",
        claim: "In an immutable repository a tag can be deleted.",
        evidence: Evidence::Supported {
            by: &[Source::report("aws/containers-roadmap#878")],
            if_wrong: "A tag that the janitor wrote there stays until its image is deleted.",
        },
        safeguard: "The janitor deletes no tags.",
        check: check!(deletable),
    },
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
