use crate::case::{Case, Finding, check, judge};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "tag-moves",
        "In a repository with mutable tags, PutImage with a tag of another image moves the tag without a word.",
        "Who holds the wanted tag is asked first, and a tag that another image holds is not written.",
        check!(moves),
    ),
    Case::unverified(
        "same-tag-again",
        "`ImageAlreadyExistsException` means that the image has the tag.",
        "The tag counts as written; the next run looks again, and nothing is deleted for it.",
        check!(same),
    ),
    Case::unverified(
        "tagging-keeps-the-push-time",
        "Writing a tag does not change the push time.",
        "A changed push time is within grace.",
        check!(push_time),
    ),
    Case::documented(
        "bad-tag-is-refused",
        "PutImage with a tag outside the tag grammar is an `InvalidParameterException`.",
        "A template that could make such a tag is refused when the configuration is read.",
        check!(bad),
    ),
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
