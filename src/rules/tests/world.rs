//! Repositories for tests: manifests as the tools write them, under their true digests.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::ops::Index;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::config::policy::{Action, Policy, Preset, Referrers, SupersededSince};
use crate::inventory::{
    Evidence, Image, ImageIndex, ImageStatus, InUse, Inventory, PerImage, Problem, Recollection,
};
use crate::oci::attestation::{ListedType, listed_type};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::oci::media_type::{
    self, DOCKER_ATTESTATION, EMPTY, IMAGE_CONFIG, IN_TOTO, OCI_INDEX, OCI_MANIFEST, Shape,
};
use crate::report::RepositoryReport;
use crate::report::counts::WhatIf;
use crate::report::decision::Decision;
use crate::report::outcomes::Outcomes;
use crate::report::plan::RepositoryPlan;
use crate::report::reason::Reason;
use crate::rules::because::Reasons;
use crate::rules::explanation::{Why, explain};
use crate::rules::forecast;
use crate::rules::reads::{self, Purpose};
use crate::rules::verdict::{Expanded, Rows, TooLarge, Verdict, expand};
use crate::rules::{Judge, judge};

/// The defaults: orphans are deleted, superseded attestations kept.
pub(super) fn defaults() -> Policy {
    Policy::default()
}

/// Superseded attestations are deleted too, with their indexes, by the age of the indexes.
pub(super) fn deletes() -> Policy {
    let superseded_since = SupersededSince::Push;
    Policy { superseded: Action::Delete, superseded_since, ..Policy::default() }
}

/// And so are the images that only those indexes list.
pub(super) fn deletes_images() -> Policy {
    Policy { superseded_images: Action::Delete, ..deletes() }
}

/// The recommended preset, but that age counts.
pub(super) fn recommended() -> Policy {
    Policy { referrers: Referrers::Follow, ..deletes_images() }
}

/// Whatever may be tagged is tagged.
pub(super) fn tags() -> Policy {
    Policy { orphaned: Action::Tag, superseded: Action::Tag, attached: Action::Tag, ..deletes() }
}

pub(super) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(super) fn days(days: i64) -> SignedDuration {
    hours(24 * days)
}

pub(super) const A_SECOND: SignedDuration = SignedDuration::from_secs(1);

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A repository in the making. Everything in it is 100 days old, untagged, active and was never pulled, until
/// something else is said of it. Beside all that it has one image with a user's tag.
#[derive(Default)]
pub(super) struct World {
    stored: RefCell<Vec<Stored>>,
    has_no_bystander: Cell<bool>,
    is_replicated: Cell<bool>,
    recollection: RefCell<Recollection>,
    in_use: RefCell<InUse>,
}

struct Stored {
    digest: Digest,
    bytes: String,
    nature: Nature,
    subject: Option<usize>,
    subject_told: Option<Digest>,
    children: Vec<usize>,
    tags: Vec<String>,
    age: Option<SignedDuration>,
    activated: Option<SignedDuration>,
    pulled: Option<SignedDuration>,
    untagged: Option<SignedDuration>,
    status: ImageStatus,
    is_typed: bool,
    tells_types: bool,
    tells_subject: bool,
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

/// A change of an image.
pub(super) type Change = fn(It<'_>) -> It<'_>;

/// Something that is added to a repository beside an image.
pub(super) type Addition = for<'w> fn(&'w World, It<'w>) -> It<'w>;

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

    /// The same without a subject.
    pub(super) fn statements(&self) -> It<'_> {
        self.add(Nature::Attestation, None, docker_signed)
    }

    /// A signature that names its subject.
    pub(super) fn signature(&self, of: It<'_>) -> It<'_> {
        self.add(Nature::Other, Some(of), signature)
    }

    /// A SOCI index, version 2: an artifact without a subject.
    pub(super) fn soci(&self) -> It<'_> {
        self.add(Nature::Other, None, soci)
    }

    /// What cosign writes without a subject: it has the configuration of an image.
    pub(super) fn simple_signature(&self) -> It<'_> {
        self.add(Nature::Other, None, simple_signature)
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
        let at = self.stored.borrow().len();
        let mut manifest = write(&format!("sha256:{at:064x}"), nature);
        if let Some(subject) = subject {
            manifest["subject"] =
                json!({ "mediaType": OCI_MANIFEST, "digest": subject.digest(), "size": 476 });
        }
        let bytes = serde_json::to_string(&manifest).unwrap();
        self.stored.borrow_mut().push(Stored {
            digest: Digest::of(bytes.as_bytes()),
            bytes,
            nature,
            subject: subject.map(|it| it.at),
            subject_told: None,
            children: Vec::new(),
            tags: Vec::new(),
            age: Some(days(100)),
            activated: None,
            pulled: None,
            untagged: None,
            status: ImageStatus::Active,
            is_typed: true,
            tells_types: true,
            tells_subject: true,
            fate: Evidence::Unread,
        });
        It { world: self, at, listed: As::Itself }
    }

    /// Nothing but what was said bears a tag.
    pub(super) fn without_bystander(&self) {
        self.has_no_bystander.set(true);
    }

    /// A replication rule carries its deletions elsewhere.
    pub(super) fn replicated(&self) {
        self.is_replicated.set(true);
    }

    /// A source of images in use could not be read.
    pub(super) fn without_source(&self, name: &str) {
        self.in_use.borrow_mut().add_unread(name.into());
    }

    /// Earlier runs saw this image, which is gone.
    pub(super) fn departed(&self, digest: Digest) {
        self.recollection.borrow_mut().departed.insert(digest);
    }

    /// Everything in it.
    pub(super) fn all(&self) -> impl Iterator<Item = It<'_>> {
        (0..self.stored.borrow().len()).map(|at| It { world: self, at, listed: As::Itself })
    }

    /// Judges before anything was read, indexes included.
    pub(super) fn judge_unread(&self, policy: &Policy) -> Judged {
        Reading::of(self, false).judged(policy)
    }

    /// Reads the indexes, then whatever the rules want to see, until they want nothing more: as a survey does.
    pub(super) fn judge(&self, policy: &Policy) -> Judged {
        self.judge_listed(policy, false)
    }

    /// The same, from a listing in this order or backwards, with half of it twice.
    pub(super) fn judge_listed(&self, policy: &Policy, backwards: bool) -> Judged {
        let mut reading = Reading::of(self, backwards);
        let is_index = |image: &Image| matches!(image.shape, Shape::Index | Shape::Unknown);
        let indexes = reading.positions(|inventory, p| is_index(inventory.image(p)));
        let mut wanted: Vec<_> = indexes.into_iter().map(|index| (index, Purpose::Proof)).collect();
        loop {
            if backwards {
                wanted.reverse();
            }
            wanted.iter().for_each(|(position, purpose)| reading.read(*position, *purpose));
            let judged = reading.judged(policy);
            wanted = judged.wanted(policy);
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

    /// It was taken out of the archive.
    pub(super) fn activated(self, ago: SignedDuration) -> Self {
        self.change(|it| it.activated = Some(ago))
    }

    /// Only indexes listed it that the janitor deleted in earlier runs.
    pub(super) fn stranded(self) -> Self {
        self.world.recollection.borrow_mut().stranded.insert(self.digest());
        self
    }

    /// A source says that it is in use.
    pub(super) fn in_use(self, user: &str) -> Self {
        self.world.in_use.borrow_mut().add(self.digest(), user.into());
        self
    }

    /// An earlier run saw it untagged.
    pub(super) fn untagged(self, ago: SignedDuration) -> Self {
        self.change(|it| it.untagged = Some(ago))
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

    /// The listing says that it refers to another image; its bytes may say otherwise.
    pub(super) fn said_to_refer_to(self, subject: It<'_>) -> Self {
        let digest = subject.digest();
        self.change(|it| it.subject_told = Some(digest))
    }

    /// The listing does not give its subject.
    pub(super) fn discreet(self) -> Self {
        self.change(|it| it.tells_subject = false)
    }

    /// The listing does not give its artifact type.
    pub(super) fn without_type(self) -> Self {
        self.change(|it| it.tells_types = false)
    }

    /// The listing gives neither its artifact type nor its subject.
    pub(super) fn taciturn(self) -> Self {
        self.change(|it| (it.tells_types, it.tells_subject) = (false, false))
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

    /// What the listing says of its size.
    pub(super) fn size(self) -> u64 {
        self.stored().bytes.len() as u64
    }

    pub(super) fn children(self) -> Vec<It<'w>> {
        self.stored().children.iter().map(|at| It { at: *at, ..self }).collect()
    }

    /// What it lists and could list: ECR takes an index only when its children are there. This matters where its bytes
    /// cannot be read.
    pub(super) fn children_within(self, grace: SignedDuration) -> Vec<It<'w>> {
        let is_readable = matches!(self.stored().fate, Evidence::Unread | Evidence::Gone);
        let could_list = |child: &It<'w>| match (self.stored().age, child.stored().age) {
            (Some(own), Some(of_child)) => of_child + grace >= own,
            _ => true,
        };
        self.children().into_iter().filter(|child| is_readable || could_list(child)).collect()
    }

    pub(super) fn subject(self) -> Option<It<'w>> {
        self.stored().subject.map(|at| It { at, ..self })
    }

    pub(super) fn is_attestation(self) -> bool {
        self.stored().nature == Nature::Attestation
    }

    /// Whether its bytes can be had.
    pub(super) fn is_readable(self) -> bool {
        self.stored().fate == Evidence::Unread
    }

    pub(super) fn is_gone(self) -> bool {
        self.stored().fate == Evidence::Gone
    }

    /// Whether the listing, or where that hides it the bytes, say what it refers to.
    pub(super) fn shows_its_subject(self) -> bool {
        let it = self.stored();
        let has_image_type = it.tells_types && it.bytes.contains(IMAGE_CONFIG);
        it.tells_subject || it.fate == Evidence::Unread && !has_image_type
    }

    /// Whether the listing says what it refers to.
    pub(super) fn tells_its_subject(self) -> bool {
        self.stored().tells_subject
    }

    /// Whether it bears a tag by which people find it.
    pub(super) fn is_root(self) -> bool {
        let is_index = self.stored().bytes.contains("\"manifests\"");
        let own = self.digest().short();
        let is_named = |tag: &&String| !tag.contains("sha256-") && (is_index || !tag.ends_with(&own));
        self.stored().tags.iter().find(is_named).is_some()
    }

    pub(super) fn was_pulled_within(self, period: SignedDuration) -> bool {
        self.stored().pulled.is_some_and(|ago| ago <= period)
    }

    /// Whether it has a tag that the default template did not make.
    pub(super) fn has_user_tag(self) -> bool {
        let is_index = self.stored().bytes.contains("\"manifests\"");
        let own = self.digest().short();
        self.stored().tags.iter().any(|tag| is_index || !tag.ends_with(&own))
    }

    /// Whether a source names it.
    pub(super) fn is_in_use(self) -> bool {
        self.world.in_use.borrow().names(self.digest())
    }

    pub(super) fn is_archived(self) -> bool {
        self.stored().status != ImageStatus::Active
    }

    pub(super) fn is_younger_than(self, age: SignedDuration) -> bool {
        let it = self.stored();
        it.age.is_none_or(|own| it.activated.map_or(own, |activated| own.min(activated)) < age)
    }

    fn stored(&self) -> Ref<'w, Stored> {
        Ref::map(self.world.stored.borrow(), |all| &all[self.at])
    }

    fn change(self, change: impl FnOnce(&mut Stored)) -> Self {
        change(&mut self.world.stored.borrow_mut()[self.at]);
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
        let subject = it.subject_told.or(manifest.subject_digest().filter(|_| it.tells_subject));
        Image {
            digest: it.digest,
            pushed_at: it.age.map(|age| now() - age),
            activated_at: it.activated.map(|ago| now() - ago),
            pulled_at: it.pulled.map(|ago| now() - ago),
            untagged_at: it.untagged.map(|ago| now() - ago),
            size_bytes: it.bytes.len() as u64,
            tags: it.tags.iter().map(|tag| tag.as_str().into()).collect(),
            status: it.status,
            shape: media_type::shape(manifest.media_type.as_deref().filter(|_| it.is_typed)),
            listed_type: listed_type(artifact, subject.is_some()),
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
        if !world.has_no_bystander.get() {
            images.push(bystander());
        }
        if backwards {
            images.reverse();
            images.extend_from_within(..images.len() / 2);
        }
        let mut inventory = Inventory::new(images);
        inventory.deletions_are_replicated = world.is_replicated.get();
        inventory.recollection = world.recollection.borrow().clone();
        inventory.in_use = world.in_use.borrow().clone();
        Self { world, inventory, read: BTreeSet::new() }
    }

    fn positions(&self, wanted: impl Fn(&Inventory, ImageIndex) -> bool) -> Vec<ImageIndex> {
        self.inventory.positions().filter(|position| wanted(&self.inventory, *position)).collect()
    }

    fn read(&mut self, position: ImageIndex, purpose: Purpose) {
        let digest = self.inventory.image(position).digest;
        assert!(self.read.insert(digest), "{digest} is read twice");
        let it = self.world.all().find(|it| it.digest() == digest).unwrap();
        let bytes = it.stored().bytes.clone();
        match (it.stored().fate, purpose) {
            (Evidence::Unread, Purpose::SubjectAlone) => {
                self.inventory.add_subject(position, bytes.as_bytes()).unwrap();
            }
            (Evidence::Unread, _) => self.inventory.add_bytes(position, bytes.as_bytes()).unwrap(),
            (Evidence::Unreadable, Purpose::SubjectAlone) => {
                let problem = Problem::new("Scripted", "the test says so");
                self.inventory.add_problem(position, Evidence::Withheld, problem);
            }
            (fate, _) => {
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
        let Expanded { steps, kept, .. } =
            expand(&self.inventory, policy, now(), &self.verdicts, Rows::All).unwrap();
        let outcomes = Outcomes::none(steps.len());
        let plan = RepositoryPlan { name: "r".to_owned(), steps, kept, ..RepositoryPlan::default() };
        RepositoryReport::new(plan, outcomes)
            .decisions
            .into_iter()
            .find(|decision| decision.image.digest == it.digest())
    }

    /// What a plan would have of it that lists nothing that is only kept.
    pub(super) fn expanded(&self, policy: &Policy) -> Expanded {
        self.expanded_within(policy, usize::MAX).unwrap()
    }

    /// The same in a function that has so much memory for it.
    pub(super) fn expanded_within(&self, policy: &Policy, most_bytes: usize) -> Result<Expanded, TooLarge> {
        expand(&self.inventory, policy, now(), &self.verdicts, Rows::Changed { most_bytes })
    }

    /// The explanation of a verdict.
    pub(super) fn why(&self, policy: &Policy, it: It<'_>) -> Why {
        explain(&self.inventory, policy, now(), &self.verdicts, self.position(it))
    }

    /// The explanations of all verdicts, without what would change them.
    pub(super) fn all_reasons(&self, policy: &Policy) -> PerImage<Why> {
        let reasons = Reasons::new(Judge::new(&self.inventory, policy, now()), &self.verdicts);
        self.inventory.positions().map(|position| reasons.why(position)).collect()
    }

    /// What would go under another policy, and once its waiting periods are over.
    pub(super) fn what_if(&self, policy: &Policy) -> WhatIf {
        forecast::what_if(&self.inventory, Preset::Recommended, policy, now(), None)
    }

    /// The same under the policy by which it was judged, from the verdicts at hand.
    pub(super) fn what_is_planned(&self, policy: &Policy) -> WhatIf {
        forecast::what_if(&self.inventory, Preset::Recommended, policy, now(), Some(&self.verdicts))
    }

    /// The images that the plan leaves without an index, and their bytes.
    pub(super) fn stranded(&self) -> (u64, u64) {
        forecast::stranded(&self.inventory, &self.verdicts)
    }

    /// The indexes and platform images that neither a tag nor a use reaches.
    pub(super) fn unreached(&self, policy: &Policy) -> u64 {
        forecast::unreached(&self.inventory, policy, &self.verdicts)
    }

    /// The verdict if nothing but the time changed.
    pub(super) fn verdict_at(&self, policy: &Policy, at: Timestamp, it: It<'_>) -> Verdict {
        judge(&self.inventory, policy, at)[self.position(it)]
    }

    /// What must be read before the verdicts stand, and what for.
    pub(super) fn wanted(&self, policy: &Policy) -> Vec<(ImageIndex, Purpose)> {
        reads::wanted(&self.inventory, policy, &self.verdicts).collect()
    }

    pub(super) fn position(&self, it: It<'_>) -> ImageIndex {
        self.inventory.position(it.digest()).unwrap()
    }
}

/// A tagged image that has to do with nothing else.
fn bystander() -> Image {
    Image {
        tags: ["bystander".into()].into(),
        listed_type: ListedType::Image,
        ..Image::sample("bystander", Shape::Manifest)
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

fn soci(salt: &str, _: Nature) -> Value {
    let soci_type = "application/vnd.amazon.soci.index.v2+json";
    let mut soci = manifest(soci_type, &Digest::of(b"{}").to_string(), "application/octet-stream", salt);
    soci["artifactType"] = json!(soci_type);
    soci
}

fn simple_signature(salt: &str, _: Nature) -> Value {
    manifest(IMAGE_CONFIG, salt, "application/vnd.dev.cosign.simplesigning.v1+json", salt)
}

fn chart(salt: &str, _: Nature) -> Value {
    let content = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    manifest("application/vnd.cncf.helm.config.v1+json", salt, content, salt)
}
