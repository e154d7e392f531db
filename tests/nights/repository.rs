//! A repository with the people and pipelines that use it, and their own record of what they did there.

use std::collections::{BTreeMap, BTreeSet};

use ecr_emulator::buildx::{Build, Pushed, merge};
use ecr_emulator::{ApiError, Emulator};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::clock::{Ms, at};
use crate::kinds::Kind;

/// Number of a manifest in its repository's record.
pub(crate) type Id = usize;

/// The class of a manifest, as its pusher knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Index,
    Image,
    Attestation,
    /// A signature, SBOM or SOCI index.
    Companion,
}

/// A manifest that somebody pushed.
#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) digest: String,
    pub(crate) class: Class,
    pub(crate) children: Vec<Id>,
    pub(crate) parents: Vec<Id>,
    /// The manifest that it attests or refers to.
    pub(crate) subject: Option<Id>,
    /// Whether clients find it by its subject, without an index.
    pub(crate) is_referrer: bool,
    pub(crate) pushed: Ms,
    /// When it lost its last tag, or was pushed without one.
    pub(crate) untagged: Ms,
    pub(crate) had_tag: bool,
    pub(crate) pulled: Option<Ms>,
    pub(crate) is_archived: bool,
    pub(crate) presence: Presence,
}

/// Whether a manifest is in the registry, and if not, by whose doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    /// The people deleted it themselves.
    Removed,
    /// The cleaner under test deleted it.
    Cleaned,
}

/// A build in a repository's record.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) root: Id,
    pub(crate) platforms: Vec<Id>,
    pub(crate) attestations: Vec<Id>,
    pub(crate) day: i64,
}

/// What the people of a kind of repository remember from day to day.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    /// The number of days on which something happened.
    pub(crate) turn: u64,
    /// A push that has not stored its index yet.
    pub(crate) in_flight: Option<Build>,
    /// The release that is not under its tag: the one before, or the one that was rolled back.
    pub(crate) aside: Option<Id>,
    /// The days on which the two change places.
    pub(crate) swaps: Vec<i64>,
    /// Releases so far.
    pub(crate) releases: usize,
}

/// A repository and its record.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) kind: &'static Kind,
    pub(crate) emulator: Emulator,
    pub(crate) rng: Rng,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) tags: BTreeMap<String, Id>,
    /// What runs somewhere, by its digest, under the name of the place.
    pub(crate) running: BTreeMap<&'static str, Id>,
    pub(crate) builds: Vec<Built>,
    pub(crate) notes: Notes,
    /// Calls of the people that ECR refused.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Manifests that the cleaner deleted although they were needed.
    pub(crate) lost: BTreeSet<String>,
    by_digest: BTreeMap<String, Id>,
    now: Ms,
    code: u64,
    run: u64,
}

impl Repository {
    pub(crate) fn new(kind: &'static Kind, emulator: &Emulator, seed: u64) -> Self {
        emulator.create_repository(kind.name).expect("a new repository");
        Self {
            kind,
            emulator: emulator.clone(),
            rng: Rng::with_seed(seed),
            manifests: Vec::new(),
            tags: BTreeMap::new(),
            running: BTreeMap::new(),
            builds: Vec::new(),
            notes: Notes::default(),
            refused: BTreeMap::new(),
            lost: BTreeSet::new(),
            by_digest: BTreeMap::new(),
            now: 0,
            code: seed << 20,
            run: 0,
        }
    }

    /// Lets it be so late.
    pub(crate) fn hour(&mut self, day: i64, hour: i64) {
        self.now = at(day, hour);
        self.emulator.set_clock(Some(self.now));
    }

    /// The next build of new code.
    pub(crate) fn new_code(&mut self, platforms: &[&str]) -> Build {
        self.code += 1;
        self.same_code(platforms)
    }

    /// The next build of the same code: the same images, attested anew.
    pub(crate) fn same_code(&mut self, platforms: &[&str]) -> Build {
        self.run += 1;
        let sbom = self.run.is_multiple_of(3);
        Build::new(platforms).code(self.code).run(self.run).sbom(sbom)
    }

    /// Pushes a build, unless ECR refuses.
    pub(crate) fn push(&mut self, day: i64, build: &Build, tag: Option<&str>) -> Option<Built> {
        let pushed = build.push(&self.emulator, self.kind.name, tag);
        let Pushed { index, platforms, attestations, root } = self.unless_refused(pushed)?;
        let platforms: Vec<Id> = platforms.iter().map(|it| self.note(it, Class::Image, None)).collect();
        let subjects = platforms.iter().map(|it| Some(*it)).chain(std::iter::repeat(None));
        let attested: Vec<Id> =
            attestations.iter().zip(subjects).map(|(it, of)| self.note(it, Class::Attestation, of)).collect();
        if let Some(index) = &index {
            self.note(index, Class::Index, None);
        }
        let root = self.by_digest[&root];
        self.tag_moved(root, tag);
        let built = Built { root, platforms, attestations: attested, day };
        self.builds.push(built.clone());
        Some(built)
    }

    /// Pushes attestations whose index is still on the way, or never comes.
    pub(crate) fn push_attestations(&mut self, build: &Build) {
        let pushed = build.push_attestations_only(&self.emulator, self.kind.name);
        for digest in self.unless_refused(pushed).into_iter().flatten() {
            self.note(&digest, Class::Attestation, None);
        }
    }

    /// `docker buildx imagetools create` over indexes.
    pub(crate) fn merge(&mut self, day: i64, sources: &[Built], tag: &str) -> Option<Built> {
        let digests: Vec<String> = sources.iter().map(|it| self.manifests[it.root].digest.clone()).collect();
        let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
        let merged = merge(&self.emulator, self.kind.name, &digests, Some(tag));
        let merged = self.unless_refused(merged)?;
        let root = self.note(&merged, Class::Index, None);
        self.tag_moved(root, Some(tag));
        let all = |of: fn(&Built) -> &Vec<Id>| sources.iter().flat_map(of).copied().collect();
        let (platforms, attestations) = (all(|it| &it.platforms), all(|it| &it.attestations));
        let built = Built { root, platforms, attestations, day };
        self.builds.push(built.clone());
        Some(built)
    }

    /// Pushes something that belongs to an image.
    pub(crate) fn add(
        &mut self,
        push: impl Fn(&Emulator, &str, &str) -> Result<String, ApiError>,
        to: Id,
    ) -> Option<Id> {
        let of = self.manifests[to].digest.clone();
        let pushed = push(&self.emulator, self.kind.name, &of);
        self.found(pushed, Class::Companion, Some(to))
    }

    /// Records what a tool pushed, with the tags that it chose.
    pub(crate) fn found(
        &mut self,
        pushed: Result<String, ApiError>,
        class: Class,
        of: Option<Id>,
    ) -> Option<Id> {
        let digest = self.unless_refused(pushed)?;
        let id = self.note(&digest, class, of);
        for tag in self.emulator.image(self.kind.name, &digest).map(|it| it.tags).unwrap_or_default() {
            self.tag_moved(id, Some(&tag));
        }
        Some(id)
    }

    /// Pushes a manifest of any kind.
    pub(crate) fn put(
        &mut self,
        class: Class,
        manifest: &str,
        media_type: &str,
        tag: Option<&str>,
    ) -> Option<Id> {
        let put = self.emulator.put_image(self.kind.name, manifest, Some(media_type), tag);
        let digest = self.unless_refused(put)?;
        let id = self.note(&digest, class, None);
        self.tag_moved(id, tag);
        Some(id)
    }

    /// Gives an image a tag, as a release or a rollback does.
    pub(crate) fn tag(&mut self, id: Id, tag: &str) {
        if self.tags.get(tag) == Some(&id) {
            return;
        }
        let Some(image) = self.emulator.image(self.kind.name, &self.manifests[id].digest) else {
            return self.refuse("ImageNotFound");
        };
        let put =
            self.emulator.put_image(self.kind.name, &image.manifest, Some(&image.media_type), Some(tag));
        if self.unless_refused(put).is_some() {
            self.tag_moved(id, Some(tag));
        }
    }

    /// Deletes a tag; with its last one an image goes.
    pub(crate) fn delete_tag(&mut self, tag: &str) {
        let Some(id) = self.tags.remove(tag) else { return };
        self.delete_ids(&json!([{ "imageTag": tag }]));
        if self.is_untagged(id) {
            self.manifests[id].presence = Presence::Removed;
        }
    }

    /// Deletes an image with all its tags.
    pub(crate) fn delete(&mut self, id: Id) {
        if self.delete_ids(&json!([{ "imageDigest": self.manifests[id].digest }])) {
            self.tags.retain(|_, tagged| *tagged != id);
            self.manifests[id].presence = Presence::Removed;
        }
    }

    /// Pulls images by digest: an index, then one of its platforms, say.
    pub(crate) fn pull(&mut self, ids: &[Id]) {
        let asked: Vec<Value> =
            ids.iter().map(|id| json!({ "imageDigest": self.manifests[*id].digest })).collect();
        let request = json!({
            "repositoryName": self.kind.name,
            "imageIds": asked,
            "acceptedMediaTypes": [
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.oci.image.manifest.v1+json",
            ],
        });
        let answer = self.emulator.call("BatchGetImage", request);
        let failures =
            self.unless_refused(answer).map_or(0, |answer| answer["failures"].as_array().map_or(0, Vec::len));
        for _ in 0..failures {
            self.refuse("ImageNotFound");
        }
        ids.iter().for_each(|id| self.manifests[*id].pulled = Some(self.now));
    }

    /// Pulls an index and its first platform.
    pub(crate) fn pull_with_platform(&mut self, index: Id) {
        let first = self.manifests[index].children.first().copied();
        self.pull(&[index].into_iter().chain(first).collect::<Vec<Id>>());
    }

    /// Pulls what a tag names, and its first platform.
    pub(crate) fn pull_tag(&mut self, tag: &str) {
        if let Some(tagged) = self.tags.get(tag).copied() {
            self.pull_with_platform(tagged);
        }
    }

    /// Makes every eighth build a release, whose tag stays.
    pub(crate) fn release(&mut self, root: Id) {
        if self.notes.turn.is_multiple_of(8) {
            self.tag(root, &format!("v1.{}", self.notes.turn / 8));
        }
    }

    /// Finishes the push that was under way.
    pub(crate) fn finish_push(&mut self, day: i64) {
        if let Some(build) = self.notes.in_flight.take() {
            self.hour(day, 5);
            self.push(day, &build, Some("main"));
        }
    }

    /// Moves an image to the archive, as a lifecycle policy does.
    pub(crate) fn archive(&mut self, id: Id) {
        let request = json!({
            "repositoryName": self.kind.name,
            "imageId": { "imageDigest": self.manifests[id].digest },
            "targetStorageClass": "ARCHIVE",
        });
        let answer = self.emulator.call("UpdateImageStorageClass", request);
        self.manifests[id].is_archived = self.unless_refused(answer).is_some();
    }

    /// Records what a cleaner deleted, and what of it was needed.
    pub(crate) fn cleaned(&mut self, digests: &[String], now: Ms) {
        if digests.is_empty() {
            return;
        }
        let needed = self.needed(now);
        for digest in digests {
            let id = self.by_digest[digest];
            self.manifests[id].presence = Presence::Cleaned;
            if needed[id] {
                self.lost.insert(digest.clone());
            }
        }
    }

    pub(crate) fn is_untagged(&self, id: Id) -> bool {
        !self.tags.values().any(|tagged| *tagged == id)
    }

    fn delete_ids(&mut self, ids: &Value) -> bool {
        let request = json!({ "repositoryName": self.kind.name, "imageIds": ids });
        let answer = self.emulator.call("BatchDeleteImage", request);
        self.unless_refused(answer)
            .is_some_and(|answer| answer["failures"].as_array().is_none_or(Vec::is_empty))
    }

    /// Records a manifest from its bytes. What its bytes do not say, the pusher knows.
    fn note(&mut self, digest: &str, class: Class, attests: Option<Id>) -> Id {
        let image = self.emulator.image(self.kind.name, digest).expect("what was pushed is there");
        let bytes: Value = serde_json::from_str(&image.manifest).expect("manifests are JSON");
        let named = |it: &Value| self.by_digest.get(it["digest"].as_str().unwrap_or_default()).copied();
        let children: Vec<Id> =
            bytes["manifests"].as_array().into_iter().flatten().filter_map(named).collect();
        let referred = named(&bytes["subject"]);
        let manifest = Manifest {
            digest: digest.to_owned(),
            class,
            children,
            parents: Vec::new(),
            subject: attests.or(referred),
            is_referrer: bytes["subject"].is_object(),
            pushed: self.now,
            untagged: self.now,
            had_tag: false,
            pulled: None,
            is_archived: false,
            presence: Presence::There,
        };
        match self.by_digest.get(digest).copied() {
            Some(id) => {
                self.note_again(id, manifest);
                id
            }
            None => self.note_first(manifest),
        }
    }

    fn note_first(&mut self, manifest: Manifest) -> Id {
        let id = self.manifests.len();
        for child in &manifest.children {
            self.manifests[*child].parents.push(id);
        }
        self.by_digest.insert(manifest.digest.clone(), id);
        self.manifests.push(manifest);
        id
    }

    /// A manifest that is there keeps its push time; one that was deleted is new.
    fn note_again(&mut self, id: Id, again: Manifest) {
        let known = &mut self.manifests[id];
        known.subject = known.subject.or(again.subject);
        if known.presence != Presence::There {
            let parents = std::mem::take(&mut known.parents);
            *known = Manifest { parents, subject: known.subject, ..again };
        }
    }

    fn tag_moved(&mut self, id: Id, tag: Option<&str>) {
        let Some(tag) = tag else { return };
        let before = self.tags.insert(tag.to_owned(), id).filter(|before| *before != id);
        self.manifests[id].had_tag = true;
        if let Some(before) = before.filter(|before| self.is_untagged(*before)) {
            self.manifests[before].untagged = self.now;
        }
    }

    fn unless_refused<T>(&mut self, answer: Result<T, ApiError>) -> Option<T> {
        answer.map_err(|error| self.refuse(&error.code)).ok()
    }

    fn refuse(&mut self, code: &str) {
        *self.refused.entry(code.to_owned()).or_default() += 1;
    }
}
