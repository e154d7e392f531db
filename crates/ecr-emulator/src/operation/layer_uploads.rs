//! `InitiateLayerUpload`, `UploadLayerPart`, `CompleteLayerUpload`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::uploads;
use crate::error::ApiError;
use crate::request::Request;
use crate::state::State;

/// Preferred size of a part.
const PART_SIZE: usize = 20 * 1024 * 1024;

pub(super) fn initiate_layer_upload(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let id = uploads::begin(state, name)?;
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
    let upload = uploads::find(state, name, id)?;
    upload.check_first(first)?;
    let length = i64::try_from(part.len()).unwrap_or(i64::MAX);
    if length == 0 || last != first.saturating_add(length - 1) {
        let message = format!("The layer part has {length} bytes, and not those from {first} to {last}");
        return Err(ApiError::client("InvalidLayerPartException", message));
    }
    upload.add_part(&part);
    Ok(json!({
        "registryId": state.settings.account,
        "repositoryName": name,
        "uploadId": id,
        "lastByteReceived": last,
    }))
}

pub(super) fn complete_layer_upload(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let id = request.required_text("uploadId")?;
    let digests = request.required_texts("layerDigests", 1, 100)?;
    let digest = uploads::finish(state, name, id, &digests)?;
    Ok(json!({
        "registryId": state.settings.account,
        "repositoryName": name,
        "uploadId": id,
        "layerDigest": digest,
    }))
}
