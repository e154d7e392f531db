use super::sources;
use crate::answer::Answer;
use crate::case::{Case, Finding, Verdict, check, judge};
use crate::error::CaseError;
use crate::evidence::{Evidence, Source};
use crate::manifest::{self, Manifest};
use crate::request::by_digest;
use crate::target::Target;

const REFERENCED: &str = "ImageReferencedByManifestList";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "child-of-tagged-index-is-refused",
        claim: "BatchDeleteImage refuses a child of a tagged index with `ImageReferencedByManifestList`.",
        evidence: Evidence::Confirmed(&[
            sources::OPEN_SUPPLY_HUB,
            sources::DELETING_ARTIFACTS,
            sources::AWS_CDK,
        ]),
        safeguard: "A child of a tagged index is `attached` and never deleted; ECR's refusal is a second line of \
            defence.",
        check: check!(of_tagged_index),
    },
    Case {
        id: "refusal-names-the-parent",
        claim: "The text of the refusal ends with the digests of the parents in brackets.",
        evidence: Evidence::Documented(&[sources::DELETING_ARTIFACTS]),
        safeguard: "The parents are only reported; without them the outcome is the same.",
        check: check!(names_parent),
    },
    Case {
        id: "untagged-index-guards",
        claim: "An untagged index protects its children as a tagged one does.",
        evidence: Evidence::Documented(&[sources::LIFECYCLE_POLICIES]),
        safeguard: "A child of an untagged index is deleted only after that index, and only if the policy says so.",
        check: check!(of_untagged_index),
    },
    Case {
        id: "nested-index-guards",
        claim: "An index listed by another index cannot be deleted before it, nor can the children of the inner one.",
        evidence: Evidence::Documented(&[
            sources::LIFECYCLE_POLICIES,
            Source::tests("opensupplyhub/open-supply-hub#1243"),
        ]),
        safeguard: "Indexes are deleted outermost first, each level in a call of its own.",
        check: check!(of_nested_index),
    },
    Case {
        id: "sole-tag-of-child-is-refused",
        claim: "Deleting the only tag of a child of an index is refused, because it would delete the image.",
        evidence: Evidence::Confirmed(&[Source::report("aws/containers-roadmap#1567")]),
        safeguard: "The janitor deletes by digest only, and never an image with a user's tag.",
        check: check!(by_sole_tag),
    },
    Case {
        id: "deleting-an-index-leaves-its-children",
        claim: "An index can be deleted at any time, and its children stay.",
        evidence: Evidence::Confirmed(&[sources::OPEN_SUPPLY_HUB, sources::AWS_CDK]),
        safeguard: "A child that is already gone is `already-gone`, which is no failure.",
        check: check!(leaves_children),
    },
    Case {
        id: "child-after-its-index",
        claim: "Right after an index is deleted, its children can be deleted.",
        evidence: Evidence::Confirmed(&[
            sources::DELETING_ARTIFACTS,
            sources::AWS_CDK,
            Source::tests("aws/aws-cdk#25789"),
            Source::tests("opensupplyhub/open-supply-hub#1243"),
        ]),
        safeguard: "A refused child is reported as `protected-by-ecr`, and the next run finds it as an orphan.",
        check: check!(child_after_index),
    },
    Case {
        id: "index-before-child-in-one-call",
        claim: "In one BatchDeleteImage call an index is deleted and its children are refused.",
        evidence: Evidence::Confirmed(&[sources::OPEN_SUPPLY_HUB, sources::AWS_CDK]),
        safeguard: "The janitor never sends them in one call.",
        check: check!(index_first),
    },
    Case {
        id: "child-before-index-in-one-call",
        claim: "The result is the same when the children come before the index in the call.",
        evidence: Evidence::Open {
            if_wrong: "Nothing: the order within a call has no effect on the janitor.",
        },
        safeguard: "The janitor never sends an index and its children in one call.",
        check: check!(child_first),
    },
    Case {
        id: "index-push-against-child-deletion",
        claim: "When an index is pushed while a child of it is being deleted, ECR refuses one of the two.",
        evidence: Evidence::Open {
            if_wrong: "An index could exist without one of its children: that platform or attestation cannot be \
                pulled.",
        },
        safeguard: "Only images older than the grace period that no index lists are deleted, so that only a push \
            that reuses an old orphan could be hit. Running its build again pushes the child again.",
        check: check!(race),
    },
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
