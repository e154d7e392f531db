//! `restore`: what was deleted, put back byte for byte.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::confirm::Consent;
use super::history::no_such_run;
use super::progress::{Waiting, note, say};
use super::reference::Reference;
use super::session::{Session, no_archive};
use super::stdout::{print_json, print_wrapped};
use super::{Common, Failure, Output, conclude, signals};
use crate::cli::exit_code::ExitCode;
use crate::executor::RateLimiter;
use crate::memory::backup::{Archive, PackName};
use crate::memory::repository::RepositoryId;
use crate::memory::restore::{
    RestoreError, RestoreOutcome, RestorePlan, RestoredImage, Wanted, plan_restore,
};
use crate::oci::digest::Digest;
use crate::planner::selection::UnknownName;
use crate::registry::CallErrorKind;
use crate::render::summary::place;
use crate::render::words::counted;
use crate::report::{RunIdentity, SCHEMA_VERSION};
use crate::util::shell::quoted;
use crate::util::similar::similar;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// REPOSITORY@DIGEST of an image, or REPOSITORY for all that the backup has of it
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// All that this run deleted; `ecr-janitor history` lists the runs
    #[arg(long, value_name = "RUN_ID", conflicts_with = "images")]
    run: Option<String>,
    /// Write their former tags too, where no other image has them now
    #[arg(long)]
    tags: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    yes: bool,
}

/// What became of a restore.
#[derive(Debug, Serialize)]
pub(super) struct Restored {
    schema_version: u32,
    #[serde(flatten)]
    run: RunIdentity,
    place: String,
    totals: BTreeMap<&'static str, usize>,
    repositories: Vec<RestoredRepository>,
}

/// One repository of a restore.
#[derive(Debug, Serialize)]
pub(super) struct RestoredRepository {
    name: String,
    /// Why nothing could be done in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Objects of the backup that are of no use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<String>,
    /// The end of the grace period of what was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    protected_until: Option<Timestamp>,
    images: Vec<RestoredImage>,
}

impl RestoredRepository {
    fn failed(name: String, error: String) -> Self {
        Self { name, error: Some(error), damaged: Vec::new(), protected_until: None, images: Vec::new() }
    }
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    if args.images.is_empty() && args.run.is_none() {
        return Err(Failure::Usage("nothing to restore is named: give REPOSITORY@DIGEST, a REPOSITORY, or --run RUN_ID (`ecr-janitor history` lists the runs)".to_owned()));
    }
    let references = references(&args.images)?;
    let consent = Consent::new("restore", args.yes)?;
    let deadline = signals::watch();
    let mut session = Session::open(common, config, deadline).await?;
    let archive = session.places.archive().ok_or_else(no_archive)?;
    let names = session.identify().await?;
    let wanted = match &args.run {
        Some(run_id) => of_run(&session, &archive, run_id).await?,
        None => of_references(&session, &archive, references, &names).await?,
    };
    let wanted = narrowed(common, wanted)?;
    session.announce();
    let waiting = Waiting::new("reading the backups");
    let (plans, mut repositories) = plan(&session, &archive, &wanted).await;
    drop(waiting);
    let knows_something = plans.iter().any(RestorePlan::knows_something);
    let pending = plans.iter().flat_map(RestorePlan::pending).count();
    if pending > 0 {
        plans.iter().for_each(|plan| note(&text::pending(plan)));
        let where_to = place(&session.run);
        let question = format!("Restore {} in {where_to}?", counted(pending, "image"));
        if !consent.answer(&question, &session.deadline).await? {
            say("nothing was done");
            return Ok(ExitCode::Usage);
        }
    }
    let waiting = Waiting::new("restoring");
    for plan in plans {
        repositories.push(restore(&session, &archive, plan, args.tags).await);
    }
    drop(waiting);
    let restored = Restored::new(&session.run, archive.place(), repositories);
    let printed = match common.output {
        Output::Json => print_json(&restored),
        _ => print_wrapped(&text::restored(&restored)),
    };
    Ok(conclude(restored.exit_code(knows_something), &session.deadline, [printed]))
}

/// The images and repositories that are named.
fn references(texts: &[String]) -> Result<Vec<Reference>, Failure> {
    let reference = |text: &String| {
        let reference = Reference::parse(text).map_err(|bad| Failure::Usage(bad.to_string()))?;
        match (&reference.digits, &reference.tag) {
            (None, Some(_)) => Err(Failure::Usage(format!(
                "{text:?} names a tag, and deleted images have none: give REPOSITORY@DIGEST, as `ecr-janitor history RUN_ID` prints it"
            ))),
            _ => Ok(reference),
        }
    };
    texts.iter().map(reference).collect()
}

/// What is wanted, by repository.
async fn of_references(
    session: &Session,
    archive: &Archive,
    references: Vec<Reference>,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, Wanted>, Failure> {
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    for reference in references {
        session.check_place(&reference)?;
        let name = reference.repository;
        if !names.contains(&name) {
            let similar = similar(&name, names.iter().map(String::as_str));
            return Err(session.no_such_repository(&UnknownName { name, similar }));
        }
        let digest = match &reference.digits {
            Some(digits) => Some(find(archive, &repository(session, &name), digits).await?),
            None => None,
        };
        match (wanted.entry(name).or_insert_with(|| Wanted::Images(BTreeSet::new())), digest) {
            (Wanted::Images(digests), Some(digest)) => drop(digests.insert(digest)),
            (all, _) => *all = Wanted::All,
        }
    }
    Ok(wanted)
}

/// What is wanted in the repositories that `--repository` names.
fn narrowed(
    common: &Common,
    mut wanted: BTreeMap<String, Wanted>,
) -> Result<BTreeMap<String, Wanted>, Failure> {
    let Some(narrow) = common.narrow()? else { return Ok(wanted) };
    wanted.retain(|name, _| narrow.matches(name));
    if wanted.is_empty() {
        return Err(Failure::Usage("--repository excludes everything that should be restored".to_owned()));
    }
    Ok(wanted)
}

/// The digest that is meant by its first digits.
async fn find(archive: &Archive, repository: &RepositoryId, digits: &str) -> Result<Digest, Failure> {
    if let Ok(digest) = format!("sha256:{digits}").parse() {
        return Ok(digest);
    }
    let known = archive.digests(repository).await;
    let known = known.map_err(|error| Failure::NothingDone(error.to_string()))?;
    let name = &repository.name;
    match known.iter().filter(|digest| digest.hex().starts_with(digits)).collect::<Vec<_>>().as_slice() {
        [one] => Ok(**one),
        [] => Err(Failure::NothingDone(format!(
            "no backup in {} has an image of {name} with a digest that begins with {digits}; `ecr-janitor history RUN_ID` lists the images of a run",
            archive.place()
        ))),
        _ => Err(Failure::Usage(format!(
            "several images of {name} have a digest that begins with {digits}; give more digits"
        ))),
    }
}

fn repository(session: &Session, name: &str) -> RepositoryId {
    let registry = session.run.account.clone().unwrap_or_default();
    RepositoryId { registry, region: session.run.region.clone(), name: name.to_owned() }
}

/// The repositories of this registry in which a run deleted something.
async fn of_run(
    session: &Session,
    archive: &Archive,
    run_id: &str,
) -> Result<BTreeMap<String, Wanted>, Failure> {
    let packs = archive.packs(Some(run_id)).await;
    let packs = packs.map_err(|error| Failure::NothingDone(error.to_string()))?;
    let is_here = |it: &PackName| {
        session.run.account.as_ref() == Some(&it.repository.registry)
            && session.run.region == it.repository.region
    };
    match packs.first() {
        None => return Err(Failure::NothingDone(no_such_run(run_id, &archive.place()))),
        Some(other) if !packs.iter().any(is_here) => {
            let RepositoryId { registry, region, .. } = &other.repository;
            return Err(Failure::NothingDone(format!(
                "the run {run_id} was in account {registry}, Region {region}, but these credentials are for {}",
                place(&session.run)
            )));
        }
        Some(_) => {}
    }
    let names = packs.into_iter().filter(is_here).map(|pack| pack.repository.name);
    Ok(names.map(|name| (name, Wanted::Run(run_id.to_owned()))).collect())
}

/// Plans each repository. One that cannot be planned keeps no other from being restored.
async fn plan(
    session: &Session,
    archive: &Archive,
    wanted: &BTreeMap<String, Wanted>,
) -> (Vec<RestorePlan>, Vec<RestoredRepository>) {
    let (mut plans, mut failed) = (Vec::new(), Vec::new());
    for (name, wanted) in wanted {
        match plan_restore(archive, &session.ecr, &repository(session, name), wanted).await {
            Ok(plan) => plans.push(plan),
            Err(error) => failed.push(RestoredRepository::failed(name.clone(), told(&error, name))),
        }
    }
    (plans, failed)
}

fn told(error: &RestoreError, name: &str) -> String {
    match error {
        RestoreError::Registry(error) if error.kind == CallErrorKind::RepositoryNotFound => format!(
            "the repository no longer exists: create it (aws ecr create-repository --repository-name {}), then run restore again",
            quoted(name)
        ),
        error => error.to_string(),
    }
}

/// Carries out the plan of one repository, and tells its memory: what was restored is new there.
async fn restore(
    session: &Session,
    archive: &Archive,
    plan: RestorePlan,
    with_tags: bool,
) -> RestoredRepository {
    let name = plan.repository.name.clone();
    if session.deadline.was_interrupted() {
        return RestoredRepository::failed(name, "not restored: interrupted before it began".to_owned());
    }
    let damaged = plan.damaged.iter().map(ToString::to_string).collect();
    let rate_limiter = RateLimiter::default();
    let turn = async || rate_limiter.acquire().await;
    let images = plan.execute(archive, &session.ecr, with_tags, turn).await;
    let restored = images.iter().filter(|image| image.outcome == RestoreOutcome::Restored);
    let restored: Vec<Digest> = restored.map(|image| image.digest).collect();
    let memories = session.places.memories(&session.run);
    let now = session.clock.now();
    let grace_period = session.config.policy_of(&name).grace_period;
    let protected_until = now.checked_add(grace_period).ok().filter(|_| !restored.is_empty());
    if let Some(warning) = memories.update(&name, |memory| memory.restore(restored, now)).await {
        say(&format!("warning: {warning}"));
    }
    RestoredRepository { name, error: None, damaged, protected_until, images }
}

impl Restored {
    fn new(run: &RunIdentity, place: String, mut repositories: Vec<RestoredRepository>) -> Self {
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        let mut totals = BTreeMap::new();
        for image in repositories.iter().flat_map(|it| &it.images) {
            *totals.entry(<&str>::from(image.outcome)).or_default() += 1;
        }
        Self { schema_version: SCHEMA_VERSION, run: run.clone(), place, totals, repositories }
    }

    fn exit_code(&self, knows_something: bool) -> ExitCode {
        let mut images = self.repositories.iter().flat_map(|it| &it.images);
        let failed = self.repositories.iter().any(|it| it.error.is_some() || !it.damaged.is_empty());
        match images.all(|image| image.outcome.is_there()) {
            _ if !knows_something && !failed => ExitCode::NothingDone,
            true if !failed => ExitCode::Done,
            _ => ExitCode::Failures,
        }
    }
}
