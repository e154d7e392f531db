//! The SDK's client in a session: retries, timeouts, other clients and kills, without waiting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use ecr_emulator::{Change, Emulator};
use ecr_in_process::{Fault, NoAnswer, Reply, Session, config};
use serde_json::json;
use tokio::time::Instant;

fn session() -> (Emulator, Session, Client) {
    let emulator = Emulator::new();
    emulator.create_repository("shop/web").unwrap();
    let session = Session::new(&emulator);
    let client = Client::new(&session.config());
    (emulator, session, client)
}

async fn create(client: &Client) -> Result<String, String> {
    let created = client.create_repository().repository_name("new").send().await;
    let named = created.map(|created| created.repository.unwrap().repository_name.unwrap());
    named.map_err(|error| error.code().map_or_else(|| format!("{error:?}"), str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_back_and_the_attempt_is_on_record() {
    let (emulator, session, client) = session();
    assert_eq!(create(&client).await.unwrap(), "new");
    let [exchange] = session.exchanges().try_into().unwrap();
    assert_eq!(exchange.attempt.operation, "CreateRepository");
    assert_eq!(exchange.attempt.request, json!({"repositoryName": "new"}));
    assert_eq!(exchange.answer.unwrap().unwrap()["repository"]["repositoryName"], "new");
    assert_eq!((exchange.journal, emulator.journal()[0].n), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_done_is_tried_again_by_the_sdk() {
    for fault in [Fault::Throttled, Fault::ServerError, Fault::Dropped] {
        let (emulator, session, client) = session();
        session.fault(1..=1, fault);
        assert_eq!(create(&client).await.unwrap(), "new", "{fault:?}");
        assert_eq!((session.exchanges().len(), emulator.journal()[0].n), (2, 1));
        assert_eq!(session.exchanges().iter().map(|it| it.journal).collect::<Vec<_>>(), [None, Some(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_done_without_an_answer_is_found_done() {
    let (emulator, session, client) = session();
    session.fault(1..=1, Fault::AnswerLost);
    assert_eq!(create(&client).await.unwrap_err(), "RepositoryAlreadyExistsException");
    assert_eq!(emulator.journal().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_wait_for_ever() {
    for (fault, changes) in [(Fault::Hangs, 0), (Fault::HangsAfter, 1)] {
        let (emulator, session, client) = session();
        session.fault(.., fault);
        let begun = Instant::now();
        let while_waiting = Duration::from_secs(600);
        assert!(tokio::time::timeout(while_waiting, create(&client)).await.is_err(), "{fault:?}");
        assert_eq!((begun.elapsed(), emulator.journal().len()), (while_waiting, changes));
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_and_a_changed_one_are_read_as_they_are() {
    let (_, session, client) = session();
    session.fault(1..=1, Fault::Malformed);
    session.fault(2..=2, Fault::Changed(|answer| answer["repositories"] = json!([])));
    assert!(client.describe_repositories().send().await.unwrap_err().raw_response().is_some());
    assert!(client.describe_repositories().send().await.unwrap().repositories().is_empty());
    assert_eq!(client.describe_repositories().send().await.unwrap().repositories().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_client_acts_between_two_attempts() {
    let (emulator, session, client) = session();
    session.fault(1..=1, Fault::Throttled);
    session.before(2, |emulator| emulator.create_repository("new").unwrap());
    session.watch(|emulator, attempt| assert_eq!((attempt.number, emulator.image_count("new")), (2, 0)));
    assert_eq!(create(&client).await.unwrap_err(), "RepositoryAlreadyExistsException");
    assert_eq!(emulator.journal(), []);
}

#[tokio::test(start_paused = true)]
async fn a_killed_client_does_nothing_more() {
    for (fault, changes) in [(Fault::Killed, vec![]), (Fault::KilledAfter, vec![Change::RepositoryCreated])] {
        let (emulator, session, client) = session();
        session.fault(2..=2, fault);
        let run = async {
            client.describe_repositories().send().await.unwrap();
            drop(create(&client).await);
            panic!("the client goes on");
        };
        assert!(session.until_killed(run).await.is_none());
        assert_eq!(session.exchanges().len(), 2);
        assert_eq!(emulator.journal().into_iter().map(|entry| entry.kind).collect::<Vec<_>>(), changes);
    }
    let (_, session, _) = session();
    assert_eq!(session.until_killed(async { 1 }).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn an_ecr_may_behave_otherwise() {
    let (_, session, client) = session();
    session.change(|_, attempt, answer| {
        assert_eq!(attempt.operation, "CreateRepository");
        answer.as_mut().unwrap()["repository"]["repositoryName"] = json!("other");
    });
    assert_eq!(create(&client).await.unwrap(), "other");
}

#[tokio::test(start_paused = true)]
async fn any_function_can_answer() {
    let settings = config(|attempt| async move {
        match attempt.number {
            1 => Err(NoAnswer),
            _ => Ok(Reply::ok(r#"{"repositories": []}"#)),
        }
    });
    assert_eq!(Client::new(&settings).describe_repositories().send().await.unwrap().repositories(), []);
}
