//! `BatchCheckLayerAvailability`, `GetDownloadUrlForLayer`.

use serde_json::{Value, json};

use crate::digest;
use crate::error::ApiError;
use crate::request::Request;
use crate::settings::Settings;
use crate::state::State;

pub(super) fn batch_check_layer_availability(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let digests = request.required_texts("layerDigests", 1, 100)?;
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
            layers.push(json!({
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": blob.size,
            }));
        } else {
            layers.push(json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }));
        }
    }
    Ok(json!({ "layers": layers, "failures": failures }))
}

/// A URL on this server. A blob that was only declared has none.
pub(super) fn get_download_url_for_layer(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let digest = request.required_text("layerDigest")?;
    let stored = state.repository(name)?.blobs.get(digest);
    let Some(blob) = stored else {
        let message = format!(
            "The layer with digest '{digest}' does not exist within the repository with name '{name}' in the \
             registry with id '{}'",
            state.settings.account
        );
        return Err(ApiError::client("LayersNotFoundException", message));
    };
    let host = match (&blob.bytes, &state.served_at) {
        (Some(_), Some(host)) => host,
        (None, _) => {
            let message = "The emulator knows this layer's digest and size, but not its bytes.";
            return Err(ApiError::client("LayerInaccessibleException", message));
        }
        (_, None) => return Err(ApiError::server("The emulator is not being served over HTTP.")),
    };
    let Settings { account, region } = &state.settings;
    let place = if state.is_home() { String::new() } else { format!("?account={account}&region={region}") };
    Ok(json!({
        "downloadUrl": format!("{host}/layers/{digest}/{name}{place}"),
        "layerDigest": digest,
    }))
}
