use crate::answer::Answer;
use crate::case::{Case, Finding, Verdict, check, judge};
use crate::error::CaseError;
use crate::manifest::{self, Manifest};
use crate::request::by_digest;
use crate::target::Target;

const REFERENCED: &str = "ImageReferencedByManifestList";

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "child-of-tagged-index-is-refused",
        "BatchDeleteImage refuses what a tagged index lists, with `ImageReferencedByManifestList`.",
        "What a tagged index lists is `attached` and never deleted; the guard is a second net.",
        check!(of_tagged_index),
    ),
    Case::documented(
        "refusal-names-the-parent",
        "The refusal's text ends with the digests of the parents in brackets.",
        "The parents are only reported; without them the outcome is the same.",
        check!(names_parent),
    ),
    Case::documented(
        "untagged-index-guards",
        "An untagged index guards what it lists as a tagged one does.",
        "What an untagged index lists is deleted only after that index, and only if the policy says so.",
        check!(of_untagged_index),
    ),
    Case::documented(
        "nested-index-guards",
        "An index that an index lists cannot be deleted before it, nor can what the inner one lists.",
        "Indexes are deleted outermost first, each level in a call of its own.",
        check!(of_nested_index),
    ),
    Case::documented(
        "sole-tag-of-child-is-refused",
        "Deleting the only tag of what an index lists is refused: it would delete the image.",
        "The janitor deletes by digest only, and never what bears a user's tag.",
        check!(by_sole_tag),
    ),
    Case::documented(
        "deleting-an-index-leaves-its-children",
        "An index can be deleted at once, and what it lists stays.",
        "What is already gone is `already-gone`, and no failure.",
        check!(leaves_children),
    ),
    Case::unverified(
        "child-after-its-index",
        "Right after an index is deleted its children can be deleted.",
        "They answer `ImageReferencedByManifestList`, are reported as `protected-by-ecr`, and the next run finds them \
         as orphans.",
        check!(child_after_index),
    ),
    Case::unverified(
        "index-before-child-in-one-call",
        "In one BatchDeleteImage call an index goes and its children are refused.",
        "They are never sent in one call.",
        check!(index_first),
    ),
    Case::unverified(
        "child-before-index-in-one-call",
        "It is the same when the children stand before the index.",
        "They are never sent in one call.",
        check!(child_first),
    ),
    Case::unverified(
        "index-push-against-child-deletion",
        "When an index is pushed while a child of it is deleted, one of the two is refused.",
        "Only what is past the grace period and in no index is deleted, so that only a push that takes up an old orphan \
         again could meet it. Running its build again heals it.",
        check!(race),
    ),
];

async fn of_tagged_index(target: Target) -> Finding {
    let built = target.built("v1", Some(&target.own("v1"))).await?;
    let attestation = target.delete_one(&built.attestation).await?;
    let image = target.delete_one(&built.image).await?;
    judge(attestation.refused(REFERENCED) && image.refused(REFERENCED), attestation)
}

async fn names_parent(target: Target) -> Finding {
    let child = target.image("child").await?;
    let one = target.index("one", &[&child], None).await?;
    let two = target.index("two", &[&child], None).await?;
    let answer = target.delete_one(&child).await?;
    let holds = answer.names("Requested image referenced by manifest list: [");
    judge(holds && answer.names(&one.digest) && answer.names(&two.digest), answer)
}

async fn of_untagged_index(target: Target) -> Finding {
    let built = target.built("untagged", None).await?;
    let answer = target.delete_one(&built.attestation).await?;
    judge(answer.refused(REFERENCED), answer)
}

async fn of_nested_index(target: Target) -> Finding {
    let child = target.image("child").await?;
    let inner = target.index("inner", &[&child], None).await?;
    let outer = target.index("outer", &[&inner], None).await?;
    let answer = [target.delete_one(&inner).await?, target.delete_one(&child).await?];
    target.delete_one(&outer).await?;
    let after = target.delete_one(&inner).await?;
    let holds = answer.iter().all(|answer| answer.refused(REFERENCED)) && after.done();
    judge(holds, format!("inner: {}; its child: {}; inner after outer: {after}", answer[0], answer[1]))
}

async fn by_sole_tag(target: Target) -> Finding {
    let tag = target.own("only");
    let child = target.tagged("child", &[&tag]).await?;
    target.index("index", &[&child], None).await?;
    let answer = target.delete_tag(&tag).await?;
    let tags = target.tags(&child).await?;
    judge(answer.refused(REFERENCED) && tags == [tag], answer)
}

async fn leaves_children(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let answer = target.delete_one(&built.index).await?;
    let left = target.is_there(&built.image).await? && target.is_there(&built.attestation).await?;
    judge(answer.done() && left, format!("index: {answer}; children are there: {left}"))
}

async fn child_after_index(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    target.delete_one(&built.index).await?;
    let answer = target.delete_one(&built.attestation).await?;
    judge(answer.done(), answer)
}

async fn index_first(target: Target) -> Finding {
    let (index, child) = family(&target).await?;
    let (of_index, of_child) = together(&target, &index, &child, [&index, &child]).await?;
    judge(of_index.done() && of_child.refused(REFERENCED), format!("index: {of_index}; child: {of_child}"))
}

async fn child_first(target: Target) -> Finding {
    let (index, child) = family(&target).await?;
    let (of_index, of_child) = together(&target, &index, &child, [&child, &index]).await?;
    judge(of_index.done() && of_child.refused(REFERENCED), format!("index: {of_index}; child: {of_child}"))
}

async fn family(target: &Target) -> Result<(Manifest, Manifest), CaseError> {
    let child = target.image("child").await?;
    Ok((target.index("index", &[&child], None).await?, child))
}

/// Deletes both in this order in one call.
async fn together(
    target: &Target,
    index: &Manifest,
    child: &Manifest,
    order: [&Manifest; 2],
) -> Result<(Answer, Answer), CaseError> {
    let ids = order.iter().map(|manifest| by_digest(&manifest.digest)).collect();
    let deleted = target.delete(ids).await?;
    Ok((deleted.about(&index.digest), deleted.about(&child.digest)))
}

/// Some rounds of both at once. That none was lost proves little, so it is never confirmed.
async fn race(target: Target) -> Finding {
    let mut pushed = 0;
    for round in 0..5 {
        let child = target.image(&format!("child-{round}")).await?;
        let index = manifest::index(&target.own(&format!("index-{round}")), &[&child]);
        let (put, deleted) = tokio::join!(target.try_put(&index, None), target.delete_one(&child));
        let (put, deleted) = (put?, deleted?);
        if put.done() && deleted.done() {
            return Ok(Verdict::Refuted(format!("in round {round} both went through")));
        }
        pushed += usize::from(put.done());
    }
    let seen = format!("in 5 rounds never both went through, the push in {pushed}; that proves nothing");
    Ok(Verdict::NotTestable(seen))
}
