//! `POST /`: one call of the API.

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};

use super::answer::{answer, garbage};
use super::app_state::AppState;
use super::call::{Call, Protocol};
use super::connection::Disconnect;
use super::dispatch::dispatch;
use super::{page_tokens, partial, principal, signature};
use crate::error::ApiError;
use crate::iam::RequiredPermission;
use crate::settings::Settings;

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";
const PROTOCOL: Protocol = Protocol { refuse: |n, error| answer(n, Err(error)), garbage };

pub(super) async fn post(
    State(app): State<AppState>,
    ConnectInfo(connection): ConnectInfo<Disconnect>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let operation = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .and_then(|target| target.strip_prefix(TARGET));
    let Some(operation) = operation else {
        let message = "X-Amz-Target names no operation of this service.";
        return answer(0, Err(ApiError::client("UnknownOperationException", message)));
    };
    let operation = operation.to_owned();
    let registry = signature::registry(&app.emulator.state(), &headers);
    let (registry, request) = match registry {
        Ok(registry) => (registry, body.map_err(refused).and_then(|body| read(&body))),
        Err(error) => (Settings::default(), Err(error)),
    };
    let repositories = request.as_ref().map(repositories).unwrap_or_default();
    let signer = principal::of(&headers);
    let call = Call {
        name: operation.clone(),
        action: operation.clone(),
        permissions: request
            .as_ref()
            .map_or_else(|_| Vec::new(), |r| RequiredPermission::of(&operation, r, &repositories)),
        principal: signer.clone(),
        registry: registry.clone(),
        repositories,
    };
    dispatch(app, connection, call, PROTOCOL, move |emulator, n, fault| {
        let done = request.and_then(|request| {
            let token = request["nextToken"].as_str().map(str::to_owned);
            let done = partial::perform(fault.clone(), &operation, request, |request| {
                emulator.call_recorded(n, &registry, &operation, request)
            });
            done.map(|mut answer| {
                page_tokens::corrupt_page_token(fault.as_ref(), token.as_deref(), &mut answer);
                answer
            })
        });
        answer(n, done.map(|answer| principal::sign(answer, signer.as_deref())))
    })
    .await
}

/// The body is too long, or broke off.
fn refused(rejection: BytesRejection) -> ApiError {
    match rejection.status().as_u16() {
        413 => ApiError {
            code: "RequestEntityTooLargeException".to_owned(),
            message: "The request is larger than any that the service takes.".to_owned(),
            status: 413,
        },
        _ => ApiError::serialization(rejection.body_text()),
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
