//! A place that cannot be reached is not tried again for each of a thousand repositories.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::registry::{CallError, CallErrorKind};

/// Calls in a row that got no answer, each after its attempts, before the next ones are not made.
const FAILURES: u32 = 3;
/// The time for which they are not made.
const PAUSE: Duration = Duration::from_secs(30);

/// The calls in a row that got no answer.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    pause: Option<(Instant, CallError)>,
}

impl Outage {
    /// Refuses a call that would get no answer either.
    pub(super) fn check(&self, operation: &'static str) -> Result<(), CallError> {
        match &self.state().pause {
            Some((until, error)) if Instant::now() < *until => Err(CallError { operation, ..error.clone() }),
            _ => Ok(()),
        }
    }

    /// Notes how a call went.
    pub(super) fn note<T>(&self, done: &Result<T, CallError>) {
        let mut state = self.state();
        match done {
            Err(error) if error.kind == CallErrorKind::NoResponse => {
                state.failures += 1;
                if state.failures >= FAILURES {
                    state.pause = Some((Instant::now() + PAUSE, error.clone()));
                }
            }
            _ => *state = State::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_made_again_after_a_pause_and_after_an_answer() {
        let outage = Outage::default();
        let lost = Err::<(), _>(CallError::of_kind("GetObject", CallErrorKind::NoResponse, "why"));
        let refused = Err::<(), _>(CallError::of_kind("GetObject", CallErrorKind::AccessDenied, "why"));
        for answer in [&lost, &lost, &refused, &lost, &lost, &Ok(()), &lost, &lost] {
            outage.note(answer);
            assert_eq!(outage.check("PutObject"), Ok(()));
        }
        outage.note(&lost);
        let error = outage.check("PutObject").unwrap_err();
        assert_eq!((error.operation, error.message.as_str()), ("PutObject", "why"));
        tokio::time::advance(PAUSE).await;
        assert_eq!(outage.check("PutObject"), Ok(()));
        outage.note(&lost);
        assert!(outage.check("PutObject").is_err(), "one more is enough");
        tokio::time::advance(PAUSE).await;
        outage.note(&Ok(()));
        outage.note(&lost);
        assert_eq!(outage.check("PutObject"), Ok(()));
    }
}
