//! Starting and stopping the server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::app_state::AppState;
use super::connection::{Connections, Disconnect};
use super::{admin, api, layer_download, v2};
use crate::emulator::Emulator;

/// A layer part of 20 MiB in base64, with room for the rest.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// A running server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl Emulator {
    /// Serves the registry on this address (port 0 is any free one), for as long as the `Server` lives.
    pub async fn serve(&self, address: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let state = AppState { emulator: self.clone(), stopped: stopped.clone() };
        let app = router(state).into_make_service_with_connect_info::<Disconnect>();
        self.state().served_at = Some(format!("http://{address}"));
        let task = tokio::spawn(
            axum::serve(Connections(listener), app)
                .with_graceful_shutdown(until_stopped(stopped))
                .into_future(),
        );
        Ok(Server { address, stop, task })
    }
}

fn router(state: AppState) -> Router {
    Router::new()
        .route("/", post(api::post))
        .route("/layers/{digest}/{*repository}", get(layer_download::get))
        .nest("/_emulator", admin::router())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .merge(v2::router())
        .with_state(state)
}

/// Also resolves when the `Server` is gone.
async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

impl Server {
    /// The server's URL, for example `http://127.0.0.1:4580`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting calls, and waits up to two seconds for those in flight.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let patience = Duration::from_secs(2);
        if tokio::time::timeout(patience, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
