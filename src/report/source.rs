//! The pipelines that make the attestations of a repository.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::oci::attestation::Form;
use crate::oci::statement::Pipeline;

/// A pipeline, and the attestations that it made in one repository.
///
/// An attestation whose statement was not read counts with the one nearest in time that was: see `statements_read`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Source {
    /// The pipeline.
    #[serde(flatten)]
    pub pipeline: Pipeline,
    /// The attestations that are in the repository now.
    pub attestations: u64,
    /// Those among them that were pushed within the last 30 days.
    pub attestations_of_the_last_30_days: u64,
    /// How many of them it is known of by their own statement.
    pub statements_read: u64,
    /// How often it pushed them: what arrived within two minutes is one push.
    pub pushes: u64,
    /// The form of the newest one.
    pub form: Option<Form>,
    /// The version of its BuildKit, where an SBOM told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buildkit: Option<String>,
    /// When the oldest one was pushed.
    #[cfg_attr(test, schemars(with = "Option<crate::oci::schema::Time>"))]
    pub first_push: Option<Timestamp>,
    /// When the newest one was pushed.
    #[cfg_attr(test, schemars(with = "Option<crate::oci::schema::Time>"))]
    pub last_push: Option<Timestamp>,
}

/// How attestations have arrived lately, as memory and the listing have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trend", rename_all = "kebab-case")]
pub enum Trend {
    /// None arrived any more, while images did.
    Stopped {
        /// The day on which the last ones arrived.
        last_on: Timestamp,
        /// The pushes on later days.
        pushes_since: u64,
    },
    /// They arrive again after a time in which none did, while images did.
    Resumed {
        /// The day on which the last ones before that time arrived.
        stopped_on: Timestamp,
        /// The day from which on they arrive again.
        resumed_on: Timestamp,
    },
}
