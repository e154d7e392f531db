//! `/v2/`: the OCI distribution API over the same state, with the answers that ECR's registry gives.

mod auth;
mod blobs;
mod error;
mod listings;
mod manifests;
mod ranges;
mod referrers;
mod reply;
mod route;
mod uploads;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State as Shared};
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::routing::any;

use self::error::OciError;
use self::reply::{Reply, garbage};
use self::route::Route;
use super::app_state::AppState;
use super::call::{Call, Protocol};
use super::connection::Disconnect;
use super::dispatch;
use super::query::Query;
use super::{principal, signature};
use crate::emulator::Emulator;
use crate::iam::RequiredPermission;
use crate::state::State;

const PROTOCOL: Protocol = Protocol { refuse: |_, error| OciError::from(error).reply().finish(), garbage };

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/v2", any(answer))
        .route("/v2/", any(answer))
        .route("/v2/{*rest}", any(answer))
        // A client may send a layer of any size in one piece.
        .layer(DefaultBodyLimit::disable())
}

/// A request, as far as the handlers read it.
struct OciRequest {
    method: Method,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
}

async fn answer(
    Shared(app): Shared<AppState>,
    ConnectInfo(connection): ConnectInfo<Disconnect>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let route = Route::read(uri.path());
    let name = format!("{method} {}", route.label());
    // On lines of their own: each locks the state.
    let registry = signature::registry_of_host(&app.emulator.state(), &headers);
    let permissions = permissions(&app.emulator, &route, &method, &headers);
    let call = Call {
        name: name.clone(),
        action: format!("ecr:{}", route.action(&method)),
        resource: registry.repository_arn(route.repository().unwrap_or("*")),
        repositories: route.repository().map(str::to_owned).into_iter().collect(),
        principal: principal::access_key_id(&headers),
        registry: registry.clone(),
        permissions,
    };
    let request = OciRequest { method, query: Query::read(uri.query()), headers, body };
    dispatch::dispatch(app, connection, call, PROTOCOL, move |emulator, n, _| {
        let reply = emulator.recorded(n, &name, |state| match auth::refusal(state, &request.headers) {
            Some(refusal) => refusal,
            None => {
                let done = state.in_registry(&registry, |state| perform(state, &route, &request));
                done.unwrap_or_else(OciError::reply)
            }
        });
        reply.finish_for(&request.method)
    })
    .await
}

/// The permissions that a request requires: none where nothing is done, or where the caller has no token yet.
fn permissions(
    emulator: &Emulator,
    route: &Route,
    method: &Method,
    headers: &HeaderMap,
) -> Vec<RequiredPermission> {
    let idle = matches!(route, Route::Base | Route::Unknown);
    if idle || auth::refusal(&emulator.state(), headers).is_some() {
        return Vec::new();
    }
    vec![RequiredPermission::new(route.action(method), Some(route.repository().unwrap_or("*")))]
}

/// Performs a request. ECR has no deletion of manifests and blobs here: 405.
fn perform(state: &mut State, route: &Route, request: &OciRequest) -> Result<Reply, OciError> {
    let method = request.method.as_str();
    match (route, method) {
        (Route::Unknown, _) => Ok(Reply::page_not_found()),
        (Route::Base, "GET" | "HEAD") => Ok(Reply::ok()),
        (Route::Catalog, "GET") => listings::catalog(state, request),
        (Route::Tags { name }, "GET") => listings::tags(state, request, name),
        (Route::Referrers { name, digest }, "GET") => referrers::list(state, request, name, digest),
        (Route::Manifest { name, reference }, "GET") => manifests::get(state, name, reference),
        (Route::Manifest { name, reference }, "HEAD") => manifests::head(state, name, reference),
        (Route::Manifest { name, reference }, "PUT") => manifests::put(state, request, name, reference),
        (Route::Blob { name, digest }, "GET") => blobs::get(state, request, name, digest),
        (Route::Blob { name, digest }, "HEAD") => blobs::head(state, name, digest),
        (Route::Uploads { name }, "POST") => uploads::post(state, request, name),
        (Route::Upload { name, id }, "PATCH") => uploads::patch(state, request, name, id),
        (Route::Upload { name, id }, "PUT") => uploads::put(state, request, name, id),
        (Route::Upload { name, id }, "GET") => uploads::get(state, name, id),
        (Route::Upload { name, id }, "DELETE") => uploads::delete(state, name, id),
        _ => Err(OciError::unsupported()),
    }
}
