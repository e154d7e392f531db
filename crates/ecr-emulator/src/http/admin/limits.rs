//! Rates, quotas and delays.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{AppState, DONE, Toggle};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/rate", post(rate))
        .route("/documented-rates", post(documented_rates))
        .route("/clear-rates", post(clear_rates))
        .route("/share-seed", post(share_seed))
        .route("/image-limit", post(image_limit))
        .route("/referrer-limit", post(referrer_limit))
        .route("/largest-page", post(largest_page))
        .route("/activation-delay", post(activation_delay))
        .route("/pull-time-updates", post(pull_time_updates))
}

#[derive(Deserialize)]
struct Rate {
    operation: String,
    per_second: f64,
    /// If not given, the calls of one second.
    burst: Option<f64>,
}

async fn rate(State(app): State<AppState>, Json(rate): Json<Rate>) -> StatusCode {
    app.emulator.set_rate(&rate.operation, rate.per_second, rate.burst.unwrap_or(rate.per_second));
    DONE
}

async fn documented_rates(State(app): State<AppState>) -> StatusCode {
    app.emulator.set_documented_rates();
    DONE
}

async fn clear_rates(State(app): State<AppState>) -> StatusCode {
    app.emulator.clear_rates();
    DONE
}

#[derive(Deserialize)]
struct ShareSeed {
    seed: u64,
}

async fn share_seed(State(app): State<AppState>, Json(request): Json<ShareSeed>) -> StatusCode {
    app.emulator.set_seed(request.seed);
    DONE
}

#[derive(Deserialize)]
struct Count {
    count: usize,
}

async fn image_limit(State(app): State<AppState>, Json(limit): Json<Count>) -> StatusCode {
    app.emulator.set_image_limit(limit.count);
    DONE
}

async fn referrer_limit(State(app): State<AppState>, Json(limit): Json<Count>) -> StatusCode {
    app.emulator.set_referrer_limit(limit.count);
    DONE
}

async fn largest_page(State(app): State<AppState>, Json(limit): Json<Count>) -> StatusCode {
    app.emulator.set_largest_page(limit.count);
    DONE
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

async fn activation_delay(State(app): State<AppState>, Json(delay): Json<Milliseconds>) -> StatusCode {
    app.emulator.set_activation_delay(Duration::from_millis(delay.ms));
    DONE
}

async fn pull_time_updates(State(app): State<AppState>, Json(toggle): Json<Toggle>) -> StatusCode {
    app.emulator.set_pull_time_updates(toggle.on);
    DONE
}
