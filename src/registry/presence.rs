//! A second look at images: which are still there, and how they are now.

use std::collections::{HashMap, HashSet};

use super::{CallError, CallErrorKind, MAX_IDS, ReadRepository};
use crate::inventory::Image;
use crate::oci::digest::Digest;

/// Which images are there and which are gone. One that ECR did not mention is in neither.
#[derive(Debug, Default)]
pub struct Presence {
    /// The images that exist, as they are now.
    pub there: HashMap<Digest, Image>,
    /// Those that ECR does not find.
    pub gone: HashSet<Digest>,
    /// Those that ECR does not find among its active images.
    pub not_shown: HashSet<Digest>,
}

/// Looks at images again, at most [`MAX_IDS`] in a call. One vanished digest fails the whole call, so it is
/// taken out and the call made again.
pub async fn look(
    registry: &impl ReadRepository,
    repository: &str,
    digests: &[Digest],
) -> Result<Presence, CallError> {
    let mut parts: Vec<Vec<Digest>> = digests.chunks(MAX_IDS).map(<[Digest]>::to_vec).collect();
    let mut presence = Presence::default();
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        match registry.describe(repository, &part).await {
            Ok(found) => presence.there.extend(found.into_iter().map(|image| (image.digest, image))),
            Err(error) => {
                let missing = match error.kind {
                    CallErrorKind::ImageNotFound => &mut presence.gone,
                    CallErrorKind::ImageNotShown => &mut presence.not_shown,
                    _ => return Err(error),
                };
                let (named, rest) = sort_out(part, &error.message);
                missing.extend(named);
                parts.extend(rest);
            }
        }
    }
    Ok(presence)
}

/// Splits a batch into the digests that ECR's message names as missing and the parts to ask for again: the rest,
/// or two halves if it names none.
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

#[cfg(test)]
mod tests;
