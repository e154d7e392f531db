//! `PutImage`: pushes a manifest, or gives an existing one another tag.

use serde_json::{Value, json};

use crate::digest;
use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{Image, ImageId, Limits, Manifest, Repository, State, Status, Storage, is_tag};

const LARGEST_MANIFEST: usize = 4_194_304;

pub(super) fn put_image(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let text = read_text(request)?;
    let tag = read_tag(request)?;
    let manifest = Manifest::read(text, request.text("imageManifestMediaType")?)?;
    let digest = digest::sha256(text.as_bytes());
    let now = state.now();
    let account = state.settings.account.clone();
    let media_type = manifest.media_type.clone();

    state.repository(name)?;
    check_digest(request.text("imageDigest")?, &digest)?;
    let Some(repository) = state.repositories.get_mut(name) else {
        return Err(ApiError::repository_not_found(name, &account));
    };
    let mut push =
        Push { repository, limits: &state.limits, name, account: &account, digest: &digest, tag, now };
    if state.behavior.requires_layers {
        push.check_layers(&manifest)?;
    }
    push.check_children(&manifest)?;
    let changes = match push.existing() {
        Some(status) => push.again(status)?,
        None => push.first(text, manifest)?,
    };
    state.record_all(name, changes);
    Ok(json!({ "image": {
        "registryId": account,
        "repositoryName": name,
        "imageId": ImageId::both(&digest, tag).to_json(),
        "imageManifest": text,
        "imageManifestMediaType": media_type,
    }}))
}

fn read_text<'a>(request: &Request<'a>) -> Result<&'a str, ApiError> {
    let text = request.required_text("imageManifest")?;
    let constraint = match text.len() {
        0 => "Member must have length greater than or equal to 1".to_owned(),
        size if size > LARGEST_MANIFEST => {
            format!("Member must have length less than or equal to {LARGEST_MANIFEST}")
        }
        _ => return Ok(text),
    };
    Err(ApiError::invalid("imageManifest", &constraint))
}

fn read_tag<'a>(request: &Request<'a>) -> Result<Option<&'a str>, ApiError> {
    match request.text("imageTag")? {
        Some(tag) if !is_tag(tag) => {
            let constraint = "must satisfy regular expression '[a-zA-Z0-9-_.]+'";
            Err(ApiError::invalid("imageTag", constraint))
        }
        tag => Ok(tag),
    }
}

fn check_digest(wanted: Option<&str>, digest: &str) -> Result<(), ApiError> {
    match wanted {
        Some(wanted) if wanted != digest => Err(ApiError::client(
            "ImageDigestDoesNotMatchException",
            format!("The specified image digest '{wanted}' does not match the calculated digest '{digest}'"),
        )),
        _ => Ok(()),
    }
}

struct Push<'a> {
    repository: &'a mut Repository,
    limits: &'a Limits,
    name: &'a str,
    account: &'a str,
    digest: &'a str,
    tag: Option<&'a str>,
    now: i64,
}

impl Push<'_> {
    fn existing(&self) -> Option<Status> {
        Some(self.repository.get(self.digest)?.status(self.now))
    }

    fn check_layers(&self, manifest: &Manifest) -> Result<(), ApiError> {
        let blobs = manifest.blobs.iter();
        let missing = blobs.filter(|blob| !self.repository.blobs.contains_key(*blob));
        self.require("Layers", "LayersNotFoundException", missing)
    }

    /// Fails unless an index's children are in the repository; a subject need not be.
    fn check_children(&self, manifest: &Manifest) -> Result<(), ApiError> {
        let children = manifest.children.iter();
        let missing = children.filter(|child| self.repository.get(child).is_none());
        self.require("Images", "ReferencedImagesNotFoundException", missing)
    }

    fn require<'a>(
        &self,
        what: &str,
        code: &str,
        missing: impl Iterator<Item = &'a String>,
    ) -> Result<(), ApiError> {
        let mut missing: Vec<&str> = missing.map(String::as_str).collect();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{what} with digests '[{}]' required for pushing image into repository with name '{}' in the registry \
             with id '{}' do not exist",
            missing.join(", "),
            self.name,
            self.account
        );
        Err(ApiError::client(code, message))
    }

    /// A manifest that is not there yet.
    fn first(&mut self, text: &str, manifest: Manifest) -> Result<Vec<Change>, ApiError> {
        self.check_tag()?;
        let limit = self.limits.images_per_repository;
        if self.repository.len() >= limit {
            let message = format!(
                "The repository with name '{}' in registry with id '{}' already has the maximum allowed number of \
                 images which is '{limit}'",
                self.name, self.account
            );
            return Err(ApiError::client("LimitExceededException", message));
        }
        self.check_subject(&manifest)?;
        let digest = self.digest.to_owned();
        let image = Image::new(digest.clone(), text.to_owned(), manifest, self.now);
        self.repository.insert(image);
        let mut changes = vec![Change::Pushed { digest }];
        changes.extend(self.set_tag());
        Ok(changes)
    }

    /// Fails for one referrer too many of a subject, whether the subject is there or not.
    fn check_subject(&self, manifest: &Manifest) -> Result<(), ApiError> {
        let limit = self.limits.referrers_per_subject;
        let referrers = manifest.subject.as_deref().and_then(|subject| self.repository.referrers_of(subject));
        if referrers.is_none_or(|referrers| referrers.len() < limit) {
            return Ok(());
        }
        let message = format!(
            "The subject of your artifact has the maximum number of artifacts ({limit}) referring to it. Configure an \
             appropriate lifecycle policy for cleanup or delete an existing artifact before retrying."
        );
        Err(ApiError::client("LimitExceededException", message))
    }

    /// A manifest that is there. Its push time stays what it was; from the archive it comes back.
    fn again(&mut self, status: Status) -> Result<Vec<Change>, ApiError> {
        let mut changes = Vec::new();
        let archived = status == Status::Archived;
        let has_tag = self.tag.is_none_or(|tag| self.repository.digest_of(tag) == Some(self.digest));
        if !archived || !has_tag {
            self.check_tag()?;
        }
        if !archived && has_tag {
            return Err(self.already_exists());
        }
        if archived && let Some(image) = self.repository.get_mut(self.digest) {
            image.storage = Storage::Active;
            image.activated_at = Some(self.now);
            let digest = self.digest.to_owned();
            changes.push(Change::Restored { digest });
        }
        if !has_tag {
            changes.extend(self.set_tag());
        }
        Ok(changes)
    }

    fn already_exists(&self) -> ApiError {
        let message = format!(
            "Image with digest '{}' and tag '{}' already exists in the repository with name '{}' in registry with \
             id '{}'",
            self.digest,
            self.tag.unwrap_or("null"),
            self.name,
            self.account
        );
        ApiError::client("ImageAlreadyExistsException", message)
    }

    /// Fails unless the image can get the tag.
    fn check_tag(&self) -> Result<(), ApiError> {
        let Some(tag) = self.tag else {
            return Ok(());
        };
        let owner = self.repository.digest_of(tag);
        // An immutable tag refuses even the image that it names already.
        if owner.is_some() && !self.repository.mutability.is_mutable(tag) {
            let message = format!(
                "The image tag '{tag}' already exists in the '{}' repository and cannot be overwritten because the \
                 tag is immutable.",
                self.name
            );
            return Err(ApiError::client("ImageTagAlreadyExistsException", message));
        }
        let tags = self.repository.get(self.digest).map_or(0, |image| image.tags.len());
        let limit = self.limits.tags_per_image;
        if owner != Some(self.digest) && tags >= limit {
            let message = format!(
                "The image with digest '{}' in the repository with name '{}' in registry with id '{}' already has \
                 the maximum allowed number of tags which is '{limit}'",
                self.digest, self.name, self.account
            );
            return Err(ApiError::client("LimitExceededException", message));
        }
        Ok(())
    }

    /// Moves the tag; the image that had it stays.
    fn set_tag(&mut self) -> Option<Change> {
        let tag = self.tag?;
        Some(Change::Tagged {
            moved_from: self.repository.tag(self.digest, tag),
            digest: self.digest.to_owned(),
            tag: tag.to_owned(),
        })
    }
}
