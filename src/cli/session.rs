//! A command at work on a registry: the configuration in force, the connection, and what the registry has.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use aws_config::SdkConfig;

use super::progress::{Waiting, say};
use super::reference::Reference;
use super::remedy::Settings;
use super::{Common, Failure, Output, targets};
use crate::config::Config;
use crate::config::pattern::Patterns;
use crate::fleet::places::Place;
use crate::in_use::Sources;
use crate::memory::place::Host;
use crate::memory::places::Places;
use crate::planner::selection::{Selection, UnknownName, select};
use crate::planner::{Plan, RunRequest};
use crate::registry::ecr::Ecr;
use crate::registry::{CallError, CallErrorKind, ListRegistry as _, RegistryPlace};
use crate::render::summary::place;
use crate::report::RunIdentity;
use crate::util::aws;
use crate::util::clock::Clock;
use crate::util::deadline::Deadline;
use crate::util::sanitize;
use crate::util::shell::quoted;
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
    /// Where memory and backups are.
    pub(super) places: Places,
    /// Where to ask what runs.
    pub(super) in_use: Sources,
    /// The settings of the SDK for this registry.
    pub(super) sdk: SdkConfig,
    settings: Settings,
}

/// The place of a registry, and how it is reached.
pub(super) struct At<'a> {
    /// The caller's own settings, for memory and backups.
    pub(super) own: &'a SdkConfig,
    /// The registry; the caller's own without it.
    pub(super) place: Option<&'a Place>,
    /// Where to ask what runs, if several registries share it.
    pub(super) in_use: Option<&'a Sources>,
}

impl Session {
    /// Connects to the one registry of this command. Calls nothing, unless a role has to be assumed.
    pub(super) async fn open(common: &Common, config: Config, deadline: Deadline) -> Result<Self, Failure> {
        let own = common.of_sdk().await;
        let registries = targets::registries(common, &config, &own).await?;
        match registries.wanted.as_slice() {
            [] => Self::open_at(common, config, deadline, At { own: &own, place: None, in_use: None }),
            [registry] => {
                let started_at = Clock::default().started_at();
                let id = RunIdentity::new(&config, &registry.region, started_at, "one").run_id;
                let (places, in_use) = tokio::select! {
                    reached = registries.reach(&config, &own, &id) => reached?,
                    () = deadline.interrupted() => return Err(Failure::Interrupted),
                };
                let at = At { own: &own, place: places.first(), in_use: Some(&in_use) };
                Self::open_at(common, config, deadline, at)
            }
            several => Err(targets::too_many(several.iter())),
        }
    }

    /// Connects to this registry. Calls nothing.
    pub(super) fn open_at(
        common: &Common,
        config: Config,
        deadline: Deadline,
        At { own, place, in_use }: At<'_>,
    ) -> Result<Self, Failure> {
        let sdk = match place {
            None => own.clone(),
            Some(place) => place.settings.clone().map_err(|error| Failure::NothingDone(error.to_string()))?,
        };
        let settings = Settings::of(common);
        Settings::check_endpoint(&sdk).map_err(Failure::NothingDone)?;
        let places = places_of(&config, own);
        let ecr = Ecr::for_people(&sdk).map_err(|_no_region| Failure::NothingDone(settings.no_region()))?;
        let in_use = match in_use {
            Some(shared) => shared.in_region(ecr.region()),
            None => Sources::open(&config.in_use, Host::CommandLine, &sdk)
                .map_err(|error| Failure::Usage(error.to_string()))?,
        };
        ecr.begin_run(config.limits.concurrency.fixed());
        let settings = settings.resolved(ecr.region(), &sdk);
        let of_place = place.map(|place| place.registry.to_string()).unwrap_or_default();
        let salt = format!("{}{of_place}", std::process::id());
        let clock = Clock::default();
        let run = RunIdentity::new(&config, ecr.region(), clock.started_at(), &salt);
        Ok(Self { config, ecr, run, clock, deadline, places, in_use, sdk, settings })
    }

    /// Lists the registry, and refuses names that it does not have.
    pub(super) async fn select(&mut self, narrow: Option<&Patterns>) -> Result<Selection, Failure> {
        let selection = self.select_what_is_there(narrow).await?;
        match selection.unknown.first() {
            None => Ok(selection),
            Some(unknown) => Err(self.no_such_repository(unknown)),
        }
    }

    /// Lists the registry, and chooses.
    pub(super) async fn select_what_is_there(
        &mut self,
        narrow: Option<&Patterns>,
    ) -> Result<Selection, Failure> {
        let waiting = Waiting::new("listing the repositories");
        let select = select(&self.ecr, &self.config.select, narrow);
        let selection = self.deadline.of_planning().call(select).await;
        drop(waiting);
        let selection = selection.map_err(|error| self.failed(&error))?;
        self.run.account.clone_from(&selection.registry);
        Ok(selection)
    }

    /// What this command asks of the planner. Its memories are those of the registry that was listed.
    pub(super) fn request(&self) -> RunRequest {
        RunRequest {
            clock: self.clock,
            memories: self.places.memories(&self.run),
            in_use: self.in_use.clone(),
            ..RunRequest::new(self.run.started_at, self.deadline.clone())
        }
    }

    /// Adds to a plan what is known of its backup.
    pub(super) fn note_backups(&self, plan: &mut Plan) {
        plan.backup_until = self.places.backup_until(&self.config, self.run.started_at);
        plan.warnings.extend(self.places.warning());
    }

    /// Lists the registry for its id alone.
    pub(super) async fn identify(&mut self) -> Result<BTreeSet<String>, Failure> {
        let waiting = Waiting::new("listing the repositories");
        let repositories = self.deadline.call(self.ecr.repositories()).await;
        drop(waiting);
        let repositories = repositories.map_err(|error| self.failed(&error))?;
        self.run.account = repositories.first().map(|repository| repository.registry.clone());
        Ok(repositories.into_iter().map(|repository| repository.name).collect())
    }

    /// Refuses names that the registry does not have, or that this run leaves out.
    pub(super) fn check_names(&self, selection: &Selection, names: &[String]) -> Result<(), Failure> {
        match selection.find_missing(names) {
            None => Ok(()),
            Some(missing) => Err(self.no_such_repository(&missing)),
        }
    }

    /// Refuses an image of another registry, by what its name says.
    pub(super) fn check_place(&self, reference: &Reference) -> Result<(), Failure> {
        let Some(place) = &reference.place else { return Ok(()) };
        self.check_region(&reference.repository, place)?;
        self.check_account(&reference.repository, place)
    }

    /// Refuses an image of another Region.
    pub(super) fn check_region(&self, name: &str, named: &RegistryPlace) -> Result<(), Failure> {
        let region = self.ecr.region();
        if named.region == region {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "{name} is named in {named}, and this command asks Region {region}; give --region {}",
            quoted(&named.region)
        )))
    }

    /// Refuses an image of another account.
    pub(super) fn check_account(&self, name: &str, named: &RegistryPlace) -> Result<(), Failure> {
        match &self.run.account {
            Some(account) if *account != named.account => Err(Failure::Usage(format!(
                "{name} is named in {named}, and the credentials in use are of {}; use those of account {}, with --profile for example",
                place(&self.run),
                named.account
            ))),
            _ => Ok(()),
        }
    }

    /// A failed call, and what to do about it.
    pub(super) fn remedy(&self, error: &CallError) -> String {
        self.settings.with_remedy(error)
    }

    /// The failure of a call without which nothing can be done.
    pub(super) fn failed(&self, error: &CallError) -> Failure {
        match error.kind {
            // The only deadline of a command is Ctrl-C.
            CallErrorKind::DeadlineExceeded => Failure::Interrupted,
            _ => Failure::NothingDone(self.remedy(error)),
        }
    }

    /// Says where a run is at work, unless its table says so to the same people.
    pub(super) fn announce_run(&self, output: Output) {
        if output != Output::Table || !std::io::stdout().is_terminal() {
            self.announce();
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

/// Where a configuration has memory and backups.
fn places_of(config: &Config, of_sdk: &SdkConfig) -> Places {
    let environment = std::env::vars_os().collect();
    Places::open(config, Host::CommandLine, &environment, of_sdk)
}

/// The places of memory and backups, for commands that ask no registry.
pub(super) async fn places(common: &Common, config: &Config) -> Places {
    places_of(config, &common.of_sdk().await)
}

/// The refusal of a command that needs backups.
pub(super) fn no_archive() -> Failure {
    Failure::Usage(
        "there is no place for backups: set backup.location (JANITOR_BACKUP_LOCATION), or HOME for the state folder"
            .to_owned(),
    )
}

impl Common {
    /// The Region of the command line, the environment or the profile, if one of them has any.
    pub(super) async fn region_in_force(&self) -> Option<String> {
        self.of_sdk().await.region().map(ToString::to_string).filter(|region| !region.is_empty())
    }

    /// The SDK's own settings, with those of the command line.
    pub(super) async fn of_sdk(&self) -> SdkConfig {
        aws::settings(self.region.as_deref(), self.profile.as_deref()).await
    }
}
