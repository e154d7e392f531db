//! What sources told at one time, for the many runs of a fleet: each source is asked once, not once a run.

use futures::future::{BoxFuture, FutureExt as _, join_all, ready};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Reference, Source, SourceError, Sources, Use};
use crate::util::deadline::Deadline;

/// What was told this long ago is not what runs now.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

/// What the sources of a fleet told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    read_at: Timestamp,
    sources: Vec<Told>,
}

/// What one source told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    source: String,
    /// Why it could not be read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default)]
    uses: Vec<ToldUse>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ToldUse {
    image: Reference,
    user: String,
}

impl Snapshot {
    /// Reads all sources now.
    pub async fn of(sources: &Sources, now: Timestamp, deadline: &Deadline) -> Self {
        let read = sources.sources.iter().map(|source| async move {
            let (error, uses) = match deadline.call(source.read(now)).await {
                Ok(uses) => (None, uses),
                Err(error) => (Some(error.to_string()), Vec::new()),
            };
            let told = |Use { image, user }: Use| ToldUse { image, user: user.to_string() };
            Told { source: source.name(), error, uses: uses.into_iter().map(told).collect() }
        });
        Self { read_at: now, sources: join_all(read).await }
    }

    /// The sources as they told it, for the registry in this Region. After an hour they count as unread.
    pub fn sources(self, region: &str) -> Sources {
        let read_at = self.read_at;
        let source = |told| -> Box<dyn Source> { Box::new(ToldSource { told, read_at }) };
        Sources::new(self.sources.into_iter().map(source).collect(), region)
    }
}

#[derive(Debug)]
struct ToldSource {
    told: Told,
    read_at: Timestamp,
}

impl ToldSource {
    fn uses(&self, now: Timestamp) -> Result<Vec<Use>, SourceError> {
        let age = now.duration_since(self.read_at);
        match &self.told.error {
            Some(error) => Err(SourceError::new(error)),
            None if age > MAX_AGE => Err(SourceError::new(format!(
                "the fleet asked what runs at {:.0}, which is more than an hour ago; the next run of the fleet asks again",
                self.read_at
            ))),
            None => {
                let told = |it: &ToldUse| Use { image: it.image.clone(), user: it.user.as_str().into() };
                Ok(self.told.uses.iter().map(told).collect())
            }
        }
    }
}

impl Source for ToldSource {
    fn name(&self) -> String {
        self.told.source.clone()
    }

    fn read(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        ready(self.uses(now)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(&'static str, Result<Vec<Use>, SourceError>);

    impl Source for Fixed {
        fn name(&self) -> String {
            self.0.into()
        }

        fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
            ready(self.1.clone()).boxed()
        }
    }

    #[tokio::test]
    async fn what_was_told_is_told_again_for_an_hour_failures_too() {
        let image = Reference::parse("team/api:v1").unwrap();
        let used = vec![Use { image, user: "function f".into() }];
        let sources: Vec<Box<dyn Source>> = vec![
            Box::new(Fixed("lambda", Ok(used.clone()))),
            Box::new(Fixed("ecs", Err(SourceError::new("denied")))),
        ];
        let now = Timestamp::UNIX_EPOCH;
        let snapshot = Snapshot::of(&Sources::new(sources, ""), now, &Deadline::default()).await;
        let text = serde_json::to_string(&snapshot).unwrap();
        let again = serde_json::from_str::<Snapshot>(&text).unwrap();
        assert_eq!(again, snapshot);
        let sources = again.sources("eu-west-1");
        assert_eq!(sources.sources[0].read(now + MAX_AGE).await, Ok(used));
        assert!(
            sources.sources[0].read(now + MAX_AGE * 2).await.unwrap_err().to_string().contains("an hour ago")
        );
        assert_eq!(sources.sources[1].read(now).await, Err(SourceError::new("denied")));
    }
}
