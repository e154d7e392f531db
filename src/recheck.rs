//! Asking again: are these images still there, and still what they were?

use crate::decision::{Decision, Outcome};
use crate::digest::Digest;
use crate::inventory::{Image, Status};
use crate::registry::{CallError, Read};

/// Those of the images that still exist, at most [`crate::registry::MAX_IDS`]. One vanished digest fails the whole
/// call, so it is taken out and the call made again.
pub async fn present(
    registry: &impl Read,
    repository: &str,
    digests: &[Digest],
) -> Result<Vec<Image>, CallError> {
    let mut parts = vec![digests.to_vec()];
    let mut images = Vec::new();
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        match registry.describe(repository, &part).await {
            Ok(found) => images.extend(found),
            Err(error) if error.is_image_gone() => parts.extend(without_the_gone(part, &error.message)),
            Err(error) => return Err(error),
        }
    }
    Ok(images)
}

/// ECR's message names what it did not find. Should it not, the batch is halved, down to single images.
fn without_the_gone(part: Vec<Digest>, message: &str) -> Vec<Vec<Digest>> {
    let left: Vec<Digest> =
        part.iter().copied().filter(|digest| !message.contains(&digest.to_string())).collect();
    if left.len() < part.len() {
        vec![left]
    } else if part.len() == 1 {
        Vec::new()
    } else {
        let (one, two) = part.split_at(part.len() / 2);
        vec![one.to_vec(), two.to_vec()]
    }
}

/// What the re-check makes of a planned image: nothing, if it is as it was.
pub fn difference(planned: &Decision, now: Option<&Image>) -> Option<(Outcome, &'static str)> {
    let Some(now) = now else {
        return Some((Outcome::AlreadyGone, "somebody else deleted it"));
    };
    if planned.new_tag.as_ref().is_some_and(|wanted| now.tags.iter().any(|tag| **tag == **wanted)) {
        Some((Outcome::Kept, "it has the tag already"))
    } else if now.tags.iter().any(|tag| !planned.tags.iter().any(|known| **known == **tag)) {
        Some((Outcome::ChangedSincePlan, "it got a tag"))
    } else if now.pushed_at != planned.pushed_at {
        Some((Outcome::ChangedSincePlan, "it was pushed again"))
    } else if now.status != Status::Active {
        Some((Outcome::ChangedSincePlan, "it is not active any more"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
