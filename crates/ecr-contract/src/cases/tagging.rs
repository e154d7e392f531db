use super::sources;
use crate::case::{Case, Finding, check, judge};
use crate::evidence::{Evidence, Source};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tag-moves",
        claim: "In a repository with mutable tags, PutImage with a tag of another image moves the tag without an \
            error.",
        evidence: Evidence::Documented(&[sources::TAG_MUTABILITY]),
        safeguard: "The holder of the wanted tag is looked up first, and a tag that another image holds is not \
            written.",
        check: check!(moves),
    },
    Case {
        id: "same-tag-again",
        claim: "`ImageAlreadyExistsException` means that the image has the tag.",
        evidence: Evidence::Confirmed(&[
            Source::output("buildkite-plugins/ecr-buildkite-plugin#111"),
            Source::output("CircleCI-Public/aws-ecr-orb#261"),
            Source::report_at(
                "one unresolved counter-report",
                "https://github.com/aws/aws-sdk-js-v3/issues/6642",
            ),
        ]),
        safeguard: "The tag counts as written; the next run looks again, and nothing is deleted because of it.",
        check: check!(same),
    },
    Case {
        id: "already-exists-names-the-tag",
        claim: "The message of an `ImageAlreadyExistsException` names the tag.",
        evidence: Evidence::Confirmed(&[
            Source::output("buildkite-plugins/ecr-buildkite-plugin#111"),
            Source::output("CircleCI-Public/aws-ecr-orb#261"),
        ]),
        safeguard: "Nothing is deleted because of a tag that counts as written.",
        check: check!(names_tag),
    },
    Case {
        id: "tagging-keeps-the-push-time",
        claim: "Writing a tag does not change the push time.",
        evidence: Evidence::Confirmed(&[
            Source::report("aws/containers-roadmap#214"),
            Source::report("aws/containers-roadmap#2746"),
        ]),
        safeguard: "A newer push time makes the image younger, and it is kept.",
        check: check!(push_time),
    },
    Case {
        id: "bad-tag-is-refused",
        claim: "PutImage with a tag outside the tag grammar is an `InvalidParameterException`.",
        evidence: Evidence::Documented(&[Source::api("PutImage")]),
        safeguard: "A template that could make such a tag is refused when the configuration is read.",
        check: check!(bad),
    },
];

async fn moves(target: Target) -> Finding {
    let tag = target.own("v1");
    let first = target.tagged("first", &[&tag]).await?;
    let second = target.image("second").await?;
    let answer = target.try_put(&second, Some(&tag)).await?;
    let (of_first, of_second) = (target.tags(&first).await?, target.tags(&second).await?);
    let seen = format!("{answer}; first: {of_first:?}, second: {of_second:?}");
    judge(answer.done() && of_first.is_empty() && of_second == [tag], seen)
}

async fn same(target: Target) -> Finding {
    let tag = target.own("v1");
    let image = target.tagged("image", &[&tag]).await?;
    let answer = target.try_put(&image, Some(&tag)).await?;
    let tags = target.tags(&image).await?;
    judge(answer.refused("ImageAlreadyExistsException") && tags == [tag], answer)
}

async fn names_tag(target: Target) -> Finding {
    let tag = target.own("v1");
    let image = target.tagged("image", &[&tag, &target.own("other")]).await?;
    let answer = target.try_put(&image, Some(&tag)).await?;
    judge(answer.refused("ImageAlreadyExistsException") && answer.names(&format!("'{tag}'")), answer)
}

async fn push_time(target: Target) -> Finding {
    let image = target.image("image").await?;
    let before = target.detail(&image).await?.image_pushed_at;
    target.tick().await;
    let answer = target.try_put(&image, Some(&target.own("late"))).await?;
    let after = target.detail(&image).await?.image_pushed_at;
    let holds = answer.done() && before.is_some() && before == after;
    judge(holds, format!("{answer}; {before:?}, then {after:?}"))
}

async fn bad(target: Target) -> Finding {
    let image = target.image("image").await?;
    let answer = target.try_put(&image, Some("not/a tag")).await?;
    judge(answer.refused("InvalidParameterException"), answer)
}
