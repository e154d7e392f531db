//! A repository with a bit of everything.

use std::collections::BTreeSet;

use ecr_emulator::artifacts;
use ecr_emulator::buildx::Pushed;

use super::{Repo, World, legacy, oci, set};

/// A repository with a bit of everything, sixty days old.
pub(crate) struct Busy {
    pub(crate) repo: Repo,
    pub(crate) live_oci: Pushed,
    pub(crate) live_legacy: Pushed,
    /// A build that lost its tag to the next one.
    pub(crate) superseded: Pushed,
    pub(crate) oci_orphans: Vec<String>,
    pub(crate) legacy_orphans: Vec<String>,
    /// Of a push that is under way.
    pub(crate) in_flight: Vec<String>,
    pub(crate) cosign_tag: String,
    pub(crate) cosign_bundle: String,
    pub(crate) notation: String,
    pub(crate) soci: [String; 2],
    pub(crate) cache: String,
    pub(crate) chart: String,
    pub(crate) tagged_image: String,
    pub(crate) untagged_image: String,
}

impl World {
    /// Makes a repository with a bit of everything.
    pub(crate) fn busy(&self, name: &str) -> Busy {
        let repo = self.repository(name);
        let live_oci = repo.push(60, oci(1), "v1");
        let live_legacy = repo.push(60, legacy(2), "v2");
        let superseded = repo.push(60, oci(3), "main");
        repo.push(60, oci(4), "main");
        let legacy_orphans = repo.orphans(62, legacy(5));
        let oci_orphans = repo.orphans(60, oci(6));
        let in_flight = repo.ago(0, |ecr, name| oci(7).push_attestations_only(ecr, name));
        let (signed, platform) = (&live_oci.root, &live_oci.platforms[0]);
        Busy {
            cosign_tag: repo.ago(60, |ecr, name| artifacts::cosign_signature_tag(ecr, name, signed)),
            cosign_bundle: repo.ago(60, |ecr, name| artifacts::cosign_bundle_referrer(ecr, name, signed)),
            notation: repo.ago(60, |ecr, name| artifacts::notation_signature(ecr, name, signed)),
            soci: [
                repo.ago(60, |ecr, name| artifacts::soci_index_v1(ecr, name, platform)),
                repo.ago(60, |ecr, name| artifacts::soci_index_v2(ecr, name, platform)),
            ],
            cache: repo.ago(60, |ecr, name| artifacts::build_cache(ecr, name, "cache")),
            chart: repo.ago(60, |ecr, name| artifacts::helm_chart(ecr, name, "1.0.0")),
            tagged_image: repo.ago(60, |ecr, name| artifacts::plain_docker_image(ecr, name, 1, Some("old"))),
            untagged_image: repo.ago(60, |ecr, name| artifacts::plain_image(ecr, name, 2, None)),
            live_oci,
            live_legacy,
            superseded,
            oci_orphans,
            legacy_orphans,
            in_flight,
            repo,
        }
    }
}

impl Busy {
    /// What the default policy deletes.
    pub(crate) fn orphans(&self) -> BTreeSet<String> {
        set(self.oci_orphans.iter().chain(&self.legacy_orphans))
    }
}
