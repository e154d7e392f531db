use std::collections::BTreeSet;

use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, ListImagesFilter, TagStatus};

use super::sources;
use crate::answer::Answer;
use crate::case::{Case, Finding, Verdict, check, judge};
use crate::error::CaseError;
use crate::evidence::{Evidence, Source};
use crate::request::{any_status, by_digest};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "archived-is-hidden",
        claim: "A listing by DescribeImages without a filter shows no archived image.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_LAB, Source::api("DescribeImagesFilter")]),
        safeguard: "The janitor always asks for every status.",
        check: check!(hidden),
    },
    Case {
        id: "any-status-shows-archived",
        claim: "A listing by DescribeImages with the image status ANY shows archived images too.",
        evidence: Evidence::Confirmed(&[sources::ARCHIVE_LAB]),
        safeguard: "ECR itself still refuses to delete the children of an index that is not listed.",
        check: check!(shown),
    },
    Case {
        id: "archived-is-hidden-in-list-images",
        claim: "ListImages without a filter shows no archived image.",
        evidence: Evidence::Documented(&[Source::api("ListImagesFilter")]),
        safeguard: "The janitor does not use ListImages.",
        check: check!(hidden_in_list_images),
    },
    Case {
        id: "untagged-filter",
        claim: "With the tag status UNTAGGED only images without tags are listed, and those have no `imageTags`.",
        evidence: Evidence::Documented(&[Source::api("DescribeImagesFilter")]),
        safeguard: "The janitor lists once, without a filter by tags, so that no image falls between two listings.",
        check: check!(untagged),
    },
    Case {
        id: "list-images-has-an-entry-for-each-tag",
        claim: "ListImages has one entry per tag of an image.",
        evidence: Evidence::Documented(&[Source::api("ListImages"), Source::localstack("test_list_images")]),
        safeguard: "The janitor does not use ListImages.",
        check: check!(entries),
    },
    Case {
        id: "describe-images-has-pages",
        claim: "DescribeImages returns at most `maxResults` images and a token, and the pages together have each \
            image once.",
        evidence: Evidence::Documented(&[Source::api("DescribeImages")]),
        safeguard: "An image seen twice counts once. ECR itself still refuses to delete the children of an index \
            that was missed.",
        check: check!(pages),
    },
    Case {
        id: "1001-results-are-refused",
        claim: "DescribeImages refuses a `maxResults` over 1,000.",
        evidence: Evidence::Documented(&[Source::api("DescribeImages")]),
        safeguard: "1,000 are asked for.",
        check: check!(too_many),
    },
    Case {
        id: "ids-exclude-paging",
        claim: "DescribeImages refuses `maxResults` together with `imageIds`.",
        evidence: Evidence::Documented(&[Source::api("DescribeImages")]),
        safeguard: "The two are never sent together.",
        check: check!(ids_with_paging),
    },
    Case {
        id: "pages-may-shift",
        claim: "A listing may change while its pages are read.",
        evidence: Evidence::Open {
            if_wrong: "Nothing: if listings are snapshots, the precautions are idle.",
        },
        safeguard: "An image seen twice counts once, with the more careful reading. ECR itself still refuses to \
            delete the children of an index that was missed.",
        check: check!(shift),
    },
];

async fn hidden(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    // A listing may lag behind.
    target.tick().await;
    let listed = whole(&target, None, 1_000).await?.contains(&image.digest);
    judge(!listed, format!("listed: {listed}"))
}

async fn shown(target: Target) -> Finding {
    let image = target.image("image").await?;
    target.archive(&image).await?;
    let listed = whole(&target, Some(any_status()), 1_000).await?.contains(&image.digest);
    judge(listed, format!("listed: {listed}"))
}

async fn hidden_in_list_images(target: Target) -> Finding {
    let archived = target.image("archived").await?;
    let active = target.image("active").await?;
    target.archive(&archived).await?;
    target.tick().await;
    let ids = list_images(&target, None).await?;
    let has = |digest: &str| ids.iter().any(|id| id.image_digest() == Some(digest));
    let (of_archived, of_active) = (has(&archived.digest), has(&active.digest));
    judge(!of_archived && of_active, format!("archived: {of_archived}, active: {of_active}"))
}

async fn untagged(target: Target) -> Finding {
    let tagged = target.tagged("tagged", &[&target.own("v1")]).await?;
    let untagged = target.image("untagged").await?;
    let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Untagged).build();
    let listed = whole(&target, Some(filter), 1_000).await?;
    let tags = target.tags(&untagged).await?;
    let (of_tagged, of_untagged) = (listed.contains(&tagged.digest), listed.contains(&untagged.digest));
    let seen = format!("tagged: {of_tagged}, untagged: {of_untagged} with {} tags", tags.len());
    judge(!of_tagged && of_untagged && tags.is_empty(), seen)
}

async fn entries(target: Target) -> Finding {
    let image = target.tagged("image", &[&target.own("one"), &target.own("two")]).await?;
    let filter = ListImagesFilter::builder().tag_status(TagStatus::Tagged).build();
    let ids = list_images(&target, Some(filter)).await?;
    let of_image = ids.iter().filter(|id| id.image_digest() == Some(&image.digest));
    let tags: BTreeSet<_> = of_image.filter_map(|id| id.image_tag()).collect();
    judge(tags.len() == 2, format!("{tags:?}"))
}

async fn pages(target: Target) -> Finding {
    for n in 0..3 {
        target.image(&format!("image-{n}")).await?;
    }
    let in_one = whole(&target, Some(any_status()), 1_000).await?;
    let in_many = whole(&target, Some(any_status()), 7).await?;
    let distinct: BTreeSet<&String> = in_many.iter().collect();
    let holds = distinct.len() == in_many.len() && distinct == in_one.iter().collect();
    judge(holds, format!("{} at once, {} in pages, {} distinct", in_one.len(), in_many.len(), distinct.len()))
}

async fn too_many(target: Target) -> Finding {
    let call = target.client.describe_images().repository_name(&target.repository);
    let answer = Answer::to_call(call.max_results(1_001).send().await)?;
    judge(answer.refused("InvalidParameterException"), answer)
}

async fn ids_with_paging(target: Target) -> Finding {
    let image = target.image("image").await?;
    let call = target.client.describe_images().repository_name(&target.repository);
    let answer = Answer::to_call(call.image_ids(by_digest(&image.digest)).max_results(10).send().await)?;
    judge(answer.refused("InvalidParameterException"), answer)
}

/// Pushes between two pages. That nothing shifted once would prove nothing.
async fn shift(target: Target) -> Finding {
    target.image("first").await?;
    target.image("second").await?;
    let call = || target.client.describe_images().repository_name(&target.repository).filter(any_status());
    let first = call().max_results(1).send().await?;
    let mut pushed = Vec::new();
    for n in 0..6 {
        pushed.push(target.image(&format!("late-{n}")).await?.digest);
    }
    let mut late = 0;
    let mut token = first.next_token;
    while token.is_some() {
        let page = call().max_results(1_000).set_next_token(token).send().await?;
        let listed = page.image_details().iter().filter_map(|detail| detail.image_digest());
        late += listed.filter(|digest| pushed.iter().any(|one| one == digest)).count();
        token = page.next_token;
    }
    let seen = format!("{late} of 6 images pushed after the first page are in the later ones");
    Ok(if late > 0 { Verdict::Confirmed(seen) } else { Verdict::NotTestable(seen) })
}

/// The digests on all pages, as often as they come.
async fn whole(
    target: &Target,
    filter: Option<DescribeImagesFilter>,
    page: i32,
) -> Result<Vec<String>, CaseError> {
    let call = target.client.describe_images().repository_name(&target.repository).set_filter(filter);
    let mut details = call.into_paginator().page_size(page).items().send();
    let mut digests = Vec::new();
    while let Some(detail) = details.next().await {
        digests.extend(detail?.image_digest);
    }
    Ok(digests)
}

async fn list_images(
    target: &Target,
    filter: Option<ListImagesFilter>,
) -> Result<Vec<ImageIdentifier>, CaseError> {
    let call = target.client.list_images().repository_name(&target.repository).set_filter(filter);
    let mut ids = call.into_paginator().page_size(1_000).items().send();
    let mut all = Vec::new();
    while let Some(id) = ids.next().await {
        all.push(id?);
    }
    Ok(all)
}
