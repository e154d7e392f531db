//! Limits on a whole plan, before the first write.

use crate::config::Limits;
use crate::report::plan::RepositoryPlan;

/// Deletions up to which the share limit does not hold: a share means nothing for a handful of images.
const SHARE_LIMIT_FROM: u64 = 10;

/// A limit that stops something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tripped {
    /// More deletions than a run may make: nothing is written anywhere.
    Run {
        /// Deletions planned in repositories within their share.
        planned: u64,
        /// `max_deletions`.
        limit: u64,
    },
    /// A larger share of a repository than it may lose: nothing is written there.
    Share {
        /// The repository.
        repository: String,
        /// Deletions planned in it.
        planned: u64,
        /// Its images of any status.
        images: u64,
    },
}

impl std::fmt::Display for Tripped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run { planned, limit } => write!(
                f,
                "the plan has {planned} deletions, more than max_deletions = {limit}: nothing is written at all; look at the plan, then raise the limit or narrow the run"
            ),
            Self::Share { repository, planned, images } => write!(
                f,
                "the plan would delete {planned} of the {images} images in {repository}, more than max_images_share allows: nothing is written there; look at the plan, then raise the limit"
            ),
        }
    }
}

impl Tripped {
    /// Whether this stops a repository.
    pub fn stops(&self, repository: &str) -> bool {
        match self {
            Self::Run { .. } => true,
            Self::Share { repository: stopped, .. } => stopped == repository,
        }
    }
}

/// The limits that these plans exceed.
pub fn check<'a>(plans: impl IntoIterator<Item = &'a RepositoryPlan>, limits: &Limits) -> Vec<Tripped> {
    let mut tripped = Vec::new();
    let mut run = 0;
    for plan in plans {
        let (planned, images) = (plan.deletions() as u64, plan.counts.images);
        // Divided, not multiplied: 57 of 100 is exactly the share 0.57, and equal is allowed.
        if planned > SHARE_LIMIT_FROM && planned as f64 / images as f64 > limits.max_images_share {
            tripped.push(Tripped::Share { repository: plan.name.clone(), planned, images });
        } else {
            run += planned;
        }
    }
    if run > limits.max_deletions {
        tripped.push(Tripped::Run { planned: run, limit: limits.max_deletions });
    }
    tripped
}

#[cfg(test)]
mod tests;
