//! `GET /layers/{digest}/{repository}`: where `GetDownloadUrlForLayer` points to.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode, Uri};

use super::server::Served;
use crate::settings::Settings;

pub(super) async fn get(
    State(served): State<Served>,
    Path((digest, repository)): Path<(String, String)>,
    uri: Uri,
) -> Response<Body> {
    let mut state = served.emulator.state();
    let place = place(uri.query()).unwrap_or_else(|| state.home.clone());
    match state.within(&place, |state| state.blob_bytes(&repository, &digest)) {
        Some(bytes) => Response::new(Body::from(bytes)),
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// The registry, for one that is not at home.
fn place(query: Option<&str>) -> Option<Settings> {
    let (account, region) = query?.strip_prefix("account=")?.split_once("&region=")?;
    Some(Settings { account: account.to_owned(), region: region.to_owned() })
}
