//! The rules once more, as plainly as they can be written down: the contract's table over strings and sets.
//!
//! Nothing here is shared with the planner: no positions, no shared walks, no sets of signs. It is slow and does not
//! mind. What the planner says of each image must be what is said here.

use std::collections::{BTreeMap, BTreeSet};

use ecr_emulator::{ImageView, Status};
use serde_json::Value;

use crate::bytes::{self, Proof};
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

/// One image, as the listing and its bytes show it.
struct Image {
    view: ImageView,
    manifest: Value,
    untyped: bool,
    corrupt: bool,
}

pub(crate) struct Reference<'a> {
    policy: Policy,
    now: i64,
    images: BTreeMap<&'a str, Image>,
    /// Whose bytes were read.
    read: Set<'a>,
    /// By child: each index that lists it, with what it says.
    listed: BTreeMap<String, Vec<(Digest<'a>, Value)>>,
    /// By subject: whatever names it.
    referring: BTreeMap<String, Vec<Digest<'a>>>,
}

type Digest<'a> = &'a str;
type Set<'a> = BTreeSet<&'a str>;

/// What is decided in a repository: each image that a report lists. Nothing at all if the repository is left alone.
pub(crate) fn decide(world: &World, stage: &Stage) -> Option<BTreeMap<String, Ruling>> {
    decide_over(world, stage, &stage.emulator.images(NAME))
}

/// The same over images that need not be what the stage has.
pub(crate) fn decide_over(
    world: &World,
    stage: &Stage,
    views: &[ImageView],
) -> Option<BTreeMap<String, Ruling>> {
    let mut reference = Reference {
        policy: world.setting.effective(),
        now: world.now,
        images: views.iter().map(|view| (view.digest.as_str(), Image::of(stage, view))).collect(),
        read: BTreeSet::new(),
        listed: BTreeMap::new(),
        referring: BTreeMap::new(),
    };
    // Every index, and whatever may be one for all that the listing says.
    for (digest, image) in &reference.images {
        if image.untyped || image.is_index_by_type() {
            let is_readable = image.view.status == Status::Active || world.reads_archived;
            if !is_readable || image.corrupt {
                return None;
            }
            reference.read.insert(digest);
        }
    }
    reference.link();
    loop {
        let rulings = reference.rule();
        let wanted: Vec<&str> = rulings
            .iter()
            .filter(|(digest, ruling)| ruling.action != "keep" || reference.is_candidate(digest))
            .map(|(digest, _)| *digest)
            .filter(|digest| !reference.read.contains(digest))
            .collect();
        if wanted.is_empty() {
            let listed = rulings.into_iter().filter(|(_, ruling)| ruling.is_listed());
            return Some(listed.map(|(digest, ruling)| (digest.to_owned(), ruling)).collect());
        }
        reference.read.extend(wanted);
    }
}

impl Image {
    fn of(stage: &Stage, view: &ImageView) -> Self {
        Self {
            view: view.clone(),
            manifest: serde_json::from_str(&view.manifest).unwrap(),
            untyped: stage.untyped.contains(&view.digest),
            corrupt: stage.corrupt.contains(&view.digest),
        }
    }

    fn is_index_by_type(&self) -> bool {
        let kind = &self.view.media_type;
        !self.untyped && (kind.contains("image.index") || kind.contains("manifest.list"))
    }

    /// Whether the type in the listing leaves open that it is an attestation.
    fn may_be_attestation_by_type(&self) -> bool {
        let config = self.manifest["config"]["mediaType"].as_str();
        let shown = self.manifest["artifactType"].as_str().or(config).unwrap_or_default();
        let open = [
            "application/vnd.docker.attestation.manifest.v1+json",
            "application/vnd.oci.empty.v1+json",
            "application/vnd.oci.image.config.v1+json",
        ];
        // A signature that refers to nothing may be one whose subject is not told; it is read.
        let is_odd_signature = shown.contains("sigstore") && bytes::subject(&self.manifest).is_none();
        self.untyped || open.contains(&shown) || is_odd_signature
    }
}

impl Ruling {
    fn keep(kind: &'static str, reason: &'static str) -> Self {
        Self { kind, form: None, state: None, action: "keep", reason }
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
enum Nature {
    Attestation(&'static str),
    Not(&'static str),
    Unreadable,
}

impl<'a> Reference<'a> {
    /// Notes who lists whom and who refers to whom.
    fn link(&mut self) {
        for index in self.indexes() {
            for descriptor in bytes::descriptors(&self.images[index].manifest) {
                let child = descriptor["digest"].as_str().unwrap().to_owned();
                self.listed.entry(child).or_default().push((index, descriptor.clone()));
            }
        }
        for (digest, image) in &self.images {
            if let Some(subject) = bytes::subject(&image.manifest) {
                self.referring.entry(subject.to_owned()).or_default().push(digest);
            }
        }
    }

    /// The rules over the whole repository, as far as it was read.
    fn rule(&self) -> BTreeMap<&'a str, Ruling> {
        let mut rulings: BTreeMap<&str, Ruling> =
            self.images.keys().map(|digest| (*digest, self.rule_alone(digest))).collect();
        self.superseded_indexes(&mut rulings);
        self.subjects_present(&mut rulings);
        self.superseded_images(&mut rulings);
        rulings
    }

    fn rule_alone(&self, digest: Digest<'a>) -> Ruling {
        let form = match self.nature(digest) {
            Nature::Attestation(form) => form,
            Nature::Not(kind) => return Ruling::not_an_attestation(kind),
            Nature::Unreadable => return Ruling::keep("unread", "unreadable"),
        };
        let (state, reason) = (self.state(digest), self.reason(digest));
        let action = match reason {
            "attached" => self.policy.attached,
            "superseded" => self.policy.superseded,
            "orphaned" => self.policy.orphaned,
            _ => "keep",
        };
        let action = if action == "tag" && self.bears_own_tag(digest) { "keep" } else { action };
        // Listed, unread, and nobody says that it is an attestation: it is none, unless it is worth a look.
        let is_said =
            self.parents(digest).is_empty() || self.descriptors(digest).iter().any(|d| bytes::claims(d));
        if action == "keep" && form == "unread" && !is_said {
            return Ruling::not_an_attestation("unread");
        }
        Ruling { kind: "attestation", form: Some(form), state: Some(state), action, reason }
    }

    fn nature(&self, digest: Digest) -> Nature {
        let image = &self.images[digest];
        let descriptors = self.descriptors(digest);
        let claimed = descriptors.iter().any(|descriptor| bytes::claims(descriptor));
        let contradicted = descriptors.iter().any(|descriptor| bytes::contradicts(descriptor));
        if self.read.contains(digest) {
            if image.corrupt {
                return Nature::Unreadable;
            }
            return match bytes::prove(&image.manifest) {
                Proof::Attestation(_) if contradicted => Nature::Not("suspect"),
                Proof::Attestation(form) => Nature::Attestation(form),
                Proof::IfParentSays if claimed && !contradicted => Nature::Attestation("by-parent"),
                Proof::IfParentSays | Proof::Never => Nature::Not("suspect"),
                Proof::Index => Nature::Not("index"),
                Proof::Image | Proof::Other if claimed => Nature::Not("suspect"),
                Proof::Image => Nature::Not("image"),
                Proof::Other => Nature::Not("other"),
            };
        }
        if descriptors.is_empty() {
            let is_candidate = self.is_candidate(digest);
            return if is_candidate { Nature::Attestation("unread") } else { Nature::Not("unread") };
        }
        match (claimed, contradicted) {
            (true, true) => Nature::Not("suspect"),
            (true, false) => Nature::Attestation("unread"),
            (false, false) if image.may_be_attestation_by_type() => Nature::Attestation("unread"),
            (false, _) => Nature::Not("unread"),
        }
    }

    /// Whether it must be read, whatever the policy: unlisted, and perhaps an attestation that could be acted on.
    fn is_candidate(&self, digest: Digest) -> bool {
        let image = &self.images[digest];
        self.parents(digest).is_empty()
            && !self.is_index(digest)
            && !self.has_user_tag(digest)
            && image.view.status == Status::Active
            && !self.is_younger(digest, self.policy.grace_period)
            && image.may_be_attestation_by_type()
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
    fn reason(&self, digest: Digest<'a>) -> &'static str {
        let ancestors = self.ancestors(digest);
        let untagged: Vec<&str> =
            ancestors.iter().copied().filter(|index| !self.is_tagged_index(index)).collect();
        let inactive = |digest: &str| self.images[digest].view.status != Status::Active;
        let longer = self.policy.superseded_after.max(self.policy.grace_period);
        if self.has_user_tag(digest) {
            "tagged"
        } else if inactive(digest) || untagged.iter().any(|index| inactive(index)) {
            "not-active"
        } else if self.is_younger(digest, self.policy.grace_period) {
            "within-grace"
        } else if self.has_referrers(digest)
            || untagged.iter().any(|index| self.has_referrers(index) || self.is_referrer(index))
        {
            "has-referrers"
        } else if self.state(digest) != "superseded" {
            self.state(digest)
        } else if ancestors.iter().any(|index| self.is_in_use(index)) {
            "recently-pulled"
        } else if ancestors.iter().any(|index| self.is_younger(index, longer)) {
            "superseded-within-grace"
        } else {
            "superseded"
        }
    }

    /// The indexes above what is deleted as superseded go too.
    fn superseded_indexes(&self, rulings: &mut BTreeMap<&'a str, Ruling>) {
        let going: Set = rulings
            .iter()
            .filter(|(_, ruling)| ruling.action == "delete" && ruling.reason == "superseded")
            .flat_map(|(digest, _)| self.ancestors(digest))
            .collect();
        for index in going {
            let ruling = Ruling { action: "delete", ..Ruling::keep("index", "superseded") };
            rulings.insert(index, ruling);
        }
    }

    /// An orphan stays while its subject does, unless an index that stays lists another attestation of it.
    fn subjects_present(&self, rulings: &mut BTreeMap<&'a str, Ruling>) {
        if self.policy.orphaned_with_subject == "delete" {
            return;
        }
        let mut attested: Set = BTreeSet::new();
        for index in self.indexes().into_iter().filter(|index| rulings[index].action != "delete") {
            for descriptor in bytes::descriptors(&self.images[index].manifest) {
                let child = descriptor["digest"].as_str().unwrap();
                if rulings.get(child).is_some_and(|ruling| ruling.kind == "attestation") {
                    let said = bytes::reference(descriptor).filter(|_| bytes::claims(descriptor));
                    attested
                        .extend(said.into_iter().chain(self.subject(child)).filter_map(|of| self.key(of)));
                }
            }
        }
        for (digest, ruling) in rulings.iter_mut().filter(|(_, ruling)| ruling.reason == "orphaned") {
            let subject = self.subject(digest).and_then(|of| self.key(of));
            if subject.is_some_and(|subject| !attested.contains(subject)) {
                (ruling.reason, ruling.action) = ("subject-present", "keep");
            }
        }
    }

    /// The platform images that only indexes of this plan list.
    fn superseded_images(&self, rulings: &mut BTreeMap<&'a str, Ruling>) {
        if self.policy.superseded_images != "delete" {
            return;
        }
        let going: Set = rulings
            .iter()
            .filter(|(_, ruling)| ruling.action == "delete")
            .map(|(digest, _)| *digest)
            .collect();
        for (digest, image) in &self.images {
            let parents = self.parents(digest);
            let is_image = !self.read.contains(digest) && !image.is_index_by_type()
                || bytes::prove(&image.manifest) == Proof::Image && !image.corrupt;
            if is_image
                && !parents.is_empty()
                && parents.iter().all(|index| going.contains(index))
                && self.descriptors(digest).iter().all(|descriptor| bytes::lists_for_platform(descriptor))
                && image.view.tags.is_empty()
                && image.view.status == Status::Active
                && !self.is_younger(digest, self.policy.grace_period)
                && !self.is_signed_by_tag(digest)
                && self.referrers(digest).iter().all(|referrer| going.contains(referrer))
            {
                rulings.insert(digest, Ruling { action: "delete", ..Ruling::keep("image", "superseded") });
            }
        }
    }

    // What the words of the contract mean.

    fn key(&self, digest: &str) -> Option<&'a str> {
        self.images.get_key_value(digest).map(|(digest, _)| *digest)
    }

    /// An index: by its type, or by its bytes if they were read.
    fn is_index(&self, digest: &str) -> bool {
        let image = &self.images[digest];
        image.is_index_by_type()
            || self.read.contains(digest) && bytes::prove(&image.manifest) == Proof::Index
    }

    fn indexes(&self) -> Vec<&'a str> {
        self.images.keys().copied().filter(|digest| self.is_index(digest)).collect()
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

    fn has_user_tag(&self, digest: &str) -> bool {
        let own = |tag: &String| is_own_tag(self.policy.tag_template, tag, digest) && !self.is_index(digest);
        !self.images[digest].view.tags.iter().all(own)
    }

    fn bears_own_tag(&self, digest: &str) -> bool {
        let own = |tag: &String| is_own_tag(self.policy.tag_template, tag, digest);
        self.images[digest].view.tags.iter().any(own)
    }

    fn is_younger(&self, digest: &str, hours: i64) -> bool {
        self.images[digest].view.pushed_at_ms.is_none_or(|at| self.now - at < hours * HOUR)
    }

    fn subject(&self, digest: &str) -> Option<&str> {
        bytes::subject(&self.images[digest].manifest)
    }

    fn is_referrer(&self, digest: &str) -> bool {
        self.subject(digest).is_some()
    }

    /// Whatever names it as its subject.
    fn referrers(&self, digest: &str) -> &[&'a str] {
        self.referring.get(digest).map(Vec::as_slice).unwrap_or_default()
    }

    fn has_referrers(&self, digest: &str) -> bool {
        self.is_signed_by_tag(digest) || self.referrers(digest).iter().any(|other| *other != digest)
    }

    fn is_signed_by_tag(&self, digest: &str) -> bool {
        let name = digest.replace(':', "-");
        let points = |tag: &String| {
            let end = tag.strip_prefix(&name);
            end.is_some_and(|end| ["", ".sig", ".att", ".sbom"].contains(&end))
        };
        self.images.values().any(|image| image.view.tags.iter().any(points))
    }

    /// Whether an index was pulled, or anything in its closure that is in no root's.
    fn is_in_use(&self, index: &'a str) -> bool {
        let pulled = |digest: &&str| {
            let at = self.images[*digest].view.pulled_at_ms;
            at.is_some_and(|at| self.now - at <= self.policy.keep_pulled_within * HOUR)
        };
        // What is not known to be a referrer or none is taken for both: unsure means in use.
        pulled(&index)
            || [true, false].into_iter().any(|unknown| {
                let refers = |digest: &str| self.is_no_attestation(digest).unwrap_or(unknown);
                let roots = self.images.keys().copied().filter(|digest| self.has_user_tag(digest));
                let rooted = self.closure(roots.collect(), refers);
                self.closure(vec![index], refers).difference(&rooted).any(pulled)
            })
    }

    /// What these reach: what indexes list, and what refers to it, if that counts as a referrer.
    fn closure(&self, mut todo: Vec<&'a str>, is_referrer: impl Fn(&str) -> bool) -> Set<'a> {
        let mut reached = BTreeSet::new();
        while let Some(digest) = todo.pop() {
            if reached.insert(digest) {
                if self.is_index(digest) {
                    let children = bytes::children(&self.images[digest].manifest);
                    todo.extend(children.filter_map(|child| self.key(child)));
                }
                todo.extend(self.referrers(digest).iter().copied().filter(|referrer| is_referrer(referrer)));
            }
        }
        reached
    }

    /// Whether something with a subject is a referrer, and no attestation; nothing if that is not known.
    fn is_no_attestation(&self, digest: &str) -> Option<bool> {
        let lists_for_platform = || self.descriptors(digest).iter().any(|d| bytes::lists_for_platform(d));
        match self.nature(digest) {
            Nature::Attestation("unread") | Nature::Unreadable | Nature::Not("suspect") => None,
            Nature::Attestation(_) => Some(false),
            Nature::Not("unread") => {
                let is_other = !self.images[digest].may_be_attestation_by_type() || lists_for_platform();
                is_other.then_some(true)
            }
            Nature::Not(_) => Some(true),
        }
    }
}
