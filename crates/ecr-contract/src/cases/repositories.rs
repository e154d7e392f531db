use aws_sdk_ecr::types::{DescribeImagesFilter, ImageStatusFilter};

use crate::answer::Answer;
use crate::case::{Case, Finding, Verdict, check, judge};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "describe-repositories-has-pages",
        "DescribeRepositories gives at most `maxResults` repositories, and goes on with the token.",
        "A repository that is not listed is left alone.",
        check!(pages),
    ),
    Case::unverified(
        "unknown-repository-fails-describe",
        "DescribeRepositories with one unknown name fails as a whole with `RepositoryNotFoundException`.",
        "The janitor lists all repositories and names none.",
        check!(unknown),
    ),
    Case::unverified(
        "empty-lists-are-there",
        "An account without pull-through cache rules is answered with an empty list, not with none; and so is a filter that no image of a repository passes.",
        "An answer without its list is a failure (`BadAnswer`): the run ends before anything is touched.",
        check!(empty_lists),
    ),
    Case::documented(
        "no-lifecycle-policy",
        "GetLifecyclePolicy of a repository without one is a `LifecyclePolicyNotFoundException`.",
        "Nothing is decided by a lifecycle policy.",
        check!(no_policy),
    ),
];

async fn pages(target: Target) -> Finding {
    let call = || target.client.describe_repositories().max_results(1);
    let first = call().send().await?;
    let Some(token) = first.next_token else {
        return Ok(Verdict::NotTestable("the account has no other repository".to_owned()));
    };
    let second = call().next_token(token).send().await?;
    let repositories = first.repositories.iter().flatten().chain(second.repositories.iter().flatten());
    let names: Vec<_> = repositories.filter_map(|repository| repository.repository_name()).collect();
    let differ = matches!(names[..], [first, second] if first != second);
    judge(differ, format!("{} in two pages of one", names.len()))
}

async fn unknown(target: Target) -> Finding {
    let unknown = format!("{}-unknown", target.repository);
    let call = target.client.describe_repositories().repository_names(&target.repository);
    let answer = Answer::to_call(call.repository_names(unknown).send().await)?;
    judge(answer.refused("RepositoryNotFoundException"), answer)
}

async fn empty_lists(target: Target) -> Finding {
    let rules = target.client.describe_pull_through_cache_rules().send().await?.pull_through_cache_rules;
    let activating = DescribeImagesFilter::builder().image_status(ImageStatusFilter::Activating).build();
    let call = target.client.describe_images().repository_name(&target.repository).filter(activating);
    let images = call.send().await?.image_details;
    judge(
        rules.is_some() && images.is_some(),
        format!("rules: {}, images: {}", rules.is_some(), images.is_some()),
    )
}

async fn no_policy(target: Target) -> Finding {
    let call = target.client.get_lifecycle_policy().repository_name(&target.repository);
    let answer = Answer::to_call(call.send().await)?;
    judge(answer.refused("LifecyclePolicyNotFoundException"), answer)
}
