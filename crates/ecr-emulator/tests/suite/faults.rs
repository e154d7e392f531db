//! Faults, hooks and latency.

use std::time::{Duration, Instant};

use aws_sdk_ecr::types::ImageIdentifier;
use ecr_emulator::artifacts::plain_image;
use ecr_emulator::{Change, Emulator, Fault, FaultRule, Server, When};
use serde_json::json;

use crate::sdk::client;
use crate::support::{REPO, admin, call, emulator};

fn rule(operation: &str, when: When, fault: Fault) -> FaultRule {
    FaultRule { operation: operation.to_owned(), repository: None, when, fault }
}

async fn served() -> (Emulator, Server) {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    (emulator, server)
}

/// The status of a call, or 0 when no answer came.
async fn status(server: &Server, operation: &str) -> u16 {
    let body = json!({ "repositoryName": REPO }).to_string();
    call(&server.url(), operation, &body).await.map_or(0, |reply| reply.status)
}

#[tokio::test]
async fn each_fault_is_what_a_client_would_see() {
    let (emulator, server) = served().await;
    for (fault, status, code) in [
        (Fault::Throttle, 400, "ThrottlingException"),
        (Fault::ServerError, 500, "ServerException"),
        (Fault::Unavailable, 503, "ServiceUnavailable"),
        (Fault::AccessDenied, 400, "AccessDeniedException"),
        (Fault::ExpiredToken, 400, "ExpiredTokenException"),
        (Fault::SignatureExpired, 400, "InvalidSignatureException"),
    ] {
        emulator.clear_faults();
        emulator.fault(rule("ListImages", When::Always, fault));
        let body = json!({ "repositoryName": REPO }).to_string();
        let reply = call(&server.url(), "ListImages", &body).await.unwrap();
        assert_eq!((reply.status, reply.json()["__type"].as_str()), (status, Some(code)));
        if code == "AccessDeniedException" {
            assert_eq!(
                reply.json()["message"],
                "User: arn:aws:sts::123456789012:assumed-role/emulator/session is not authorized to perform: \
                 ecr:ListImages on resource: arn:aws:ecr:us-east-1:123456789012:repository/shop/web because no \
                 identity-based policy allows the ecr:ListImages action"
            );
        }
    }
    emulator.clear_faults();
    emulator.fault(rule("*", When::Always, Fault::Garbage));
    let reply = call(&server.url(), "ListImages", "{}").await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&reply.body).is_err());
}

#[tokio::test]
async fn a_dropped_connection_hides_whether_the_operation_was_done() {
    let (emulator, server) = served().await;
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let body = json!({ "repositoryName": REPO, "imageIds": [{ "imageDigest": digest }] }).to_string();
    emulator.fault(rule("BatchDeleteImage", When::Nth(1), Fault::Drop));
    emulator.fault(rule("BatchDeleteImage", When::Nth(2), Fault::DropAfter));
    assert!(call(&server.url(), "BatchDeleteImage", &body).await.is_none());
    assert_eq!(emulator.image_count(REPO), 1);
    assert!(call(&server.url(), "BatchDeleteImage", &body).await.is_none());
    assert_eq!(emulator.image_count(REPO), 0);
    assert_eq!(emulator.calls()["BatchDeleteImage"], 2);
    assert_eq!(emulator.journal()[0].n, 2);
}

#[tokio::test]
async fn a_hanging_call_ends_without_an_answer() {
    let (emulator, server) = served().await;
    emulator.fault(rule("ListImages", When::Always, Fault::Hang(Duration::from_millis(60))));
    let start = Instant::now();
    assert_eq!(status(&server, "ListImages").await, 0);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn an_answer_may_be_late_cut_or_slow_though_the_operation_is_done() {
    let create = async |name: &str, fault: Fault| {
        let (emulator, server) = served().await;
        emulator.fault(rule("CreateRepository", When::Always, fault));
        let body = json!({ "repositoryName": name }).to_string();
        let reply = call(&server.url(), "CreateRepository", &body).await;
        assert_eq!(emulator.journal().len(), 1, "{name}");
        reply
    };
    let pause = Duration::from_millis(5);
    assert!(create("late", Fault::HangAfter(pause)).await.is_none());
    assert_eq!(create("empty", Fault::Empty).await.unwrap().body, "{}");
    let slow = create("slow", Fault::Trickle(pause)).await.unwrap();
    assert_eq!(slow.json()["repository"]["repositoryName"], "slow");
    let cut = create("slow", Fault::Cut).await.unwrap();
    let length = |reply: &str| format!("content-length: {}\r\n", reply.len());
    assert!(cut.head.contains(&length(&slow.body)) && slow.head.contains(&length(&slow.body)));
    assert_eq!(cut.body, slow.body[..slow.body.len() / 2]);
}

#[tokio::test]
async fn pages_may_be_small_repeat_themselves_or_lead_nowhere() {
    let (emulator, server) = served().await;
    (1..=5).for_each(|seed| drop(plain_image(&emulator, REPO, seed, None).unwrap()));
    emulator.set_largest_page(2);
    let pages = async |fault: Option<Fault>, when: When| {
        emulator.clear_faults();
        fault.into_iter().for_each(|fault| emulator.fault(rule("DescribeImages", when, fault)));
        let (mut sizes, mut token) = (Vec::new(), json!(null));
        while sizes.len() < 6 {
            let body = json!({ "repositoryName": REPO, "maxResults": 1000, "nextToken": token }).to_string();
            let page = call(&server.url(), "DescribeImages", &body).await.unwrap().json();
            sizes.push(page["imageDetails"].as_array().map_or(0, Vec::len));
            token = page["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        sizes
    };
    assert_eq!(pages(None, When::Always).await, [2, 2, 1]);
    assert_eq!(pages(Some(Fault::FirstPage), When::Nth(1)).await, [2, 2, 2, 1]);
    assert_eq!(pages(Some(Fault::FirstPage), When::Every(3)).await, [2, 2, 1, 2, 2, 1]);
    assert_eq!(pages(Some(Fault::BadToken), When::Nth(2)).await, [2, 2, 0]);
}

#[tokio::test]
async fn a_fork_goes_its_own_way() {
    let (emulator, server) = served().await;
    emulator.fault(rule("*", When::Always, Fault::Throttle));
    let digest = plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let fork = emulator.fork();
    plain_image(&emulator, REPO, 2, None).unwrap();
    assert_eq!((fork.image_count(REPO), fork.now()), (1, emulator.now()));
    assert_eq!(fork.image(REPO, &digest), emulator.image(REPO, &digest));
    let forked = fork.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    assert_eq!((status(&forked, "ListImages").await, status(&server, "ListImages").await), (200, 400));
}

#[tokio::test]
async fn a_server_stops_though_a_call_hangs() {
    let (emulator, server) = served().await;
    emulator.fault(rule("*", When::Always, Fault::Hang(Duration::from_secs(3600))));
    let url = server.url();
    let hanging = tokio::spawn(async move { call(&url, "ListImages", "{}").await.is_none() });
    while emulator.in_flight_peak() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let start = Instant::now();
    server.stop().await;
    assert!(hanging.await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn rules_choose_calls_by_count_operation_and_repository() {
    let (emulator, server) = served().await;
    let statuses = async |count: usize| {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(status(&server, "ListImages").await);
        }
        all
    };
    emulator.fault(rule("ListImages", When::Every(3), Fault::Throttle));
    assert_eq!(statuses(6).await, [200, 200, 400, 200, 200, 400]);
    emulator.clear_faults();
    emulator.fault(rule("ListImages", When::From(2), Fault::ServerError));
    assert_eq!(statuses(3).await, [200, 500, 500]);
    emulator.reset_calls();
    assert_eq!(statuses(2).await, [200, 500]);
    emulator.clear_faults();
    let other =
        FaultRule { repository: Some("other".to_owned()), ..rule("*", When::Always, Fault::Throttle) };
    emulator.fault(other);
    emulator.fault(rule("DescribeImages", When::Always, Fault::Throttle));
    assert_eq!(statuses(1).await, [200]);
    assert_eq!(status(&server, "DescribeImages").await, 400);
}

#[tokio::test]
async fn a_share_is_the_same_each_time() {
    let run = async || {
        let (emulator, server) = served().await;
        emulator.set_seed(7);
        emulator.fault(rule("*", When::Share(0.3), Fault::Throttle));
        let mut hit = Vec::new();
        for _ in 0..100 {
            hit.push(status(&server, "ListImages").await == 400);
        }
        hit
    };
    let first = run().await;
    assert_eq!(first, run().await);
    let hits = first.iter().filter(|hit| **hit).count();
    assert!((15..45).contains(&hits), "{hits} of 100");
}

#[tokio::test]
async fn a_hook_runs_right_before_its_call() {
    let (emulator, server) = served().await;
    emulator.before("ListImages", 2, |emulator| {
        plain_image(emulator, REPO, 1, Some("late")).unwrap();
    });
    let list = async || {
        let body = json!({ "repositoryName": REPO }).to_string();
        let reply = call(&server.url(), "ListImages", &body).await.unwrap();
        reply.json()["imageIds"].as_array().unwrap().len()
    };
    assert_eq!((list().await, list().await), (0, 1));
    assert!(emulator.journal().is_empty(), "what a hook does is not the caller's doing");
}

#[tokio::test]
async fn latency_lets_calls_overlap() {
    let (emulator, server) = served().await;
    emulator.set_latency(None, Duration::from_millis(5));
    emulator.set_latency(Some("ListImages"), Duration::from_millis(80));
    let start = Instant::now();
    let calls = (0..8).map(|_| {
        let url = server.url();
        tokio::spawn(async move { call(&url, "ListImages", "{}").await.is_some() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
    assert!(start.elapsed() >= Duration::from_millis(80));
    assert!(emulator.in_flight_peak() > 1);
}

#[tokio::test]
async fn a_call_is_done_though_its_caller_goes_away() {
    let (emulator, server) = served().await;
    emulator.set_latency(None, Duration::from_millis(50));
    let url = server.url();
    let call = call(&url, "CreateRepository", r#"{"repositoryName":"late/one"}"#);
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    let made = || {
        let request = json!({ "repositoryNames": ["late/one"] });
        emulator.call("DescribeRepositories", request).is_ok()
    };
    assert!(!made());
    let patience = Instant::now() + Duration::from_secs(5);
    while !made() {
        assert!(Instant::now() < patience, "the call was never done");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_hook_that_panics_closes_the_connection_and_nothing_else() {
    let (emulator, server) = served().await;
    emulator.before("*", 1, |_| panic!("on purpose"));
    assert_eq!(status(&server, "ListImages").await, 0);
    assert_eq!(status(&server, "ListImages").await, 200);
}

#[test]
fn a_call_without_the_wire_counts_is_hooked_and_is_in_the_journal() {
    let emulator = emulator();
    let image = plain_image(&emulator, REPO, 1, None).unwrap();
    emulator.fault(rule("*", When::Always, Fault::Throttle));
    let there = image.clone();
    emulator.before("BatchDeleteImage", 1, move |emulator| {
        assert!(emulator.image(REPO, &there).is_some(), "before the call");
        plain_image(emulator, REPO, 2, None).unwrap();
    });
    let request = json!({ "repositoryName": REPO, "imageIds": [{ "imageDigest": image }] });
    emulator.send("ListImages", json!({ "repositoryName": REPO })).unwrap();
    let answer = emulator.send("BatchDeleteImage", request).unwrap();
    assert_eq!(answer["imageIds"][0]["imageDigest"], *image);
    assert_eq!(emulator.calls(), [("BatchDeleteImage".to_owned(), 1), ("ListImages".to_owned(), 1)].into());
    let journal = emulator.journal();
    assert_eq!((journal.len(), journal[0].n), (1, 2), "what the hook did is not the caller's doing");
    assert_eq!(journal[0].kind, Change::Deleted { digest: image });
    assert_eq!(emulator.image_count(REPO), 1);
}

#[tokio::test]
async fn a_script_has_a_fault_for_each_of_the_next_attempts() {
    let (emulator, server) = served().await;
    assert_eq!(status(&server, "ListImages").await, 200);
    let script = [Some(Fault::DropAfter), Some(Fault::Throttle), None, Some(Fault::ServerError)];
    emulator.fault_script("ListImages", Some(REPO), script);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(status(&server, "ListImages").await);
    }
    assert_eq!(statuses, [0, 400, 200, 500, 200]);
}

/// The SDK repeats both of them: what is lost and what is throttled.
#[tokio::test]
async fn an_answer_can_be_lost_and_its_repetition_throttled() {
    let (emulator, server) = served().await;
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let script = r#"{"operation": "BatchDeleteImage", "attempts": ["drop-after", "throttle", null]}"#;
    assert_eq!(admin(&server.url(), "POST", "fault-script", script).await.status, 204);
    // A hook counts attempts: between the second and the third somebody pushes the image again.
    emulator.before("BatchDeleteImage", 3, |emulator| drop(plain_image(emulator, REPO, 1, None).unwrap()));
    let id = ImageIdentifier::builder().image_digest(&digest).build();
    let call = client(&server.url()).batch_delete_image().repository_name(REPO).image_ids(id);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.image_ids()[0].image_digest(), Some(digest.as_str()));
    assert_eq!(emulator.calls()["BatchDeleteImage"], 3);
    let deletions: Vec<u64> = emulator.journal().iter().map(|entry| entry.n).collect();
    assert_eq!(deletions, [1, 3], "it was deleted twice");
}

#[tokio::test]
async fn a_repository_can_hang_for_ever() {
    let (emulator, server) = served().await;
    emulator.create_repository("shop/api").unwrap();
    let rule = r#"{"operation": "*", "repository": "shop/api", "fault": "hang-forever"}"#;
    assert_eq!(admin(&server.url(), "POST", "fault", rule).await.status, 204);
    let url = server.url();
    let hanging =
        tokio::spawn(
            async move { call(&url, "ListImages", r#"{"repositoryName": "shop/api"}"#).await.is_none() },
        );
    while emulator.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&server, "ListImages").await, 200);
    assert!(!hanging.is_finished());
    server.stop().await;
    assert!(hanging.await.unwrap(), "no answer comes");
}

#[tokio::test]
async fn a_repository_can_be_slow() {
    let (emulator, server) = served().await;
    emulator.create_repository("shop/api").unwrap();
    let latency = r#"{"repository": "shop/api", "ms": 60}"#;
    assert_eq!(admin(&server.url(), "POST", "latency", latency).await.status, 204);
    let start = Instant::now();
    let body = json!({ "repositoryName": "shop/api" }).to_string();
    assert_eq!(call(&server.url(), "ListImages", &body).await.unwrap().status, 200);
    assert!(start.elapsed() >= Duration::from_millis(60));
}
