use aws_sdk_ecr::types::{DescribeImagesFilter, ImageStatusFilter, TagStatus};

use crate::answer::Answer;
use crate::case::{Case, Finding, Verdict, check, judge, judge_if_seen};
use crate::evidence::{Evidence, Source};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "describe-repositories-has-pages",
        claim: "DescribeRepositories returns at most `maxResults` repositories and a token for the next page.",
        evidence: Evidence::Documented(&[Source::api("DescribeRepositories")]),
        safeguard: "A repository that is not listed is skipped.",
        check: check!(pages),
    },
    Case {
        id: "unknown-repository-fails-describe",
        claim: "DescribeRepositories with an unknown name fails as a whole with `RepositoryNotFoundException`.",
        evidence: Evidence::Confirmed(&[
            Source::api("DescribeRepositories"),
            Source::localstack("test_repository_lifecycle"),
        ]),
        safeguard: "The janitor lists all repositories and names none.",
        check: check!(unknown),
    },
    Case {
        id: "empty-image-list-is-present",
        claim: "DescribeImages returns an empty list, not an absent one, if no image matches.",
        evidence: Evidence::Confirmed(&[
            Source::output("aws/aws-cli#6424"),
            Source::localstack("test_describe_images"),
        ]),
        safeguard: "A response without its list is malformed (`bad-answer`): the repository fails before anything in \
            it is changed.",
        check: check!(empty_image_list),
    },
    Case {
        id: "empty-rule-list-is-present",
        claim: "DescribePullThroughCacheRules returns an empty list, not an absent one, in an account without rules.",
        evidence: Evidence::Open { if_wrong: "Every run would end with an error before it starts." },
        safeguard: "A response without its list is malformed (`bad-answer`): the run ends before anything is changed.",
        check: check!(empty_rule_list),
    },
    Case {
        id: "no-lifecycle-policy",
        claim: "GetLifecyclePolicy of a repository without a policy is a `LifecyclePolicyNotFoundException`.",
        evidence: Evidence::Documented(&[Source::api("GetLifecyclePolicy")]),
        safeguard: "Nothing is decided by a lifecycle policy.",
        check: check!(no_policy),
    },
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

async fn empty_image_list(target: Target) -> Finding {
    // No case restores a tagged image.
    let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged);
    let filter = filter.image_status(ImageStatusFilter::Activating).build();
    let call = target.client.describe_images().repository_name(&target.repository).filter(filter);
    match call.send().await?.image_details {
        Some(images) => judge_if_seen(images.is_empty(), format!("a list of {}", images.len())),
        None => judge(false, "no list"),
    }
}

async fn empty_rule_list(target: Target) -> Finding {
    match target.client.describe_pull_through_cache_rules().send().await?.pull_through_cache_rules {
        Some(rules) => judge_if_seen(rules.is_empty(), format!("a list of {}", rules.len())),
        None => judge(false, "no list"),
    }
}

async fn no_policy(target: Target) -> Finding {
    let call = target.client.get_lifecycle_policy().repository_name(&target.repository);
    let answer = Answer::to_call(call.send().await)?;
    judge(answer.refused("LifecyclePolicyNotFoundException"), answer)
}
