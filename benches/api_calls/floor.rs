//! The floor: how many calls a run needs at least, reckoned from the registry's images.
//!
//! Nothing of the janitor is used here, neither its code nor its report. What is reckoned is what the rules make of
//! images as in `world.rs`, where all are active, nothing was pulled, and no index lists another.

use std::collections::{BTreeMap, HashMap, HashSet};

use ecr_emulator::{Emulator, ImageView};
use serde::Deserialize;

use crate::Result;

/// Calls by operation.
pub(crate) type Calls = BTreeMap<String, u64>;

/// What a run is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// It deletes, and does not only plan to.
    pub(crate) applies: bool,
    /// `superseded = "delete"`, `superseded_after = "30d"`, `keep_pulled_within = "0h"`.
    pub(crate) superseded: bool,
    /// It remembers from run to run.
    pub(crate) remembers: bool,
    /// It backs up what it deletes.
    pub(crate) backs_up: bool,
}

/// What earlier runs saw, as repository and digest.
pub(crate) type Known = HashSet<(String, String)>;

/// Everything that is there now.
pub(crate) fn known(emulator: &Emulator, repositories: &[String]) -> Known {
    let of = |name: &String| {
        let name = name.clone();
        emulator.images(&name).into_iter().map(move |image| (name.clone(), image.digest))
    };
    repositories.iter().flat_map(of).collect()
}

/// What a run needs, and what it does.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    pub(crate) calls: Calls,
    /// Pages of the longest listing, which come one after the other.
    pub(crate) pages: u64,
    /// Images deleted, or planned to be.
    pub(crate) deletions: u64,
}

/// The most that ECR takes or gives at once.
const PAGE: usize = 1000;
const BATCH: usize = 100;

const HOUR_MS: i64 = 60 * 60 * 1000;
const GRACE_MS: i64 = 48 * HOUR_MS;
const SUPERSEDED_AFTER_MS: i64 = 30 * 24 * HOUR_MS;

const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
/// A download from a URL that ECR gave: a call of the registry's, and none of ECR's API.
pub(crate) const DOWNLOAD: &str = "GET /layers";
/// `{}`, which nobody has to fetch.
const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const REFERENCE: &str = "vnd.docker.reference.digest";

/// The floor of one run over these repositories.
pub(crate) fn floor(
    emulator: &Emulator,
    repositories: &[String],
    task: Task,
    known: &Known,
) -> Result<Floor> {
    let mut floor = Floor::default();
    floor.add("DescribeRepositories", calls(repositories.len(), PAGE).max(1));
    floor.add("DescribePullThroughCacheRules", 1);
    // Whether deletions are replicated.
    floor.add("DescribeRegistry", u64::from(task.superseded));
    for name in repositories {
        let views = emulator.images(name);
        let is_known = |digest: &str| known.contains(&(name.clone(), digest.to_owned()));
        Repository::read(&views, emulator.now(), task)?.reckon(is_known, &mut floor);
    }
    Ok(floor)
}

impl Floor {
    fn add(&mut self, operation: &str, calls: u64) {
        if calls > 0 {
            *self.calls.entry(operation.to_owned()).or_default() += calls;
        }
    }

    /// One batch after another, each read and checked again before it is deleted.
    fn delete(&mut self, images: usize, task: Task) {
        self.deletions += images as u64;
        if task.applies {
            self.add("BatchGetImage", calls(images, BATCH));
            self.add("DescribeImages", calls(images, BATCH));
            self.add("BatchDeleteImage", calls(images, BATCH));
        }
    }
}

/// Calls of at most `size` images each.
fn calls(images: usize, size: usize) -> u64 {
    images.div_ceil(size) as u64
}

struct Repository<'a> {
    task: Task,
    /// By digest.
    images: BTreeMap<&'a str, Image>,
    parents: HashMap<String, HashSet<&'a str>>,
}

struct Image {
    manifest: Manifest,
    tagged: bool,
    age_ms: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Manifest {
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Descriptor {
    media_type: String,
    digest: String,
    annotations: HashMap<String, String>,
}

impl<'a> Repository<'a> {
    fn read(views: &'a [ImageView], now: i64, task: Task) -> Result<Self> {
        let mut repository = Self { task, images: BTreeMap::new(), parents: HashMap::new() };
        for view in views {
            let manifest: Manifest = serde_json::from_str(&view.manifest)?;
            for child in &manifest.manifests {
                repository.parents.entry(child.digest.clone()).or_default().insert(&view.digest);
            }
            let age_ms = now - view.pushed_at_ms.ok_or("an image without a push time")?;
            let image = Image { manifest, tagged: !view.tags.is_empty(), age_ms };
            repository.images.insert(&view.digest, image);
        }
        match repository
            .images
            .iter()
            .find(|(digest, image)| image.is_index() && repository.parents.contains_key(**digest))
        {
            None => Ok(repository),
            Some((digest, _)) => Err(format!("{digest} is an index in an index").into()),
        }
    }

    fn reckon(&self, is_known: impl Fn(&str) -> bool, floor: &mut Floor) {
        let indexes = self.digests(|digest, image| image.is_index() && !is_known(digest)).len();
        let candidates: Vec<&str> = self.digests(|digest, image| self.is_candidate(digest, image));
        let superseded: Vec<&str> = self.digests(|digest, image| self.is_superseded(digest, image));
        let going: HashSet<&str> =
            superseded.iter().flat_map(|digest| &self.parents[*digest]).copied().collect();
        let orphans = self.orphans(&candidates, &going);

        let pages = calls(self.images.len(), PAGE).max(1);
        floor.pages = floor.pages.max(pages);
        floor.add("DescribeImages", pages);
        floor.add("BatchGetImage", calls(indexes, BATCH));
        let unread = candidates.iter().chain(&superseded).filter(|digest| !is_known(digest)).count();
        floor.add("BatchGetImage", calls(unread, BATCH));
        self.reckon_superseded(&superseded, &going, floor);
        if self.task.backs_up {
            let blobs = self.blobs(&orphans);
            floor.add("GetDownloadUrlForLayer", blobs);
            floor.add(DOWNLOAD, blobs);
        }
        floor.delete(orphans.len(), self.task);
    }

    /// How many blobs these attestations have that a backup must fetch.
    fn blobs(&self, attestations: &[&str]) -> u64 {
        let manifests = attestations.iter().map(|digest| &self.images[*digest].manifest);
        let blobs = manifests.flat_map(|it| it.layers.iter().chain([&it.config]));
        let blobs: HashSet<&str> = blobs.map(|blob| blob.digest.as_str()).collect();
        blobs.iter().filter(|digest| **digest != EMPTY).count() as u64
    }

    /// A hundred indexes, then what they alone listed, and so on, in the order of the digests.
    fn reckon_superseded(&self, superseded: &[&str], going: &HashSet<&str>, floor: &mut Floor) {
        let mut indexes: Vec<&str> = going.iter().copied().collect();
        indexes.sort_unstable();
        let mut gone: HashSet<&str> = HashSet::new();
        let mut waiting: Vec<&str> = superseded.to_vec();
        for batch in indexes.chunks(BATCH) {
            floor.delete(batch.len(), self.task);
            gone.extend(batch);
            let before = waiting.len();
            waiting.retain(|digest| !self.parents[*digest].is_subset(&gone));
            floor.delete(before - waiting.len(), self.task);
        }
    }

    /// The candidates that go: all attestations but those that may be the only one of an image that somebody needs.
    fn orphans<'c>(&self, candidates: &[&'c str], going: &HashSet<&str>) -> Vec<&'c str> {
        let stay = self.images.iter().filter(|(digest, _)| !going.contains(**digest));
        let attested: HashSet<&str> = stay
            .flat_map(|(_, image)| &image.manifest.manifests)
            .filter_map(|descriptor| descriptor.annotations.get(REFERENCE))
            .map(String::as_str)
            .collect();
        let goes = |image: &Image| match &image.manifest.subject {
            _ if !image.is_attestation() => false,
            None => true,
            Some(Descriptor { digest, .. }) => attested.contains(digest.as_str()) || !self.is_needed(digest),
        };
        candidates.iter().copied().filter(|digest| goes(&self.images[*digest])).collect()
    }

    /// Whether an image is there, and tagged, young, or listed by an index that is.
    fn is_needed(&self, digest: &str) -> bool {
        let is_root = |digest: &str| {
            self.images.get(digest).is_some_and(|image| image.tagged || image.age_ms < GRACE_MS)
        };
        is_root(digest) || self.parents.get(digest).is_some_and(|all| all.iter().any(|index| is_root(index)))
    }

    fn digests(&self, wanted: impl Fn(&str, &Image) -> bool) -> Vec<&'a str> {
        let wanted = self.images.iter().filter(|(digest, image)| wanted(digest, image));
        wanted.map(|(digest, _)| *digest).collect()
    }

    /// Unlisted, untagged, past the grace period, and the listing does not say that it is something else.
    fn is_candidate(&self, digest: &str, image: &Image) -> bool {
        let Manifest { artifact_type, config, subject, .. } = &image.manifest;
        let may_be_attestation = match artifact_type.as_deref().unwrap_or(&config.media_type) {
            ATTESTATION => true,
            IMAGE_CONFIG => subject.is_none(),
            _ => false,
        };
        !image.is_index()
            && !image.tagged
            && image.age_ms >= GRACE_MS
            && may_be_attestation
            && !self.parents.contains_key(digest)
    }

    /// An attestation that the run deletes because the tag moved on.
    fn is_superseded(&self, digest: &str, image: &Image) -> bool {
        let Some(parents) = self.parents.get(digest) else { return false };
        self.task.superseded
            && image.is_attestation()
            && image.age_ms >= GRACE_MS
            && parents.iter().all(|parent| {
                let parent = &self.images[parent];
                !parent.tagged && parent.age_ms >= SUPERSEDED_AFTER_MS
            })
    }
}

impl Image {
    fn is_index(&self) -> bool {
        !self.manifest.manifests.is_empty()
    }

    fn is_attestation(&self) -> bool {
        let layers = &self.manifest.layers;
        !layers.is_empty() && layers.iter().all(|layer| layer.media_type == IN_TOTO)
    }
}
