//! `AssumeRole` and `GetCallerIdentity`, by the AWS SDK.

use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
use ecr_emulator::artifacts::plain_image;
use ecr_emulator::{Emulator, Fault, FaultRule, Server, Settings, When};
use serde_json::json;

use crate::support::{REPO, emulator, request};

const ROLE: &str = "arn:aws:iam::222222222222:role/path/ecr-janitor";

async fn served() -> (Emulator, Server) {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    (emulator, server)
}

fn sts(url: &str, credentials: Credentials) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .endpoint_url(url)
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

fn ecr(url: &str, credentials: Credentials) -> aws_sdk_ecr::Client {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .endpoint_url(url)
        .build();
    aws_sdk_ecr::Client::from_conf(config)
}

fn own() -> Credentials {
    Credentials::new("AKIDOWN", "secret", None, None, "test")
}

async fn assume(url: &str) -> Credentials {
    let call = sts(url, own()).assume_role().role_arn(ROLE).role_session_name("nightly");
    let issued = call.send().await.unwrap().credentials.unwrap();
    let expires: std::time::SystemTime = issued.expiration.try_into().unwrap();
    assert!(expires > std::time::SystemTime::now());
    Credentials::new(
        issued.access_key_id,
        issued.secret_access_key,
        Some(issued.session_token),
        Some(expires),
        "test",
    )
}

#[tokio::test]
async fn an_assumed_role_is_in_its_own_account() {
    let (emulator, server) = served().await;
    let url = server.url();
    let there = Settings { account: "222222222222".to_owned(), region: "eu-west-1".to_owned() };
    emulator.call_in(&there, "CreateRepository", json!({ "repositoryName": "their/app" })).unwrap();
    let identity = sts(&url, own()).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("123456789012"));
    let credentials = assume(&url).await;
    let identity = sts(&url, credentials.clone()).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("222222222222"));
    assert_eq!(identity.arn(), Some("arn:aws:sts::222222222222:assumed-role/ecr-janitor/nightly"));
    let repositories = ecr(&url, credentials).describe_repositories().send().await.unwrap();
    let names: Vec<_> = repositories.repositories().iter().map(|found| found.repository_name()).collect();
    assert_eq!(names, [Some("their/app")]);
    assert_eq!((emulator.calls()["AssumeRole"], emulator.calls()["GetCallerIdentity"]), (1, 2));
}

#[tokio::test]
async fn a_role_has_its_own_policy() {
    let (emulator, server) = served().await;
    let nothing = json!({ "Version": "2012-10-17", "Statement": [] });
    emulator.set_policy(Some(ROLE), Some(nothing)).unwrap();
    let credentials = assume(&server.url()).await;
    let refused = ecr(&server.url(), credentials).describe_registry().send().await.unwrap_err();
    let message = format!("{:?}", refused.into_service_error());
    assert!(message.contains("AccessDeniedException"), "{message}");
    assert!(message.contains("arn:aws:sts::222222222222:assumed-role/ecr-janitor/nightly"), "{message}");
    ecr(&server.url(), own()).describe_registry().send().await.unwrap();
}

#[tokio::test]
async fn a_role_can_be_refused() {
    let (emulator, server) = served().await;
    emulator.fault(FaultRule {
        operation: "AssumeRole".to_owned(),
        repository: Some(ROLE.to_owned()),
        when: When::Always,
        fault: Fault::AccessDenied,
    });
    let call = sts(&server.url(), own()).assume_role().role_arn(ROLE).role_session_name("nightly");
    let refused = format!("{:?}", call.send().await.unwrap_err().into_service_error());
    assert!(refused.contains("code: Some(\"AccessDenied\")"), "{refused}");
    assert!(refused.contains(&format!("sts:AssumeRole on resource: {ROLE}")), "{refused}");
    let other = ROLE.replace("222222222222", "333333333333");
    let call = sts(&server.url(), own()).assume_role().role_arn(other).role_session_name("nightly");
    call.send().await.unwrap();
}

#[tokio::test]
async fn what_sts_does_not_take_is_refused() {
    let (emulator, server) = served().await;
    plain_image(&emulator, REPO, 1, None).unwrap();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (body, code) in [
        ("Action=AssumeRole&RoleArn=x&RoleSessionName=ab", "ValidationError"),
        ("Action=AssumeRole&RoleArn=arn:aws:iam::222222222222:role/r&RoleSessionName=a", "ValidationError"),
        (
            "Action=AssumeRole&RoleArn=arn:aws:iam::222222222222:role/r&RoleSessionName=ab&DurationSeconds=1",
            "ValidationError",
        ),
        ("Action=MakeCoffee", "InvalidAction"),
        ("", "InvalidAction"),
    ] {
        let reply = request(&server.url(), "POST", "/", form, body).await.unwrap();
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.body.contains(&format!("<Code>{code}</Code>")), "{}", reply.body);
    }
}
