//! Ctrl-C and SIGTERM.

use std::io;

use super::exit_code::ExitCode;
use super::progress::{clear, say};
use crate::util::deadline::Deadline;

/// A deadline that passes at the first signal. The second ends the process.
pub(super) fn watch() -> Deadline {
    let (deadline, interrupt) = Deadline::default().interruptible();
    tokio::spawn(async move {
        let Ok(mut signals) = Signals::new() else { return };
        signals.next().await;
        // First: where nothing is in hand, the process ends right after the interrupt.
        say(
            "interrupted: finishing the current batch, then printing the report; press Ctrl-C again to stop at once",
        );
        interrupt.interrupt();
        signals.next().await;
        clear();
        say("stopped at once: what ECR did with the current batch is not reported");
        std::process::exit(ExitCode::Interrupted as i32);
    });
    deadline
}

/// Ends the process at the first signal, for commands that have nothing in hand. No spinner is left on the terminal.
pub(super) fn end_at_once() {
    tokio::spawn(async move {
        let Ok(mut signals) = Signals::new() else { return };
        signals.next().await;
        clear();
        say("interrupted; nothing was done");
        std::process::exit(ExitCode::Interrupted as i32);
    });
}

/// The signals that ask a program to stop.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals over from the system, which would end the process.
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(super) async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
