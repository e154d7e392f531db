//! Asking again: are these images still there, and still what they were?

use std::collections::{HashMap, HashSet};

use crate::inventory::{Image, Status};
use crate::oci::digest::Digest;
use crate::registry::{CallError, Read};
use crate::report::decision::{Decision, Outcome};

/// Which images are there and which are gone. One that ECR said nothing of is in neither.
#[derive(Debug, Default)]
pub struct Presence {
    /// The images that exist, as they are now.
    pub there: HashMap<Digest, Image>,
    /// Those that ECR does not find.
    pub gone: HashSet<Digest>,
}

/// Looks at images again, at most [`crate::registry::MAX_IDS`]. One vanished digest fails the whole call, so it is
/// taken out and the call made again.
pub async fn look(registry: &impl Read, repository: &str, digests: &[Digest]) -> Result<Presence, CallError> {
    let mut parts = vec![digests.to_vec()];
    let mut presence = Presence::default();
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        match registry.describe(repository, &part).await {
            Ok(found) => presence.there.extend(found.into_iter().map(|image| (image.digest, image))),
            Err(error) if error.is_image_gone() => {
                let (gone, rest) = sort_out(part, &error.message);
                presence.gone.extend(gone);
                parts.extend(rest);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(presence)
}

/// ECR's message names what it did not find. Should it not, the batch is halved, down to single images.
fn sort_out(part: Vec<Digest>, message: &str) -> (Vec<Digest>, Vec<Vec<Digest>>) {
    let (named, rest): (Vec<Digest>, Vec<Digest>) =
        part.iter().partition(|digest| message.contains(&digest.to_string()));
    if !named.is_empty() {
        (named, vec![rest])
    } else if part.len() == 1 {
        (part, Vec::new())
    } else {
        let (one, two) = part.split_at(part.len() / 2);
        (Vec::new(), vec![one.to_vec(), two.to_vec()])
    }
}

impl Presence {
    /// What has become of a planned image: nothing, if it is as it was.
    pub fn change(&self, planned: &Decision) -> Option<(Outcome, Option<&'static str>, &'static str)> {
        match self.there.get(&planned.digest) {
            Some(now) => difference(planned, now).map(|(outcome, detail)| (outcome, None, detail)),
            None if self.gone.contains(&planned.digest) => {
                Some((Outcome::AlreadyGone, None, "somebody else deleted it"))
            }
            None => Some((Outcome::Failed, Some("NoAnswer"), "DescribeImages said nothing of it")),
        }
    }
}

fn difference(planned: &Decision, now: &Image) -> Option<(Outcome, &'static str)> {
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
