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
    /// Whether a later attempt may read it.
    #[serde(default)]
    heals: bool,
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
                Err(error) => (Some(error), Vec::new()),
            };
            let heals = error.as_ref().is_some_and(|error| error.heals);
            let error = error.map(|error| error.to_string());
            let told = |Use { image, user }: Use| ToldUse { image, user: user.to_string() };
            Told { source: source.name(), error, heals, uses: uses.into_iter().map(told).collect() }
        });
        Self { read_at: now, sources: join_all(read).await }
    }

    /// Whether it was told so long ago that something else may run by now.
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at) > MAX_AGE
    }

    /// The first of these sources of a configuration that nobody asked.
    pub fn missing<'a>(&self, mut wanted: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let is_of = |told: &Told, name: &str| {
            told.source.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" in "))
        };
        wanted.find(|name| !self.sources.iter().any(|told| is_of(told, name)))
    }

    /// The sources as they told it, for the registry in this Region.
    pub fn sources(self, region: &str) -> Sources {
        let source = |told| -> Box<dyn Source> { Box::new(ToldSource(told)) };
        Sources::new(self.sources.into_iter().map(source).collect(), region)
    }
}

#[derive(Debug)]
struct ToldSource(Told);

impl ToldSource {
    fn uses(&self) -> Result<Vec<Use>, SourceError> {
        let told = |it: &ToldUse| Use { image: it.image.clone(), user: it.user.as_str().into() };
        match &self.0.error {
            Some(error) => Err(SourceError::new(error).that_may_heal(self.0.heals)),
            None => Ok(self.0.uses.iter().map(told).collect()),
        }
    }
}

impl Source for ToldSource {
    fn name(&self) -> String {
        self.0.source.clone()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        ready(self.uses()).boxed()
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
        assert!(!again.is_old(now + MAX_AGE) && again.is_old(now + MAX_AGE * 2));
        assert_eq!(again.missing(["ecs", "lambda", "inspector"].into_iter()), Some("inspector"));
        let sources = again.sources("eu-west-1");
        assert_eq!(sources.sources[0].read(now).await, Ok(used));
        assert_eq!(sources.sources[1].read(now).await, Err(SourceError::new("denied")));
    }
}
