//! `BatchCheckLayerAvailability`, `GetDownloadUrlForLayer`.

use serde_json::{Value, json};

use crate::digest;
use crate::error::ApiError;
use crate::layer_url::Layer;
use crate::request::Request;
use crate::state::{LayerUse, State, UnreferencedLayers};

pub(super) fn batch_check_layer_availability(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let digests = request.required_texts("layerDigests", 1, 100)?;
    let now = state.now();
    let repository = state.repository(name)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in digests {
        if !digest::is_well_formed(digest) {
            failures.push(json!({
                "layerDigest": digest,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid request parameters: layer digest should satisfy the regex \
                                  '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            }));
        } else if let Some(blob) = repository.blobs.get(digest) {
            let archived = repository.layer_use(digest, now) == LayerUse::Archived;
            layers.push(json!({
                "layerDigest": digest,
                "layerAvailability": if archived { "ARCHIVED" } else { "AVAILABLE" },
                "layerSize": blob.size,
            }));
        } else {
            layers.push(json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }));
        }
    }
    Ok(json!({ "layers": layers, "failures": failures }))
}

/// A signed URL on this server, good for a while.
pub(super) fn get_download_url_for_layer(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let digest = request.required_text("layerDigest")?;
    check_accessible(state, name, digest)?;
    let Some(host) = &state.served_at else {
        return Err(ApiError::server("The emulator is not being served over HTTP."));
    };
    let layer =
        Layer { registry: state.settings.clone(), repository: name.to_owned(), digest: digest.to_owned() };
    let url = layer.sign(&state.url_key, state.now(), state.limits.layer_url_seconds);
    Ok(json!({ "downloadUrl": format!("{host}{url}"), "layerDigest": digest }))
}

/// Fails for a layer that is not there, or that cannot be downloaded.
fn check_accessible(state: &State, name: &str, digest: &str) -> Result<(), ApiError> {
    let repository = state.repository(name)?;
    let account = &state.settings.account;
    let Some(blob) = repository.blobs.get(digest) else {
        let message = format!(
            "The layer with digest '{digest}' does not exist within the repository with name '{name}' in the \
             registry with id '{account}'"
        );
        return Err(ApiError::client("LayersNotFoundException", message));
    };
    let unreferenced = state.behavior.unreferenced_layers != UnreferencedLayers::Downloadable;
    let why = match repository.layer_use(digest, state.now()) {
        _ if blob.bytes.is_none() => "the emulator knows its digest and size, but not its bytes",
        LayerUse::Archived => "the image that it is associated with is archived",
        LayerUse::Unreferenced if unreferenced => "it is not associated with an image",
        _ => return Ok(()),
    };
    let message = format!(
        "The layer with digest '{digest}' in the repository with name '{name}' in the registry with id '{account}' is \
         not available because {why}"
    );
    Err(ApiError::client("LayerInaccessibleException", message))
}
