//! `POST /`: calls of the JSON API.

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
use super::{page_tokens, partial, principal, signature, sts};
use crate::error::ApiError;
use crate::iam::RequiredPermission;
use crate::settings::Settings;

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";
const PROTOCOL: Protocol = Protocol { refuse: |n, error| answer(n, Err(error)), garbage };

/// A call of ECR, which `X-Amz-Target` names, or of STS in a form.
pub(super) async fn post(
    State(app): State<AppState>,
    ConnectInfo(connection): ConnectInfo<Disconnect>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let body = body.map_err(refused);
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    match (target.and_then(|target| target.strip_prefix(TARGET)), &body) {
        (Some(operation), _) => {
            let operation = operation.to_owned();
            call(app, connection, &headers, operation, body).await
        }
        (None, Ok(form)) if sts::is_form(&headers) => sts::post(app, connection, &headers, form).await,
        (None, _) => {
            let message = "X-Amz-Target names no operation of this service.";
            answer(0, Err(ApiError::client("UnknownOperationException", message)))
        }
    }
}

async fn call(
    app: AppState,
    connection: Disconnect,
    headers: &HeaderMap,
    operation: String,
    body: Result<Bytes, ApiError>,
) -> Response<Body> {
    let registry = signature::registry(&app.emulator.state(), headers);
    let (registry, request) = match registry {
        Ok(registry) => (registry, body.and_then(|body| read(&body))),
        Err(error) => (Settings::default(), Err(error)),
    };
    let signer = principal::access_key_id(headers);
    let call = described(&operation, &registry, request.as_ref().ok(), signer.clone());
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
        answer(n, done.map(|answer| principal::sign_tokens(answer, signer.as_deref())))
    })
    .await
}

/// A request that cannot be read requires no permission.
fn described(
    operation: &str,
    registry: &Settings,
    request: Option<&Value>,
    principal: Option<String>,
) -> Call {
    let repositories = request.map(repositories).unwrap_or_default();
    let permissions =
        request.map(|request| RequiredPermission::for_operation(operation, request, &repositories));
    Call {
        name: operation.to_owned(),
        action: format!("ecr:{operation}"),
        resource: registry.repository_arn(repositories.first().map_or("*", String::as_str)),
        permissions: permissions.unwrap_or_default(),
        principal,
        registry: registry.clone(),
        repositories,
    }
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
