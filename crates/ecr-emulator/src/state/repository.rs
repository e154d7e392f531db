//! A repository, and the maps that keep its rules cheap to check.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use serde_json::{Map, Value};

use super::{Blob, Failure, Image, ImageId, LaggingReferences, Mutability, Status, Upload};

/// A lifecycle policy. It is stored and never run.
#[derive(Clone)]
pub(crate) struct Lifecycle {
    pub(crate) text: String,
}

/// A repository.
#[derive(Clone, Default)]
pub(crate) struct Repository {
    pub(crate) created_at: i64,
    pub(crate) mutability: Mutability,
    pub(crate) scan_on_push: bool,
    pub(crate) encryption: Map<String, Value>,
    pub(crate) resource_tags: BTreeMap<String, String>,
    pub(crate) lifecycle: Option<Lifecycle>,
    /// The repository policy, which has no effect.
    pub(crate) policy: Option<String>,
    pub(crate) blobs: HashMap<String, Blob>,
    pub(crate) uploads: HashMap<String, Upload>,
    pub(crate) lagging: LaggingReferences,
    images: BTreeMap<String, Image>,
    tags: BTreeMap<String, String>,
    /// Digests of the indexes that list a digest.
    parents: HashMap<String, BTreeSet<String>>,
    /// Digests of the images that have a digest as their subject.
    referrers: HashMap<String, BTreeSet<String>>,
    /// Digests of the manifests that refer to a blob.
    blob_users: HashMap<String, BTreeSet<String>>,
}

/// Use of a layer by the manifests of its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerUse {
    /// By an ACTIVE image.
    Active,
    /// Only by images that are archived or coming back.
    Archived,
    /// By none.
    Unreferenced,
}

impl Repository {
    pub(crate) fn len(&self) -> usize {
        self.images.len()
    }

    pub(crate) fn get(&self, digest: &str) -> Option<&Image> {
        self.images.get(digest)
    }

    pub(crate) fn get_mut(&mut self, digest: &str) -> Option<&mut Image> {
        self.images.get_mut(digest)
    }

    pub(crate) fn digest_of(&self, tag: &str) -> Option<&str> {
        self.tags.get(tag).map(String::as_str)
    }

    /// All images, by digest, from this one on.
    pub(crate) fn images_from(&self, digest: &str) -> impl Iterator<Item = &Image> {
        let range = (Bound::Included(digest), Bound::Unbounded);
        self.images.range::<str, _>(range).map(|(_, image)| image)
    }

    pub(crate) fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    /// The indexes that list a digest.
    pub(crate) fn parents_of(&self, digest: &str) -> Option<&BTreeSet<String>> {
        self.parents.get(digest)
    }

    /// The images whose subject is a digest.
    pub(crate) fn referrers_of(&self, digest: &str) -> Option<&BTreeSet<String>> {
        self.referrers.get(digest)
    }

    /// Use of a blob by the manifests of the repository.
    pub(crate) fn layer_use(&self, blob: &str, now: i64) -> LayerUse {
        let users = self.blob_users.get(blob).into_iter().flatten();
        let mut found = LayerUse::Unreferenced;
        for status in users.filter_map(|digest| Some(self.images.get(digest)?.status(now))) {
            match status {
                Status::Active => return LayerUse::Active,
                Status::Archived | Status::Activating => found = LayerUse::Archived,
            }
        }
        found
    }

    /// The image that an id names.
    pub(crate) fn resolve(&self, id: &ImageId) -> Result<&Image, Failure> {
        id.check()?;
        let named = id.tag.as_deref().map(|tag| self.digest_of(tag));
        let digest = match (id.digest.as_deref(), named) {
            (Some(digest), None) => digest,
            (None, Some(Some(digest))) => digest,
            (Some(digest), Some(Some(other))) if digest == other => digest,
            (Some(digest), Some(Some(_))) if self.images.contains_key(digest) => {
                let reason = "Requested image tag does not map to the requested image digest";
                return Err(Failure::new("ImageTagDoesNotMatchDigest", reason));
            }
            _ => return Err(Failure::not_found()),
        };
        self.images.get(digest).ok_or_else(Failure::not_found)
    }

    /// Adds an image that is not there yet.
    pub(crate) fn insert(&mut self, mut image: Image) {
        for child in &image.manifest.children {
            let parents = self.parents.entry(child.clone()).or_default();
            parents.insert(image.digest.clone());
        }
        if let Some(subject) = &image.manifest.subject {
            let referrers = self.referrers.entry(subject.clone()).or_default();
            referrers.insert(image.digest.clone());
        }
        for blob in &image.manifest.blobs {
            let users = self.blob_users.entry(blob.clone()).or_default();
            users.insert(image.digest.clone());
        }
        // Children cannot go before their index, so the size stays true.
        let largest = image.manifest.children.iter();
        if let Some(size) = largest.filter_map(|child| Some(self.get(child)?.size)).max() {
            image.size = size;
        }
        self.images.insert(image.digest.clone(), image);
    }

    /// Removes an image and its tags.
    pub(crate) fn remove(&mut self, digest: &str) -> Option<Image> {
        let image = self.images.remove(digest)?;
        for tag in &image.tags {
            self.tags.remove(tag);
        }
        for child in &image.manifest.children {
            remove_edge(&mut self.parents, child, digest);
        }
        if let Some(subject) = &image.manifest.subject {
            remove_edge(&mut self.referrers, subject, digest);
        }
        for blob in &image.manifest.blobs {
            remove_edge(&mut self.blob_users, blob, digest);
        }
        Some(image)
    }

    /// Removes the blobs of a removed image that no other image refers to.
    pub(crate) fn drop_layers_of(&mut self, removed: &Image) {
        for blob in &removed.manifest.blobs {
            if !self.blob_users.contains_key(blob) {
                self.blobs.remove(blob);
            }
        }
    }

    /// Moves a tag to an image; returns the image that it named before.
    pub(crate) fn tag(&mut self, digest: &str, tag: &str) -> Option<String> {
        let before = self.tags.insert(tag.to_owned(), digest.to_owned());
        if let Some(old) = before.as_deref().and_then(|old| self.images.get_mut(old)) {
            old.tags.remove(tag);
        }
        if let Some(image) = self.images.get_mut(digest) {
            image.tags.insert(tag.to_owned());
        }
        before.filter(|old| old != digest)
    }

    /// Removes a tag; the image stays.
    pub(crate) fn untag(&mut self, tag: &str) {
        if let Some(digest) = self.tags.remove(tag)
            && let Some(image) = self.images.get_mut(&digest)
        {
            image.tags.remove(tag);
        }
    }
}

fn remove_edge(edges: &mut HashMap<String, BTreeSet<String>>, from: &str, to: &str) {
    if let Some(ends) = edges.get_mut(from) {
        ends.remove(to);
        if ends.is_empty() {
            edges.remove(from);
        }
    }
}
