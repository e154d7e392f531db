//! `POST /`: one call of the API.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::answer::{answer, garbage};
use super::line::Cut;
use super::server::Served;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::Fault;

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";

pub(super) async fn post(
    State(served): State<Served>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let operation = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .and_then(|target| target.strip_prefix(TARGET));
    let Some(operation) = operation else {
        let message = "X-Amz-Target names no operation of this service.";
        return answer(0, Err(ApiError::client("UnknownOperationException", message)));
    };
    // On its own, so that a call is done also when its caller does not wait for the answer.
    let call = tokio::spawn(handle(served, cut.clone(), operation.to_owned(), body));
    call.await.unwrap_or_else(|_| hang_up(&cut))
}

async fn handle(mut served: Served, cut: Cut, operation: String, body: Bytes) -> Response<Body> {
    let request = read(&body);
    let repositories = request.as_ref().map(repositories).unwrap_or_default();
    let emulator = served.emulator;
    let arrival = emulator.traffic().arrive(&operation, &repositories);
    let _flight = Flight(&emulator);
    wait(arrival.latency, &mut served.stopped).await;
    for hook in arrival.hooks {
        hook(&emulator);
    }
    let n = arrival.n;
    let perform = || emulator.call_recorded(n, &operation, &request?);
    match arrival.fault {
        None => answer(n, perform()),
        Some(Fault::Drop) => hang_up(&cut),
        Some(Fault::Hang(time)) => {
            wait(time, &mut served.stopped).await;
            hang_up(&cut)
        }
        Some(Fault::DropAfter) => {
            let _ = perform();
            hang_up(&cut)
        }
        Some(Fault::Garbage) => garbage(n),
        Some(fault) => answer(n, Err(refusal(&emulator, &fault, &operation, &repositories))),
    }
}

fn read(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body)
        .map_err(|error| ApiError::serialization(format!("The request is not JSON: {error}")))
}

/// The repositories that a call is about, as far as the request says.
fn repositories(request: &Value) -> Vec<String> {
    let name = request["repositoryName"].as_str();
    let arn = request["resourceArn"].as_str();
    let tagged = arn.and_then(|arn| arn.split_once(":repository/")).map(|(_, name)| name);
    let listed = request["repositoryNames"].as_array();
    name.into_iter()
        .chain(tagged)
        .chain(listed.into_iter().flatten().filter_map(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// Waits, but not longer than the server runs.
async fn wait(time: Duration, stopped: &mut watch::Receiver<bool>) {
    if !time.is_zero() {
        let _ = tokio::time::timeout(time, stopped.wait_for(|stopped| *stopped)).await;
    }
}

/// The response is never written.
fn hang_up(cut: &Cut) -> Response<Body> {
    cut.off();
    Response::new(Body::empty())
}

/// The error that a fault answers with.
fn refusal(emulator: &Emulator, fault: &Fault, operation: &str, repositories: &[String]) -> ApiError {
    match fault {
        Fault::Throttle => ApiError::client("ThrottlingException", "Rate exceeded"),
        Fault::Unavailable => ApiError {
            code: "ServiceUnavailable".to_owned(),
            message: "Service is unavailable. Try again later.".to_owned(),
            status: 503,
        },
        Fault::ExpiredToken => {
            let message = "The security token included in the request is expired";
            ApiError::client("ExpiredTokenException", message)
        }
        Fault::AccessDenied => {
            let state = emulator.state();
            let resource = state.settings.repository_arn(repositories.first().map_or("*", String::as_str));
            let caller = state.settings.caller_arn();
            let message = format!(
                "User: {caller} is not authorized to perform: ecr:{operation} on resource: {resource} because no \
                 identity-based policy allows the ecr:{operation} action"
            );
            ApiError::client("AccessDeniedException", message)
        }
        _ => ApiError::server("These errors are usually caused by a server-side issue."),
    }
}

/// A call that is being handled, until it ends in any way.
struct Flight<'a>(&'a Emulator);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.traffic().leave();
    }
}
