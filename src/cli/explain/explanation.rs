//! The answer to the question that this tool exists for: what is this small untagged image?

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::inside::Inside;
use crate::cli::advice;
use crate::config::policy::{Action, Policy};
use crate::inventory::graph;
use crate::inventory::{ImageIndex, ImageStatus, Inventory, PerImage};
use crate::oci::attestation::{Form, Kind, classify};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;
use crate::report::reason::State;
use crate::rules::explanation::{Change, Why, explain};
use crate::rules::verdict::Verdict;

/// An image, explained.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The repository.
    pub repository: String,
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// The tag that was asked for beside a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_tag: Option<AskedTag>,
    /// What it is.
    pub kind: Kind,
    /// For attestations: how it is stored or proven.
    pub form: Option<Form>,
    /// For attestations: where it stands.
    pub state: Option<State>,
    /// For attestations: what is stated, for example `https://slsa.dev/provenance/v1`.
    pub predicate_types: Vec<String>,
    /// What it speaks of or refers to.
    pub subject: Option<Subject>,
    /// The platform for which an index lists it, or its subject, as in `linux-arm64-v8`.
    pub platform: Option<String>,
    /// The indexes that are known to list it; nothing if none is and not every index could be read.
    pub listed_by: Option<Vec<Listing>>,
    /// Whether an index that cannot be read may list it too.
    pub may_be_listed_by_others: bool,
    /// What an index lists: how many images and attestations.
    pub lists: Option<Lists>,
    /// The images that refer to it.
    pub referrers: Vec<Digest>,
    /// The manifest's media type and its artifact type or configuration type.
    pub media_type: Option<String>,
    /// The artifact type, or else the configuration's media type.
    pub artifact_type: Option<String>,
    /// Whether it can be pulled.
    pub is_active: bool,
    /// When its manifest was first stored.
    pub pushed_at: Option<Timestamp>,
    /// When it was last pulled.
    pub pulled_at: Option<Timestamp>,
    /// When others pulled it last, as far as memory knows the janitor's own reads.
    pub pulled_by_others_at: Option<Timestamp>,
    /// ECR's `imageSizeInBytes`.
    pub size_bytes: u64,
    /// What the policy does with it, and why.
    #[serde(flatten)]
    pub why: Why,
    /// Why nothing in the repository is touched at all, if so.
    pub repository_skipped: Option<String>,
    /// What is stated about it: who built it, from what, and when. Nothing where no attestation is known.
    pub inside: Option<Inside>,
    /// How to stop making more of them, if there are any.
    pub advice: Option<String>,
}

/// A tag that was asked for beside a digest.
#[derive(Debug, Clone, Serialize)]
pub struct AskedTag {
    /// The tag.
    pub tag: String,
    /// The image that has it now, if any has.
    pub names: Option<Digest>,
}

/// What an attestation speaks of.
#[derive(Debug, Serialize)]
pub struct Subject {
    /// Its digest.
    pub digest: Digest,
    /// Whether it is still in the repository.
    pub is_present: bool,
}

/// An index that lists the image.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// The index.
    pub index: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// The tags of the indexes above it.
    pub tags_above: Vec<String>,
    /// When it was pushed.
    pub pushed_at: Option<Timestamp>,
}

/// What an index lists.
#[derive(Debug, Default, Serialize)]
pub struct Lists {
    /// Indexes within it.
    pub indexes: usize,
    /// Attestations.
    pub attestations: usize,
    /// Everything else.
    pub images: usize,
}

/// A repository, explained as a whole.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// The repository.
    pub repository: String,
    /// Its images of any status.
    pub images: usize,
    /// How many of each kind.
    pub kinds: std::collections::BTreeMap<Kind, usize>,
    /// Attestations by where they stand.
    pub attestations: std::collections::BTreeMap<State, usize>,
    /// Attestations pushed within the last 30 days.
    pub attestations_of_the_last_30_days: usize,
    /// Images that the policy would delete or tag now.
    pub pending: usize,
    /// How to stop making more of them, if there are any.
    pub advice: Option<String>,
}

const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Explanation {
    /// Nothing in the repository is touched, for this reason.
    pub fn skip(&mut self, why: String) {
        self.why.action = Action::Keep;
        self.repository_skipped = Some(why);
    }

    /// Adds what is stated about the image, and the advice for the pipeline that made it.
    pub fn add_inside(&mut self, inside: Option<Inside>) {
        if let Some(pipeline) = inside.as_ref().and_then(|inside| inside.pipeline.as_ref()) {
            self.advice = Some(advice::of_pipeline(pipeline));
        }
        self.inside = inside;
    }

    /// Nobody knows what the indexes of the repository list, so that no rule can decide.
    pub fn forget_parents(&mut self, why: &str) {
        self.listed_by = None;
        self.may_be_listed_by_others = true;
        self.state = None;
        self.why.reason = None;
        self.why.because.clear();
        self.why.sentence = format!("not every index of the repository could be read: {why}");
        self.why.what_would_change = vec![Change::event("when all of them can be read, the rules decide")];
    }
}

/// A judged repository, ready to explain its images.
pub struct Explainer<'a> {
    /// Its name.
    pub repository: &'a str,
    /// The inventory.
    pub inventory: &'a Inventory,
    /// The policy.
    pub policy: &'a Policy,
    /// The verdicts, by position.
    pub verdicts: &'a PerImage<Verdict>,
    /// The time of asking.
    pub now: Timestamp,
}

impl Explainer<'_> {
    /// Explains one image, with its manifest if that could be read and verified.
    pub fn explain(&self, position: ImageIndex, manifest: Option<&Manifest>) -> Explanation {
        let image = self.inventory.image(position);
        let verdict = &self.verdicts[position];
        let attested = self.inventory.attested(position);
        let subject_position = attested.and_then(|digest| self.inventory.position(digest));
        let owned = |text: &str| text.to_owned();
        let why = explain(self.inventory, self.policy, self.now, self.verdicts, position);
        let listings = self.listed_by(position);
        let listed_by = (!listings.is_empty() || !why.may_be_listed).then_some(listings);
        Explanation {
            repository: self.repository.to_owned(),
            digest: image.digest,
            tags: image.tags.iter().map(ToString::to_string).collect(),
            asked_tag: None,
            kind: self.kind(position, manifest),
            form: verdict.artifact.form(),
            state: why.state,
            predicate_types: manifest
                .map(|m| m.predicate_types().into_iter().map(owned).collect())
                .unwrap_or_default(),
            subject: attested.map(|digest| Subject { digest, is_present: subject_position.is_some() }),
            platform: subject_position
                .and_then(|subject| self.inventory.platform(subject))
                .or(self.inventory.platform(position))
                .map(owned),
            listed_by,
            may_be_listed_by_others: why.may_be_listed,
            lists: self.inventory.is_index(position).then(|| self.lists(position)),
            referrers: self.inventory.referrers(position).map(|p| self.inventory.image(p).digest).collect(),
            media_type: manifest.and_then(|manifest| manifest.media_type.clone()),
            artifact_type: manifest.and_then(|manifest| {
                manifest.artifact_type.clone().or_else(|| manifest.config.as_ref()?.media_type.clone())
            }),
            is_active: image.status == ImageStatus::Active,
            pushed_at: image.pushed_at,
            pulled_at: image.pulled_at,
            pulled_by_others_at: self.inventory.pulled_by_others(position),
            size_bytes: image.size_bytes,
            why,
            repository_skipped: None,
            inside: None,
            advice: (verdict.kind() == Kind::Attestation).then(advice::general),
        }
    }

    /// Explains the repository.
    pub fn overview(&self) -> Overview {
        let mut kinds = std::collections::BTreeMap::new();
        let mut attestations = std::collections::BTreeMap::new();
        for (position, verdict) in self.verdicts.iter() {
            let kind = if self.inventory.is_index(position) { Kind::Index } else { verdict.kind() };
            *kinds.entry(kind).or_default() += 1;
            if let Some(state) = verdict.artifact.state() {
                *attestations.entry(state).or_default() += 1;
            }
        }
        Overview {
            repository: self.repository.to_owned(),
            images: self.inventory.images().len(),
            kinds,
            attestations,
            attestations_of_the_last_30_days: self.recent_attestations(),
            pending: self.verdicts.iter().filter(|(_, verdict)| verdict.action != Action::Keep).count(),
            advice: self
                .verdicts
                .iter()
                .any(|(_, verdict)| verdict.kind() == Kind::Attestation)
                .then(advice::general),
        }
    }

    /// What the image is: by the rules, and where those need not know, by its bytes.
    pub(super) fn kind(&self, position: ImageIndex, manifest: Option<&Manifest>) -> Kind {
        if self.inventory.is_index(position) {
            return Kind::Index;
        }
        match (self.verdicts[position].kind(), manifest) {
            (known @ (Kind::Attestation | Kind::Suspect), _) => known,
            (_, Some(manifest)) => classify(manifest).kind,
            (known, None) => known,
        }
    }

    fn listed_by(&self, position: ImageIndex) -> Vec<Listing> {
        let tags = |p: ImageIndex| self.inventory.image(p).tags.iter().map(ToString::to_string);
        let mut parents: Vec<ImageIndex> =
            self.inventory.parents(position).iter().map(|edge| edge.parent).collect();
        parents.dedup();
        let listing = |parent: ImageIndex| {
            let above = graph::above(self.inventory, [parent]);
            Listing {
                index: self.inventory.image(parent).digest,
                tags: tags(parent).collect(),
                tags_above: self.inventory.positions().filter(|p| above[*p]).flat_map(tags).collect(),
                pushed_at: self.inventory.image(parent).pushed_at,
            }
        };
        parents.into_iter().map(listing).collect()
    }

    fn lists(&self, position: ImageIndex) -> Lists {
        let mut lists = Lists::default();
        let mut children: Vec<ImageIndex> =
            self.inventory.children(position).iter().map(|edge| edge.child).collect();
        children.dedup();
        for child in children {
            match self.verdicts[child].kind() {
                _ if self.inventory.is_index(child) => lists.indexes += 1,
                Kind::Attestation => lists.attestations += 1,
                _ => lists.images += 1,
            }
        }
        lists
    }

    fn recent_attestations(&self) -> usize {
        let recent = |position: &ImageIndex| {
            let pushed_at = self.inventory.image(*position).pushed_at;
            self.verdicts[*position].kind() == Kind::Attestation
                && pushed_at.is_some_and(|at| self.now.duration_since(at) < LATELY)
        };
        self.inventory.positions().filter(recent).count()
    }
}
