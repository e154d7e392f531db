//! A command at work on a registry: the configuration in force, the connection, and what the registry has.

use super::progress::say;
use super::remedy::Settings;
use super::{Common, Failure};
use crate::config::Config;
use crate::config::pattern::Patterns;
use crate::planner::selection::{Selection, UnknownName, select};
use crate::registry::ecr::Ecr;
use crate::registry::{CallError, CallErrorKind};
use crate::render::summary::place;
use crate::report::RunIdentity;
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;
use crate::util::sanitize;
use crate::util::similar::did_you_mean;

/// A connection with a configuration, and the identity of the run.
pub(super) struct Session {
    /// The configuration in force.
    pub(super) config: Config,
    /// The registry.
    pub(super) ecr: Ecr,
    /// The run.
    pub(super) run: RunIdentity,
    /// Its clock.
    pub(super) clock: Clock,
    /// When to stop: at Ctrl-C.
    pub(super) deadline: Deadline,
    settings: Settings,
}

impl Session {
    /// Connects. Calls nothing.
    pub(super) async fn open(common: &Common, config: Config, deadline: Deadline) -> Result<Self, Failure> {
        let settings = Settings::of(common);
        let ecr = Ecr::connect(common.region.as_deref(), common.profile.as_deref()).await;
        let ecr = ecr.map_err(|_no_region| Failure::NothingDone(settings.no_region()))?;
        let settings = settings.in_region(ecr.region());
        let salt = std::process::id().to_string();
        let clock = Clock::default();
        let run = RunIdentity::new(&config, ecr.region(), clock.started_at(), &salt);
        Ok(Self { config, ecr, run, clock, deadline, settings })
    }

    /// Lists the registry, and refuses names that it does not have.
    pub(super) async fn select(&mut self, narrow: Option<&Patterns>) -> Result<Selection, Failure> {
        let select = select(&self.ecr, &self.config.select, narrow);
        let selection = self.deadline.of_planning().call(select).await;
        let selection = selection.map_err(|error| self.failed(&error))?;
        self.run.account.clone_from(&selection.registry);
        match selection.unknown.first() {
            None => Ok(selection),
            Some(unknown) => Err(self.no_such_repository(unknown)),
        }
    }

    /// The failure of a call without which nothing can be done.
    pub(super) fn failed(&self, error: &CallError) -> Failure {
        match error.kind {
            // The only deadline of a command is Ctrl-C.
            CallErrorKind::DeadlineExceeded => Failure::Interrupted,
            _ => Failure::NothingDone(self.settings.with_remedy(error)),
        }
    }

    /// Says where the command is at work, and which configuration it took.
    pub(super) fn announce(&self) {
        say(&format!("{}, configuration: {}", place(&self.run), sanitize::line(&self.run.configuration)));
    }

    /// The refusal of a name that the registry does not have.
    pub(super) fn no_such_repository(&self, UnknownName { name, similar }: &UnknownName) -> Failure {
        let remedy = match similar.as_slice() {
            [] => "; check the name, the Region and the account".to_owned(),
            similar => did_you_mean(similar),
        };
        Failure::Usage(format!("there is no repository {name:?} in {}{remedy}", place(&self.run)))
    }
}
