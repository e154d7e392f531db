//! The files of a fleet's run: its units, what runs, and the report of each unit.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::unit::{Phase, Step, Unit};
use crate::in_use::snapshot::Snapshot;
use crate::memory::store::{Key, Store, StoreError, WriteIf};
use crate::report::fleet::TargetReport;

const FOLDER: &str = "fleet";
/// The largest file: the units of a very large fleet, or what runs in it.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Reports that are read at once.
const AT_ONCE: usize = 32;

/// The folder of one run of a fleet.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Arc<dyn Store>,
    id: String,
}

/// A file of the run that cannot be read or written, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LedgerError(String);

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self(error.with_remedy())
    }
}

impl Ledger {
    /// The files of this run.
    pub fn new(store: Arc<dyn Store>, id: &str) -> Result<Self, LedgerError> {
        let is_name = id.len() <= 100 && !id.contains('/') && Key::new(id).is_ok();
        match is_name {
            true => Ok(Self { store, id: id.to_owned() }),
            false => Err(LedgerError(format!(
                "{id:?} is no id of a run: up to 100 letters, digits, \"-\", \"_\" and \".\""
            ))),
        }
    }

    /// Bucket and key of a file of this run, for a state machine; no bucket where it is a folder.
    pub fn object(&self, name: &str) -> (Option<String>, String) {
        let key = format!("{FOLDER}/{}/{name}", self.id);
        let place = self.store.place();
        let Some(rest) = place.strip_prefix("s3://") else { return (None, key) };
        match rest.trim_end_matches('/').split_once('/') {
            Some((bucket, prefix)) => (Some(bucket.to_owned()), format!("{prefix}/{key}")),
            None => (Some(rest.trim_end_matches('/').to_owned()), key),
        }
    }

    /// Writes the units of a phase.
    pub async fn put_units(&self, phase: Phase, units: Vec<Unit>) -> Result<(), LedgerError> {
        let steps: Vec<Step> = units.into_iter().map(Step::Run).collect();
        self.put(units_of(phase), &steps).await
    }

    /// The units of a phase.
    pub async fn units(&self, phase: Phase) -> Result<Vec<Unit>, LedgerError> {
        let steps: Option<Vec<Step>> = self.get(units_of(phase)).await?;
        let missing = || {
            LedgerError(format!(
                "there is no list of units of the run {}: {{\"fleet\": \"list\"}} comes first",
                self.id
            ))
        };
        let unit = |step| match step {
            Step::Run(unit) => Some(unit),
            _ => None,
        };
        Ok(steps.ok_or_else(missing)?.into_iter().filter_map(unit).collect())
    }

    /// Writes what the listing of the registries told: which could not be listed, and what no unit is of.
    pub async fn put_registries(&self, registries: &[TargetReport]) -> Result<(), LedgerError> {
        self.put("registries.json", registries).await
    }

    /// What the listing of the registries told.
    pub async fn registries(&self) -> Result<Vec<TargetReport>, LedgerError> {
        Ok(self.get("registries.json").await?.unwrap_or_default())
    }

    /// Writes what runs.
    pub async fn put_in_use(&self, snapshot: &Snapshot) -> Result<(), LedgerError> {
        self.put("in-use.json", snapshot).await
    }

    /// What runs.
    pub async fn in_use(&self) -> Result<Option<Snapshot>, LedgerError> {
        self.get("in-use.json").await
    }

    /// Writes the report of a unit, in place of one of an earlier attempt.
    pub async fn put_report(&self, unit: &Unit, report: &TargetReport) -> Result<(), LedgerError> {
        self.put(&report_of(unit.phase, unit), report).await
    }

    /// The reports of these units in a phase, in their order, each shrunk as it comes; none of a unit that wrote none.
    pub async fn reports(
        &self,
        phase: Phase,
        units: &[Unit],
        shrink: impl Fn(TargetReport) -> TargetReport,
    ) -> Result<Vec<Option<TargetReport>>, LedgerError> {
        let names: Vec<String> = units.iter().map(|unit| report_of(phase, unit)).collect();
        let shrink = &shrink;
        let read = |name: String| async move { Ok(self.get(&name).await?.map(shrink)) };
        let read = stream::iter(names).map(read).buffered(AT_ONCE).collect::<Vec<_>>().await;
        read.into_iter().collect()
    }

    /// Writes the merged report of a phase, and its page.
    pub async fn put_merged(
        &self,
        phase: Phase,
        report: &impl Serialize,
        page: String,
    ) -> Result<(), LedgerError> {
        self.put(&merged(phase, "report.json"), report).await?;
        self.write(&merged(phase, "report.html"), page.into_bytes()).await
    }

    async fn put(&self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), LedgerError> {
        let bytes = serde_json::to_vec(value).map_err(|error| LedgerError(format!("{name}: {error}")))?;
        self.write(name, bytes).await
    }

    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), LedgerError> {
        Ok(self.store.put(&self.key(name)?, bytes, WriteIf::Always).await?)
    }

    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, LedgerError> {
        let key = self.key(name)?;
        let Some(stored) = self.store.get(&key, LARGEST).await? else { return Ok(None) };
        let wrong =
            |error| LedgerError(format!("{key} in {} is not what was written: {error}", self.store.place()));
        serde_json::from_slice(&stored.bytes).map(Some).map_err(wrong)
    }

    fn key(&self, name: &str) -> Result<Key, LedgerError> {
        Key::new(format!("{FOLDER}/{}/{name}", self.id)).map_err(|error| LedgerError(error.to_string()))
    }
}

/// The file with the units of a phase.
pub fn units_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Plan => "items.json",
        Phase::Apply => "apply-items.json",
    }
}

/// A file of a phase as a whole.
pub fn merged(phase: Phase, name: &str) -> String {
    format!("{}/{name}", <&str>::from(phase))
}

fn report_of(phase: Phase, unit: &Unit) -> String {
    format!("{}/{}-{}.json", <&str>::from(phase), unit.item, unit.listing)
}
