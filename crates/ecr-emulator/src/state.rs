//! The state of the registry.

mod accounts;
mod behavior;
mod blob;
mod failure;
mod image;
mod image_id;
mod lag;
mod limits;
mod manifest;
mod mutability;
mod name;

mod repository;
mod rule;
mod scanning;
mod session;
mod status;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;

pub(crate) use behavior::Behavior;
pub use behavior::{ReferenceLag, UnreferencedLayers};
pub(crate) use blob::{Blob, Upload};
pub(crate) use failure::{Failure, INACCESSIBLE};
pub(crate) use image::Image;
pub(crate) use image_id::ImageId;
pub(crate) use lag::LaggingReferences;
pub(crate) use limits::Limits;
pub(crate) use manifest::Manifest;
pub(crate) use mutability::Mutability;
pub(crate) use name::{is_repository_name, is_tag};
pub(crate) use repository::{LayerUse, Lifecycle, Repository};
pub(crate) use rule::PullThroughRule;
pub(crate) use scanning::Scanning;
pub(crate) use session::Session;
pub use status::Status;
pub(crate) use status::Storage;

use crate::error::ApiError;
use crate::event;
use crate::journal::Change;
use crate::layer_url::UrlKey;
use crate::settings::Settings;

/// The registry that the running call is for; all others are `others`.
#[derive(Clone)]
pub(crate) struct State {
    /// The registry that the running call is for; between calls, `home`.
    pub(crate) settings: Settings,
    /// The registry of the library's calls, and of each call that names none.
    pub(crate) home: Settings,
    pub(crate) limits: Limits,
    pub(crate) behavior: Behavior,
    /// The time, when it does not follow the machine's clock.
    pub(crate) clock: Option<i64>,
    /// Whether pulls are recorded. Off, each caller is as if excluded from pull-time updates.
    pub(crate) pull_time_updates: bool,
    /// Whether the OCI API requires a token.
    pub(crate) require_auth: bool,
    /// The server's URL, once there is one.
    pub(crate) served_at: Option<String>,
    /// Principals that are registered for the pull-time update exclusion, with the time; they have no effect.
    pub(crate) pull_time_exclusions: BTreeMap<String, i64>,
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) rules: BTreeMap<String, PullThroughRule>,
    /// The registry's policy, which has no effect.
    pub(crate) policy: Option<String>,
    pub(crate) scanning: Scanning,
    /// The registry's replication rules, as they came.
    pub(crate) replication: Vec<serde_json::Value>,
    /// Whether a caller may name another account's registry.
    pub(crate) cross_account: bool,
    /// Whether a call of the JSON API must be signed.
    pub(crate) require_signature: bool,
    others: BTreeMap<Settings, accounts::Registry>,
    /// The events so far, if they are kept.
    pub(crate) events: Option<Vec<serde_json::Value>>,
    /// Changes of the running operation so far, by repository.
    changes: Vec<(String, Change)>,
    serial: u64,
    /// Sessions of assumed roles, by access key id.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// Signs the download URLs of layers.
    pub(crate) url_key: UrlKey,
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            home: settings.clone(),
            settings,
            limits: Limits::default(),
            behavior: Behavior::default(),
            clock: None,
            pull_time_updates: true,
            require_auth: false,
            served_at: None,
            pull_time_exclusions: BTreeMap::new(),
            repositories: BTreeMap::new(),
            rules: BTreeMap::new(),
            policy: None,
            scanning: Scanning::default(),
            replication: Vec::new(),
            cross_account: false,
            require_signature: false,
            others: BTreeMap::new(),
            events: None,
            changes: Vec::new(),
            serial: 0,
            sessions: BTreeMap::new(),
            url_key: UrlKey::random(),
        }
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.unwrap_or_else(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |past| i64::try_from(past.as_millis()).unwrap_or(i64::MAX))
        })
    }

    pub(crate) fn repository(&self, name: &str) -> Result<&Repository, ApiError> {
        self.repositories.get(name).ok_or_else(|| self.no_repository(name))
    }

    pub(crate) fn repository_mut(&mut self, name: &str) -> Result<&mut Repository, ApiError> {
        if !self.repositories.contains_key(name) {
            return Err(self.no_repository(name));
        }
        let account = &self.settings.account;
        self.repositories.get_mut(name).ok_or_else(|| ApiError::repository_not_found(name, account))
    }

    fn no_repository(&self, name: &str) -> ApiError {
        let not_found = || ApiError::repository_not_found(name, &self.settings.account);
        name::check_repository_name(name).err().unwrap_or_else(not_found)
    }

    /// The bytes of a blob, unless it was only declared.
    pub(crate) fn blob_bytes(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.repositories.get(repository)?.blobs.get(digest)?.bytes.clone()
    }

    /// Notes a change. A repository of another registry than the one at home is named by its ARN.
    pub(crate) fn record(&mut self, repository: &str, change: Change) {
        self.record_all(repository, vec![change]);
    }

    pub(crate) fn record_all(&mut self, repository: &str, changes: Vec<Change>) {
        if self.events.is_some() {
            let events = event::of_changes(self, repository, &changes);
            self.send(events);
        }
        let named =
            if self.is_home() { repository.to_owned() } else { self.settings.repository_arn(repository) };
        self.changes.extend(changes.into_iter().map(|change| (named.clone(), change)));
    }

    /// Keeps events, if any are kept.
    pub(crate) fn send(&mut self, events: impl IntoIterator<Item = serde_json::Value>) {
        if let Some(kept) = &mut self.events {
            kept.extend(events);
        }
    }

    pub(crate) fn take_changes(&mut self) -> Vec<(String, Change)> {
        std::mem::take(&mut self.changes)
    }

    /// The ARN of a caller in a registry.
    pub(crate) fn caller_arn(&self, principal: Option<&str>, registry: &Settings) -> String {
        let session = principal.and_then(|key| self.sessions.get(key));
        session.map_or_else(|| registry.caller_arn(), |session| session.arn.clone())
    }

    /// A number that was not given out before.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}
