//! A source of one of several registries, read once for all of them.

use futures::future::{BoxFuture, FutureExt as _, ready};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Source, SourceError, Use};

/// What was told this long ago is asked for again.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// The time of an answer, and the answer.
type Told = (Timestamp, Result<Vec<Use>, SourceError>);

/// A source with the place that it speaks of, and what it told last.
#[derive(Debug)]
pub(super) struct Shared {
    name: String,
    source: Box<dyn Source>,
    told: Mutex<Option<Told>>,
}

impl Shared {
    /// This source, by a name that says of which registry it is.
    pub(super) fn new(source: Box<dyn Source>, place: Option<&str>) -> Self {
        let name = match place {
            Some(place) => format!("{} in {place}", source.name()),
            None => source.name(),
        };
        Self { name, source, told: Mutex::default() }
    }

    async fn uses(&self, now: Timestamp) -> Result<Vec<Use>, SourceError> {
        let mut told = self.told.lock().await;
        if let Some((_, uses)) = told.as_ref().filter(|(at, _)| now.duration_since(*at).abs() < FRESH) {
            return uses.clone();
        }
        let uses = self.source.read(now).await;
        *told = Some((now, uses.clone()));
        uses
    }
}

impl Source for Shared {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        self.uses(now).boxed()
    }
}

/// A source of a registry that cannot be reached: what it would have told is unknown.
#[derive(Debug)]
pub(super) struct Unreachable {
    pub(super) name: String,
    pub(super) why: SourceError,
}

impl Source for Unreachable {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        ready(Err(self.why.clone())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);

    impl Source for Counted {
        fn name(&self) -> String {
            "lambda".into()
        }

        fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
            let times = self.0.fetch_add(1, Ordering::Relaxed);
            ready(if times == 0 { Err(SourceError::new("denied")) } else { Ok(Vec::new()) }).boxed()
        }
    }

    #[tokio::test]
    async fn a_source_is_asked_once_and_again_some_minutes_later() {
        let source = Shared::new(Box::<Counted>::default(), Some("account 1, Region r"));
        assert_eq!(source.name(), "lambda in account 1, Region r");
        let now = Timestamp::UNIX_EPOCH;
        // A failure too is told to everybody: nobody may plan on half of what runs.
        assert!(source.read(now).await.is_err() && source.read(now + FRESH / 2).await.is_err());
        assert_eq!(source.read(now + FRESH).await, Ok(Vec::new()));
    }
}
