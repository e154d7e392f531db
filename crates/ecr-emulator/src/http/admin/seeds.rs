//! Worlds, while the server runs.

use std::path::PathBuf;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{DONE, Served};
use crate::emulator::Emulator;
use crate::seed::{self, SeedError};

type Answer = Result<StatusCode, (StatusCode, String)>;

pub(super) fn router() -> Router<Served> {
    Router::new().route("/world", post(world)).route("/layout", post(layout))
}

#[derive(Deserialize)]
struct World {
    toml: String,
}

async fn world(State(served): State<Served>, Json(world): Json<World>) -> Answer {
    aside(served, move |emulator| seed::world(emulator, &world.toml)).await
}

#[derive(Deserialize)]
struct Layout {
    repository: String,
    folder: PathBuf,
    tag: Option<String>,
}

async fn layout(State(served): State<Served>, Json(layout): Json<Layout>) -> Answer {
    aside(served, move |emulator| {
        let Layout { repository, folder, tag } = layout;
        seed::oci_layout(emulator, &repository, &folder, tag.as_deref()).map(|_| ())
    })
    .await
}

/// Files and many images take their time, which others should not have to wait.
async fn aside(
    served: Served,
    fill: impl FnOnce(&Emulator) -> Result<(), SeedError> + Send + 'static,
) -> Answer {
    let filled = tokio::task::spawn_blocking(move || fill(&served.emulator)).await;
    let problem = match filled {
        Ok(Ok(())) => return Ok(DONE),
        Ok(Err(error)) => error.to_string(),
        Err(error) => return Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
    };
    Err((StatusCode::BAD_REQUEST, format!("{problem}\n")))
}
