//! `/v2/<name>/blobs/uploads/`: in one piece, in chunks, or from another repository.

use axum::http::{HeaderName, StatusCode, header};

use super::OciRequest;
use super::error::OciError;
use super::ranges::chunk;
use super::reply::Reply;
use crate::error::ApiError;
use crate::journal::Change;
use crate::operation::uploads;
use crate::state::{LayerUse, State, Upload};

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Begins an upload, unless the blob can be had at once.
pub(super) fn post(state: &mut State, request: &OciRequest, name: &str) -> Result<Reply, OciError> {
    state.repository(name)?;
    if let Some(digest) = request.query.get("mount") {
        OciError::check_digest(digest)?;
        if request.query.get("from").is_some_and(|from| mount(state, name, digest, from)) {
            return Ok(created(name, digest));
        }
    } else if let Some(digest) = request.query.get("digest") {
        OciError::check_digest(digest)?;
        let id = uploads::begin(state, name)?;
        let result = add(state, request, name, &id).and_then(|()| finish(state, name, &id, digest));
        // Nobody else knows its name.
        state.repository_mut(name)?.uploads.remove(&id);
        return result;
    }
    let id = uploads::begin(state, name)?;
    progress(state, name, &id, StatusCode::ACCEPTED)
}

/// Adds a chunk. ECR answers 201 where the OCI API has 202.
pub(super) fn patch(
    state: &mut State,
    request: &OciRequest,
    name: &str,
    id: &str,
) -> Result<Reply, OciError> {
    add(state, request, name, id)?;
    progress(state, name, id, StatusCode::CREATED)
}

/// Adds the last chunk, if there is one, and ends the upload.
pub(super) fn put(state: &mut State, request: &OciRequest, name: &str, id: &str) -> Result<Reply, OciError> {
    uploads::find(state, name, id)?;
    let digest = request.query.get("digest").unwrap_or_default();
    OciError::check_digest(digest)?;
    add(state, request, name, id)?;
    finish(state, name, id, digest)
}

/// Progress of an upload.
pub(super) fn get(state: &mut State, name: &str, id: &str) -> Result<Reply, OciError> {
    progress(state, name, id, StatusCode::NO_CONTENT)
}

/// Cancels an upload.
pub(super) fn delete(state: &mut State, name: &str, id: &str) -> Result<Reply, OciError> {
    uploads::find(state, name, id)?;
    state.repository_mut(name)?.uploads.remove(id);
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// Mounts a blob. As in ECR, an image of the other repository has to refer to it.
fn mount(state: &mut State, name: &str, digest: &str, from: &str) -> bool {
    let now = state.now();
    let found = state.repositories.get(from).and_then(|source| {
        let blob = source.blobs.get(digest)?;
        (source.layer_use(digest, now) != LayerUse::Unreferenced).then(|| blob.clone())
    });
    let (Some(blob), Some(target)) = (found, state.repositories.get_mut(name)) else {
        return false;
    };
    if !target.blobs.contains_key(digest) {
        target.blobs.insert(digest.to_owned(), blob);
        state.record(name, Change::Uploaded { digest: digest.to_owned() });
    }
    true
}

fn add(state: &mut State, request: &OciRequest, name: &str, id: &str) -> Result<(), OciError> {
    let upload = uploads::find(state, name, id)?;
    if let Some(range) = request.headers.get(header::CONTENT_RANGE) {
        let range = range.to_str().ok().and_then(chunk);
        check_range(upload, range, request.body.len())?;
    }
    upload.lengthen(&request.body);
    Ok(())
}

fn check_range(upload: &Upload, range: Option<(i64, i64)>, size: usize) -> Result<(), ApiError> {
    let Some((first, last)) = range else {
        let message = "The range of the layer part is not one";
        return Err(ApiError::client("InvalidLayerPartException", message));
    };
    upload.check_first(first)?;
    if last.checked_sub(first).and_then(|more| usize::try_from(more.checked_add(1)?).ok()) == Some(size) {
        return Ok(());
    }
    let message = format!("The layer part has {size} bytes, and not those from {first} to {last}");
    Err(ApiError::client("InvalidLayerPartException", message))
}

/// Completes an upload; a blob that is there already is fine.
fn finish(state: &mut State, name: &str, id: &str, digest: &str) -> Result<Reply, OciError> {
    match uploads::finish(state, name, id, &[digest]) {
        Ok(_) => {}
        Err(error) if error.code == "LayerAlreadyExistsException" => {
            state.repository_mut(name)?.uploads.remove(id);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(created(name, digest))
}

fn created(name: &str, digest: &str) -> Reply {
    let place = format!("/v2/{name}/blobs/{digest}");
    Reply::new(StatusCode::CREATED).header(header::LOCATION, &place).digest(digest)
}

fn progress(state: &mut State, name: &str, id: &str, status: StatusCode) -> Result<Reply, OciError> {
    let last = uploads::find(state, name, id)?.bytes.len().saturating_sub(1);
    Ok(Reply::new(status)
        .header(header::LOCATION, &format!("/v2/{name}/blobs/uploads/{id}"))
        .header(header::RANGE, &format!("0-{last}"))
        .header(UPLOAD_UUID, id))
}
