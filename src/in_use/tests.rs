//! The services of AWS as sources, against a server that answers as they do.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use usage_test_server::UsageServer;

use super::ecs::Clusters;
use super::inspector::Coverage;
use super::lambda::Functions;
use super::*;
use crate::oci::digest::Digest;

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

fn settings(server: &UsageServer) -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys("a", "b", None)))
        .retry_config(retries)
        .endpoint_url(server.endpoint())
        .build()
}

fn digest(name: &str) -> String {
    Digest::of(name.as_bytes()).to_string()
}

/// What a source names: the image as a text, with what uses it.
async fn told(source: &dyn Source) -> Result<BTreeSet<(String, String)>, String> {
    let uses = source.read(Timestamp::now()).await.map_err(|error| error.to_string())?;
    let shown = |image: &Reference| match image {
        Reference::Elsewhere => "elsewhere".to_owned(),
        Reference::Image { place, repository, image } => {
            let place = place.as_ref().map(|place| format!("{}/", place.region)).unwrap_or_default();
            let repository = repository.clone().unwrap_or_default();
            match image {
                Named::Digest(digest) => format!("{place}{repository}@{digest}"),
                Named::Tag(tag) => format!("{place}{repository}:{tag}"),
            }
        }
    };
    Ok(uses.iter().map(|it| (shown(&it.image), it.user.to_string())).collect())
}

fn pairs(pairs: &[(String, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(image, user)| (image.clone(), (*user).to_owned())).collect()
}

fn with_functions() -> (UsageServer, Functions) {
    let server = UsageServer::start();
    server.change(|it| {
        let resolved = |name: &str| format!("{HOST}/shop/web@{}", digest(name));
        it.function("web", "$LATEST", &format!("{HOST}/shop/web:v2"), &resolved("two"));
        it.function("web", "3", &format!("{HOST}/shop/web@{}", digest("index")), &resolved("one"));
        it.zip_function("other");
    });
    let functions = Functions::new(&settings(&server));
    (server, functions)
}

#[tokio::test]
async fn every_version_of_a_function_names_the_image_it_was_made_from_and_the_one_it_runs() {
    let (server, functions) = with_functions();
    let (latest, third) = ("Lambda function web, version $LATEST", "Lambda function web, version 3");
    let expected = pairs(&[
        ("us-east-1/shop/web:v2".to_owned(), latest),
        (format!("us-east-1/shop/web@{}", digest("two")), latest),
        (format!("@{}", digest("two")), latest),
        (format!("us-east-1/shop/web@{}", digest("index")), third),
        (format!("us-east-1/shop/web@{}", digest("one")), third),
        (format!("@{}", digest("one")), third),
    ]);
    for page in [100, 1] {
        server.set_page(page);
        assert_eq!(told(&functions).await.as_ref(), Ok(&expected), "{page}");
    }
    // Of a function in a zip there is nothing to ask.
    assert_eq!(server.calls()["GetFunction"], 4);
}

#[tokio::test]
async fn a_function_that_is_deleted_meanwhile_names_nothing() {
    let (server, functions) = with_functions();
    server.change(|it| it.vanishes("web"));
    assert_eq!(told(&functions).await, Ok(BTreeSet::new()));
}

#[tokio::test]
async fn what_is_denied_or_throttled_to_the_end_is_an_error_with_what_to_do() {
    for (operation, fault, part) in [
        ("ListFunctions", (403, "AccessDeniedException"), "allow lambda:ListFunctions"),
        ("GetFunction", (403, "AccessDeniedException"), "allow lambda:GetFunction"),
        ("GetFunction", (429, "TooManyRequestsException"), "to the last attempt"),
        ("ListFunctions", (500, "ServiceException"), "the next run asks again"),
    ] {
        let (server, functions) = with_functions();
        server.refuse(operation, fault, 100);
        let error = told(&functions).await.unwrap_err();
        assert!(error.contains(fault.1) && error.contains(part), "{error}");
    }
    let (server, functions) = with_functions();
    server.refuse("GetFunction", (429, "TooManyRequestsException"), 2);
    assert!(told(&functions).await.is_ok(), "a retry helps");
}

#[tokio::test]
async fn a_list_that_breaks_off_is_no_list() {
    let (server, functions) = with_functions();
    server.set_page(1);
    server.refuse("ListFunctions", (403, "AccessDeniedException"), 0);
    assert!(told(&functions).await.is_ok());
    let clusters = with_clusters(&server);
    server.change(|it| it.hide(TASK));
    let error = told(&clusters).await.unwrap_err();
    assert!(error.contains("DescribeTasks") && error.contains("does not tell of all"), "{error}");
}

const TASK: &str = "arn:aws:ecs:us-east-1:123456789012:task/prod/0001";

fn with_clusters(server: &UsageServer) -> Clusters {
    server.change(|it| {
        let image = |name: &str| format!("{HOST}/shop/{name}");
        let old = it.task_definition("web", &[&image("web:v1"), "nginx:1"]);
        it.task_definition("web", &[&image("web:v2")]);
        it.service("prod", "web", &old, &[(image("web:v1"), Some(digest("resolved")))]);
        let pinned = format!("{HOST}/shop/job@{}", digest("pinned"));
        let job = it.task_definition("job", &[&pinned]);
        let running = [(image("job:main"), Some(digest("running"))), ("nginx:1".to_owned(), None)];
        it.task("prod", "0001", &job, &running);
    });
    Clusters::new(&settings(server))
}

#[tokio::test]
async fn services_tasks_and_task_definitions_name_their_images() {
    let server = UsageServer::start();
    let clusters = with_clusters(&server);
    let [task, service] = ["ECS task prod/0001", "ECS service prod/web"];
    let [first, second, job] = ["web:1", "web:2", "job:1"].map(|it| format!("ECS task definition {it}"));
    let expected = pairs(&[
        ("us-east-1/shop/job:main".to_owned(), task),
        (format!("@{}", digest("running")), task),
        ("nginx:1".to_owned(), task),
        ("us-east-1/shop/web:v1".to_owned(), service),
        (format!("@{}", digest("resolved")), service),
        ("us-east-1/shop/web:v1".to_owned(), &first),
        ("nginx:1".to_owned(), &first),
        ("us-east-1/shop/web:v2".to_owned(), &second),
        (format!("us-east-1/shop/job@{}", digest("pinned")), &job),
    ]);
    for page in [100, 1] {
        server.set_page(page);
        assert_eq!(told(&clusters).await.as_ref(), Ok(&expected), "{page}");
    }
    // Each task definition is asked for once.
    assert_eq!(server.calls()["DescribeTaskDefinition"], 2 * 3);
}

#[tokio::test]
async fn resources_are_described_by_the_dozen() {
    let server = UsageServer::start();
    let clusters = with_clusters(&server);
    server.change(|it| {
        let definition = it.task_definition("many", &["nginx:1"]);
        for number in 0..101 {
            it.service("prod", &format!("many-{number}"), &definition, &[]);
            it.task("prod", &format!("many-{number}"), &definition, &[]);
        }
    });
    told(&clusters).await.unwrap();
    let calls = server.calls();
    let counted = [
        ("ListClusters", 1),
        ("ListServices", 2),
        ("DescribeServices", 11),
        ("DescribeServiceRevisions", 6),
        ("ListTasks", 2),
        ("DescribeTasks", 2),
        ("ListTaskDefinitionFamilies", 1),
        ("DescribeTaskDefinition", 4),
    ];
    assert_eq!(calls, counted.map(|(operation, count)| (operation.to_owned(), count)).into());
}

#[tokio::test]
async fn what_is_gone_when_it_is_described_names_nothing() {
    let server = UsageServer::start();
    let clusters = with_clusters(&server);
    let before = told(&clusters).await.unwrap().len();
    server.change(|it| it.vanishes(TASK));
    assert_eq!(told(&clusters).await.unwrap().len(), before - 3);
    server.change(|it| it.vanishes("arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"));
    assert_eq!(told(&clusters).await.unwrap().len(), before - 5);
}

#[tokio::test]
async fn every_operation_of_ecs_that_is_denied_is_named_with_its_permission() {
    for operation in [
        "ListClusters",
        "ListServices",
        "DescribeServices",
        "DescribeServiceRevisions",
        "ListTasks",
        "DescribeTasks",
        "ListTaskDefinitionFamilies",
        "DescribeTaskDefinition",
    ] {
        let server = UsageServer::start();
        let clusters = with_clusters(&server);
        server.refuse(operation, (400, "AccessDeniedException"), 100);
        let error = told(&clusters).await.unwrap_err();
        assert!(error.ends_with(&format!("allow ecs:{operation} to this role or user")), "{error}");
    }
}

#[tokio::test]
async fn inspector_tells_of_what_is_in_use_and_of_what_was_not_long_ago() {
    let server = UsageServer::start();
    let coverage = Coverage::new(&settings(&server));
    let arn = |name: &str| format!("arn:aws:ecr:us-east-1:123456789012:repository/shop/web/{}", digest(name));
    let ago = |days: i64| Some(Timestamp::now().as_second() - days * 24 * 3600);
    server.change(|it| {
        it.covered(&arn("now"), 3, ago(0));
        it.covered(&arn("lately"), 0, ago(30));
        it.covered(&arn("long ago"), 0, ago(40));
        it.covered(&arn("never"), 0, None);
    });
    let (now, lately) = (
        "3 tasks of ECS or pods of EKS, as Amazon Inspector sees",
        "ECS or EKS not long ago, as Amazon Inspector saw",
    );
    let expected = pairs(&[
        (format!("us-east-1/shop/web@{}", digest("now")), now),
        (format!("us-east-1/shop/web@{}", digest("lately")), lately),
    ]);
    assert_eq!(told(&coverage).await, Ok(expected));
}

#[tokio::test]
async fn an_inspector_that_scans_nothing_knows_nothing() {
    let server = UsageServer::start();
    let coverage = Coverage::new(&settings(&server));
    let error = told(&coverage).await.unwrap_err();
    assert!(error.starts_with("Amazon Inspector scans no image of ECR here"), "{error}");
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/shop/web/{}", digest("it"));
    server.change(|it| it.covered(&arn, 0, None));
    assert_eq!(told(&coverage).await, Ok(BTreeSet::new()));
    server.change(|it| it.covered("arn:aws:ecr:us-east-1:123456789012:repository/shop", 1, None));
    assert!(told(&coverage).await.unwrap_err().contains("it names an image as"));
    server.refuse("ListCoverage", (403, "AccessDeniedException"), 100);
    assert!(told(&coverage).await.unwrap_err().contains("allow inspector2:ListCoverage"));
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_an_error() {
    let server = UsageServer::start();
    let settings = settings(&server);
    drop(server);
    let error = told(&Functions::new(&settings)).await.unwrap_err();
    assert!(error.contains("check the region, the network"), "{error}");
}

/// A source that never answers.
#[derive(Debug)]
struct Endless;

impl Source for Endless {
    fn name(&self) -> String {
        "endless".to_owned()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        std::future::pending().boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_leaves_half_of_the_time_to_the_repositories() {
    let deadline = Deadline::after(Duration::from_secs(100), true).of_planning();
    let start = tokio::time::Instant::now();
    let sources = Sources::new(vec![Box::new(Endless)], "us-east-1");
    let usage = sources.read(None, Timestamp::now(), &deadline).await;
    assert_eq!(start.elapsed().as_secs(), 27);
    assert!(deadline.may_start_planning());
    assert_eq!(usage.unread().as_deref(), Some("endless"));
    assert!(usage.warnings().all(|it| it.ends_with("give each run more time")), "{:?}", usage.sources);
    assert!(!usage.sources[0].heals, "the next run has as little");
}

#[tokio::test]
async fn what_was_throttled_may_heal_and_what_was_denied_does_not() {
    for (fault, heals) in [
        ((429, "TooManyRequestsException"), true),
        ((500, "ServiceException"), true),
        ((403, "AccessDeniedException"), false),
    ] {
        let (server, functions) = with_functions();
        server.refuse("ListFunctions", fault, 100);
        let sources = Sources::new(vec![Box::new(functions)], "us-east-1");
        let usage = sources.read(None, Timestamp::now(), &Deadline::default()).await;
        assert_eq!(usage.sources[0].heals, heals, "{fault:?}");
    }
}
