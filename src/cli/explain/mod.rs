//! `explain`: what is this image?

pub mod explanation;
pub mod inside;
pub mod inside_text;
mod neighbourhood;
pub mod text;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::progress::{Waiting, say};
use super::reference::Reference;
use super::session::Session;
use super::stdout::{print_json, print_page, print_wrapped};
use super::{Common, Failure, Output, signals, targets};
use crate::cli::exit_code::ExitCode;
use crate::config::Config;
use crate::config::policy::Policy;
use crate::config::target::Registry;
use crate::inventory::{ImageIndex, ImageStatus, Inventory, PerImage};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::planner::RunRequest;
use crate::planner::collect::{collect, verified};
use crate::planner::recall::Recall;
use crate::planner::replication::Replication;
use crate::planner::selection::UnknownName;
use crate::planner::statements::{self, Unread, Wanted};
use crate::planner::surroundings::Surroundings;
use crate::registry::ecr::Ecr;
use crate::registry::{CallError, ReadRepository as _, StoredManifest};
use crate::render::page;
use crate::render::words::counted;
use crate::report::RepositoryReason;
use crate::rules::judge;
use crate::rules::verdict::Verdict;
use crate::util::deadline::Deadline;
use crate::util::sanitize;
use crate::util::similar::{did_you_mean, similar};
use explanation::{AskedTag, Explainer};
use inside::{Candidates, Inside};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// REPOSITORY[:TAG][@DIGEST], with or without https:// and this registry's host, or an ARN; of the digest the first digits are enough
    #[arg(value_name = "IMAGE")]
    image: String,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let reference = Reference::parse(&args.image).map_err(|bad| Failure::Usage(bad.to_string()))?;
    check_form(common.output, &reference)?;
    signals::end_at_once();
    let mut session = open(common, &config, &reference).await?;
    let skipped = scope(&mut session, &reference).await?;
    let waiting = Waiting::new("reading the repository");
    let (ecr, repository) = (&session.ecr, &reference.repository);
    let policy = session.config.policy_of(repository);
    let now = session.run.started_at;
    let deadline = Deadline::default();
    let replication = Replication::of(ecr, &session.config, [repository.as_str()], &deadline).await;
    let account = session.run.account.as_deref();
    let usage = session.in_use.read(account, session.clock.now(), &deadline).await;
    let done = if usage.unread().is_some() { ExitCode::Failures } else { ExitCode::Done };
    for warning in usage.warnings() {
        say(&format!("warning: {}", sanitize::line(&warning)));
    }
    let surroundings = Surroundings::new(replication, usage);
    // A breaker stops what is written; what an image is can be told all the same.
    let request = RunRequest { accept_tag_loss: vec![repository.clone()], ..session.request() };
    let mut recall = Recall::load(&request, &session.config, repository).await;
    let collected =
        collect(ecr, repository, &policy, &surroundings, &mut recall, &request.large, &deadline).await;
    drop(waiting);
    let is_complete = collected.is_ok();
    let skipped = skipped.or(recall.accepted_loss.take());
    let (mut inventory, verdicts, skipped, uncertain) = match collected {
        Ok(collected) => (collected.inventory, collected.verdicts, skipped, None),
        // Nothing is certain then, but what this one image is can still be told.
        Err(why) => match list(ecr, repository, &policy, &surroundings, now).await {
            Ok((inventory, verdicts)) => (inventory, verdicts, Some(why.detail.clone()), Some(why.detail)),
            Err(_) => return Err(Failure::NothingDone(format!("{repository}: {}", why.detail))),
        },
    };
    let Some(position) = find(&inventory, &reference)? else {
        remember(recall, &request, Some(&inventory).filter(|_| is_complete)).await;
        session.announce();
        let explainer =
            Explainer { repository, inventory: &inventory, policy: &policy, verdicts: &verdicts, now };
        let overview = explainer.overview();
        match common.output {
            Output::Json => print_json(&overview)?,
            _ => print_wrapped(&text::overview(&overview))?,
        }
        return Ok(done);
    };
    let stored = read(&session, repository, &mut inventory, &mut recall, position).await?;
    let bytes = stored.as_ref().map(|stored| stored.bytes.as_bytes());
    let manifest = bytes.and_then(|bytes| Manifest::parse(bytes).ok());
    let verdicts = judge(&inventory, &policy, now);
    let candidates = inside::candidates(&inventory, &verdicts, position, bytes);
    let inside = read_inside(&session, repository, &mut inventory, &mut recall, candidates, stored).await;
    remember(recall, &request, Some(&inventory).filter(|_| is_complete)).await;
    let verdicts = judge(&inventory, &policy, now);
    let explainer =
        Explainer { repository, inventory: &inventory, policy: &policy, verdicts: &verdicts, now };
    let mut explanation = explainer.explain(position, manifest.as_ref());
    explanation.asked_tag = asked_tag(&inventory, &reference);
    explanation.add_inside(inside);
    if let Some(why) = skipped {
        explanation.skip(why);
    }
    if let Some(why) = uncertain {
        explanation.forget_parents(&why);
    }
    session.announce();
    match common.output {
        Output::Json => print_json(&explanation)?,
        Output::Html => {
            let around = neighbourhood::around(&explainer, position, &explanation);
            print_page(page::image(&session.run, &around, explanation.digest, &text::image(&explanation)))?;
        }
        _ => print_wrapped(&text::image(&explanation))?,
    }
    Ok(done)
}

/// The registry that has the image: of several the one that its name says, or the only one with such a repository.
async fn open(common: &Common, config: &Config, reference: &Reference) -> Result<Session, Failure> {
    let deadline = Deadline::default();
    if config.targets.is_empty() {
        return Session::open(common, config.clone(), deadline).await;
    }
    let of_name = |registry: &Registry| {
        reference.place.as_ref().is_none_or(|place| {
            registry.region == place.region && registry.account().is_none_or(|it| it == place.account)
        })
    };
    let mut all = targets::sessions(common, config, &deadline).await?;
    let shown: Vec<String> = all.iter().map(|(registry, _)| registry.to_string()).collect();
    all.retain(|(registry, _)| of_name(registry));
    let only = all.len() == 1;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for (registry, session) in all {
        let listed = match session {
            Ok(mut session) if !only => session.identify().await.map(|names| (names, session)),
            Ok(session) => return Ok(session),
            Err(failure) => Err(failure),
        };
        match listed {
            Ok((names, session)) if names.contains(&reference.repository) => found.push((registry, session)),
            Ok(_) => {}
            Err(failure) => errors.push(failure),
        }
    }
    match (found.pop(), found.as_slice(), errors.into_iter().next()) {
        // What could not be asked may have it too.
        (_, _, Some(failure)) => Err(failure),
        (Some((_, session)), [], None) => Ok(session),
        (Some(last), others, None) => Err(targets::too_many(others.iter().chain([&last]).map(|(it, _)| it))),
        (None, ..) => Err(Failure::Usage(format!(
            "there is no repository {:?} in any [[target]] that it could be in: {}",
            reference.repository,
            shown.join("; ")
        ))),
    }
}

/// The picture of a whole repository is that of a run.
fn check_form(output: Output, Reference { repository, tag, digits, .. }: &Reference) -> Result<(), Failure> {
    if output == Output::Html && tag.is_none() && digits.is_none() {
        return Err(Failure::Usage(format!(
            "explain draws one image; for all of {repository}: plan --repository {repository} --output html"
        )));
    }
    Ok(())
}

/// Reads the image itself: the rules may not have needed its bytes, the reader does.
async fn read(
    session: &Session,
    repository: &str,
    inventory: &mut Inventory,
    recall: &mut Recall,
    position: ImageIndex,
) -> Result<Option<StoredManifest>, Failure> {
    let digest = inventory.image(position).digest;
    let parts: Vec<_> = session.ecr.manifests(repository, vec![digest]).collect().await;
    let mut stored = Vec::new();
    for part in parts {
        stored.extend(part.response.map_err(|error| session.failed(&error))?.done);
    }
    let stored = stored.into_iter().find(|it| it.digest == digest).and_then(|it| verified(it).ok());
    let Some(stored) = stored else { return Ok(None) };
    recall.note_read_by_hand(inventory, position, stored.bytes.as_bytes());
    Ok(Some(stored))
}

/// Reads the statements about the image. What cannot be read is told, and fails nothing.
async fn read_inside(
    session: &Session,
    repository: &str,
    inventory: &mut Inventory,
    recall: &mut Recall,
    candidates: Candidates,
    own: Option<StoredManifest>,
) -> Option<Inside> {
    let index = candidates.first?;
    let (digest, ecr, deadline) = (inventory.image(index).digest, &session.ecr, Deadline::default());
    let is_archived = inventory.image(index).status != ImageStatus::Active;
    let stored = match own.filter(|stored| stored.digest == digest) {
        Some(stored) => Ok(stored),
        None if is_archived => Err("it is archived, and must be restored before it can be read".to_owned()),
        None => statements::manifest(ecr, repository, digest, &deadline)
            .await
            .map_err(|error| Unread::of(&error, ecr.region()).detail),
    };
    let inside = match stored {
        Ok(stored) => {
            let bytes = stored.bytes.as_bytes();
            recall.note_read_by_hand(inventory, index, bytes);
            let read = statements::read(ecr, (repository, ecr.region()), bytes, Wanted::All, &deadline).await;
            if let Some(known) = statements::pipeline(&read) {
                recall.learn_source(digest, &known);
            }
            Inside::of(read)
        }
        Err(detail) => Inside::unreadable(detail),
    };
    let platform = inside::platform(inventory, index).map(str::to_owned);
    Some(Inside { attestation: Some(digest), platform, more_attestations: candidates.more, ..inside })
}

/// Saves what was seen and read: looking by hand must not blind the nights after it.
async fn remember(recall: Recall, request: &RunRequest, inventory: Option<&Inventory>) {
    if let Some(warning) = recall.save(request, inventory).await {
        say(&format!("warning: {}", sanitize::line(&warning)));
    }
}

/// The reason why the configuration skips the repository, if it does. One that a pull-through cache fills is not even read:
/// that could import from upstream.
async fn scope(session: &mut Session, reference: &Reference) -> Result<Option<String>, Failure> {
    let name = &reference.repository;
    if let Some(place) = &reference.place {
        session.check_region(name, place)?;
    }
    let selection = session.select(None).await?;
    if let Some(place) = &reference.place {
        session.check_account(name, place)?;
    }
    match selection.repositories.iter().find(|chosen| chosen.name == *name).map(|chosen| chosen.skip) {
        None | Some(Some(RepositoryReason::RepositoryGone)) => {
            let known =
                selection.repositories.iter().filter(|it| it.skip != Some(RepositoryReason::RepositoryGone));
            let similar = similar(name, known.map(|chosen| chosen.name.as_str()));
            Err(session.no_such_repository(&UnknownName { name: name.clone(), similar }))
        }
        Some(Some(RepositoryReason::PullThroughCache)) => Err(Failure::Usage(format!(
            "{name} is filled by a pull-through cache rule, and reading it could import images; the janitor skips it"
        ))),
        Some(skip) => Ok(skip.map(|reason| <&str>::from(reason).to_owned())),
    }
}

/// The listing alone, judged without any bytes.
async fn list(
    ecr: &Ecr,
    repository: &str,
    policy: &Policy,
    surroundings: &Surroundings,
    now: Timestamp,
) -> Result<(Inventory, PerImage<Verdict>), CallError> {
    let images = ecr.images(repository).try_concat().await?;
    let mut inventory = Inventory::new(images);
    surroundings.note(repository, &mut inventory);
    inventory.link();
    let verdicts = judge(&inventory, policy, now);
    Ok((inventory, verdicts))
}

/// The image that is asked for; none if the repository is.
fn find(inventory: &Inventory, reference: &Reference) -> Result<Option<ImageIndex>, Failure> {
    let Reference { repository, tag, digits, .. } = reference;
    match (digits, tag) {
        (Some(digits), _) => find_digest(inventory, repository, digits).map(Some),
        (None, Some(tag)) => match holder(inventory, tag) {
            Some(position) => Ok(Some(position)),
            None => Err(no_such_tag(inventory, repository, tag)),
        },
        (None, None) => Ok(None),
    }
}

fn no_such_tag(inventory: &Inventory, repository: &str, tag: &str) -> Failure {
    let tags = || inventory.images().iter().flat_map(|image| image.tags.iter().map(|it| &**it));
    let remedy = match similar(tag, tags()) {
        near if !near.is_empty() => did_you_mean(&near),
        _ if tags().next().is_none() => "; nothing in it has a tag".to_owned(),
        _ => format!("; it has {}", counted(tags().count(), "other tag")),
    };
    Failure::Usage(format!("{repository} has no image with the tag {tag:?}{remedy}"))
}

fn find_digest(inventory: &Inventory, repository: &str, digits: &str) -> Result<ImageIndex, Failure> {
    let matches = |p: &ImageIndex| inventory.image(*p).digest.hex().starts_with(digits);
    let found: Vec<ImageIndex> = inventory.positions().filter(matches).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            Err(Failure::Usage(format!("{repository} has no image with a digest that begins with {digits}")))
        }
        several => {
            let digests: Vec<Digest> = several.iter().map(|p| inventory.image(*p).digest).collect();
            Err(Failure::Usage(format!(
                "{repository} has several images with a digest that begins with {digits}: {digests:?}; give more digits"
            )))
        }
    }
}

/// The tag that was given beside a digest, and the image that has it now.
fn asked_tag(inventory: &Inventory, reference: &Reference) -> Option<AskedTag> {
    let tag = reference.tag.clone().filter(|_| reference.digits.is_some())?;
    let names = holder(inventory, &tag).map(|position| inventory.image(position).digest);
    Some(AskedTag { tag, names })
}

/// The image that holds a tag.
fn holder(inventory: &Inventory, tag: &str) -> Option<ImageIndex> {
    inventory.positions().find(|p| inventory.image(*p).tags.iter().any(|held| **held == *tag))
}
