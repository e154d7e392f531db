//! `explain`: what is this image?

pub mod explanation;
pub mod text;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::render::{print_json, print_text};
use super::{Common, Failure, Output, connect, no_such_repository};
use crate::cli::exit_code::ExitCode;
use crate::config::Config;
use crate::config::policy::Policy;
use crate::inventory::{ImageIndex, Inventory, PerImage};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::planner::collect::{collect, verified};
use crate::planner::replication::Replication;
use crate::planner::selection::select;
use crate::registry::ReadRepository as _;
use crate::registry::ecr::Ecr;
use crate::report::RepositoryReason;
use crate::rules::judge;
use crate::rules::verdict::Verdict;
use crate::util::deadline::Deadline;
use explanation::Explainer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST; of the digest the first digits are enough
    #[arg(value_name = "IMAGE")]
    image: String,
}

/// The object of the question.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Repository,
    Tag(String),
    Digest(String),
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let (repository, target) = parse(&args.image)?;
    let ecr = connect().await?;
    let skipped = scope(&ecr, &config, &repository).await?;
    let policy = config.policy_of(&repository);
    let now = Timestamp::now();
    let deadline = Deadline::default();
    let replication = Replication::of(&ecr, &config, [repository.as_str()], &deadline).await;
    let is_replicated = replication.covers(&repository);
    let collected = collect(&ecr, &repository, &policy, is_replicated, now, &deadline).await;
    let is_certain = collected.is_ok();
    let (mut inventory, verdicts, skipped) = match collected {
        Ok(collected) => (collected.inventory, collected.verdicts, skipped),
        // Nothing is certain then, but what this one image is can still be told.
        Err(why) => match list(&ecr, &repository, &policy, now).await {
            Ok((inventory, verdicts)) => (inventory, verdicts, Some(why.detail)),
            Err(_) => return Err(Failure::NothingDone(format!("{repository}: {}", why.detail))),
        },
    };
    if target == Target::Repository {
        let overview =
            Explainer { repository: &repository, inventory: &inventory, verdicts: &verdicts, now }.overview();
        match common.output {
            Output::Json => print_json(&overview),
            Output::Table => print_text(&text::overview(&overview)),
        }
        return Ok(ExitCode::Done);
    }
    let position = find(&inventory, &repository, &target)?;
    let manifest = read(&ecr, &repository, &mut inventory, position).await?;
    let verdicts = judge(&inventory, &policy, now);
    let explainer = Explainer { repository: &repository, inventory: &inventory, verdicts: &verdicts, now };
    let mut explanation = explainer.explain(position, manifest.as_ref());
    if let Some(why) = skipped {
        explanation.skip(why);
    }
    if !is_certain {
        explanation.forget_parents();
    }
    match common.output {
        Output::Json => print_json(&explanation),
        Output::Table => print_text(&text::image(&explanation)),
    }
    Ok(ExitCode::Done)
}

/// Reads the image itself: the rules may not have needed its bytes, the reader does.
async fn read(
    ecr: &Ecr,
    repository: &str,
    inventory: &mut Inventory,
    position: ImageIndex,
) -> Result<Option<Manifest>, Failure> {
    let digest = inventory.image(position).digest;
    let parts: Vec<_> = ecr.manifests(repository, vec![digest]).collect().await;
    let mut stored = Vec::new();
    for part in parts {
        stored.extend(part.response?.done);
    }
    let stored = stored.into_iter().find(|it| it.digest == digest).and_then(|it| verified(it).ok());
    let Some(stored) = stored else { return Ok(None) };
    if inventory.image(position).evidence.is_unread() && !inventory.is_index(position) {
        // Bytes that make no sense are told from the manifest below.
        let _ = inventory.add_bytes(position, stored.bytes.as_bytes());
        inventory.link();
    }
    Ok(Manifest::parse(stored.bytes.as_bytes()).ok())
}

/// The reason why the configuration skips the repository, if it does. One that a pull-through cache fills is not even read:
/// that could import from upstream.
async fn scope(ecr: &Ecr, config: &Config, repository: &str) -> Result<Option<String>, Failure> {
    let selection = select(ecr, &config.select, None).await?;
    match selection.repositories.iter().find(|chosen| chosen.name == repository).map(|chosen| chosen.skip) {
        None | Some(Some(RepositoryReason::RepositoryGone)) => {
            Err(no_such_repository(ecr, &selection, repository))
        }
        Some(Some(RepositoryReason::PullThroughCache)) => Err(Failure::Usage(format!(
            "{repository} is filled by a pull-through cache rule, and reading it could import images; the janitor skips it"
        ))),
        Some(skip) => Ok(skip.map(|reason| <&str>::from(reason).to_owned())),
    }
}

/// The listing alone, judged without any bytes.
async fn list(
    ecr: &Ecr,
    repository: &str,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Inventory, PerImage<Verdict>), Failure> {
    let images = ecr.images(repository).try_concat().await?;
    let mut inventory = Inventory::new(images);
    inventory.link();
    let verdicts = judge(&inventory, policy, now);
    Ok((inventory, verdicts))
}

fn parse(image: &str) -> Result<(String, Target), Failure> {
    let (repository, target) = if let Some((repository, digest)) = image.split_once('@') {
        let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
        if digits.len() < 6 || digits.len() > 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Failure::Usage(format!(
                "{digest:?} is no digest: give sha256: and 64 hexadecimal digits, or at least the first 6"
            )));
        }
        (repository, Target::Digest(digits.to_ascii_lowercase()))
    } else if let Some((repository, tag)) = image.split_once(':') {
        (repository, Target::Tag(tag.to_owned()))
    } else {
        (image, Target::Repository)
    };
    if repository.is_empty() || repository.contains(['*', '?']) {
        return Err(Failure::Usage(format!(
            "{image:?} names no repository: give REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST"
        )));
    }
    Ok((repository.to_owned(), target))
}

fn find(inventory: &Inventory, repository: &str, target: &Target) -> Result<ImageIndex, Failure> {
    let matches = |position: &ImageIndex| {
        let image = inventory.image(*position);
        match target {
            Target::Tag(tag) => image.tags.iter().any(|held| **held == **tag),
            Target::Digest(digits) => image.digest.hex().starts_with(digits),
            Target::Repository => false,
        }
    };
    let found: Vec<ImageIndex> = inventory.positions().filter(matches).collect();
    let asked = match target {
        Target::Tag(tag) => format!("the tag {tag:?}"),
        Target::Digest(digits) => format!("a digest that begins with {digits}"),
        Target::Repository => String::new(),
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::Usage(format!("{repository} has no image with {asked}"))),
        several => {
            let digests: Vec<Digest> = several.iter().map(|p| inventory.image(*p).digest).collect();
            Err(Failure::Usage(format!(
                "{repository} has several images with {asked}: {digests:?}; give more digits"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_ways_to_name_an_image() {
        assert_eq!(parse("team/api"), Ok(("team/api".into(), Target::Repository)));
        assert_eq!(parse("team/api:v1"), Ok(("team/api".into(), Target::Tag("v1".into()))));
        assert_eq!(
            parse("team/api@sha256:ABCDEF01"),
            Ok(("team/api".into(), Target::Digest("abcdef01".into())))
        );
        assert_eq!(parse("team/api@abcdef"), Ok(("team/api".into(), Target::Digest("abcdef".into()))));
        for bad in ["", ":v1", "@abcdef", "a@xyz", "a@sha256:abc", "a*"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
