//! `InitiateLayerUpload`, `UploadLayerPart`, `CompleteLayerUpload`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::digest;
use crate::error::ApiError;
use crate::fault::mix;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{Blob, State, Upload};

/// What a part should have.
const PART_SIZE: usize = 20 * 1024 * 1024;
/// What each part but the last must have.
const SMALLEST_PART: usize = 5 * 1024 * 1024;

pub(super) fn initiate_layer_upload(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    state.repository(name)?;
    let id = upload_id(state.next_serial());
    let uploads = &mut state.repository_mut(name)?.uploads;
    uploads.insert(id.clone(), Upload::default());
    Ok(json!({ "uploadId": id, "partSize": PART_SIZE }))
}

pub(super) fn upload_layer_part(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let id = request.required_text("uploadId")?;
    let first = request.required_integer("partFirstByte")?;
    let last = request.required_integer("partLastByte")?;
    let part = STANDARD
        .decode(request.required_text("layerPartBlob")?)
        .map_err(|_| ApiError::serialization("layerPartBlob is not base64"))?;
    if part.len() > PART_SIZE {
        let constraint = format!("Member must have length less than or equal to {PART_SIZE}");
        return Err(ApiError::invalid("layerPartBlob", &constraint));
    }
    let account = state.settings.account.clone();
    let repository = state.repository_mut(name)?;
    let Some(upload) = repository.uploads.get_mut(id) else {
        return Err(no_upload(id, name, &account));
    };
    let received = i64::try_from(upload.bytes.len()).unwrap_or(i64::MAX);
    let length = i64::try_from(part.len()).unwrap_or(i64::MAX);
    if first != received || length == 0 || last != first.saturating_add(length - 1) {
        let message = format!(
            "The layer part of the upload with id '{id}' must start at byte {received} and be as long as it says"
        );
        return Err(ApiError::client("InvalidLayerPartException", message));
    }
    upload.parts.push(part.len());
    upload.bytes.extend(part);
    Ok(json!({
        "registryId": account,
        "repositoryName": name,
        "uploadId": id,
        "lastByteReceived": last,
    }))
}

pub(super) fn complete_layer_upload(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let id = request.required_text("uploadId")?;
    let digests = request.required_texts("layerDigests", 1, 100)?;
    let account = state.settings.account.clone();
    let repository = state.repository_mut(name)?;
    let Some(upload) = repository.uploads.get(id) else {
        return Err(no_upload(id, name, &account));
    };
    let digest = check_upload(upload, &digests)?;
    if repository.blobs.contains_key(&digest) {
        let message = format!(
            "Layer with digest '{digest}' already exists in the repository with name '{name}' in registry with id \
             '{account}'"
        );
        return Err(ApiError::client("LayerAlreadyExistsException", message));
    }
    if let Some(upload) = repository.uploads.remove(id) {
        let size = upload.bytes.len() as u64;
        let bytes = Some(upload.bytes);
        repository.blobs.insert(digest.clone(), Blob { size, bytes });
    }
    let uploaded = Change::Uploaded { digest: digest.clone() };
    state.record(name, uploaded);
    Ok(json!({
        "registryId": account,
        "repositoryName": name,
        "uploadId": id,
        "layerDigest": digest,
    }))
}

/// The digest of what was uploaded, if it is what the caller says.
fn check_upload(upload: &Upload, digests: &[&str]) -> Result<String, ApiError> {
    let Some((_, but_last)) = upload.parts.split_last() else {
        let message = "The layer upload does not have any parts";
        return Err(ApiError::client("EmptyUploadException", message));
    };
    if but_last.iter().any(|size| *size < SMALLEST_PART) {
        let message = format!("Layer parts must be at least {SMALLEST_PART} bytes in size");
        return Err(ApiError::client("LayerPartTooSmallException", message));
    }
    let digest = digest::of(&upload.bytes);
    if digests.contains(&digest.as_str()) {
        return Ok(digest);
    }
    let message = format!(
        "The layer digest '{}' does not match the digest '{digest}' of the uploaded layer",
        digests.join(", ")
    );
    Err(ApiError::client("InvalidLayerException", message))
}

fn no_upload(id: &str, name: &str, account: &str) -> ApiError {
    ApiError::client(
        "UploadNotFoundException",
        format!(
            "The upload with id '{id}' does not exist in the repository with name '{name}' in the registry with id \
             '{account}'"
        ),
    )
}

/// Has the form of a UUID.
fn upload_id(serial: u64) -> String {
    let (a, b) = (mix(serial), mix(!serial));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}
