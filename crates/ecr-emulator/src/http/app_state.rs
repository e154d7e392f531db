//! State that the handlers share.

use tokio::sync::watch;

use crate::emulator::Emulator;

/// The served emulator, and whether its server still runs.
#[derive(Clone)]
pub(super) struct AppState {
    pub(super) emulator: Emulator,
    /// Turns true when the server stops.
    pub(super) stopped: watch::Receiver<bool>,
}
