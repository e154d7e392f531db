//! Repositories for tests: manifests as the tools write them, under their true digests.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;
use std::ops::Index;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::config::policy::{Action, Policy};
use crate::inventory::{Evidence, Image, ImageIndex, ImageStatus, Inventory, PerImage, Problem};
use crate::oci::attestation::kind_by_listing;
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::oci::media_type::{
    self, DOCKER_ATTESTATION, EMPTY, IMAGE_CONFIG, IN_TOTO, OCI_INDEX, OCI_MANIFEST, Shape,
};
use crate::report::RepositoryReport;
use crate::report::decision::Decision;
use crate::report::outcomes::Outcomes;
use crate::report::plan::RepositoryPlan;
use crate::report::reason::Reason;
use crate::rules::judge;
use crate::rules::verdict::{Verdict, expand};

/// The defaults: orphans are deleted, superseded attestations kept.
pub(super) fn defaults() -> Policy {
    Policy::default()
}

/// Superseded attestations are deleted too, with their indexes.
pub(super) fn deletes() -> Policy {
    Policy { superseded: Action::Delete, ..Policy::default() }
}

/// And so are the images that only those indexes list.
pub(super) fn deletes_images() -> Policy {
    Policy { superseded_images: Action::Delete, ..deletes() }
}

/// Whatever may be tagged is tagged.
pub(super) fn tags() -> Policy {
    Policy { orphaned: Action::Tag, superseded: Action::Tag, attached: Action::Tag, ..Policy::default() }
}

pub(super) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(super) fn days(days: i64) -> SignedDuration {
    hours(24 * days)
}

pub(super) const A_SECOND: SignedDuration = SignedDuration::from_secs(1);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A repository in the making. Everything in it is 100 days old, untagged, active and was never pulled, until
/// something else is said of it.
#[derive(Default)]
pub(super) struct World(RefCell<Vec<Stored>>);

struct Stored {
    digest: Digest,
    bytes: String,
    nature: Nature,
    subject: Option<usize>,
    children: Vec<usize>,
    tags: Vec<String>,
    age: Option<SignedDuration>,
    pulled: Option<SignedDuration>,
    status: ImageStatus,
    is_typed: bool,
    tells_types: bool,
    fate: Evidence,
}

#[derive(Clone, Copy, PartialEq)]
enum Nature {
    Image(&'static str),
    Attestation,
    Other,
}

/// An image of a world; of the places where it may be put, with how an index there describes it.
#[derive(Clone, Copy)]
pub(super) struct It<'w> {
    world: &'w World,
    at: usize,
    listed: As,
}

/// How an index describes a child.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum As {
    /// As BuildKit does.
    Itself,
    /// For a platform.
    Platform(&'static str),
    /// For a platform, with an artifact type.
    ArtifactFor(&'static str),
    /// By type, digest and size alone.
    Bare,
    /// As `unknown/unknown`, and nothing else.
    Unknown,
    /// As an attestation, of nothing in particular.
    Claimed,
    /// As an attestation of the image at this place.
    About(usize),
    /// As an attestation, but for a platform.
    ClaimedFor(&'static str),
    /// As `unknown/unknown` with another `vnd.docker.reference.type`.
    ReferenceType(&'static str),
    /// As an attestation, with an artifact type.
    ArtifactType(&'static str),
}

impl World {
    /// A platform image.
    pub(super) fn image(&self, platform: &'static str) -> It<'_> {
        self.add(Nature::Image(platform), None, image)
    }

    /// What a legacy BuildKit wrote: an attestation that does not name what it attests.
    pub(super) fn legacy(&self, about: It<'_>) -> It<'_> {
        let legacy = self.add(Nature::Attestation, None, legacy);
        It { listed: As::About(about.at), ..legacy }
    }

    /// What BuildKit writes since 0.32: an artifact with a subject.
    pub(super) fn oci(&self, about: It<'_>) -> It<'_> {
        let oci = self.add(Nature::Attestation, Some(about), oci);
        It { listed: As::About(about.at), ..oci }
    }

    /// What docker/attest writes: only a parent can prove it.
    pub(super) fn signed(&self, about: It<'_>) -> It<'_> {
        let signed = self.add(Nature::Attestation, Some(about), docker_signed);
        It { listed: As::About(about.at), ..signed }
    }

    /// A signature that names its subject.
    pub(super) fn signature(&self, of: It<'_>) -> It<'_> {
        self.add(Nature::Other, Some(of), signature)
    }

    /// A Helm chart.
    pub(super) fn chart(&self) -> It<'_> {
        self.add(Nature::Other, None, chart)
    }

    /// An index of these.
    pub(super) fn index(&self, children: &[It<'_>]) -> It<'_> {
        self.index_about(children, None)
    }

    /// An index that is itself a referrer.
    pub(super) fn index_with_subject(&self, children: &[It<'_>], subject: It<'_>) -> It<'_> {
        self.index_about(children, Some(subject))
    }

    fn index_about(&self, children: &[It<'_>], subject: Option<It<'_>>) -> It<'_> {
        let listed: Vec<Value> = children.iter().map(It::descriptor).collect();
        let index = self.add(Nature::Other, subject, |salt, _| {
            json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, "annotations": { "salt": salt } })
        });
        index.change(|it| it.children = children.iter().map(|child| child.at).collect())
    }

    /// An index under a digest that its bytes do not have: the only way to a loop.
    pub(super) fn forged_index(&self) -> It<'_> {
        self.index(&[])
    }

    fn add(&self, nature: Nature, subject: Option<It<'_>>, write: impl Fn(&str, Nature) -> Value) -> It<'_> {
        let at = self.0.borrow().len();
        let mut manifest = write(&format!("sha256:{at:064x}"), nature);
        if let Some(subject) = subject {
            manifest["subject"] =
                json!({ "mediaType": OCI_MANIFEST, "digest": subject.digest(), "size": 476 });
        }
        let bytes = serde_json::to_string(&manifest).unwrap();
        self.0.borrow_mut().push(Stored {
            digest: Digest::of(bytes.as_bytes()),
            bytes,
            nature,
            subject: subject.map(|it| it.at),
            children: Vec::new(),
            tags: Vec::new(),
            age: Some(days(100)),
            pulled: None,
            status: ImageStatus::Active,
            is_typed: true,
            tells_types: true,
            fate: Evidence::Unread,
        });
        It { world: self, at, listed: As::Itself }
    }

    /// Everything in it.
    pub(super) fn all(&self) -> impl Iterator<Item = It<'_>> {
        (0..self.0.borrow().len()).map(|at| It { world: self, at, listed: As::Itself })
    }

    /// Judges before anything was read, indexes included.
    pub(super) fn judge_unread(&self, policy: &Policy) -> Judged {
        Reading::of(self, false).judged(policy)
    }

    /// Reads the indexes, then whatever the rules want to see, until they want nothing more: as a survey does.
    pub(super) fn judge(&self, policy: &Policy) -> Judged {
        self.judge_listed(policy, false)
    }

    /// The same, from a listing in this order or backwards.
    pub(super) fn judge_listed(&self, policy: &Policy, backwards: bool) -> Judged {
        let mut reading = Reading::of(self, backwards);
        let is_index = |image: &Image| matches!(image.shape, Shape::Index | Shape::Unknown);
        let mut wanted = reading.positions(|inventory, p| is_index(inventory.image(p)));
        loop {
            if backwards {
                wanted.reverse();
            }
            wanted.iter().for_each(|position| reading.read(*position));
            let judged = reading.judged(policy);
            wanted = judged.wanted().collect();
            if wanted.is_empty() {
                return judged;
            }
            reading = Reading { world: self, inventory: judged.inventory, read: judged.read };
        }
    }
}

impl<'w> It<'w> {
    pub(super) fn digest(self) -> Digest {
        self.stored().digest
    }

    /// The same image, as an index is going to describe it.
    pub(super) fn listed(self, listed: As) -> Self {
        Self { listed, ..self }
    }

    /// The same image, as an index is going to describe it: as an attestation of another one.
    pub(super) fn about(self, image: It<'_>) -> Self {
        self.listed(As::About(image.at))
    }

    pub(super) fn tag(self, tag: &str) -> Self {
        self.change(|it| it.tags.push(tag.to_owned()))
    }

    /// A tag that the janitor's default template makes for this image.
    pub(super) fn own_tag(self) -> Self {
        self.tag(&format!("attestation-linux-amd64-{}", self.digest().short()))
    }

    pub(super) fn age(self, age: SignedDuration) -> Self {
        self.change(|it| it.age = Some(age))
    }

    pub(super) fn of_unknown_age(self) -> Self {
        self.change(|it| it.age = None)
    }

    pub(super) fn pulled(self, ago: SignedDuration) -> Self {
        self.change(|it| it.pulled = Some(ago))
    }

    pub(super) fn archived(self) -> Self {
        self.change(|it| it.status = ImageStatus::Inactive)
    }

    /// The listing does not give its media type.
    pub(super) fn untyped(self) -> Self {
        self.change(|it| it.is_typed = false)
    }

    /// The listing gives neither its artifact type nor its subject.
    pub(super) fn taciturn(self) -> Self {
        self.change(|it| it.tells_types = false)
    }

    /// Its bytes do not hash to its digest.
    pub(super) fn unreadable(self) -> Self {
        self.change(|it| it.fate = Evidence::Unreadable)
    }

    /// Every call that reads it fails.
    pub(super) fn failing(self) -> Self {
        self.change(|it| it.fate = Evidence::CallFailed)
    }

    /// It is deleted between the listing and the reading.
    pub(super) fn gone(self) -> Self {
        self.change(|it| it.fate = Evidence::Gone)
    }

    /// Lists these too, without a new digest: for forged indexes.
    pub(super) fn lists(self, children: &[It<'_>]) -> Self {
        let listed: Vec<Value> = children.iter().map(It::descriptor).collect();
        let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed });
        self.change(|it| {
            it.bytes = manifest.to_string();
            it.children = children.iter().map(|child| child.at).collect();
        })
    }

    pub(super) fn children(self) -> Vec<It<'w>> {
        self.stored().children.iter().map(|at| It { at: *at, ..self }).collect()
    }

    pub(super) fn subject(self) -> Option<It<'w>> {
        self.stored().subject.map(|at| It { at, ..self })
    }

    pub(super) fn is_attestation(self) -> bool {
        self.stored().nature == Nature::Attestation
    }

    pub(super) fn is_gone(self) -> bool {
        self.stored().fate == Evidence::Gone
    }

    /// Whether the listing says what it refers to.
    pub(super) fn tells_its_subject(self) -> bool {
        self.stored().tells_types
    }

    /// Whether it has a tag that the default template did not make.
    pub(super) fn has_user_tag(self) -> bool {
        let is_index = self.stored().bytes.contains("\"manifests\"");
        let own = self.digest().short();
        self.stored().tags.iter().any(|tag| is_index || !tag.ends_with(&own))
    }

    pub(super) fn is_archived(self) -> bool {
        self.stored().status != ImageStatus::Active
    }

    pub(super) fn is_younger_than(self, age: SignedDuration) -> bool {
        self.stored().age.is_none_or(|own| own < age)
    }

    fn stored(&self) -> Ref<'w, Stored> {
        Ref::map(self.world.0.borrow(), |all| &all[self.at])
    }

    fn change(self, change: impl FnOnce(&mut Stored)) -> Self {
        change(&mut self.world.0.borrow_mut()[self.at]);
        self
    }

    fn descriptor(&self) -> Value {
        let claim = |of: Option<usize>| {
            let mut claim = json!({ "vnd.docker.reference.type": "attestation-manifest" });
            if let Some(at) = of {
                claim["vnd.docker.reference.digest"] = json!(It { at, ..*self }.digest());
            }
            claim
        };
        let mut it = json!({ "mediaType": OCI_MANIFEST, "digest": self.digest(), "size": 566 });
        let listed = match (self.listed, self.stored().nature) {
            (As::Itself, Nature::Image(platform)) => As::Platform(platform),
            (As::Itself, Nature::Attestation) => self.stored().subject.map_or(As::Claimed, As::About),
            (As::Itself, Nature::Other) => As::Bare,
            (said, _) => said,
        };
        match listed {
            As::Platform(_) | As::Bare | As::Itself => {}
            As::ArtifactFor(_) => it["artifactType"] = json!("application/vnd.example"),
            As::Unknown => it["platform"] = platform("unknown/unknown"),
            As::Claimed | As::About(_) | As::ArtifactType(_) | As::ReferenceType(_) => {
                it["platform"] = platform("unknown/unknown");
                it["annotations"] = claim(if let As::About(at) = listed { Some(at) } else { None });
            }
            As::ClaimedFor(_) => it["annotations"] = claim(None),
        }
        match listed {
            As::Platform(real) | As::ArtifactFor(real) | As::ClaimedFor(real) => {
                it["platform"] = platform(real);
            }
            As::ReferenceType(other) => it["annotations"]["vnd.docker.reference.type"] = json!(other),
            As::ArtifactType(other) => it["artifactType"] = json!(other),
            _ => {}
        }
        it
    }

    fn listing(&self) -> Image {
        let it = self.stored();
        let manifest = Manifest::parse(it.bytes.as_bytes()).unwrap();
        let config = manifest.config.as_ref().and_then(|config| config.media_type.as_deref());
        let artifact = manifest.artifact_type.as_deref().or(config).filter(|_| it.tells_types);
        let subject = manifest.subject_digest().filter(|_| it.tells_types);
        Image {
            digest: it.digest,
            pushed_at: it.age.map(|age| now() - age),
            activated_at: None,
            pulled_at: it.pulled.map(|ago| now() - ago),
            size_bytes: it.bytes.len() as u64,
            tags: it.tags.iter().map(|tag| tag.as_str().into()).collect(),
            status: it.status,
            shape: media_type::shape(manifest.media_type.as_deref().filter(|_| it.is_typed)),
            ruled_out: kind_by_listing(artifact, subject.is_some()),
            subject,
            evidence: Evidence::Unread,
        }
    }
}

struct Reading<'w> {
    world: &'w World,
    inventory: Inventory,
    read: BTreeSet<Digest>,
}

impl<'w> Reading<'w> {
    fn of(world: &'w World, backwards: bool) -> Self {
        let mut images: Vec<Image> = world.all().map(|it| it.listing()).collect();
        if backwards {
            images.reverse();
        }
        Self { world, inventory: Inventory::new(images), read: BTreeSet::new() }
    }

    fn positions(&self, wanted: impl Fn(&Inventory, ImageIndex) -> bool) -> Vec<ImageIndex> {
        self.inventory.positions().filter(|position| wanted(&self.inventory, *position)).collect()
    }

    fn read(&mut self, position: ImageIndex) {
        let digest = self.inventory.image(position).digest;
        assert!(self.read.insert(digest), "{digest} is read twice");
        let it = self.world.all().find(|it| it.digest() == digest).unwrap();
        match it.stored().fate {
            Evidence::Unread => self.inventory.add_bytes(position, it.stored().bytes.as_bytes()).unwrap(),
            fate => {
                let problem = Problem::new("Scripted", "the test says so");
                self.inventory.add_problem(position, fate, problem);
            }
        }
    }

    fn judged(mut self, policy: &Policy) -> Judged {
        self.inventory.link();
        let verdicts = judge(&self.inventory, policy, now());
        Judged { inventory: self.inventory, verdicts, read: self.read }
    }
}

/// A repository and what the rules say of it.
pub(super) struct Judged {
    inventory: Inventory,
    verdicts: PerImage<Verdict>,
    read: BTreeSet<Digest>,
}

impl Index<It<'_>> for Judged {
    type Output = Verdict;

    fn index(&self, it: It<'_>) -> &Verdict {
        &self.verdicts[self.position(it)]
    }
}

impl Judged {
    pub(super) fn reason(&self, it: It<'_>) -> Reason {
        self[it].reason
    }

    pub(super) fn is_deleted(&self, it: It<'_>) -> bool {
        self[it].action == Action::Delete
    }

    pub(super) fn was_read(&self, it: It<'_>) -> bool {
        self.read.contains(&it.digest())
    }

    pub(super) fn is_proven(&self, it: It<'_>) -> bool {
        self[it].proven_target(self.inventory.image(self.position(it)).evidence).is_some()
    }

    /// What would be written into the report.
    pub(super) fn decision(&self, policy: &Policy, it: It<'_>) -> Option<Decision> {
        let (steps, kept) = expand(&self.inventory, policy, &self.verdicts);
        let outcomes = Outcomes::none(steps.len());
        let (name, counts) = ("r".to_owned(), Default::default());
        let kept_counts = std::collections::BTreeMap::new();
        let plan = RepositoryPlan { name, counts, referrer_pressure: None, steps, kept, kept_counts };
        RepositoryReport::new(plan, outcomes)
            .decisions
            .into_iter()
            .find(|decision| decision.image.digest == it.digest())
    }

    /// What must be read before the verdicts stand.
    pub(super) fn wanted(&self) -> impl Iterator<Item = ImageIndex> {
        let wants = |p: &ImageIndex| self.verdicts[*p].wants_read(self.inventory.image(*p).evidence);
        self.inventory.positions().filter(wants)
    }

    fn position(&self, it: It<'_>) -> ImageIndex {
        self.inventory.position(it.digest()).unwrap()
    }
}

fn platform(text: &str) -> Value {
    let mut parts = text.split('/');
    let mut platform = json!({ "os": parts.next(), "architecture": parts.next() });
    if let Some(variant) = parts.next() {
        platform["variant"] = json!(variant);
    }
    platform
}

fn manifest(config: &str, digest: &str, layer: &str, salt: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": { "mediaType": config, "digest": digest, "size": 167 },
        "layers": [{ "mediaType": layer, "digest": salt, "size": 1000 }],
    })
}

fn image(salt: &str, _: Nature) -> Value {
    manifest(IMAGE_CONFIG, salt, "application/vnd.oci.image.layer.v1.tar+gzip", salt)
}

fn legacy(salt: &str, _: Nature) -> Value {
    let config = format!(
        r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{salt}"]}}}}"#
    );
    manifest(IMAGE_CONFIG, &Digest::of(config.as_bytes()).to_string(), IN_TOTO, salt)
}

fn oci(salt: &str, _: Nature) -> Value {
    let mut oci = manifest(EMPTY, &Digest::of(b"{}").to_string(), IN_TOTO, salt);
    oci["artifactType"] = json!(DOCKER_ATTESTATION);
    oci
}

fn docker_signed(salt: &str, _: Nature) -> Value {
    manifest(IMAGE_CONFIG, salt, "application/vnd.in-toto.provenance+dsse", salt)
}

fn signature(salt: &str, _: Nature) -> Value {
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let mut signature = manifest(EMPTY, &Digest::of(b"{}").to_string(), bundle, salt);
    signature["artifactType"] = json!(bundle);
    signature
}

fn chart(salt: &str, _: Nature) -> Value {
    let content = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    manifest("application/vnd.cncf.helm.config.v1+json", salt, content, salt)
}
