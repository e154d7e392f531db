//! What other people do while the janitor is at work.

use ecr_emulator::{Emulator, Status};
use serde_json::{Value, json};

use crate::manifests;
use crate::world::{NAME, Stage, delete, set_mutability};

/// Something that somebody does, to an item or to the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It gets a tag that nobody had.
    Tag(usize),
    /// It gets the tag of another image, if any has one.
    MoveTag(usize),
    /// A new index lists it, under a tag or without one.
    Adopt(usize, Option<&'static str>),
    Delete(usize),
    Archive(usize),
    Restore(usize),
    /// It is deleted, and pushed again at once.
    PushAgain(usize),
    /// A signature of it is pushed.
    Sign(usize),
    /// The tag that the janitor would write on it goes to another image.
    Squat(usize),
    Immutable,
    Mutable,
    /// The repository goes with all that is in it.
    DropAll,
    /// It goes, and comes back with the same images, pushed now.
    Replace,
    /// Another repository is created.
    CreateOther,
}

impl Deed {
    /// Every deed there is, for a world of so many items.
    pub(crate) fn all(items: usize) -> Vec<Self> {
        let of_item = |at| {
            [
                Self::Tag(at),
                Self::MoveTag(at),
                Self::Adopt(at, Some("new")),
                Self::Adopt(at, None),
                Self::Delete(at),
                Self::Archive(at),
                Self::Restore(at),
                Self::PushAgain(at),
                Self::Sign(at),
                Self::Squat(at),
            ]
        };
        let of_all = [Self::Immutable, Self::Mutable, Self::DropAll, Self::Replace, Self::CreateOther];
        (0..items).flat_map(of_item).chain(of_all).collect()
    }

    /// The item that it is about.
    pub(crate) fn item(self) -> Option<usize> {
        match self {
            Self::Tag(at)
            | Self::MoveTag(at)
            | Self::Adopt(at, _)
            | Self::Delete(at)
            | Self::Archive(at)
            | Self::Restore(at)
            | Self::PushAgain(at)
            | Self::Sign(at)
            | Self::Squat(at) => Some(at),
            _ => None,
        }
    }
}

/// A deed that is ready to be done to a stage. What cannot be done is not.
pub(crate) struct Ready {
    deed: Deed,
    digests: Vec<String>,
    /// The tag that the janitor would write on the item.
    wanted: Option<String>,
}

impl Ready {
    pub(crate) fn new(deed: Deed, stage: &Stage, wanted: Option<String>) -> Self {
        Self { deed, digests: stage.digests.clone(), wanted }
    }

    pub(crate) fn perform(&self, emulator: &Emulator) {
        let digest = self.deed.item().map(|at| self.digests[at].as_str()).unwrap_or_default();
        match self.deed {
            Deed::Tag(_) => tag(emulator, digest, "mine"),
            Deed::MoveTag(_) => {
                let images = emulator.images(NAME);
                if let Some(taken) = images.iter().find_map(|image| image.tags.first()) {
                    tag(emulator, digest, taken);
                }
            }
            Deed::Adopt(_, name) => adopt(emulator, digest, name),
            Deed::Delete(_) => delete(emulator, digest),
            Deed::Archive(_) => emulator.set_status(NAME, digest, Status::Archived),
            Deed::Restore(_) => emulator.set_status(NAME, digest, Status::Active),
            Deed::PushAgain(_) => {
                let image = emulator.image(NAME, digest);
                delete(emulator, digest);
                if let Some(image) = image.filter(|_| emulator.image(NAME, digest).is_none()) {
                    push(emulator, &image.manifest, &image.media_type, None);
                }
            }
            Deed::Sign(_) => sign(emulator, digest),
            Deed::Squat(_) => {
                let other = emulator.images(NAME).into_iter().find(|image| image.digest != digest);
                if let (Some(other), Some(wanted)) = (other, &self.wanted) {
                    tag(emulator, &other.digest, wanted);
                }
            }
            Deed::Immutable => set_mutability(emulator, "IMMUTABLE"),
            Deed::Mutable => set_mutability(emulator, "MUTABLE"),
            Deed::DropAll => drop_all(emulator),
            Deed::Replace => self.replace(emulator),
            Deed::CreateOther => drop(emulator.create_repository("team/other")),
        }
    }

    fn replace(&self, emulator: &Emulator) {
        let images = emulator.images(NAME);
        drop_all(emulator);
        let _ = emulator.create_repository(NAME);
        // In the order of the items, so that what an index lists is there before it.
        for digest in &self.digests {
            if let Some(image) = images.iter().find(|image| image.digest == *digest) {
                push(emulator, &image.manifest, &image.media_type, image.tags.first().map(String::as_str));
            }
        }
    }
}

fn push(emulator: &Emulator, bytes: &str, media_type: &str, tag: Option<&str>) {
    manifests::declare_blobs(emulator, bytes);
    let _ = emulator.put_image(NAME, bytes, Some(media_type), tag);
}

fn tag(emulator: &Emulator, digest: &str, tag: &str) {
    if let Some(image) = emulator.image(NAME, digest) {
        let _ = emulator.put_image(NAME, &image.manifest, Some(&image.media_type), Some(tag));
    }
}

fn adopt(emulator: &Emulator, digest: &str, tag: Option<&str>) {
    let media_type = "application/vnd.oci.image.index.v1+json";
    let child =
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1});
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [child]});
    let _ = emulator.put_image(NAME, &index.to_string(), Some(media_type), tag);
}

fn sign(emulator: &Emulator, digest: &str) {
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let blob = |seed: &str| -> Value {
        json!({"mediaType": bundle, "digest": crate::oracle_parse::digest_of(seed), "size": 2})
    };
    let signature = json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": bundle,
        "config": blob("{}"), "layers": [blob("new")],
        "subject": {"mediaType": media_type, "digest": digest, "size": 1},
    });
    if emulator.image(NAME, digest).is_some() {
        push(emulator, &signature.to_string(), media_type, None);
    }
}

fn drop_all(emulator: &Emulator) {
    let _ = emulator.call("DeleteRepository", json!({"repositoryName": NAME, "force": true}));
}
