//! `GET /layers/{digest}/{repository}`: where `GetDownloadUrlForLayer` points to, in place of S3.

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderValue, Response, StatusCode, Uri, header};

use super::app_state::AppState;
use super::call::{Call, Protocol};
use super::connection::Disconnect;
use super::dispatch::dispatch;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::layer_url::{Layer, Refusal};

const PROTOCOL: Protocol = Protocol { refuse: |_, error| refuse(&error), garbage };

/// A download is counted, and hit by faults, as `GET /layers`.
pub(super) async fn get(
    State(app): State<AppState>,
    ConnectInfo(connection): ConnectInfo<Disconnect>,
    Path((digest, repository)): Path<(String, String)>,
    uri: Uri,
) -> Response<Body> {
    let call = Call {
        name: "GET /layers".to_owned(),
        action: "ecr:GetDownloadUrlForLayer".to_owned(),
        resource: app.emulator.home().repository_arn(&repository),
        repositories: vec![repository.clone()],
        registry: app.emulator.home(),
        principal: None,
        // Whoever has the URL may download.
        permissions: Vec::new(),
    };
    dispatch(app, connection, call, PROTOCOL, move |emulator, _, _| {
        download(emulator, &repository, &digest, uri.query().unwrap_or_default())
            .unwrap_or_else(|error| refuse(&error))
    })
    .await
}

fn download(
    emulator: &Emulator,
    repository: &str,
    digest: &str,
    query: &str,
) -> Result<Response<Body>, ApiError> {
    let mut state = emulator.state();
    let layer = Layer::verify(&state.url_key, state.now(), (repository, digest), query).map_err(denied)?;
    let bytes = state.in_registry(&layer.registry, |state| state.blob_bytes(repository, digest));
    let bytes = bytes.ok_or_else(|| error(404, "NoSuchKey", "The specified key does not exist."))?;
    let mut response = Response::new(Body::from(bytes));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn denied(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Expired => error(403, "AccessDenied", "Request has expired"),
        Refusal::Forged => {
            let message = "The request signature we calculated does not match the signature you provided. Check \
                           your key and signing method.";
            error(403, "SignatureDoesNotMatch", message)
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> ApiError {
    ApiError { code: code.to_owned(), message: message.to_owned(), status }
}

/// An error as S3 writes it.
fn refuse(error: &ApiError) -> Response<Body> {
    let ApiError { code, message, status } = error;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// A success with other bytes than the layer's.
fn garbage(_: u64) -> Response<Body> {
    Response::new(Body::from("{\"_type\":\"https://in-toto"))
}
