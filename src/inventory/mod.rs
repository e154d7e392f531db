//! A repository as it was read: images, the edges from indexes to their children, and what the bytes proved.
//!
//! Compact, because 100,000 images must fit a small Lambda function: images are numbered in the order of their
//! digests, and everything else speaks of them by that number.

pub mod graph;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::config::tag_template::platform_name;
use crate::oci::attestation::{Class, Form, Kind, classify, kind};
use crate::oci::digest::Digest;
use crate::oci::manifest::{Descriptor, Malformed, Manifest, Platform};
use crate::oci::media_type::{DOCKER_ATTESTATION, Shape};

/// An image's number in its inventory.
pub type Position = u32;

/// ECR's `imageStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It can be pulled.
    Active,
    /// Archived, being activated, or something this version does not know: not to be touched.
    Inactive,
}

/// One image of the listing, and what is known of its bytes.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its digest.
    pub digest: Digest,
    /// When the manifest was first stored; absent means unknown.
    pub pushed_at: Option<Timestamp>,
    /// When it was last pulled, if ever; ECR may be a day behind.
    pub pulled_at: Option<Timestamp>,
    /// ECR's `imageSizeInBytes`.
    pub size_bytes: u64,
    /// Its tags.
    pub tags: Box<[Box<str>]>,
    /// Whether it is active.
    pub status: Status,
    /// What its media type promises.
    pub shape: Shape,
    /// What the listing shows it certainly is, so that it need not be read.
    pub ruled_out: Option<Kind>,
    /// The manifest it refers to, by the listing or by its own bytes.
    pub subject: Option<Digest>,
    /// What its bytes proved.
    pub evidence: Evidence,
}

#[cfg(test)]
impl Image {
    /// An image with these bytes as a listing shows it, for tests: untagged, active, old, unread.
    pub(crate) fn sample(bytes: &str, shape: Shape) -> Self {
        Self {
            digest: Digest::of(bytes.as_bytes()),
            pushed_at: Some(Timestamp::UNIX_EPOCH),
            pulled_at: None,
            size_bytes: 1000,
            tags: Box::default(),
            status: Status::Active,
            shape,
            ruled_out: None,
            subject: None,
            evidence: Evidence::Unread,
        }
    }
}

/// What is known from an image's own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Not read.
    Unread,
    /// Its bytes cannot be had, or do not hash to its digest.
    Unreadable,
    /// The call that should have read it failed as a whole.
    CallFailed,
    /// It was listed, but is gone since.
    Gone,
    /// Read, hashed, and found to be an attestation.
    Attestation(Form),
    /// Read and hashed: in-toto statements that at most a parent's descriptor can prove.
    Suspect {
        /// Whether such a descriptor would be enough.
        by_parent: bool,
    },
    /// Read and hashed: an index.
    Index,
    /// Read and hashed: something else.
    Other(Kind),
}

/// What an index says of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A BuildKit attestation: `attestation-manifest`, `unknown/unknown`.
    Attestation,
    /// An image for a real platform, and nothing else.
    Platform,
    /// Nothing that speaks for or against an attestation.
    Plain,
    /// Something that contradicts an attestation.
    Contradiction,
}

/// That an index lists a child.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The index.
    pub parent: Position,
    /// The listed image.
    pub child: Position,
    /// What the index says of it.
    pub role: Role,
    reference: u32,
    platform: u32,
}

impl Edge {
    fn key(&self) -> (Position, Position, u8, u32, u32) {
        (self.parent, self.child, self.role as u8, self.reference, self.platform)
    }
}

const NONE: u32 = u32::MAX;

/// Why an image could not be read.
#[derive(Debug, Clone)]
pub struct Problem {
    /// ECR's code, or the janitor's.
    pub code: String,
    /// The same in a sentence.
    pub detail: String,
}

/// More edges than any honest repository has; the memory of a small function ends soon after.
pub const MAX_EDGES: usize = 2_000_000;

/// A repository as it was read.
#[derive(Debug, Default)]
pub struct Inventory {
    images: Vec<Image>,
    by_parent: Vec<Edge>,
    by_child: Vec<Edge>,
    referrers: Vec<(Position, Position)>,
    references: Vec<Digest>,
    reference_numbers: HashMap<Digest, u32>,
    platforms: Vec<Box<str>>,
    platform_numbers: HashMap<Box<str>, u32>,
    signed_by_tag: HashSet<Digest>,
    problems: HashMap<Position, Problem>,
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
        let signed_by_tag =
            images.iter().flat_map(|image| image.tags.iter()).filter_map(|tag| signed_digest(tag)).collect();
        Self { images, signed_by_tag, ..Self::default() }
    }

    /// The images, in the order of their positions.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// All positions.
    pub fn positions(&self) -> impl Iterator<Item = Position> + use<> {
        0..self.images.len() as Position
    }

    /// One image.
    pub fn image(&self, position: Position) -> &Image {
        &self.images[position as usize]
    }

    /// The position of a digest, if the repository has it.
    pub fn position(&self, digest: Digest) -> Option<Position> {
        let found = self.images.binary_search_by(|image| image.digest.cmp(&digest)).ok()?;
        Some(found as Position)
    }

    /// What the indexes that list this image say of it.
    pub fn parents(&self, child: Position) -> &[Edge] {
        range(&self.by_child, |edge| edge.child, child)
    }

    /// What this index lists.
    pub fn children(&self, parent: Position) -> &[Edge] {
        range(&self.by_parent, |edge| edge.parent, parent)
    }

    /// The images that name this one as their subject.
    pub fn referrers(&self, subject: Position) -> impl Iterator<Item = Position> + '_ {
        range(&self.referrers, |pair| pair.0, subject).iter().map(|pair| pair.1)
    }

    /// The subject of an image, if the repository has it.
    pub fn subject(&self, position: Position) -> Option<Position> {
        self.position(self.image(position).subject?)
    }

    /// Whether another image names this one as its subject, or a cosign-style tag does.
    pub fn has_referrers(&self, position: Position) -> bool {
        self.is_signed_by_tag(position) || self.referrers(position).any(|referrer| referrer != position)
    }

    /// Whether a cosign-style tag points at this image.
    pub fn is_signed_by_tag(&self, position: Position) -> bool {
        self.signed_by_tag.contains(&self.image(position).digest)
    }

    /// Whether this is an index, by its bytes or, unread, by its media type.
    pub fn is_index(&self, position: Position) -> bool {
        let image = self.image(position);
        image.evidence == Evidence::Index || image.shape == Shape::Index
    }

    /// The digest that a parent's descriptor says this attestation speaks of.
    pub fn reference(&self, edge: &Edge) -> Option<Digest> {
        self.references.get(edge.reference as usize).copied()
    }

    /// The platform for which some index lists this image, as it stands in tags: `linux-arm64-v8`.
    pub fn platform(&self, position: Position) -> Option<&str> {
        self.parents(position)
            .iter()
            .find_map(|edge| self.platforms.get(edge.platform as usize))
            .map(AsRef::as_ref)
    }

    /// What an attestation speaks of: what its parents' descriptors or its own bytes name.
    pub fn attested(&self, position: Position) -> Option<Digest> {
        self.parents(position).iter().find_map(|edge| self.reference(edge)).or(self.image(position).subject)
    }

    /// Why an image could not be read.
    pub fn problem(&self, position: Position) -> Option<&Problem> {
        self.problems.get(&position)
    }

    /// Takes note of bytes that were read and hashed. An error means that an index cannot be understood.
    pub fn add_bytes(&mut self, position: Position, bytes: &[u8]) -> Result<(), Malformed> {
        let might_be_index = matches!(self.image(position).shape, Shape::Index | Shape::Unknown);
        let manifest = match Manifest::parse(bytes) {
            Ok(manifest) => manifest,
            Err(malformed) if might_be_index => return Err(malformed),
            Err(_) => {
                self.images[position as usize].evidence = Evidence::Other(Kind::Unknown);
                return Ok(());
            }
        };
        if self.image(position).shape == Shape::Index && manifest.manifests.is_none() {
            return Err(Malformed::NoChildren);
        }
        let evidence = match classify(&manifest) {
            Class::Attestation(form) => Evidence::Attestation(form),
            Class::Suspect { by_parent } => Evidence::Suspect { by_parent },
            Class::Index => {
                self.add_children(position, &manifest)?;
                Evidence::Index
            }
            Class::Referrer | Class::Other => Evidence::Other(kind(&manifest)),
        };
        let image = &mut self.images[position as usize];
        image.evidence = evidence;
        image.subject = manifest.subject_digest().or(image.subject);
        Ok(())
    }

    /// Takes note that bytes could not be had.
    pub fn add_problem(&mut self, position: Position, evidence: Evidence, problem: Problem) {
        self.images[position as usize].evidence = evidence;
        self.problems.insert(position, problem);
    }

    fn add_children(&mut self, parent: Position, index: &Manifest) -> Result<(), Malformed> {
        let mut edges = Vec::new();
        if let Some(subject) = index.subject.as_ref().filter(|subject| subject.digest().is_none()) {
            // It is a referrer, and must not pass for an index that refers to nothing.
            return Err(Malformed::SubjectDigest(subject.digest_text.chars().take(80).collect()));
        }
        for (digest, descriptor) in index.children()? {
            let Some(child) = self.position(digest) else { continue };
            let reference = self.number_of_reference(descriptor);
            let platform = self.number_of_platform(descriptor.platform.as_ref());
            edges.push(Edge { parent, child, role: role(descriptor), reference, platform });
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
        *self.reference_numbers.entry(digest).or_insert_with(|| {
            self.references.push(digest);
            self.references.len() as u32 - 1
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
        self.by_child.sort_by_key(|edge| (edge.child, edge.parent));
        self.referrers =
            self.positions().filter_map(|position| Some((self.subject(position)?, position))).collect();
        self.referrers.sort_unstable();
    }
}

/// What a descriptor says of the child, as evidence for or against an attestation.
fn role(descriptor: &Descriptor) -> Role {
    let real = descriptor.platform.as_ref().is_some_and(Platform::is_real);
    let unknown = descriptor.platform.as_ref().is_some_and(Platform::is_unknown);
    let claim = descriptor.annotations.as_ref().and_then(|a| a.reference_type.as_deref());
    match (claim, descriptor.artifact_type.as_deref()) {
        (_, Some(other)) if other != DOCKER_ATTESTATION => Role::Contradiction,
        (None, None) if real => Role::Platform,
        _ if real => Role::Contradiction,
        (Some("attestation-manifest"), _) if unknown => Role::Attestation,
        (Some("attestation-manifest") | None, _) => Role::Plain,
        (Some(_), _) => Role::Contradiction,
    }
}

/// The digest that a cosign-style tag (`sha256-<hex>`, alone or with a suffix such as `.sig`) points at.
fn signed_digest(tag: &str) -> Option<Digest> {
    let (hex, rest) = tag.strip_prefix("sha256-")?.split_at_checked(64)?;
    (rest.is_empty() || rest.starts_with('.')).then(|| Digest::from_hex(hex)).flatten()
}

fn merge(first: &mut Image, again: &Image) {
    let mut tags: Vec<Box<str>> = first.tags.iter().chain(again.tags.iter()).cloned().collect();
    tags.sort_unstable();
    tags.dedup();
    first.tags = tags.into();
    // Younger is more careful, and unknown is more careful still.
    first.pushed_at = first.pushed_at.zip(again.pushed_at).map(|(a, b)| a.max(b));
    first.pulled_at = first.pulled_at.max(again.pulled_at);
    if again.status != first.status {
        first.status = Status::Inactive;
    }
}

fn range<T>(sorted: &[T], key: impl Fn(&T) -> Position, wanted: Position) -> &[T] {
    let start = sorted.partition_point(|item| key(item) < wanted);
    let end = start + sorted[start..].partition_point(|item| key(item) == wanted);
    &sorted[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosign_style_tags_point_at_a_digest() {
        let digest = Digest::of(b"{}");
        for tail in ["", ".sig", ".att", ".sbom", ".other"] {
            assert_eq!(signed_digest(&format!("sha256-{}{tail}", digest.hex())), Some(digest), "{tail}");
        }
        for tag in [
            "sha256-44136fa355b3",
            "latest",
            &format!("sha256-{}x", digest.hex()),
            &format!("sha256-é{}", "a".repeat(63)),
        ] {
            assert_eq!(signed_digest(tag), None, "{tag}");
        }
    }

    #[test]
    fn an_index_that_refers_to_something_unknown_is_not_one_that_refers_to_nothing() {
        let read = |subject: &str| {
            let bytes = format!(r#"{{"schemaVersion":2,"manifests":[]{subject}}}"#);
            Inventory::new(vec![Image::sample(&bytes, Shape::Index)]).add_bytes(0, bytes.as_bytes())
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
        let (active, inactive) = (Status::Active, Status::Inactive);
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
                let read = Inventory::new(vec![Image::sample(bytes, shape)]).add_bytes(0, bytes.as_bytes());
                assert!(matches!(read, Err(Malformed::Json(_))), "{bytes:?} as {shape:?}: {read:?}");
            }
            let mut inventory = Inventory::new(vec![Image::sample(bytes, Shape::Manifest)]);
            assert_eq!(inventory.add_bytes(0, bytes.as_bytes()), Ok(()));
            assert_eq!(inventory.image(0).evidence, Evidence::Other(Kind::Unknown));
        }
    }

    #[test]
    fn indexes_that_list_more_than_can_be_kept_are_not_understood_in_part() {
        let children = ["one", "two"].map(|name| Image::sample(name, Shape::Manifest));
        let child = |it: usize| format!(r#"{{"digest":"{}"}}"#, children[it].digest);
        let one = format!(r#"{{"manifests":[{}]}}"#, child(0));
        let two = format!(r#"{{"manifests":[{},{}]}}"#, child(0), child(1));
        let edge = Edge { parent: 0, child: 0, role: Role::Plain, reference: NONE, platform: NONE };
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

    #[test]
    fn what_a_descriptor_says_of_its_child() {
        let say = |text: &str| role(&serde_json::from_str(text).unwrap());
        let unknown = r#""platform":{"os":"unknown","architecture":"unknown"}"#;
        let linux = r#""platform":{"os":"linux","architecture":"amd64"}"#;
        let claim = r#""annotations":{"vnd.docker.reference.type":"attestation-manifest","x":1}"#;
        let builder = r#""annotations":{"vnd.docker.reference.type":"builder"}"#;
        assert_eq!(say(&format!("{{{unknown},{claim}}}")), Role::Attestation);
        assert_eq!(say(&format!("{{{unknown}}}")), Role::Plain);
        assert_eq!(say("{}"), Role::Plain);
        assert_eq!(say(&format!("{{{claim}}}")), Role::Plain);
        assert_eq!(say(&format!("{{{linux}}}")), Role::Platform);
        assert_eq!(say(&format!("{{{linux},{claim}}}")), Role::Contradiction);
        assert_eq!(say(&format!("{{{unknown},{builder}}}")), Role::Contradiction);
        assert_eq!(say(&format!(r#"{{{unknown},{claim},"artifactType":"x"}}"#)), Role::Contradiction);
        assert_eq!(say(&format!(r#"{{{linux},"artifactType":"x"}}"#)), Role::Contradiction);
        assert_eq!(
            say(&format!(r#"{{{unknown},{claim},"artifactType":"{DOCKER_ATTESTATION}"}}"#)),
            Role::Attestation
        );
    }
}
