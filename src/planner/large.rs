//! How many large repositories are in memory at once. Small ones do not wait for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::registry::CallError;
use crate::util::deadline::Deadline;

/// Repositories of more than a page of the listing that are read at once.
const LARGE_AT_ONCE: usize = 4;
/// Images from which a repository is so large that it is the only one of its kind.
const HUGE: usize = 50_000;

/// The turns of large repositories in a run.
#[derive(Debug, Clone)]
pub struct LargeRepositories {
    large: Arc<Semaphore>,
    huge: Arc<Semaphore>,
}

impl Default for LargeRepositories {
    fn default() -> Self {
        Self { large: Arc::new(Semaphore::new(LARGE_AT_ONCE)), huge: Arc::new(Semaphore::new(1)) }
    }
}

/// The turn of one repository, as far as it needs any; over when it is dropped.
#[derive(Debug, Default)]
pub struct LargeTurn {
    large: Option<OwnedSemaphorePermit>,
    huge: Option<OwnedSemaphorePermit>,
}

impl LargeRepositories {
    /// Waits until a repository with so many images so far, and more to come, may be read on.
    pub async fn wait(
        &self,
        turn: &mut LargeTurn,
        images: usize,
        deadline: &Deadline,
    ) -> Result<(), CallError> {
        if turn.large.is_none() {
            turn.large = one_of(&self.large, deadline).await?;
        }
        // Always in this order: who has the second one waits for nobody.
        if turn.huge.is_none() && images >= HUGE {
            turn.huge = one_of(&self.huge, deadline).await?;
        }
        Ok(())
    }
}

async fn one_of(
    turns: &Arc<Semaphore>,
    deadline: &Deadline,
) -> Result<Option<OwnedSemaphorePermit>, CallError> {
    // Never closed, so that this is always one.
    deadline.call(async { Ok(Arc::clone(turns).acquire_owned().await.ok()) }).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_large_repositories_are_read_at_once_and_one_huge_one() {
        let large = &LargeRepositories::default();
        let wait = async |images| {
            let mut turn = LargeTurn::default();
            let soon = Deadline::after(Duration::from_secs(5), false);
            large.wait(&mut turn, images, &soon).await.map(|()| turn)
        };
        let huge = wait(HUGE).await.unwrap();
        assert!(wait(HUGE).await.is_err(), "the second one waits until the deadline");
        let mut others = Vec::new();
        for _ in 1..LARGE_AT_ONCE {
            others.push(wait(1000).await.unwrap());
        }
        assert!(wait(1000).await.is_err());
        drop(huge);
        assert!(wait(HUGE).await.is_ok());
    }
}
