//! Kinds of repository, by the pipelines that fill them and the people who use them.

mod ci;
mod cleaned;
mod deployed;
mod signed;

use crate::repository::Repository;

/// A kind of repository.
pub(crate) struct Kind {
    /// The repository's name.
    pub(crate) name: &'static str,
    /// What makes it what it is, for the table.
    pub(crate) about: &'static str,
    pub(crate) used: Use,
    /// What keeps it from being cleared without memory, if anything does.
    pub(crate) without_memory: Option<WithoutMemory>,
    /// What happens there on one day.
    day: fn(&mut Repository, i64),
}

/// A kind that a janitor without memory cannot clear.
pub(crate) struct WithoutMemory {
    /// The least yield, in percent.
    pub(crate) least: f64,
    /// The nights after which a janitor with memory has cleared it all the same.
    pub(crate) nights: i64,
    /// Why, and what clears it.
    pub(crate) why: &'static str,
}

/// How people use a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// By tags; by digest only what is pulled or runs.
    ByTag,
    /// By digest alone: every index is needed.
    ByDigest,
    /// The janitor is kept out of it.
    OptedOut,
}

impl Kind {
    pub(crate) fn day(&self, repository: &mut Repository, day: i64) {
        repository.notes.turn += 1;
        (self.day)(repository, day);
    }
}

const fn kind(name: &'static str, about: &'static str, day: fn(&mut Repository, i64)) -> Kind {
    Kind { name, about, used: Use::ByTag, without_memory: None, day }
}

/// The repository of which a source says what runs.
pub(crate) const WORKLOADS: &str = "functions";

/// All kinds, in the order of the table.
pub(crate) const KINDS: &[Kind] = &[
    kind("ci", "every commit moves `main`; pushes in flight at night, and broken ones", ci::commits),
    kind("pull-requests", "`pr-N` moves, and is deleted when the pull request is closed", ci::pull_requests),
    kind("release-train", "`edge` moves; candidates become releases; old releases expire", ci::release_train),
    kind("matrix", "a job for each platform pushes by digest, one more merges", ci::matrix),
    kind("cached", "rebuilt every night: mostly the same images, attested anew", ci::cached),
    kind("managed-signing", "the registry signs whatever is pushed", signed::managed),
    kind("cosign-tags", "cosign 2: signatures under `sha256-....sig`", signed::cosign_tags),
    kind("cosign-bundles", "cosign 3: bundles that refer to indexes and images", signed::cosign_bundles),
    kind("per-platform", "pushed and attested per platform, merged, attested again", signed::per_platform),
    kind("soci", "indexes rewritten by `soci convert`", signed::soci),
    kind("deployed", "deployed by digest: pulled again and again, or once", deployed::by_digest),
    kind(WORKLOADS, "runs by digest for months, and is never pulled again", deployed::workloads),
    Kind {
        without_memory: Some(WithoutMemory {
            least: 0.0,
            nights: 31,
            why: "only memory knows when a tag was lost, and a release of 150 days may be wanted back the day after",
        }),
        ..kind("rollbacks", "a release of 150 days is replaced, and wanted back", deployed::rollbacks)
    },
    Kind {
        without_memory: Some(WithoutMemory {
            least: 35.0,
            nights: 95,
            why: "what is older than an archived index stays, because nobody can read what the index lists. Memory knows \
                  what it listed before; of the indexes that were archived before the first night it never read one, and \
                  the last of them expires 90 days later: from then on everything goes",
        }),
        ..kind("archives", "a lifecycle policy archives old releases, then expires them", cleaned::archives)
    },
    kind("old-cleaner", "an older cleaner took untagged indexes, and half of their images", cleaned::indexes),
    kind("old-cleaner-cached", "the same, where all indexes listed one cached image", cleaned::cached),
    kind("bystanders", "plain images, charts, caches, builds without attestations", ci::bystanders),
    Kind {
        used: Use::ByDigest,
        ..kind("team-a", "nothing has a tag: used by digest; some pushes broke off", deployed::untagged)
    },
    Kind { used: Use::OptedOut, ..kind("team-b", "as `ci`, and the team opted out", ci::commits) },
];

/// The platforms of a build.
const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// The last day on which BuildKit wrote attestations in the legacy form.
const LEGACY_UNTIL: i64 = -70;

impl Repository {
    /// The next build of new code, in the form of its day.
    fn commit(&mut self, day: i64, platforms: &[&str]) -> ecr_emulator::buildx::Build {
        let build = self.new_code(platforms);
        in_form_of(day, build)
    }

    /// A build of both platforms whose push moves a tag.
    fn moves(&mut self, day: i64, tag: &str) -> Option<crate::repository::Built> {
        let build = self.commit(day, &BOTH);
        self.push(day, &build, Some(tag))
    }
}

fn in_form_of(day: i64, build: ecr_emulator::buildx::Build) -> ecr_emulator::buildx::Build {
    use ecr_emulator::buildx::Form;
    build.form(if day <= LEGACY_UNTIL { Form::Legacy } else { Form::Oci })
}
