//! The moment of a call, held until the program was killed.

use std::sync::mpsc;
use std::time::Duration;

use ecr_emulator::{Fault, When};
use tokio::sync::oneshot;

use super::{World, trouble};

/// When in a call the program dies. Either way it does not hear the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// ECR does not do it any more.
    Before,
    /// ECR has done it.
    After,
}

/// A call that is held.
pub(crate) struct Hold {
    reached: Option<oneshot::Receiver<()>>,
    release: mpsc::Sender<()>,
}

impl Hold {
    /// Holds the n-th call from now, and then does it or not.
    pub(crate) fn new(world: &World, n: u64, moment: Moment) -> Self {
        Self::of(world, "*", n, moment)
    }

    /// The same, of one operation.
    pub(crate) fn of(world: &World, operation: &str, n: u64, moment: Moment) -> Self {
        let (reach, reached) = oneshot::channel();
        let (release, released) = mpsc::channel();
        world.ecr.reset_calls();
        world.ecr.before(operation, n, move |_| {
            let _ = reach.send(());
            let _ = released.recv();
        });
        if moment == Moment::Before {
            world.ecr.fault(trouble(operation, When::Nth(n), Fault::Drop));
        }
        Self { reached: Some(reached), release }
    }

    /// Waits for the call; for ever, if it never comes.
    pub(crate) async fn reached(&mut self) {
        if let Some(reached) = self.reached.take()
            && reached.await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// Lets it go on, and waits until nothing goes on any more.
    pub(crate) fn let_go(self, world: &World) {
        let _ = self.release.send(());
        while world.ecr.in_flight() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        world.ecr.clear_faults();
    }
}
