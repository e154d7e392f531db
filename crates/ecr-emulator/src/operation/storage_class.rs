//! `UpdateImageStorageClass`: into the archive at once, back after a while.

use serde_json::{Value, json};

use super::describe_images::find;
use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{ImageId, Repository, State, Status, Storage};

pub(super) fn update_image_storage_class(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let id = ImageId::read(&request.required_object("imageId")?)?;
    let target = request.one_of("targetStorageClass", &["STANDARD", "ARCHIVE"])?;
    let target = target.map_or_else(|| request.required_text("targetStorageClass"), Ok)?;
    let now = state.now();
    let until = now.saturating_add(state.limits.activation_ms);
    let account = state.settings.account.clone();
    let repository = state.repository_mut(name)?;
    let digest = find(repository, &id, name, &account)?.digest.clone();
    let change = match target {
        "ARCHIVE" => archive(repository, &digest, now)?,
        _ => restore(repository, &digest, now, until)?,
    };
    let status = repository.get(&digest).map(|image| image.status(now).as_str());
    state.record(name, change);
    Ok(json!({
        "registryId": account,
        "repositoryName": name,
        "imageId": ImageId::both(&digest, id.tag.as_deref()).to_json(),
        "imageStatus": status,
    }))
}

fn archive(repository: &mut Repository, digest: &str, now: i64) -> Result<Change, ApiError> {
    if has_live_parent(repository, digest, now) {
        return Err(unsupported(digest, "it is referenced by a manifest list that is not archived"));
    }
    let image = repository.get_mut(digest).filter(|image| image.status(now) == Status::Active);
    let image = image.ok_or_else(|| unsupported(digest, "it is not ACTIVE"))?;
    image.activated_at = image.last_activated_at(now);
    image.storage = Storage::Archived;
    image.archived_at = Some(now);
    let digest = digest.to_owned();
    Ok(Change::Archived { digest })
}

fn restore(repository: &mut Repository, digest: &str, now: i64, until: i64) -> Result<Change, ApiError> {
    let image = repository.get_mut(digest).filter(|image| image.status(now) == Status::Archived);
    let image = image.ok_or_else(|| unsupported(digest, "it is not ARCHIVED"))?;
    image.storage = Storage::Activating { until: Some(until) };
    let digest = digest.to_owned();
    Ok(Change::Activating { digest })
}

/// A manifest list must be archived or deleted before what it lists.
fn has_live_parent(repository: &Repository, digest: &str, now: i64) -> bool {
    repository.parents_of(digest).is_some_and(|parents| {
        parents
            .iter()
            .filter_map(|parent| repository.get(parent))
            .any(|parent| parent.status(now) != Status::Archived)
    })
}

fn unsupported(digest: &str, why: &str) -> ApiError {
    ApiError::client(
        "ImageStorageClassUpdateNotSupportedException",
        format!("The storage class of the image with digest '{digest}' cannot be updated because {why}"),
    )
}
