//! The images that run somewhere: the sources that name them, and what they told.
//!
//! A registry sees who pulls, not what runs: functions, services and nodes keep copies. The rules see what sources told as
//! data of an inventory, never a source; and a source that fails is no empty one.

use std::fmt;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _, join_all};
use jiff::Timestamp;

use crate::report::usage::SourceUsage;
use crate::util::deadline::{Deadline, DeadlineExceeded};
use crate::util::sanitize;

pub(crate) mod aws;
#[cfg(feature = "cli")]
pub mod command;
mod command_name;
pub mod ecs;
pub mod file;
pub mod inspector;
pub mod lambda;
mod lines;
pub mod object;
mod open;
mod reference;
mod shared;
pub mod snapshot;
mod usage;

pub use open::NotHere;
pub use reference::{BadReference, Named, Reference};
pub use usage::Usage;

/// An image in use, and what uses it: a function, a service, a line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The image.
    pub image: Reference,
    /// What uses it, for people.
    pub user: Arc<str>,
}

/// The reason why a source could not be read to its end, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SourceError {
    reason: String,
    heals: bool,
}

impl SourceError {
    /// A reason in a sentence. It may quote what others wrote.
    pub fn new(reason: impl AsRef<str>) -> Self {
        Self { reason: sanitize::line(reason.as_ref()), heals: false }
    }

    /// The same reason, of which time alone may be the remedy.
    #[must_use]
    pub fn that_may_heal(self, heals: bool) -> Self {
        Self { heals, ..self }
    }
}

impl From<DeadlineExceeded> for SourceError {
    fn from(_: DeadlineExceeded) -> Self {
        Self::new(
            "it was not read to its end in half of the time that was left, and the other half is for the repositories; give each run more time",
        )
    }
}

/// A source of images in use.
pub trait Source: fmt::Debug + Send + Sync {
    /// Its name, as the configuration has it.
    fn name(&self) -> String;
    /// Everything that is in use now. Half of it is an error.
    fn read(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>>;
}

/// The sources of a run.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    sources: Arc<[Box<dyn Source>]>,
    region: String,
}

impl Sources {
    /// No sources: `in_use.sources = []`.
    pub fn none() -> Self {
        Self::default()
    }

    /// These sources, for the registry in this Region.
    pub fn new(sources: Vec<Box<dyn Source>>, region: &str) -> Self {
        Self { sources: sources.into(), region: region.to_owned() }
    }

    /// The same sources, for a registry in this Region.
    pub fn in_region(&self, region: &str) -> Self {
        Self { sources: self.sources.clone(), region: region.to_owned() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Reads all of them, side by side, for the registry of this account, in half of the time until the deadline.
    pub fn read<'a>(
        &'a self,
        account: Option<&'a str>,
        now: Timestamp,
        deadline: &'a Deadline,
    ) -> BoxFuture<'a, Usage> {
        self.read_all(account, now, deadline).boxed()
    }

    async fn read_all(&self, account: Option<&str>, now: Timestamp, deadline: &Deadline) -> Usage {
        let deadline = &deadline.of_half();
        let read = self.sources.iter().map(|source| async move {
            let told = deadline.call(source.read(now)).await;
            (source.name(), told)
        });
        let mut usage = Usage::new(now);
        for (name, told) in join_all(read).await {
            match told {
                Ok(uses) => usage.add(name, uses, account, &self.region),
                Err(error) => {
                    let heals = error.heals;
                    usage.fail(SourceUsage { heals, ..SourceUsage::failed(name, error.to_string()) });
                }
            }
        }
        usage
    }
}

#[cfg(test)]
mod tests;
