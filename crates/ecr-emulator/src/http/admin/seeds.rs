//! Seeds, while the server runs.

use std::path::PathBuf;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{AppState, DONE};
use crate::emulator::Emulator;
use crate::seed::{self, SeedError};

type Answer = Result<StatusCode, (StatusCode, String)>;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/seed", post(seed_toml)).route("/layout", post(layout))
}

#[derive(Deserialize)]
struct Seed {
    toml: String,
}

async fn seed_toml(State(app): State<AppState>, Json(request): Json<Seed>) -> Answer {
    seed_in_background(app, move |emulator| seed::from_toml(emulator, &request.toml)).await
}

#[derive(Deserialize)]
struct Layout {
    repository: String,
    folder: PathBuf,
    tag: Option<String>,
}

async fn layout(State(app): State<AppState>, Json(layout): Json<Layout>) -> Answer {
    seed_in_background(app, move |emulator| {
        let Layout { repository, folder, tag } = layout;
        seed::oci_layout(emulator, &repository, &folder, tag.as_deref()).map(|_| ())
    })
    .await
}

/// Seeds on a thread of its own: files and many images take time that other requests should not wait for.
async fn seed_in_background(
    app: AppState,
    fill: impl FnOnce(&Emulator) -> Result<(), SeedError> + Send + 'static,
) -> Answer {
    let filled = tokio::task::spawn_blocking(move || fill(&app.emulator)).await;
    let problem = match filled {
        Ok(Ok(())) => return Ok(DONE),
        Ok(Err(error)) => error.to_string(),
        Err(error) => return Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
    };
    Err((StatusCode::BAD_REQUEST, format!("{problem}\n")))
}
