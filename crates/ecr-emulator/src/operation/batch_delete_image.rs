//! `BatchDeleteImage`, with ECR's only guard: an index goes before its children.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{Behavior, Failure, ImageId, Repository, State, UnreferencedLayers};

pub(super) fn batch_delete_image(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let ids = ImageId::read_all(request.required_list("imageIds", 1, 100)?)?;
    let (now, behavior) = (state.now(), state.behavior.clone());
    let mut deletion = Deletion::new(state.repository_mut(name)?, &ids, behavior, now);
    for id in &ids {
        if let Err(failure) = deletion.delete(id) {
            deletion.failures.push(failure.to_json(id));
        }
    }
    let Deletion { deleted, failures, changes, .. } = deletion;
    state.record_all(name, changes);
    Ok(json!({ "imageIds": deleted, "failures": failures }))
}

struct Deletion<'a> {
    repository: &'a mut Repository,
    /// The refusals, as of the start of the call: an index that goes in this very call still protects.
    guarded: HashMap<String, Failure>,
    behavior: Behavior,
    now: i64,
    deleted: Vec<Value>,
    failures: Vec<Value>,
    changes: Vec<Change>,
}

impl<'a> Deletion<'a> {
    fn new(repository: &'a mut Repository, ids: &[ImageId], behavior: Behavior, now: i64) -> Self {
        repository.lagging.begin_call(now);
        let guarded = ids
            .iter()
            .filter_map(|id| {
                let digest = &repository.resolve(id).ok()?.digest;
                Some((digest.clone(), guard(repository, digest)?))
            })
            .collect();
        let (deleted, failures, changes) = (Vec::new(), Vec::new(), Vec::new());
        Self { repository, guarded, behavior, now, deleted, failures, changes }
    }

    fn delete(&mut self, id: &ImageId) -> Result<(), Failure> {
        let image = self.repository.resolve(id)?;
        let digest = image.digest.clone();
        match &id.tag {
            // With a tag, alone or beside its digest, only that tag goes, unless it is the last one.
            Some(tag) if image.tags.len() > 1 => {
                self.repository.untag(tag);
                self.untagged(&digest, tag);
                Ok(())
            }
            _ => self.delete_image(&digest),
        }
    }

    fn delete_image(&mut self, digest: &str) -> Result<(), Failure> {
        if let Some(failure) = self.guarded.get(digest) {
            return Err(failure.clone());
        }
        let image = self.repository.remove(digest).ok_or_else(Failure::not_found)?;
        self.repository.lagging.remember(&image, self.behavior.reference_lag, self.now);
        if self.behavior.unreferenced_layers == UnreferencedLayers::Dropped {
            self.repository.drop_layers_of(&image);
        }
        for tag in &image.tags {
            self.untagged(digest, tag);
        }
        if image.tags.is_empty() {
            self.deleted.push(ImageId::digest(digest).to_json());
        }
        let digest = digest.to_owned();
        self.changes.push(Change::Deleted { digest });
        Ok(())
    }

    fn untagged(&mut self, digest: &str, tag: &str) {
        self.deleted.push(ImageId::both(digest, Some(tag)).to_json());
        self.changes.push(Change::Untagged { digest: digest.to_owned(), tag: tag.to_owned() });
    }
}

/// Any index in the repository counts, whether tagged, untagged, archived or nested.
fn guard(repository: &Repository, digest: &str) -> Option<Failure> {
    let there = repository.parents_of(digest).into_iter().flatten().map(String::as_str);
    let parents: Vec<&str> = there.chain(repository.lagging.parents_of(digest)).collect();
    if parents.is_empty() {
        return None;
    }
    let reason = format!("Requested image referenced by manifest list: [{}]", parents.join(", "));
    Some(Failure::new("ImageReferencedByManifestList", reason))
}
