//! `BatchGetImage`: the manifests themselves. To ECR this is a pull.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::request::Request;
use crate::state::{Failure, Image, ImageId, Manifest, State, Status};

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
        let found = repository.resolve(id).and_then(|image| check(image, accepted.as_deref(), now));
        let digest = match found {
            Ok(image) => image.digest.clone(),
            Err(failure) => {
                failures.push(failure.to_json(id));
                continue;
            }
        };
        let Some(image) = repository.get_mut(&digest) else {
            continue;
        };
        if records {
            image.pulled_at = Some(now);
        }
        images.push(json!({
            "registryId": account,
            "repositoryName": name,
            "imageId": ImageId::both(&digest, id.tag.as_deref()).to_json(),
            "imageManifest": image.served_text(),
            "imageManifestMediaType": image.manifest.media_type,
        }));
    }
    Ok(json!({ "images": images, "failures": failures }))
}

/// Can this image be handed out to this caller?
fn check<'a>(image: &'a Image, accepted: Option<&[&str]>, now: i64) -> Result<&'a Image, Failure> {
    if image.status(now) != Status::Active {
        let reason =
            format!("Requested image is not accessible: its status is {}", image.status(now).as_str());
        return Err(Failure::new("ImageInaccessible", reason));
    }
    let media_type = image.manifest.media_type.as_str();
    let fits = match accepted {
        Some(types) => types.contains(&media_type),
        None => !Manifest::is_index_type(media_type),
    };
    if fits { Ok(image) } else { Err(Failure::not_found()) }
}
