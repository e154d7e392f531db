//! `/_emulator/behavior`: settings for behaviour that AWS leaves open.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{AppState, DONE};
use crate::state::{ReferenceLag, UnreferencedLayers};

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/behavior", post(behavior))
}

/// The settings to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    ids_with_filter: Option<bool>,
    name_all_unknown_images: Option<bool>,
    hide_subjects: Option<bool>,
    require_layers: Option<bool>,
    unreferenced_layers: Option<UnreferencedLayers>,
    layer_url_seconds: Option<u64>,
    reference_lag: Option<ReferenceLag>,
}

async fn behavior(State(app): State<AppState>, Json(changes): Json<Changes>) -> StatusCode {
    let emulator = &app.emulator;
    changes.ids_with_filter.into_iter().for_each(|on| emulator.set_ids_with_filter(on));
    changes.name_all_unknown_images.into_iter().for_each(|on| emulator.set_name_all_unknown_images(on));
    changes.hide_subjects.into_iter().for_each(|on| emulator.set_hide_subjects(on));
    changes.require_layers.into_iter().for_each(|on| emulator.set_require_layers(on));
    changes.unreferenced_layers.into_iter().for_each(|layers| emulator.set_unreferenced_layers(layers));
    changes.reference_lag.into_iter().for_each(|lag| emulator.set_reference_lag(lag));
    let lifetime = changes.layer_url_seconds.map(Duration::from_secs);
    lifetime.into_iter().for_each(|lifetime| emulator.set_layer_url_lifetime(lifetime));
    DONE
}
