//! `explain`: what is this image?

use jiff::Timestamp;

use super::print::{print_json, print_text};
use super::{Common, Failure, Output, connect, selection};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::digest::Digest;
use crate::exit_code::ExitCode;
use crate::explain::{Asked, text};
use crate::inventory::{Inventory, Position};
use crate::manifest::Manifest;
use crate::pattern::Patterns;
use crate::policy::Policy;
use crate::registry::Read;
use crate::registry::ecr::Ecr;
use crate::report::RepositoryReason;
use crate::report::table::word;
use crate::rules::judge;
use crate::survey::{survey, verified};
use crate::verdict;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST; of the digest the first digits are enough
    #[arg(value_name = "IMAGE")]
    image: String,
}

/// What is asked about.
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
    let left_alone = scope(&ecr, &config, &repository).await?;
    let policy = config.policy_of(&repository);
    let now = Timestamp::now();
    let surveyed = survey(&ecr, &repository, &policy, now, &Deadline::default()).await;
    let (inventory, verdicts, left_alone) = match surveyed {
        Ok(surveyed) => (surveyed.inventory, surveyed.verdicts, left_alone),
        // Nothing is certain then, but what this one image is can still be told.
        Err(hands_off) => match list(&ecr, &repository, &policy, now).await {
            Ok((inventory, verdicts)) => (inventory, verdicts, Some(hands_off.detail)),
            Err(_) => return Err(Failure::NothingDone(format!("{repository}: {}", hands_off.detail))),
        },
    };
    let asked =
        Asked { repository: &repository, inventory: &inventory, verdicts: &verdicts, policy: &policy, now };
    if target == Target::Repository {
        let overview = asked.overview();
        match common.output {
            Output::Json => print_json(&overview),
            Output::Table => print_text(&text::overview(&overview)),
        }
        return Ok(ExitCode::Done);
    }
    let position = find(&inventory, &repository, &target)?;
    explain(&ecr, &asked, position, left_alone, common.output).await?;
    Ok(ExitCode::Done)
}

async fn explain(
    ecr: &Ecr,
    asked: &Asked<'_>,
    position: Position,
    left_alone: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let digest = asked.inventory.image(position).digest;
    let answer = ecr.manifests(asked.repository, &[digest]).await?;
    let bytes = answer.done.into_iter().find(|m| m.digest == digest).and_then(|m| verified(m).ok());
    let manifest = bytes.and_then(|stored| Manifest::parse(stored.bytes.as_bytes()).ok());
    let decisions = verdict::expand(asked.inventory, asked.policy, asked.verdicts);
    let decision = decisions.iter().find(|decision| decision.digest == digest);
    let mut explanation = asked.explain(position, manifest.as_ref(), decision);
    explanation.repository_left_alone = left_alone;
    match output {
        Output::Json => print_json(&explanation),
        Output::Table => print_text(&text::image(&explanation)),
    }
    Ok(())
}

/// Whether the configuration leaves the repository alone. One that a pull-through cache fills is not even read:
/// that could import from upstream.
async fn scope(ecr: &Ecr, config: &Config, repository: &str) -> Result<Option<String>, Failure> {
    let name = Patterns::new([repository]).map_err(|error| Failure::Usage(error.to_string()))?;
    selection(ecr, config, Some(&name)).await?;
    let all = crate::select::select(ecr, &config.select, None).await?;
    let skip =
        all.repositories.into_iter().find(|chosen| chosen.name == repository).and_then(|chosen| chosen.skip);
    match skip {
        Some(RepositoryReason::PullThroughCache) => Err(Failure::Usage(format!(
            "{repository} is filled by a pull-through cache rule, and reading it could import images; the janitor leaves it alone"
        ))),
        other => Ok(other.map(|reason| word(&reason))),
    }
}

/// The listing alone, judged without any bytes.
async fn list(
    ecr: &Ecr,
    repository: &str,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Inventory, Vec<verdict::Verdict>), Failure> {
    let mut images = Vec::new();
    let mut next = None;
    loop {
        let page = ecr.image_page(repository, next.clone()).await?;
        images.extend(page.images);
        match page.next {
            Some(token) if Some(&token) != next.as_ref() => next = Some(token),
            _ => break,
        }
    }
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

fn find(inventory: &Inventory, repository: &str, target: &Target) -> Result<Position, Failure> {
    let matches = |position: &Position| {
        let image = inventory.image(*position);
        match target {
            Target::Tag(tag) => image.tags.iter().any(|held| **held == **tag),
            Target::Digest(digits) => image.digest.hex().starts_with(digits),
            Target::Repository => false,
        }
    };
    let found: Vec<Position> = inventory.positions().filter(matches).collect();
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
