use crate::case::{Case, Finding, Verdict, check, judge};
use crate::target::Target;
use crate::trouble::Answer;

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
    let said = Answer::of(call.repository_names(unknown).send().await)?;
    judge(said.is("RepositoryNotFoundException"), said)
}

async fn no_policy(target: Target) -> Finding {
    let call = target.client.get_lifecycle_policy().repository_name(&target.repository);
    let said = Answer::of(call.send().await)?;
    judge(said.is("LifecyclePolicyNotFoundException"), said)
}
