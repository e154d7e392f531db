//! `GET /layers/{digest}/{repository}`: where `GetDownloadUrlForLayer` points to.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};

use super::server::Served;

pub(super) async fn get(
    State(served): State<Served>,
    Path((digest, repository)): Path<(String, String)>,
) -> Response<Body> {
    match served.emulator.blob_bytes(&repository, &digest) {
        Some(bytes) => Response::new(Body::from(bytes)),
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}
