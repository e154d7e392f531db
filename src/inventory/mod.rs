//! A repository as it was read: images, the edges from indexes to their children, and what the bytes proved.
//!
//! Compact, because 100,000 images must fit a small Lambda function: images are numbered in the order of their
//! digests, and everything else refers to them by that number.

mod edges;
pub mod graph;
mod image;
mod in_use;

use std::collections::{HashMap, HashSet};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::tag_template::platform_name;
use crate::oci::attestation::{Classified, Kind, classify};
use crate::oci::digest::Digest;
use crate::oci::manifest::{Descriptor, Malformed, Manifest, Platform};
use crate::oci::media_type::Shape;

use edges::artifact;
pub(crate) use edges::role;
pub use edges::{Edge, Role};
use image::merge;
pub use image::{Evidence, Image, ImageStatus, UNUSABLE_TIME};
pub use in_use::InUse;

/// An image's number in its inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageIndex(u32);

/// The number of no reference and no platform.
const NONE: u32 = u32::MAX;

/// A value for each image of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerImage<T>(Vec<T>);

impl<T> PerImage<T> {
    /// The values with the images they belong to.
    pub fn iter(&self) -> impl Iterator<Item = (ImageIndex, &T)> {
        (0..).map(ImageIndex).zip(&self.0)
    }
}

impl<T: Clone> PerImage<T> {
    /// The same value for each image.
    pub fn filled(inventory: &Inventory, value: T) -> Self {
        Self(vec![value; inventory.images.len()])
    }
}

impl<T> FromIterator<T> for PerImage<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T> Index<ImageIndex> for PerImage<T> {
    type Output = T;

    fn index(&self, index: ImageIndex) -> &T {
        &self.0[index.0 as usize]
    }
}

impl<T> IndexMut<ImageIndex> for PerImage<T> {
    fn index_mut(&mut self, index: ImageIndex) -> &mut T {
        &mut self.0[index.0 as usize]
    }
}

/// The reason why an image could not be read. Shared by all images of a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// ECR's code, or the janitor's.
    pub code: Arc<str>,
    /// The same in a sentence.
    pub detail: Arc<str>,
}

impl Problem {
    /// A problem with its code and sentence.
    pub fn new(code: impl Into<Arc<str>>, detail: impl Into<Arc<str>>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }
}

/// More edges than any honest repository has; the memory of a small function ends soon after.
pub const MAX_EDGES: usize = 1_000_000;

/// What earlier runs learned of a repository and its images alone do not show.
#[derive(Debug, Clone, Default)]
pub struct Recollection {
    /// Images that were here once and are gone.
    pub departed: HashSet<Digest>,
    /// Images that only indexes listed which the janitor deleted earlier.
    pub stranded: HashSet<Digest>,
    /// Images whose pull time is the janitor's own read, with the last pull by others.
    pub own_pulls: HashMap<Digest, Option<Timestamp>>,
}

/// A repository as it was read.
#[derive(Debug, Default)]
pub struct Inventory {
    images: Vec<Image>,
    by_parent: Vec<Edge>,
    by_child: Vec<Edge>,
    referrers: Vec<(ImageIndex, ImageIndex)>,
    /// The digests that descriptors say are attested, and that are not here.
    references: Vec<Digest>,
    reference_numbers: HashMap<Digest, u32>,
    platforms: Vec<Box<str>>,
    platform_numbers: HashMap<Box<str>, u32>,
    signed_by_tag: HashMap<Digest, ImageIndex>,
    problems: HashMap<ImageIndex, Problem>,
    /// What earlier runs learned.
    pub recollection: Recollection,
    /// Whether a replication rule of the registry carries this repository's deletions elsewhere.
    pub deletions_are_replicated: bool,
    /// Which of its images run somewhere.
    pub in_use: InUse,
}

impl Inventory {
    /// Takes a listing. An image that was listed twice (pages may shift) counts once, with the more careful reading.
    pub fn new(mut images: Vec<Image>) -> Self {
        images.sort_by_key(|image| image.digest);
        images.dedup_by(|again, first| {
            let same = again.digest == first.digest;
            if same {
                merge(first, again);
            }
            same
        });
        let mut signed_by_tag = HashMap::new();
        for (number, image) in images.iter().enumerate() {
            for digest in image.tags.iter().flat_map(|tag| signed_digests(tag)) {
                signed_by_tag.entry(digest).or_insert(ImageIndex(number as u32));
            }
        }
        Self { images, signed_by_tag, ..Self::default() }
    }

    /// The images, in the order of their positions.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// All positions.
    pub fn positions(&self) -> impl Iterator<Item = ImageIndex> + use<> {
        (0..self.images.len() as u32).map(ImageIndex)
    }

    /// One image.
    pub fn image(&self, position: ImageIndex) -> &Image {
        &self.images[position.0 as usize]
    }

    /// One image, for what earlier runs learned of it. Its digest must stay.
    pub fn image_mut(&mut self, position: ImageIndex) -> &mut Image {
        &mut self.images[position.0 as usize]
    }

    /// The position of a digest, if the repository has it.
    pub fn position(&self, digest: Digest) -> Option<ImageIndex> {
        let found = self.images.binary_search_by(|image| image.digest.cmp(&digest)).ok()?;
        Some(ImageIndex(found as u32))
    }

    /// What the indexes that list this image say of it.
    pub fn parents(&self, child: ImageIndex) -> &[Edge] {
        range(&self.by_child, |edge| edge.child, child)
    }

    /// What this index lists.
    pub fn children(&self, parent: ImageIndex) -> &[Edge] {
        range(&self.by_parent, |edge| edge.parent, parent)
    }

    /// The images that name this one as their subject.
    pub fn referrers(&self, subject: ImageIndex) -> impl Iterator<Item = ImageIndex> + '_ {
        range(&self.referrers, |pair| pair.0, subject).iter().map(|pair| pair.1)
    }

    /// The subject of an image, if the repository has it.
    pub fn subject(&self, position: ImageIndex) -> Option<ImageIndex> {
        self.position(self.image(position).subject?)
    }

    /// Whether another image names this one as its subject, or a cosign-style tag does.
    pub fn has_referrers(&self, position: ImageIndex) -> bool {
        self.is_signed_by_tag(position) || self.referrers(position).any(|referrer| referrer != position)
    }

    /// Whether a cosign-style tag points at this image.
    pub fn is_signed_by_tag(&self, position: ImageIndex) -> bool {
        self.signature_by_tag(position).is_some()
    }

    /// The image with a cosign-style tag that points at this one: the first in digest order.
    pub fn signature_by_tag(&self, position: ImageIndex) -> Option<ImageIndex> {
        self.signed_by_tag.get(&self.image(position).digest).copied()
    }

    /// Whether this may be an index whose children are not known.
    pub fn is_unreadable_index(&self, position: ImageIndex) -> bool {
        let image = self.image(position);
        matches!(image.shape, Shape::Index | Shape::Unknown)
            && !matches!(image.evidence, Evidence::Read(_) | Evidence::Gone)
    }

    /// Whether this is an index, by its bytes or, unread, by its media type.
    pub fn is_index(&self, position: ImageIndex) -> bool {
        let image = self.image(position);
        image.evidence.kind() == Some(Kind::Index) || image.shape == Shape::Index
    }

    /// The digest that a parent's descriptor says this attestation speaks of.
    pub fn reference(&self, edge: &Edge) -> Option<Digest> {
        let number = edge.reference as usize;
        match self.images.get(number) {
            Some(image) => Some(image.digest),
            None => self.references.get(number - self.images.len()).copied(),
        }
    }

    /// The platform for which some index lists this image, as it stands in tags: `linux-arm64-v8`.
    pub fn platform(&self, position: ImageIndex) -> Option<&str> {
        self.parents(position)
            .iter()
            .find_map(|edge| self.platforms.get(edge.platform as usize))
            .map(AsRef::as_ref)
    }

    /// What an attestation speaks of: what its parents' descriptors or its own bytes name.
    pub fn attested(&self, position: ImageIndex) -> Option<Digest> {
        self.parents(position).iter().find_map(|edge| self.reference(edge)).or(self.image(position).subject)
    }

    /// Why an image could not be read.
    pub fn problem(&self, position: ImageIndex) -> Option<&Problem> {
        self.problems.get(&position)
    }

    /// Takes note of bytes that were read and hashed. An error means that an index cannot be understood: the image is
    /// then taken for one that could list anything.
    pub fn add_bytes(&mut self, position: ImageIndex, bytes: &[u8]) -> Result<(), Malformed> {
        let might_be_index = matches!(self.image(position).shape, Shape::Index | Shape::Unknown);
        let manifest = match Manifest::parse(bytes) {
            Ok(manifest) => manifest,
            Err(malformed) if might_be_index => return Err(malformed),
            Err(_) => {
                self.images[position.0 as usize].evidence = Evidence::Read(Classified::other(Kind::Unknown));
                return Ok(());
            }
        };
        if self.image(position).shape == Shape::Index && manifest.manifests.is_none() {
            return Err(Malformed::NoChildren);
        }
        let classified = classify(&manifest);
        if classified.kind == Kind::Index
            && let Err(malformed) = self.add_children(position, &manifest)
        {
            self.images[position.0 as usize].shape = Shape::Index;
            return Err(malformed);
        }
        let image = &mut self.images[position.0 as usize];
        image.evidence = Evidence::Read(classified);
        image.subject = manifest.subject_digest().or(image.subject);
        Ok(())
    }

    /// Takes note of bytes that were read for nothing but the image's subject.
    pub fn add_subject(&mut self, position: ImageIndex, bytes: &[u8]) -> Result<(), Malformed> {
        self.add_bytes(position, bytes)?;
        let evidence = &mut self.images[position.0 as usize].evidence;
        if let Evidence::Read(classified) = *evidence
            && classified.kind != Kind::Index
        {
            *evidence = Evidence::Seen(classified);
        }
        Ok(())
    }

    /// Takes note of the last pull by others, and of the first run that saw an image without tags.
    pub fn recall(
        &mut self,
        index: ImageIndex,
        pulled_by_others: Option<Timestamp>,
        untagged_at: Option<Timestamp>,
    ) {
        let image = &mut self.images[index.0 as usize];
        image.untagged_at = untagged_at;
        if pulled_by_others != image.pulled_at {
            self.recollection.own_pulls.insert(image.digest, pulled_by_others);
        }
    }

    /// The last pull of an image by others than the janitor.
    pub fn pulled_by_others(&self, index: ImageIndex) -> Option<Timestamp> {
        let image = self.image(index);
        self.recollection.own_pulls.get(&image.digest).copied().unwrap_or(image.pulled_at)
    }

    /// Takes note of what the bytes of a manifest that is no index proved in an earlier run.
    pub fn add_fact(&mut self, index: ImageIndex, evidence: Evidence, subject: Option<Digest>) {
        let image = &mut self.images[index.0 as usize];
        image.evidence = evidence;
        image.subject = subject.or(image.subject);
    }

    /// Takes back what [`Self::add_fact`] added: the image is as listed, and unread.
    pub fn forget_fact(&mut self, index: ImageIndex, listed_subject: Option<Digest>) {
        let image = &mut self.images[index.0 as usize];
        image.evidence = Evidence::Unread;
        image.subject = listed_subject;
    }

    /// Takes note that bytes could not be had.
    pub fn add_problem(&mut self, position: ImageIndex, evidence: Evidence, problem: Problem) {
        self.images[position.0 as usize].evidence = evidence;
        self.problems.insert(position, problem);
    }

    fn add_children(&mut self, parent: ImageIndex, index: &Manifest) -> Result<(), Malformed> {
        let mut edges = Vec::new();
        if let Some(subject) = index.subject.as_ref().filter(|subject| subject.digest().is_none()) {
            // It is a referrer, and must not pass for an index that refers to nothing.
            return Err(Malformed::SubjectDigest(subject.digest_text.chars().take(80).collect()));
        }
        for (digest, descriptor) in index.children()? {
            let Some(child) = self.position(digest) else { continue };
            let reference = self.number_of_reference(descriptor);
            let platform = self.number_of_platform(descriptor.platform.as_ref());
            let (role, artifact) = (role(descriptor), artifact(descriptor));
            edges.push(Edge { parent, child, role, artifact, reference, platform });
        }
        // One child may be listed twice; a hostile index may list it a hundred thousand times.
        edges.sort_unstable_by_key(Edge::key);
        edges.dedup_by_key(|edge| edge.key());
        if self.by_parent.len() + edges.len() > MAX_EDGES {
            return Err(Malformed::TooManyChildren(MAX_EDGES));
        }
        self.by_parent.append(&mut edges);
        Ok(())
    }

    fn number_of_reference(&mut self, descriptor: &Descriptor) -> u32 {
        let named = descriptor.annotations.as_ref().and_then(|a| a.reference_digest.as_ref());
        let Some(digest) = named.and_then(|text| text.parse::<Digest>().ok()) else { return NONE };
        if let Some(image) = self.position(digest) {
            return image.0;
        }
        *self.reference_numbers.entry(digest).or_insert_with(|| {
            self.references.push(digest);
            (self.images.len() + self.references.len() - 1) as u32
        })
    }

    fn number_of_platform(&mut self, platform: Option<&Platform>) -> u32 {
        let Some(Platform { os: Some(os), architecture: Some(architecture), variant }) =
            platform.filter(|platform| platform.is_real())
        else {
            return NONE;
        };
        let Some(name) = platform_name(os, architecture, variant.as_deref()) else { return NONE };
        if let Some(number) = self.platform_numbers.get(name.as_str()) {
            return *number;
        }
        let number = self.platforms.len() as u32;
        self.platforms.push(name.as_str().into());
        self.platform_numbers.insert(name.into(), number);
        number
    }

    /// Makes the edges that were added since the last time visible.
    pub fn link(&mut self) {
        self.by_parent.sort_unstable_by_key(Edge::key);
        self.by_child.clone_from(&self.by_parent);
        self.by_child.sort_unstable_by_key(|edge| (edge.child, edge.key()));
        self.referrers =
            self.positions().filter_map(|position| Some((self.subject(position)?, position))).collect();
        self.referrers.sort_unstable();
    }
}

/// Whether this is a cosign-style tag: one that carries the digest of another image.
pub fn is_cosign_style(tag: &str) -> bool {
    signed_digests(tag).next().is_some()
}

/// The digests that a cosign-style tag points at: `sha256-<hex>`, alone or with a suffix such as `.sig` or `-cosign`.
/// A prefix (`cve-`) does not matter, and may itself look like a digest.
pub fn signed_digests(tag: &str) -> impl Iterator<Item = Digest> + '_ {
    tag.match_indices("sha256-").filter_map(|(at, name)| {
        let (hex, rest) = tag[at + name.len()..].split_at_checked(64)?;
        (rest.is_empty() || rest.starts_with(['.', '-'])).then(|| Digest::from_hex(hex)).flatten()
    })
}

fn range<T>(sorted: &[T], key: impl Fn(&T) -> ImageIndex, wanted: ImageIndex) -> &[T] {
    let start = sorted.partition_point(|item| key(item) < wanted);
    let end = start + sorted[start..].partition_point(|item| key(item) == wanted);
    &sorted[start..end]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn cosign_style_tags_point_at_a_digest() {
        let digest = Digest::of(b"{}");
        let pointed_at = |tag: &str| signed_digests(tag).collect::<Vec<_>>();
        for head in ["", "cve-", "v1.2_", "sha256-"] {
            for tail in ["", ".sig", ".att", ".sbom", ".other", "-cosign", "-", "."] {
                let tag = format!("{head}sha256-{}{tail}", digest.hex());
                assert_eq!(pointed_at(&tag), [digest], "{tag}");
                assert!(is_cosign_style(&tag));
            }
        }
        for tag in [
            "sha256-44136fa355b3",
            "latest",
            &digest.hex(),
            &format!("sha256-{}x", digest.hex()),
            &format!("sha256-{}_sig", digest.hex()),
            &format!("sha256-{}", digest.hex().to_uppercase()),
            &format!("sha256:{}", digest.hex()),
            &format!("sha256-é{}", "a".repeat(63)),
        ] {
            assert_eq!(pointed_at(tag), [], "{tag}");
            assert!(!is_cosign_style(tag));
        }
    }

    #[test]
    fn a_tag_may_point_at_two_digests() {
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let tag = format!("sha256-{}-sha256-{}.sig", one.hex(), two.hex());
        assert_eq!(signed_digests(&tag).collect::<Vec<_>>(), [one, two]);
    }

    #[test]
    fn an_index_that_refers_to_something_unknown_is_not_one_that_refers_to_nothing() {
        let read = |subject: &str| {
            let bytes = format!(r#"{{"schemaVersion":2,"manifests":[]{subject}}}"#);
            Inventory::new(vec![Image::sample(&bytes, Shape::Index)])
                .add_bytes(ImageIndex(0), bytes.as_bytes())
        };
        assert_eq!(read(""), Ok(()));
        assert_eq!(read(&format!(r#","subject":{{"digest":"{}"}}"#, Digest::of(b"it"))), Ok(()));
        for digest in ["", "sha512:00", "sha256:aaa111"] {
            let subject = format!(r#","subject":{{"digest":"{digest}"}}"#);
            assert_eq!(read(&subject), Err(Malformed::SubjectDigest(digest.into())));
        }
    }

    #[test]
    fn an_image_that_is_listed_twice_counts_once_and_as_the_more_careful_of_the_two() {
        let at = |second| Timestamp::from_second(second).ok();
        let listed = |pushed, pulled, status, tags: &[&str]| Image {
            pushed_at: pushed,
            pulled_at: pulled,
            status,
            tags: tags.iter().map(|tag| (*tag).into()).collect(),
            ..Image::sample("it", Shape::Manifest)
        };
        let once = |one: &Image, two: &Image| {
            let inventory =
                Inventory::new(vec![one.clone(), Image::sample("other", Shape::Index), two.clone()]);
            assert_eq!(inventory.images().len(), 2);
            let it = inventory.image(inventory.position(one.digest).unwrap());
            (it.pushed_at, it.pulled_at, it.status, it.tags.join(" "))
        };
        let (active, inactive) = (ImageStatus::Active, ImageStatus::Inactive);
        let old = listed(at(1), None, active, &["a", "b"]);
        let young = listed(at(9), at(5), active, &["c", "a"]);
        for (one, two, careful) in [
            (&old, &young, (at(9), at(5), active, "a b c".to_owned())),
            (&old, &old, (at(1), None, active, "a b".to_owned())),
            (&old, &listed(None, None, active, &[]), (None, None, active, "a b".to_owned())),
            (&old, &listed(at(1), None, inactive, &[]), (at(1), None, inactive, "a b".to_owned())),
        ] {
            assert_eq!(once(one, two), careful);
            assert_eq!(once(two, one), careful);
        }
    }

    #[test]
    fn what_is_no_manifest_stops_everything_if_it_might_be_an_index() {
        for bytes in ["", "[]", r#"{"manifests":{}}"#] {
            for shape in [Shape::Index, Shape::Unknown] {
                let read = Inventory::new(vec![Image::sample(bytes, shape)])
                    .add_bytes(ImageIndex(0), bytes.as_bytes());
                assert!(matches!(read, Err(Malformed::Json(_))), "{bytes:?} as {shape:?}: {read:?}");
            }
            let mut inventory = Inventory::new(vec![Image::sample(bytes, Shape::Manifest)]);
            assert_eq!(inventory.add_bytes(ImageIndex(0), bytes.as_bytes()), Ok(()));
            assert_eq!(
                inventory.image(ImageIndex(0)).evidence,
                Evidence::Read(Classified::other(Kind::Unknown))
            );
        }
    }

    #[test]
    fn indexes_that_list_more_than_can_be_kept_are_not_understood_in_part() {
        let children = ["one", "two"].map(|name| Image::sample(name, Shape::Manifest));
        let child = |it: usize| format!(r#"{{"digest":"{}"}}"#, children[it].digest);
        let one = format!(r#"{{"manifests":[{}]}}"#, child(0));
        let two = format!(r#"{{"manifests":[{},{}]}}"#, child(0), child(1));
        let edge = Edge {
            parent: ImageIndex(0),
            child: ImageIndex(0),
            role: Role::Plain,
            artifact: None,
            reference: NONE,
            platform: NONE,
        };
        let read = |bytes: &str, edges: usize| {
            let images = children.iter().cloned().chain([Image::sample(bytes, Shape::Index)]).collect();
            let mut inventory = Inventory::new(images);
            inventory.by_parent = vec![edge; edges];
            let position = inventory.position(Digest::of(bytes.as_bytes())).unwrap();
            inventory.add_bytes(position, bytes.as_bytes())
        };
        assert_eq!(read(&one, MAX_EDGES - 1), Ok(()));
        assert_eq!(read(&two, MAX_EDGES - 2), Ok(()));
        assert_eq!(read(&two, MAX_EDGES - 1), Err(Malformed::TooManyChildren(MAX_EDGES)));
    }
}
