use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::{SharedCredentialsProvider, error::CredentialsError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use s3_test_server::{Fault, Operation as Op, S3Server};

use super::*;

/// The settings of somebody who knows the server's key.
pub(crate) fn settings_of(server: &S3Server) -> SdkConfig {
    settings().endpoint_url(server.endpoint()).build()
}

fn settings() -> aws_types::sdk_config::Builder {
    let credentials = Credentials::from_keys(s3_test_server::ACCESS_KEY, s3_test_server::SECRET_KEY, None);
    let retries = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
}

fn bucket(name: &str) -> S3Prefix {
    S3Prefix { bucket: name.into(), prefix: "p".into() }
}

fn key() -> Key {
    Key::new("memory/it").unwrap()
}

/// A server with one blob, and the place that reads it.
fn served() -> (S3Server, S3) {
    let server = S3Server::start("bucket");
    server.bucket().set("p/memory/it", b"there");
    let store = S3::new(&bucket("bucket"), &settings_of(&server));
    (server, store)
}

/// More than is sent at once.
const LONG: &[u8] = &[7; 1_000_000];

async fn kind_of_get(store: &S3) -> StoreErrorKind {
    store.get(&key(), LONG.len() as u64).await.unwrap_err().kind
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    use StoreErrorKind::*;
    let (server, store) = served();
    for (status, code, kind, remedy) in [
        (403, "AccessDenied", AccessDenied, "allow s3:GetObject and s3:ListBucket there"),
        (404, "NoSuchBucket", NoSuchPlace, "correct `location`"),
        (403, "InvalidAccessKeyId", Credentials, "check the AWS credentials"),
        (403, "SignatureDoesNotMatch", Credentials, "check the AWS credentials"),
        (400, "ExpiredToken", Credentials, "check the AWS credentials"),
        (403, "RequestTimeTooSkewed", Credentials, "check the AWS credentials"),
        (301, "PermanentRedirect", Unreachable, "the Region"),
        (400, "AuthorizationHeaderMalformed", Unreachable, "the Region"),
        (400, "InvalidRequest", Other, "look at what is there"),
        (403, "InvalidObjectState", Other, "look at what is there"),
    ] {
        server.bucket().fault(Op::Get, Fault::Refused(status, code, "why."));
        let error = store.get(&key(), 100).await.unwrap_err();
        assert_eq!((error.operation, error.kind), (Operation::Get, kind), "{code}");
        let told = error.with_remedy();
        assert!(told.starts_with(&format!("cannot read s3://bucket/p/memory/it: why. ({code}); ")), "{told}");
        assert!(told.contains(remedy), "{told}");
    }
    assert_eq!(server.bucket().calls(Op::Get), 10, "a refusal is final");
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let (server, store) = served();
    server.bucket().set("p/memory/it", LONG);
    for fault in [
        Fault::Refused(500, "InternalError", "We encountered an internal error."),
        Fault::Refused(503, "SlowDown", "Please reduce your request rate."),
        Fault::Foreign(502, "<html>"),
        Fault::Unsent,
        Fault::AnswerLost,
        Fault::BrokenOff,
        Fault::Flipped,
    ] {
        server.bucket().fault(Op::Get, fault.clone());
        let stored = store.get(&key(), LONG.len() as u64).await.unwrap().unwrap();
        assert!(stored.bytes == LONG, "{fault:?}");
    }
    assert_eq!(server.bucket().calls(Op::Get), 14);
}

#[tokio::test]
async fn what_does_not_pass_has_its_kind() {
    use StoreErrorKind::*;
    for (fault, kind) in [
        (Fault::Refused(500, "InternalError", ""), ServerError),
        (Fault::Refused(503, "SlowDown", ""), ServerError),
        (Fault::Foreign(504, "<html>"), ServerError),
        (Fault::Foreign(403, "<html>"), AccessDenied),
        (Fault::Foreign(404, "<html>"), Other),
        (Fault::Unsent, Unreachable),
        (Fault::BrokenOff, ServerError),
        (Fault::Flipped, ServerError),
    ] {
        let (server, store) = served();
        server.bucket().set("p/memory/it", LONG);
        (0..6).for_each(|_| server.bucket().fault(Op::Get, fault.clone()));
        assert_eq!(kind_of_get(&store).await, kind, "{fault:?}");
    }
}

#[tokio::test]
async fn a_place_that_never_answers_is_given_up() {
    let server = S3Server::start("bucket");
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(50)).build();
    let settings = settings().endpoint_url(server.endpoint()).timeout_config(timeouts).build();
    let store = S3::new(&bucket("bucket"), &settings);
    (0..2).for_each(|_| server.bucket().fault(Op::Get, Fault::Silence));
    assert_eq!(kind_of_get(&store).await, StoreErrorKind::Unreachable);
    let endpoint = server.endpoint();
    drop(server);
    let store = S3::new(&bucket("bucket"), &super::tests::settings().endpoint_url(endpoint).build());
    assert_eq!(kind_of_get(&store).await, StoreErrorKind::Unreachable);
}

#[tokio::test]
async fn a_place_out_of_reach_does_not_hold_up_each_repository() {
    let (server, store) = served();
    (0..100).for_each(|_| server.bucket().fault(Op::Get, Fault::Unsent));
    for _ in 0..10 {
        assert_eq!(kind_of_get(&store).await, StoreErrorKind::Unreachable);
    }
    assert_eq!(server.bucket().calls(Op::Get), 6, "three calls of two attempts");
    let error = store.put(&key(), b"mine".to_vec(), WriteIf::Always).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable);
    assert_eq!(server.bucket().calls(Op::Put), 0);
}

#[tokio::test]
async fn without_credentials_the_error_says_so() {
    let server = S3Server::start("bucket");
    let none = provide_credentials_fn(async || Err(CredentialsError::not_loaded("no credentials in chain")));
    let nobody = settings().endpoint_url(server.endpoint());
    let nobody = nobody.credentials_provider(SharedCredentialsProvider::new(none)).build();
    assert_eq!(kind_of_get(&S3::new(&bucket("bucket"), &nobody)).await, StoreErrorKind::Credentials);
    let wrong = settings().endpoint_url(server.endpoint());
    let wrong = wrong.credentials_provider(SharedCredentialsProvider::new(wrong_key())).build();
    assert_eq!(kind_of_get(&S3::new(&bucket("bucket"), &wrong)).await, StoreErrorKind::Credentials);
}

fn wrong_key() -> Credentials {
    Credentials::from_keys(s3_test_server::ACCESS_KEY, "another", None)
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_done() {
    for when in [WriteIf::Always, WriteIf::Absent] {
        let server = S3Server::start("bucket");
        let store = S3::new(&bucket("bucket"), &settings_of(&server));
        // The SDK's second attempt meets the first one's object.
        server.bucket().fault(Op::Put, Fault::AnswerLost);
        assert_eq!(store.put(&key(), b"mine".to_vec(), when.clone()).await, Ok(()), "{when:?}");
        // And with no second answer either.
        server.bucket().clear();
        (0..2).for_each(|_| server.bucket().fault(Op::Put, Fault::AnswerLost));
        assert_eq!(store.put(&key(), b"mine".to_vec(), when.clone()).await, Ok(()), "{when:?}");
        assert_eq!(server.bucket().objects()["p/memory/it"], b"mine");
    }
    let (server, store) = served();
    let version = store.get(&key(), 100).await.unwrap().unwrap().version;
    server.bucket().fault(Op::Put, Fault::AnswerLost);
    assert_eq!(store.put(&key(), b"mine".to_vec(), WriteIf::Version(version)).await, Ok(()));
}

#[tokio::test]
async fn a_write_that_was_not_done_is_no_success() {
    let (server, store) = served();
    let version = store.get(&key(), 100).await.unwrap().unwrap().version;
    for (fault, times, kind) in [
        (Fault::Unsent, 2, StoreErrorKind::Unreachable),
        (Fault::Refused(500, "InternalError", ""), 2, StoreErrorKind::ServerError),
        (Fault::Refused(409, "ConditionalRequestConflict", ""), 1, StoreErrorKind::Conflict),
        (Fault::Refused(403, "AccessDenied", ""), 1, StoreErrorKind::AccessDenied),
        (Fault::Overtaken("p/memory/it", b"theirs".to_vec()), 1, StoreErrorKind::Conflict),
    ] {
        (0..times).for_each(|_| server.bucket().fault(Op::Put, fault.clone()));
        let error = store.put(&key(), b"mine".to_vec(), WriteIf::Version(version.clone())).await.unwrap_err();
        assert_eq!((error.operation, error.kind), (Operation::Put, kind), "{fault:?}");
        assert_ne!(server.bucket().objects()["p/memory/it"], b"mine", "{fault:?}");
    }
    assert_eq!(server.bucket().objects()["p/memory/it"], b"theirs");
}

#[tokio::test]
async fn a_lost_answer_and_another_writer_is_a_conflict() {
    let (server, store) = served();
    let version = store.get(&key(), 100).await.unwrap().unwrap().version;
    server.bucket().fault(Op::Put, Fault::AnswerLost);
    server.bucket().fault(Op::Put, Fault::Overtaken("p/memory/it", b"theirs".to_vec()));
    let error = store.put(&key(), b"mine".to_vec(), WriteIf::Version(version)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    assert_eq!(server.bucket().objects()["p/memory/it"], b"theirs");
}

#[tokio::test]
async fn a_listing_is_whole_or_an_error() {
    const ENDLESS: &str = "<ListBucketResult><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>x</NextContinuationToken></ListBucketResult>";
    const CUT: &str = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
    const SILENT: &str = "<ListBucketResult></ListBucketResult>";
    let (server, store) = served();
    for (body, times) in [(ENDLESS, 2), (CUT, 1), (SILENT, 1), ("<html>", 1), ("", 1)] {
        (0..times).for_each(|_| server.bucket().fault(Op::List, Fault::Foreign(200, body)));
        let error = store.list("memory/").await.unwrap_err();
        assert_eq!((error.operation, error.kind), (Operation::List, StoreErrorKind::ServerError), "{body}");
        assert!(error.to_string().starts_with("cannot list s3://bucket/p/memory/: "), "{error}");
    }
    server.bucket().set_page(1);
    server.bucket().set("p/memory/other", b"");
    server.bucket().fault(Op::List, Fault::Unsent);
    assert_eq!(store.list("memory/").await.unwrap().len(), 2);
    server.bucket().fault(Op::List, Fault::Refused(403, "AccessDenied", "why"));
    let error = store.list("memory/").await.unwrap_err();
    assert!(error.with_remedy().contains("allow s3:ListBucket there"), "{}", error.with_remedy());
}

#[tokio::test]
async fn what_others_put_beside_is_not_listed() {
    let (server, store) = served();
    for name in ["p/memory/not a key", "p/memory/", "p/memoryx", "memory/it", "p/memory//it"] {
        server.bucket().set(name, b"");
    }
    let listed = store.list("memory/").await.unwrap();
    assert_eq!(listed.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["memory/it"]);
    assert!(listed[0].written_at.is_some());
}

/// S3 without a server: the hosts that are asked, and what each answers.
#[derive(Debug, Clone, Default)]
struct Hosts(Arc<Mutex<Vec<String>>>);

impl HttpConnector for Hosts {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = request.uri().split('/').nth(2).unwrap_or_default().to_owned();
        let is_there = host.contains("eu-central-1");
        self.0.lock().unwrap().push(host);
        let (status, body) = match is_there {
            true => (404, "<Error><Code>NoSuchKey</Code></Error>"),
            false => (301, "<Error><Code>PermanentRedirect</Code></Error>"),
        };
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        response.headers_mut().insert("x-amz-bucket-region", "eu-central-1");
        HttpConnectorFuture::ready(Ok(response))
    }
}

#[tokio::test]
async fn a_bucket_of_another_region_is_found() {
    let hosts = Hosts::default();
    let asked = hosts.clone();
    let http = http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| {
        SharedHttpConnector::new(hosts.clone())
    });
    let store = S3::new(&bucket("bucket"), &settings().http_client(http.clone()).build());
    assert_eq!(store.get(&key(), 100).await, Ok(None));
    assert_eq!(store.get(&key(), 100).await, Ok(None));
    let [here, there] = ["bucket.s3.eu-west-1.amazonaws.com", "bucket.s3.eu-central-1.amazonaws.com"];
    assert_eq!(*asked.0.lock().unwrap(), [here, there, there]);

    // What answers at an endpoint of the user's is asked nowhere else.
    let endpoint = settings().http_client(http).endpoint_url("https://own.example").build();
    assert_eq!(kind_of_get(&S3::new(&bucket("bucket"), &endpoint)).await, StoreErrorKind::Unreachable);
    assert_eq!(asked.0.lock().unwrap()[3..], ["own.example"]);
}
