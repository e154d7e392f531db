//! A request to stop early, raised once and seen by everything that holds a copy.

use tokio::sync::watch;

/// A request to stop early, such as Ctrl-C. Copies are one request.
#[derive(Debug, Clone, Copy)]
pub struct Interrupt(&'static watch::Sender<bool>);

impl Interrupt {
    /// A request that nobody has made yet.
    ///
    /// Kept for the rest of the process, so that deadlines stay plain values: a process needs one.
    pub fn new() -> Self {
        Self(Box::leak(Box::new(watch::Sender::new(false))))
    }

    /// Makes the request.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was made.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is made.
    pub async fn raised(&self) {
        // The sender is never dropped.
        let _ = self.0.subscribe().wait_for(|raised| *raised).await;
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}
