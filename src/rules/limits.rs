//! The breaker: limits on the whole plan, before the first write.

use crate::config::Limits;
use crate::config::policy::Action;
use crate::report::decision::{Decision, Outcome};
use crate::report::{RepositoryReport, Status};

/// A repository may always lose this many images: a share says nothing of a handful.
const NEVER_A_SHARE: u64 = 10;

/// What a limit stopped.
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

/// Checks the plan as it stands, and marks everything in it that a limit stops.
pub fn check(repositories: &mut [&mut RepositoryReport], limits: &Limits) -> Vec<Tripped> {
    let mut tripped = Vec::new();
    let mut run = 0;
    for repository in repositories.iter_mut() {
        let (planned, images) = (planned_deletions(&repository.decisions), repository.counts.images);
        // Divided, not multiplied: 57 of 100 is exactly the share 0.57, and equal is allowed.
        if planned > NEVER_A_SHARE && planned as f64 / images as f64 > limits.max_images_share {
            stop(repository);
            tripped.push(Tripped::Share { repository: repository.name.clone(), planned, images });
        } else {
            run += planned;
        }
    }
    if run > limits.max_deletions {
        repositories.iter_mut().for_each(|repository| stop(repository));
        tripped.push(Tripped::Run { planned: run, limit: limits.max_deletions });
    }
    tripped
}

fn planned_deletions(decisions: &[Decision]) -> u64 {
    let counts =
        |decision: &&Decision| decision.action == Action::Delete && decision.outcome == Outcome::Planned;
    decisions.iter().filter(counts).count() as u64
}

fn stop(repository: &mut RepositoryReport) {
    for decision in &mut repository.decisions {
        if decision.outcome == Outcome::Planned {
            decision.outcome = Outcome::LimitReached;
            repository.status = Status::Stopped;
        }
    }
    repository.count_outcomes();
}

#[cfg(test)]
mod tests;
