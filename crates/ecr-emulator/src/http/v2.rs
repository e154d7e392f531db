//! `/v2/`: the OCI distribution API over the same state, with the answers that ECR's registry gives.

mod auth;
mod blobs;
mod listings;
mod manifests;
mod problem;
mod query;
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

use self::problem::Problem;
use self::query::Query;
use self::reply::{Reply, garbage};
use self::route::Route;
use super::call::{Call, Manner, take};
use super::line::Cut;
use super::server::Served;
use super::{principal, signature};
use crate::emulator::Emulator;
use crate::iam::Want;
use crate::state::State;

const MANNER: Manner = Manner { refuse: |_, error| Problem::from(error).reply().finish(), garbage };

pub(super) fn router() -> Router<Served> {
    Router::new()
        .route("/v2", any(answer))
        .route("/v2/", any(answer))
        .route("/v2/{*rest}", any(answer))
        // A client may send a layer of any size in one piece.
        .layer(DefaultBodyLimit::disable())
}

/// A request, as far as the handlers read it.
struct Asked {
    method: Method,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
}

async fn answer(
    Shared(served): Shared<Served>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let route = Route::read(uri.path());
    let name = format!("{method} {}", route.label());
    // On lines of their own: each locks the state.
    let place = signature::place_of_host(&served.emulator.state(), &headers);
    let wants = wants(&served.emulator, &route, &method, &headers);
    let call = Call {
        name: name.clone(),
        action: route.action(&method).to_owned(),
        repositories: route.repository().map(str::to_owned).into_iter().collect(),
        principal: principal::of(&headers),
        place: place.clone(),
        wants,
    };
    let asked = Asked { method, query: Query::read(uri.query()), headers, body };
    take(served, cut, call, MANNER, move |emulator, n, _| {
        let reply = emulator.recorded(n, &name, |state| match auth::refusal(state, &asked.headers) {
            Some(refusal) => refusal,
            None => {
                let done = state.within(&place, |state| dispatch(state, &route, &asked));
                done.unwrap_or_else(Problem::reply)
            }
        });
        reply.finish_for(&asked.method)
    })
    .await
}

/// Nothing where nothing is done. Who has no token is asked for one first.
fn wants(emulator: &Emulator, route: &Route, method: &Method, headers: &HeaderMap) -> Vec<Want> {
    let idle = matches!(route, Route::Base | Route::Unknown);
    if idle || auth::refusal(&emulator.state(), headers).is_some() {
        return Vec::new();
    }
    vec![Want::new(route.action(method), Some(route.repository().unwrap_or("*")))]
}

/// Does what the method means there. ECR has no deletion of manifests and blobs here, and says 405.
fn dispatch(state: &mut State, route: &Route, asked: &Asked) -> Result<Reply, Problem> {
    let method = asked.method.as_str();
    match (route, method) {
        (Route::Unknown, _) => Ok(Reply::page_not_found()),
        (Route::Base, "GET" | "HEAD") => Ok(Reply::ok()),
        (Route::Catalog, "GET") => listings::catalog(state, asked),
        (Route::Tags { name }, "GET") => listings::tags(state, asked, name),
        (Route::Referrers { name, digest }, "GET") => referrers::list(state, asked, name, digest),
        (Route::Manifest { name, reference }, "GET") => manifests::get(state, name, reference),
        (Route::Manifest { name, reference }, "HEAD") => manifests::head(state, name, reference),
        (Route::Manifest { name, reference }, "PUT") => manifests::put(state, asked, name, reference),
        (Route::Blob { name, digest }, "GET") => blobs::get(state, asked, name, digest),
        (Route::Blob { name, digest }, "HEAD") => blobs::head(state, name, digest),
        (Route::Uploads { name }, "POST") => uploads::post(state, asked, name),
        (Route::Upload { name, id }, "PATCH") => uploads::patch(state, asked, name, id),
        (Route::Upload { name, id }, "PUT") => uploads::put(state, asked, name, id),
        (Route::Upload { name, id }, "GET") => uploads::get(state, name, id),
        (Route::Upload { name, id }, "DELETE") => uploads::delete(state, name, id),
        _ => Err(Problem::unsupported()),
    }
}
