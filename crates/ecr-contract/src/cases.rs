//! The list of cases. Each file is a topic: its cases on top, their checks below.

use crate::case::{Case, Topic};

mod archiving;
mod deletion;
mod describing;
mod guard;
mod listing;
mod mutability;
mod pulls;
mod pushing;
mod reading;
mod referrers;
mod repositories;
mod sources;
mod tagging;
mod untestable;

/// All cases by topic, in the order in which they run.
pub fn topics() -> [Topic; 13] {
    [
        Topic { title: "The guard: what an index lists stays", cases: guard::CASES },
        Topic { title: "Deletion", cases: deletion::CASES },
        Topic { title: "Archive", cases: archiving::CASES },
        Topic { title: "Descriptions of images", cases: describing::CASES },
        Topic { title: "Listings", cases: listing::CASES },
        Topic { title: "Reading manifests", cases: reading::CASES },
        Topic { title: "Pulls", cases: pulls::CASES },
        Topic { title: "Pushing", cases: pushing::CASES },
        Topic { title: "Tags", cases: tagging::CASES },
        Topic { title: "Immutable tags", cases: mutability::CASES },
        Topic { title: "Referrers", cases: referrers::CASES },
        Topic { title: "Repositories", cases: repositories::CASES },
        Topic { title: "Outside one repository and one hour", cases: untestable::CASES },
    ]
}

/// All cases, without topics.
pub fn all() -> Vec<Case> {
    topics().iter().flat_map(|topic| topic.cases.iter().copied()).collect()
}
