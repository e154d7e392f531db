//! The rules once more, as plainly as they can be written down: the contract's table over strings and sets.
//!
//! Nothing here is shared with the planner: no positions, no shared walks, no sets of flags. It is slow and does not
//! mind. What the planner says of each image must be what is said here.

use std::collections::{BTreeMap, BTreeSet};

use ecr_emulator::{ImageView, Status};
use serde_json::Value;

use crate::oracle_parse::{self, Proof};
use crate::policy::{Policy, is_own_tag};
use crate::world::{HOUR, NAME, Stage, World};

/// What the rules say of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) kind: &'static str,
    pub(crate) form: Option<&'static str>,
    pub(crate) state: Option<&'static str>,
    pub(crate) action: &'static str,
    pub(crate) reason: &'static str,
}

/// What is decided in a repository.
pub(crate) struct Decided {
    /// Each image that a report lists.
    pub(crate) rulings: BTreeMap<String, Ruling>,
    /// How many platform images it is known to have.
    pub(crate) platform_images: usize,
}

/// One image, as the listing and its bytes show it.
struct Image {
    view: ImageView,
    manifest: Value,
    untyped: bool,
    corrupt: bool,
    hides_subject: bool,
}

/// What came of asking for an image's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// They are known.
    Whole,
    /// They were asked for only to see what it refers to: it stays, and counts as unread.
    SubjectAlone,
    /// The same, and they cannot be had.
    Withheld,
    /// They cannot be had, or are others.
    Unreadable,
}

pub(crate) struct Reference<'a> {
    policy: Policy,
    now: i64,
    /// Whether a replication rule carries deletions elsewhere.
    replicates: bool,
    /// Whether a source of images in use cannot be read.
    lacks_source: bool,
    /// What runs by its digest.
    running: BTreeSet<String>,
    reads_archived: bool,
    images: BTreeMap<&'a str, Image>,
    /// Whose bytes were asked for.
    read: BTreeMap<&'a str, Read>,
    /// By child: each index that lists it, with what it says.
    listed: BTreeMap<String, Vec<(Digest<'a>, Value)>>,
    /// By subject: whatever names it.
    referring: BTreeMap<String, Vec<Digest<'a>>>,
    /// What somebody may need.
    needed: Set<'a>,
}

type Digest<'a> = &'a str;
type Set<'a> = BTreeSet<&'a str>;
type Rulings<'a> = BTreeMap<&'a str, Ruling>;

/// What is decided in a repository. Nothing at all if it is left alone.
pub(crate) fn decide(world: &World, stage: &Stage) -> Option<Decided> {
    decide_over(world, stage, &stage.emulator.images(NAME))
}

/// The same over images that need not be what the stage has.
pub(crate) fn decide_over(world: &World, stage: &Stage, views: &[ImageView]) -> Option<Decided> {
    let mut reference = Reference {
        policy: world.setting.effective(),
        now: world.now,
        replicates: world.replicates,
        lacks_source: world.lacks_source,
        running: stage.running(world),
        reads_archived: world.reads_archived,
        images: views.iter().map(|view| (view.digest.as_str(), Image::of(world, stage, view))).collect(),
        read: BTreeMap::new(),
        listed: BTreeMap::new(),
        referring: BTreeMap::new(),
        needed: BTreeSet::new(),
    };
    reference.read_indexes();
    // An unreadable one of unknown age could list anything.
    if reference.unreadable_indexes().iter().any(|index| reference.age(index).is_none()) {
        return None;
    }
    loop {
        reference.link();
        reference.needed = reference.needed(|_| false);
        let rulings = reference.rule();
        if !reference.read_more(&rulings) {
            return Some(reference.decided(rulings));
        }
    }
}

impl Image {
    fn of(world: &World, stage: &Stage, view: &ImageView) -> Self {
        Self {
            view: view.clone(),
            manifest: serde_json::from_str(&view.manifest).unwrap(),
            untyped: stage.untyped.contains(&view.digest),
            corrupt: stage.corrupt.contains(&view.digest),
            hides_subject: world.hides_subjects,
        }
    }

    fn is_index_by_type(&self) -> bool {
        let kind = &self.view.media_type;
        !self.untyped && (kind.contains("image.index") || kind.contains("manifest.list"))
    }

    /// What the listing shows that it refers to.
    fn subject_by_listing(&self) -> Option<&str> {
        oracle_parse::subject(&self.manifest).filter(|_| !self.hides_subject)
    }

    /// The type of artifact that the listing shows.
    fn shown(&self) -> &str {
        let config = self.manifest["config"]["mediaType"].as_str();
        let shown = self.manifest["artifactType"].as_str().or(config).filter(|_| !self.untyped);
        shown.unwrap_or_default()
    }

    fn is_image_by_type(&self) -> bool {
        [OCI_IMAGE, DOCKER_IMAGE].contains(&self.shown())
    }

    fn is_attestation_by_type(&self) -> bool {
        self.shown() == ATTESTATION
    }

    /// Whether the type in the listing leaves open that it is an attestation.
    fn may_be_attestation_by_type(&self) -> bool {
        // A signature that refers to nothing may be one whose subject is not told; it is read.
        let is_odd_signature = self.shown().contains("sigstore") && self.subject_by_listing().is_none();
        ["", EMPTY, ATTESTATION, OCI_IMAGE].contains(&self.shown()) || is_odd_signature
    }

    /// What it is by the types in its manifest, if it is no attestation, no index and no image.
    fn kind(&self) -> &'static str {
        let layers = self.manifest["layers"].as_array().into_iter().flatten();
        let config = self.manifest["config"]["mediaType"].as_str();
        let types = self.manifest["artifactType"].as_str().into_iter().chain(config);
        let types = types.chain(layers.filter_map(|layer| layer["mediaType"].as_str()));
        types.filter_map(telling_kind).next().unwrap_or_else(|| {
            if oracle_parse::subject(&self.manifest).is_some() { "referrer" } else { "artifact" }
        })
    }

    /// What it is by the listing's type, if that leaves no attestation open.
    fn kind_by_type(&self) -> &'static str {
        match self.shown() {
            DOCKER_IMAGE => "image",
            shown => telling_kind(shown)
                .unwrap_or_else(|| if self.subject_by_listing().is_some() { "referrer" } else { "artifact" }),
        }
    }

    /// Whether its types show an artifact.
    fn is_artifact(&self) -> bool {
        let config = self.manifest["config"]["mediaType"].as_str().unwrap_or_default();
        self.manifest["artifactType"].is_string() || ![OCI_IMAGE, DOCKER_IMAGE].contains(&config)
    }
}

const OCI_IMAGE: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_IMAGE: &str = "application/vnd.docker.container.image.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// The kinds that one type gives away.
fn telling_kind(media_type: &str) -> Option<&'static str> {
    let kinds = [
        ("amazon.soci.index", "soci-index"),
        ("cncf.helm", "chart"),
        ("buildkit.cacheconfig", "cache"),
        ("dev.sigstore", "signature"),
    ];
    kinds.into_iter().find(|(name, _)| media_type.contains(name)).map(|(_, kind)| kind)
}

/// Whether a tag is cosign-style, and for which digests: `sha256-<hex>` anywhere, at its end or before `.` or `-`.
fn points_at(tag: &str) -> Vec<String> {
    let heads = tag.match_indices("sha256-").map(|(at, head)| &tag[at + head.len()..]);
    let digest = |text: &str| {
        let hex: String = text.chars().take(64).collect();
        let is_hex =
            hex.chars().count() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        let ends = text.chars().nth(64).is_none_or(|next| next == '.' || next == '-');
        (is_hex && ends).then(|| format!("sha256:{hex}"))
    };
    heads.filter_map(digest).collect()
}

impl Ruling {
    fn keep(kind: &'static str, reason: &'static str) -> Self {
        Self { kind, form: None, state: None, action: "keep", reason }
    }

    fn delete(kind: &'static str, reason: &'static str) -> Self {
        Self { action: "delete", ..Self::keep(kind, reason) }
    }

    fn not_an_attestation(kind: &'static str) -> Self {
        Self::keep(kind, "not-an-attestation")
    }

    fn is_listed(&self) -> bool {
        self.action != "keep"
            || self.reason == "unreadable"
            || ["attestation", "suspect"].contains(&self.kind)
    }
}

/// What is known of an image's nature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// Proven, or shown as one and contradicted by nobody.
    Attestation(&'static str),
    /// Unlisted, and must be read.
    Candidate,
    /// Listed, unread, and nothing speaks for or against an attestation.
    Perhaps,
    Not(&'static str),
    Unreadable,
}

/// Reading.
impl<'a> Reference<'a> {
    /// Every index, and whatever may be one for all that the listing says.
    fn read_indexes(&mut self) {
        for (digest, image) in &self.images {
            if image.untyped || image.is_index_by_type() {
                let read = if self.can_be_read(digest) { Read::Whole } else { Read::Unreadable };
                self.read.insert(digest, read);
            }
        }
    }

    fn can_be_read(&self, digest: Digest) -> bool {
        let image = &self.images[digest];
        !image.corrupt && (image.view.status == Status::Active || self.reads_archived)
    }

    /// Reads what these rulings rest on and was not read: candidates, what is acted on, and, where indexes or images
    /// may go, what hides its subject. False if there is nothing.
    fn read_more(&mut self, rulings: &Rulings<'a>) -> bool {
        let mut more = BTreeMap::new();
        for (digest, ruling) in rulings.iter().filter(|(digest, _)| !self.read.contains_key(*digest)) {
            let is_for_proof = ruling.action != "keep" || self.nature(digest) == Nature::Candidate;
            let is_kept_anyway = ruling.kind == "unread" && self.parents(digest).is_empty();
            let read = match self.can_be_read(digest) {
                true if is_for_proof => Read::Whole,
                false if is_for_proof => Read::Unreadable,
                _ if !self.hides_its_subject(digest) => continue,
                true if is_kept_anyway => Read::SubjectAlone,
                true => Read::Whole,
                false if is_kept_anyway || self.is_inactive(digest) => Read::Withheld,
                false => Read::Unreadable,
            };
            more.insert(*digest, read);
        }
        let is_more = !more.is_empty();
        self.read.extend(more);
        is_more
    }

    fn hides_its_subject(&self, digest: Digest) -> bool {
        let image = &self.images[digest];
        self.policy.superseded == "delete"
            && !image.is_image_by_type()
            && image.subject_by_listing().is_none()
    }

    fn decided(&self, rulings: Rulings<'a>) -> Decided {
        let platform_images = self.images.keys().filter(|it| self.nature(it) == Nature::Not("image")).count();
        let listed = rulings.into_iter().filter(|(_, ruling)| ruling.is_listed());
        let rulings = listed.map(|(digest, ruling)| (digest.to_owned(), ruling)).collect();
        Decided { rulings, platform_images }
    }

    /// Notes who lists whom and who refers to whom, as far as is known.
    fn link(&mut self) {
        self.listed.clear();
        self.referring.clear();
        let read = |digest: &&str| self.is_known(digest);
        for index in self.indexes().into_iter().filter(read).collect::<Vec<_>>() {
            for descriptor in oracle_parse::descriptors(&self.images[index].manifest) {
                let child = descriptor["digest"].as_str().unwrap().to_owned();
                self.listed.entry(child).or_default().push((index, descriptor.clone()));
            }
        }
        for digest in self.images.keys().copied() {
            if let Some(subject) = self.subject(digest).map(str::to_owned) {
                self.referring.entry(subject).or_default().push(digest);
            }
        }
    }
}

/// The table.
impl<'a> Reference<'a> {
    /// The rules over the whole repository, as far as it was read.
    ///
    /// An untagged index that is a referrer holds what is below it while its subject does not go: so the subjects that
    /// go are found round by round, and forgotten if they do not go in the end.
    fn rule(&self) -> Rulings<'a> {
        let held = self.rule_but_for(&BTreeSet::new());
        let mut rulings = held.clone();
        let mut released: Set = BTreeSet::new();
        for _ in 0..8 {
            let more: Vec<&str> = self
                .indexes()
                .into_iter()
                .filter(|index| !released.contains(index) && !self.is_tagged_index(index))
                .filter(|index| {
                    self.policy.referrers == "follow" && self.subject_goes(index, &going(&rulings))
                })
                .collect();
            if more.is_empty() {
                break;
            }
            released.extend(more);
            rulings = self.rule_but_for(&released);
        }
        let goes = going(&rulings);
        if released.iter().all(|index| self.subject_goes(index, &goes)) { rulings } else { held }
    }

    fn rule_but_for(&self, released: &Set<'a>) -> Rulings<'a> {
        let mut rulings: Rulings =
            self.images.keys().map(|digest| (*digest, self.rule_alone(digest, released))).collect();
        self.superseded_indexes(&mut rulings);
        self.subjects_present(&mut rulings);
        self.superseded_images(&mut rulings);
        self.followers(&mut rulings);
        rulings
    }

    fn rule_alone(&self, digest: Digest<'a>, released: &Set<'a>) -> Ruling {
        let form = match self.nature(digest) {
            Nature::Attestation(form) => form,
            Nature::Candidate | Nature::Perhaps => "unread",
            Nature::Not(kind) => return Ruling::not_an_attestation(kind),
            Nature::Unreadable if self.is_index(digest) => return Ruling::keep("index", "unreadable"),
            Nature::Unreadable => return Ruling::keep("unread", "unreadable"),
        };
        let (state, reason) = (self.state(digest), self.reason(digest, released));
        let action = match reason {
            "attached" => self.policy.attached,
            "superseded" => self.policy.superseded,
            "orphaned" => self.policy.orphaned,
            _ => "keep",
        };
        let action = if action == "tag" && self.bears_own_tag(digest) { "keep" } else { action };
        // Listed, unread, and nobody says that it is an attestation: it is none, unless it is worth a look.
        if action == "keep" && self.nature(digest) == Nature::Perhaps {
            return Ruling::not_an_attestation("unread");
        }
        Ruling { kind: "attestation", form: Some(form), state: Some(state), action, reason }
    }

    fn nature(&self, digest: Digest) -> Nature {
        let image = &self.images[digest];
        let descriptors = self.descriptors(digest);
        match self.read.get(digest) {
            Some(Read::Whole) => self.nature_by_bytes(digest),
            // An archived index holds what it could list, and that is enough.
            Some(Read::Unreadable) if image.is_index_by_type() && self.is_inactive(digest) => {
                Nature::Not("index")
            }
            Some(Read::Unreadable) => Nature::Unreadable,
            _ if descriptors.is_empty() => self.nature_of_unlisted(digest),
            _ => self.nature_by_parents(digest),
        }
    }

    fn nature_by_bytes(&self, digest: Digest) -> Nature {
        let image = &self.images[digest];
        let descriptors = self.descriptors(digest);
        let claimed = descriptors.iter().any(|descriptor| oracle_parse::claims(descriptor));
        let contradicted = descriptors.iter().any(|descriptor| oracle_parse::contradicts(descriptor));
        let is_referrer = descriptors.is_empty() && oracle_parse::subject(&image.manifest).is_some();
        match oracle_parse::prove(&image.manifest) {
            Proof::Attestation(_) if contradicted => Nature::Not("suspect"),
            Proof::Attestation(form) => Nature::Attestation(form),
            Proof::IfParentSays if claimed && !contradicted => Nature::Attestation("by-parent"),
            Proof::IfParentSays if is_referrer => Nature::Not("referrer"),
            Proof::IfParentSays | Proof::Never => Nature::Not("suspect"),
            Proof::Index => Nature::Not("index"),
            Proof::Image | Proof::Other if claimed => Nature::Not("suspect"),
            Proof::Image => Nature::Not("image"),
            Proof::Other => Nature::Not(image.kind()),
        }
    }

    /// Unlisted: to be read if it could be acted on and its type does not rule it out.
    fn nature_of_unlisted(&self, digest: Digest) -> Nature {
        let image = &self.images[digest];
        if self.has_user_tag(digest) || self.is_inactive(digest) || self.is_in_grace(digest) {
            Nature::Not("unread")
        } else if image.may_be_attestation_by_type() {
            Nature::Candidate
        } else {
            Nature::Not(image.kind_by_type())
        }
    }

    /// Listed and not read: what it seems to be.
    fn nature_by_parents(&self, digest: Digest) -> Nature {
        let image = &self.images[digest];
        let descriptors = self.descriptors(digest);
        let any = |says: fn(&Value) -> bool| descriptors.iter().any(|descriptor| says(descriptor));
        let claimed = any(oracle_parse::claims);
        if !image.may_be_attestation_by_type() {
            return Nature::Not(if claimed { "suspect" } else { image.kind_by_type() });
        }
        if any(oracle_parse::contradicts) {
            return Nature::Not(if claimed || image.is_attestation_by_type() {
                "suspect"
            } else if any(oracle_parse::lists_for_platform) {
                "image"
            } else {
                let named = descriptors.iter().filter_map(|said| said["artifactType"].as_str());
                let foreign = named.filter(|named| *named != ATTESTATION);
                foreign.map(|named| telling_kind(named).unwrap_or("artifact")).next().unwrap_or("unread")
            });
        }
        if image.is_attestation_by_type() {
            Nature::Attestation("oci")
        } else if claimed || any(oracle_parse::is_for_nothing_known) {
            Nature::Attestation("unread")
        } else {
            Nature::Perhaps
        }
    }

    fn state(&self, digest: Digest) -> &'static str {
        if self.ancestors(digest).iter().any(|index| self.is_tagged_index(index)) {
            "attached"
        } else if self.parents(digest).is_empty() {
            "orphaned"
        } else {
            "superseded"
        }
    }

    /// The table, from the top: the first row that matches.
    fn reason(&self, digest: Digest<'a>, released: &Set<'a>) -> &'static str {
        let ancestors = self.ancestors(digest);
        let untagged: Vec<&str> =
            ancestors.iter().copied().filter(|index| !self.is_tagged_index(index)).collect();
        let above = |holds: &dyn Fn(&'a str) -> bool| untagged.iter().any(|index| holds(index));
        if self.has_user_tag(digest) {
            "tagged"
        } else if self.runs(digest)
            || ancestors.iter().any(|index| self.runs(index) || self.holds_what_runs(index))
        {
            "in-use"
        } else if self.is_inactive(digest) || above(&|index| self.is_inactive(index)) {
            "not-active"
        } else if self.is_in_grace(digest) {
            "within-grace"
        } else if self.may_be_listed(digest) || above(&|index| self.may_be_listed(index)) {
            "may-be-listed"
        } else if self.has_referrers(digest)
            || above(&|index| {
                let is_held = self.is_referrer(index) && !released.contains(index);
                is_held || self.has_referrers(index)
            })
        {
            "has-referrers"
        } else if self.state(digest) == "superseded" {
            self.superseded(&ancestors)
        } else if self.state(digest) == "orphaned"
            && self.lacks_source
            && self.subject(digest).is_some_and(|subject| self.images.contains_key(subject))
        {
            "in-use-unknown"
        } else {
            self.state(digest)
        }
    }

    fn superseded(&self, ancestors: &Set<'a>) -> &'static str {
        let longer = self.policy.superseded_after.max(self.policy.grace_period);
        // Without memory nobody knows when an index lost its tag.
        let is_young = |index: &&str| {
            self.policy.superseded_since == "untagged"
                || self.age(index).is_none_or(|age| age < longer * HOUR)
        };
        if ancestors.iter().any(|index| self.is_in_use(index)) {
            "recently-pulled"
        } else if self.replicates && self.policy.replicated == "keep" && self.policy.superseded == "delete" {
            "replicated"
        } else if self.is_used_by_digest() {
            "untagged-repository"
        } else if ancestors.iter().any(is_young) {
            "superseded-within-grace"
        } else if self.lacks_source {
            "in-use-unknown"
        } else {
            "superseded"
        }
    }

    /// The indexes above what is deleted as superseded go too.
    fn superseded_indexes(&self, rulings: &mut Rulings<'a>) {
        let going: Set = rulings
            .iter()
            .filter(|(_, ruling)| ruling.action == "delete" && ruling.reason == "superseded")
            .flat_map(|(digest, _)| self.ancestors(digest))
            .collect();
        for index in going {
            rulings.insert(index, Ruling::delete("index", "superseded"));
        }
    }

    /// The newest orphan of something needed stays, unless an index that stays lists another attestation of it.
    fn subjects_present(&self, rulings: &mut Rulings<'a>) {
        if self.policy.orphaned_with_subject == "delete" {
            return;
        }
        let attested = self.attested_by_what_stays(rulings);
        // An index that cannot be read may list the subject, and somebody may need that index.
        for subject in self.needed(|digest| self.may_be_listed(digest)).difference(&attested) {
            let orphans = rulings.iter().filter(|(_, ruling)| ruling.reason == "orphaned").map(|(it, _)| *it);
            let of_it = orphans.filter(|orphan| self.subject(orphan) == Some(subject));
            if let Some(newest) = of_it.max_by_key(|orphan| (self.images[orphan].view.pushed_at_ms, *orphan))
            {
                let ruling = rulings.get_mut(newest).unwrap();
                (ruling.reason, ruling.action) = ("subject-present", "keep");
            }
        }
    }

    fn attested_by_what_stays(&self, rulings: &Rulings<'a>) -> Set<'a> {
        let mut attested: Set = BTreeSet::new();
        for (child, listings) in &self.listed {
            for (_, descriptor) in listings.iter().filter(|(index, _)| rulings[index].action != "delete") {
                if rulings.get(child.as_str()).is_some_and(|ruling| ruling.kind == "attestation") {
                    let said =
                        oracle_parse::reference(descriptor).filter(|_| oracle_parse::claims(descriptor));
                    let named = said.into_iter().chain(self.subject(child));
                    attested.extend(named.filter_map(|of| self.key(of)));
                }
            }
        }
        attested
    }

    /// The platform images that only indexes of this plan list.
    fn superseded_images(&self, rulings: &mut Rulings<'a>) {
        let is_unsure = self.lacks_source || !self.unreadable_indexes().is_empty();
        if self.policy.superseded_images != "delete" || is_unsure {
            return;
        }
        let going = going(rulings);
        for digest in self.images.keys().copied() {
            let parents = self.parents(digest);
            let is_image = match self.read.get(digest) {
                None => true,
                Some(Read::Whole) => oracle_parse::prove(&self.images[digest].manifest) == Proof::Image,
                Some(_) => false,
            };
            if is_image
                && !parents.is_empty()
                && parents.iter().all(|index| going.contains(index))
                && self.descriptors(digest).iter().all(|said| oracle_parse::lists_for_platform(said))
                && self.may_go(digest)
                && !self.is_held(digest, &going)
            {
                rulings.insert(digest, Ruling::delete("image", "superseded"));
            }
        }
    }

    /// What refers to something that goes, and what only indexes that go list and is an artifact.
    fn followers(&self, rulings: &mut Rulings<'a>) {
        if self.policy.referrers != "follow" || self.lacks_source {
            return;
        }
        loop {
            let going = going(rulings);
            let mut more = Vec::new();
            for digest in self.images.keys().copied().filter(|digest| !going.contains(digest)) {
                let Nature::Not(kind) = self.nature(digest) else { continue };
                let parents = self.parents(digest);
                let may_follow = FOLLOWERS.contains(&kind)
                    && [None, Some(&Read::Whole)].contains(&self.read.get(digest))
                    && parents.iter().all(|index| going.contains(index))
                    && !self.descriptors(digest).iter().any(|said| oracle_parse::lists_for_platform(said))
                    && self.may_go(digest)
                    && !self.is_held(digest, &going);
                let is_artifact = !self.read.contains_key(digest) || self.images[digest].is_artifact();
                if !may_follow {
                } else if self.subject_goes(digest, &going) && self.is_no_attestation(digest) == Some(true) {
                    more.push((digest, Ruling::delete(kind, "follows-its-subject")));
                } else if !parents.is_empty() && self.subject(digest).is_none() && is_artifact {
                    more.push((digest, Ruling::delete(kind, "superseded")));
                }
            }
            if more.is_empty() {
                return;
            }
            rulings.extend(more);
        }
    }
}

/// The kinds of what may follow.
const FOLLOWERS: [&str; 6] = ["signature", "soci-index", "referrer", "artifact", "chart", "cache"];

fn going<'a>(rulings: &Rulings<'a>) -> Set<'a> {
    let deleted = rulings.iter().filter(|(_, ruling)| ruling.action == "delete");
    deleted.map(|(digest, _)| *digest).collect()
}

/// What the words of the contract mean.
impl<'a> Reference<'a> {
    fn key(&self, digest: &str) -> Option<&'a str> {
        self.images.get_key_value(digest).map(|(digest, _)| *digest)
    }

    /// Whether its bytes are known, and may be built upon.
    fn is_known(&self, digest: &str) -> bool {
        self.read.get(digest) == Some(&Read::Whole)
    }

    /// An index: by its type, or by its bytes if they were read.
    fn is_index(&self, digest: &str) -> bool {
        let image = &self.images[digest];
        image.is_index_by_type()
            || self.is_known(digest) && oracle_parse::prove(&image.manifest) == Proof::Index
    }

    fn indexes(&self) -> Vec<&'a str> {
        self.images.keys().copied().filter(|digest| self.is_index(digest)).collect()
    }

    /// What may be an index, and nobody knows what it lists.
    fn unreadable_indexes(&self) -> Vec<&'a str> {
        let may_be_index = |digest: &&str| {
            let image = &self.images[*digest];
            (image.untyped || image.is_index_by_type()) && !self.is_known(digest)
        };
        self.images.keys().copied().filter(may_be_index).collect()
    }

    fn is_tagged_index(&self, digest: &str) -> bool {
        self.is_index(digest) && !self.images[digest].view.tags.is_empty()
    }

    /// The indexes that list it.
    fn parents(&self, digest: &str) -> Vec<&'a str> {
        self.listed.get(digest).into_iter().flatten().map(|(index, _)| *index).collect()
    }

    /// What these say of it.
    fn descriptors(&self, digest: &str) -> Vec<&Value> {
        self.listed.get(digest).into_iter().flatten().map(|(_, descriptor)| descriptor).collect()
    }

    /// The indexes above it, at any distance.
    fn ancestors(&self, digest: &str) -> Set<'a> {
        let mut above = BTreeSet::new();
        let mut todo = self.parents(digest);
        while let Some(index) = todo.pop() {
            if above.insert(index) {
                todo.extend(self.parents(index));
            }
        }
        above
    }

    fn is_own(&self, digest: &str, tag: &str) -> bool {
        is_own_tag(self.policy.tag_template, tag, digest) && !self.is_index(digest)
    }

    fn has_user_tag(&self, digest: &str) -> bool {
        !self.images[digest].view.tags.iter().all(|tag| self.is_own(digest, tag))
    }

    fn bears_own_tag(&self, digest: &str) -> bool {
        self.images[digest].view.tags.iter().any(|tag| self.is_own(digest, tag))
    }

    /// Whether people find it by a tag: a user's one, and not cosign's.
    fn is_root(&self, digest: &str) -> bool {
        let tags = &self.images[digest].view.tags;
        tags.iter().any(|tag| !self.is_own(digest, tag) && points_at(tag).is_empty())
    }

    fn roots(&self) -> Vec<&'a str> {
        self.images.keys().copied().filter(|digest| self.is_root(digest)).collect()
    }

    /// Whether nothing bears a user's tag.
    fn is_used_by_digest(&self) -> bool {
        self.policy.superseded_without_tags == "keep" && self.roots().is_empty()
    }

    fn is_inactive(&self, digest: &str) -> bool {
        self.images[digest].view.status != Status::Active
    }

    /// The later of its push and its restoring from the archive.
    fn aged_from(&self, digest: &str) -> Option<i64> {
        let ImageView { pushed_at_ms, activated_at_ms, .. } = self.images[digest].view;
        pushed_at_ms.map(|pushed| activated_at_ms.unwrap_or(pushed).max(pushed))
    }

    fn age(&self, digest: &str) -> Option<i64> {
        self.aged_from(digest).map(|from| self.now - from)
    }

    fn is_in_grace(&self, digest: &str) -> bool {
        self.age(digest).is_none_or(|age| age < self.policy.grace_period * HOUR)
    }

    fn was_pulled(&self, digest: &str) -> bool {
        let at = self.images[digest].view.pulled_at_ms;
        at.is_some_and(|at| self.now - at <= self.policy.keep_pulled_within * HOUR)
    }

    /// Whether an index that cannot be read was pushed no earlier than the grace period before this image.
    fn may_be_listed(&self, digest: &str) -> bool {
        let Some(pushed) = self.images[digest].view.pushed_at_ms else {
            return !self.unreadable_indexes().is_empty();
        };
        let first = pushed - self.policy.grace_period * HOUR;
        self.unreadable_indexes().iter().any(|index| self.aged_from(index).is_none_or(|at| first <= at))
    }

    /// What it refers to: by the listing, or by its bytes if they were read.
    fn subject(&self, digest: &str) -> Option<&str> {
        let image = &self.images[digest];
        let is_read = matches!(self.read.get(digest), Some(Read::Whole | Read::SubjectAlone));
        image.subject_by_listing().or_else(|| oracle_parse::subject(&image.manifest).filter(|_| is_read))
    }

    fn is_referrer(&self, digest: &str) -> bool {
        self.subject(digest).is_some()
    }

    /// Whether what it refers to goes. What is not here and never was is not gone.
    fn subject_goes(&self, digest: &str, going: &Set) -> bool {
        self.subject(digest).is_some_and(|subject| subject != digest && going.contains(subject))
    }

    /// Whatever names it as its subject.
    fn referrers(&self, digest: &str) -> &[&'a str] {
        self.referring.get(digest).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether something that refers to it holds it.
    fn has_referrers(&self, digest: &str) -> bool {
        let mut others = self.referrers(digest).iter().filter(|other| **other != digest);
        if self.policy.referrers == "follow" {
            others.any(|other| self.needed.contains(other))
        } else {
            self.is_signed_by_tag(digest) || others.next().is_some()
        }
    }

    fn is_signed_by_tag(&self, digest: &str) -> bool {
        let mut tags = self.images.values().flat_map(|image| &image.view.tags);
        tags.any(|tag| points_at(tag).iter().any(|signed| signed == digest))
    }

    /// Whether something is bare enough to be deleted without being an attestation.
    fn may_go(&self, digest: &str) -> bool {
        self.images[digest].view.tags.is_empty()
            && !self.is_inactive(digest)
            && !self.is_in_grace(digest)
            && !self.may_be_listed(digest)
            && !self.needed.contains(digest)
    }

    /// Whether something that stays refers to it, and is more than a referrer that nobody needs.
    fn is_held(&self, digest: &str, going: &Set) -> bool {
        let follows = self.policy.referrers == "follow";
        let lets_go = |referrer: &&str| {
            follows && !self.needed.contains(*referrer) && self.is_no_attestation(referrer) == Some(true)
        };
        !follows && self.is_signed_by_tag(digest)
            || self.referrers(digest).iter().any(|it| !going.contains(it) && !lets_go(it))
    }

    /// What somebody may need: what is so by itself, what that lists, what refers to anything of it, and what a
    /// referrer among it refers to.
    fn needed(&self, or_else: impl Fn(&str) -> bool) -> Set<'a> {
        let mut needed = BTreeSet::new();
        let digests = self.images.keys().copied();
        let mut todo: Vec<&str> = digests.filter(|it| self.is_needed_itself(it) || or_else(it)).collect();
        while let Some(digest) = todo.pop() {
            if needed.insert(digest) {
                todo.extend(self.children(digest));
                if self.is_no_attestation(digest) != Some(false) {
                    todo.extend(self.subject(digest).and_then(|subject| self.key(subject)));
                }
                let refers = |other: &&str| {
                    let shown = matches!(self.nature(other), Nature::Attestation(_) | Nature::Candidate);
                    self.is_no_attestation(other).unwrap_or(!shown)
                };
                todo.extend(self.referrers(digest).iter().copied().filter(refers));
            }
        }
        needed
    }

    fn is_needed_itself(&self, digest: &str) -> bool {
        let nature = self.nature(digest);
        let is_unknown = matches!(nature, Nature::Perhaps | Nature::Not("unread") | Nature::Unreadable)
            && self.is_no_attestation(digest).is_none();
        // Where nothing has a tag, what runs was pulled by its digest.
        let runs = matches!(nature, Nature::Not("image" | "index"));
        self.is_root(digest)
            || self.runs(digest)
            || self.holds_what_runs(digest)
            || self.is_inactive(digest)
            || self.is_in_grace(digest)
            || self.was_pulled(digest)
            || is_unknown
            || self.is_used_by_digest() && runs
    }

    fn runs(&self, digest: &str) -> bool {
        self.running.contains(digest)
    }

    /// Whether something runs that this untagged index reaches and no tag does. What is not known to refer to anything leads
    /// up to it, and lets no tag reach further.
    fn holds_what_runs(&self, digest: &str) -> bool {
        let is_untagged_index = |it: &&str| self.is_index(it) && !self.is_tagged_index(it);
        let index = self.key(digest).filter(|_| !self.running.is_empty()).filter(is_untagged_index);
        let Some(index) = index else { return false };
        let refers = |unknown| move |it: &str| self.is_no_attestation(it).unwrap_or(unknown);
        let rooted = self.closure(self.roots(), refers(false));
        self.closure(vec![index], refers(true)).difference(&rooted).any(|it| self.runs(it))
    }

    /// Whether an index was pulled, or anything in its closure that is in no root's.
    fn is_in_use(&self, index: &'a str) -> bool {
        // What is not known to be a referrer or none is taken for both: unsure means in use.
        self.was_pulled(index)
            || [true, false].into_iter().any(|unknown| {
                let refers = |digest: &str| self.is_no_attestation(digest).unwrap_or(unknown);
                let rooted = self.closure(self.roots(), refers);
                self.closure(vec![index], refers).difference(&rooted).any(|digest| self.was_pulled(digest))
            })
    }

    /// What an index lists, as far as it is here.
    fn children(&self, digest: &str) -> Vec<&'a str> {
        let manifest = &self.images[digest].manifest;
        let is_known = self.is_index(digest) && self.is_known(digest);
        let children = oracle_parse::children(manifest).filter(|_| is_known);
        children.filter_map(|child| self.key(child)).collect()
    }

    /// What these reach: what indexes list, and what refers to it, if that counts as a referrer.
    fn closure(&self, mut todo: Vec<&'a str>, is_referrer: impl Fn(&str) -> bool) -> Set<'a> {
        let mut reached = BTreeSet::new();
        while let Some(digest) = todo.pop() {
            if reached.insert(digest) {
                todo.extend(self.children(digest));
                todo.extend(self.referrers(digest).iter().copied().filter(|referrer| is_referrer(referrer)));
            }
        }
        reached
    }

    /// Whether something with a subject is a referrer, and no attestation; nothing if that is not known.
    fn is_no_attestation(&self, digest: &str) -> Option<bool> {
        let image = &self.images[digest];
        let is_read = self.is_known(digest);
        if self.read.get(digest) == Some(&Read::SubjectAlone) {
            return match oracle_parse::prove(&image.manifest) {
                Proof::Attestation(_) => Some(false),
                Proof::IfParentSays | Proof::Never => None,
                Proof::Index | Proof::Image | Proof::Other => Some(true),
            };
        }
        match self.nature(digest) {
            Nature::Attestation(_) if is_read => Some(false),
            Nature::Attestation(_) | Nature::Candidate | Nature::Perhaps => None,
            Nature::Unreadable | Nature::Not("suspect") => None,
            Nature::Not("unread") => (!image.may_be_attestation_by_type()).then_some(true),
            Nature::Not(_) => Some(true),
        }
    }
}
