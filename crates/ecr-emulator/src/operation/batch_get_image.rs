//! `BatchGetImage`: the manifests themselves. To ECR this is a pull.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::request::Request;
use crate::state::{Failure, Image, ImageId, Manifest, Repository, State, Status};

pub(super) fn batch_get_image(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let ids = ImageId::read_all(request.required_list("imageIds", 1, 100)?)?;
    let accepted = request.texts("acceptedMediaTypes", 1, 100)?;
    let now = state.now();
    let account = state.settings.account.clone();
    let records = state.pull_time_updates;
    let repository = state.repository_mut(name)?;
    let mut images = Vec::new();
    let mut failures = Vec::new();
    // Backwards: ECR promises no order, and a caller must not lean on one.
    for id in ids.iter().rev() {
        match pull(repository, id, accepted.as_deref(), now, records) {
            Ok(image) => images.extend(image_ids(id, image).into_iter().map(|image_id| {
                json!({
                    "registryId": account,
                    "repositoryName": name,
                    "imageId": image_id.to_json(),
                    "imageManifest": image.served_text(),
                    "imageManifestMediaType": image.manifest.media_type,
                })
            })),
            Err(failure) => failures.push(failure.to_json(id)),
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

/// The ids under which an image is answered: one for each of its tags when it was asked for by digest alone.
fn image_ids(requested: &ImageId, image: &Image) -> Vec<ImageId> {
    match &requested.tag {
        Some(tag) => vec![ImageId::both(&image.digest, Some(tag))],
        None if image.tags.is_empty() => vec![ImageId::digest(&image.digest)],
        None => image.tags.iter().map(|tag| ImageId::both(&image.digest, Some(tag))).collect(),
    }
}

/// The image that an id names; records the pull if pulls are recorded.
pub(crate) fn pull<'a>(
    repository: &'a mut Repository,
    id: &ImageId,
    accepted: Option<&[&str]>,
    now: i64,
    records: bool,
) -> Result<&'a Image, Failure> {
    let digest = find(repository, id, accepted, now)?.digest.clone();
    let image = repository.get_mut(&digest).ok_or_else(Failure::not_found)?;
    if records {
        image.pulled_at = Some(now);
    }
    Ok(image)
}

/// The image that an id names, if this caller could pull it.
pub(crate) fn find<'a>(
    repository: &'a Repository,
    id: &ImageId,
    accepted: Option<&[&str]>,
    now: i64,
) -> Result<&'a Image, Failure> {
    repository.resolve(id).and_then(|image| check(image, accepted, now))
}

/// Fails unless this caller can pull the image.
fn check<'a>(image: &'a Image, accepted: Option<&[&str]>, now: i64) -> Result<&'a Image, Failure> {
    if image.status(now) != Status::Active {
        return Err(Failure::inaccessible());
    }
    let media_type = image.manifest.media_type.as_str();
    let fits = match accepted {
        Some(types) => types.contains(&media_type),
        None => !Manifest::is_index_type(media_type),
    };
    if fits { Ok(image) } else { Err(Failure::not_found()) }
}
