//! Numbers and switches.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{DONE, Served, Switch};

pub(super) fn router() -> Router<Served> {
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
    /// What one second brings, if not said.
    burst: Option<f64>,
}

async fn rate(State(served): State<Served>, Json(rate): Json<Rate>) -> StatusCode {
    served.emulator.set_rate(&rate.operation, rate.per_second, rate.burst.unwrap_or(rate.per_second));
    DONE
}

async fn documented_rates(State(served): State<Served>) -> StatusCode {
    served.emulator.set_documented_rates();
    DONE
}

async fn clear_rates(State(served): State<Served>) -> StatusCode {
    served.emulator.clear_rates();
    DONE
}

#[derive(Deserialize)]
struct ShareSeed {
    seed: u64,
}

async fn share_seed(State(served): State<Served>, Json(what): Json<ShareSeed>) -> StatusCode {
    served.emulator.set_seed(what.seed);
    DONE
}

#[derive(Deserialize)]
struct Count {
    count: usize,
}

async fn image_limit(State(served): State<Served>, Json(limit): Json<Count>) -> StatusCode {
    served.emulator.set_image_limit(limit.count);
    DONE
}

async fn referrer_limit(State(served): State<Served>, Json(limit): Json<Count>) -> StatusCode {
    served.emulator.set_referrer_limit(limit.count);
    DONE
}

async fn largest_page(State(served): State<Served>, Json(limit): Json<Count>) -> StatusCode {
    served.emulator.set_largest_page(limit.count);
    DONE
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

async fn activation_delay(State(served): State<Served>, Json(delay): Json<Milliseconds>) -> StatusCode {
    served.emulator.set_activation_delay(Duration::from_millis(delay.ms));
    DONE
}

async fn pull_time_updates(State(served): State<Served>, Json(switch): Json<Switch>) -> StatusCode {
    served.emulator.set_pull_time_updates(switch.on);
    DONE
}
