//! The names of what a backup consists of.
//!
//! ```text
//! backup/<registry>/<region>/<repository>/_<run id>-<nth>.json.gz      images with their bytes
//! backup/<registry>/<region>/_runs/<run id>.json.gz                    what a run did
//! ```
//! No name of a repository has a part that begins with `_`. A run's id begins with its time, so that names sort by it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::repository::RepositoryId;
use super::super::store::{InvalidKey, Key};

/// Where all backups are.
pub(super) const ROOT: &str = "backup/";
const END: &str = ".json.gz";

/// The name of an object that holds images.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackName {
    /// The repository.
    pub repository: RepositoryId,
    /// The run that stored it.
    pub run_id: String,
    /// Its number among the objects of the run.
    pub nth: u32,
}

impl PackName {
    pub(super) fn key(&self) -> Result<Key, InvalidKey> {
        let Self { repository, run_id, nth } = self;
        Key::new(format!("{}{run_id}-{nth:05}{END}", prefix(repository)))
    }

    pub(super) fn parse(key: &str) -> Option<Self> {
        let (registry, rest) = key.strip_prefix(ROOT)?.split_once('/')?;
        let (region, rest) = rest.split_once('/')?;
        let (name, file) = rest.rsplit_once("/_")?;
        let (run_id, nth) = file.strip_suffix(END)?.rsplit_once('-')?;
        let [registry, region, name] = [registry, region, name].map(str::to_owned);
        let repository = RepositoryId { registry, region, name };
        Some(Self { repository, run_id: run_id.to_owned(), nth: nth.parse().ok()? })
    }
}

/// What the names of a repository's objects begin with.
pub(super) fn prefix(repository: &RepositoryId) -> String {
    let RepositoryId { registry, region, name } = repository;
    format!("{ROOT}{registry}/{region}/{name}/_")
}

/// The name of what a run did.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RecordName {
    pub(super) registry: String,
    pub(super) region: String,
    pub(super) run_id: String,
}

impl RecordName {
    pub(super) fn key(&self) -> Result<Key, InvalidKey> {
        let Self { registry, region, run_id } = self;
        Key::new(format!("{ROOT}{registry}/{region}/_runs/{run_id}{END}"))
    }

    pub(super) fn parse(key: &str) -> Option<Self> {
        let (registry, rest) = key.strip_prefix(ROOT)?.split_once('/')?;
        let (region, rest) = rest.split_once('/')?;
        let run_id = rest.strip_prefix("_runs/")?.strip_suffix(END)?;
        let [registry, region, run_id] = [registry, region, run_id].map(str::to_owned);
        Some(Self { registry, region, run_id })
    }
}

/// The time with which a run's id begins.
pub(super) fn started_at(run_id: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", run_id.get(..16)?).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_was_written() {
        let repository = RepositoryId {
            registry: "123456789012".into(),
            region: "eu-west-1".into(),
            name: "team/api/_runs".into(),
        };
        let run_id = "20261126T153638Z-0a1b2c".to_owned();
        let pack = PackName { repository, run_id: run_id.clone(), nth: 7 };
        let key = pack.key().unwrap();
        assert_eq!(PackName::parse(key.as_str()), Some(pack));
        assert_eq!(RecordName::parse(key.as_str()), None);
        let record = RecordName { registry: "1".into(), region: "eu".into(), run_id: run_id.clone() };
        let key = record.key().unwrap();
        assert_eq!(RecordName::parse(key.as_str()), Some(record));
        assert_eq!(PackName::parse(key.as_str()), None);
        assert_eq!(started_at(&run_id), "2026-11-26T15:36:38Z".parse().ok());
        assert_eq!(started_at("x"), None);
    }

    #[test]
    fn names_of_others_are_not_understood() {
        for key in ["backup/1/eu/a/_x.json.gz", "backup/1/eu/_r-1.json", "memory/1/eu/a/_memory", "backup/1"]
        {
            assert_eq!(PackName::parse(key), None, "{key}");
            assert_eq!(RecordName::parse(key), None, "{key}");
        }
    }
}
