//! Layer uploads, whichever API their bytes come in through.

use crate::digest;
use crate::error::ApiError;
use crate::fault::mix;
use crate::journal::Change;
use crate::state::{Blob, State, Upload};

/// Smallest size of each part but the last.
const SMALLEST_PART: usize = 5 * 1024 * 1024;

/// Opens an upload; returns its id.
pub(crate) fn begin(state: &mut State, name: &str) -> Result<String, ApiError> {
    let id = upload_id(state.next_serial());
    state.repository_mut(name)?.uploads.insert(id.clone(), Upload::default());
    Ok(id)
}

/// An open upload.
pub(crate) fn find<'a>(state: &'a mut State, name: &str, id: &str) -> Result<&'a mut Upload, ApiError> {
    let account = state.settings.account.clone();
    state.repository_mut(name)?.uploads.get_mut(id).ok_or_else(|| no_upload(id, name, &account))
}

/// Makes a blob of an upload whose bytes have one of these digests.
pub(crate) fn finish(state: &mut State, name: &str, id: &str, digests: &[&str]) -> Result<String, ApiError> {
    let account = state.settings.account.clone();
    let repository = state.repository_mut(name)?;
    let Some(upload) = repository.uploads.get(id) else {
        return Err(no_upload(id, name, &account));
    };
    if upload.parts.is_empty() {
        let message = format!(
            "The upload with id '{id}' in the repository with name '{name}' in registry with id '{account}' cannot be \
             completed because it does not have any parts."
        );
        return Err(ApiError::client("EmptyUploadException", message));
    }
    let digest = check(upload, digests)?;
    if repository.blobs.contains_key(&digest) {
        let message = format!(
            "Layer with digest '{digest}' already exists in the repository with name '{name}' in registry with id \
             '{account}'"
        );
        return Err(ApiError::client("LayerAlreadyExistsException", message));
    }
    if let Some(upload) = repository.uploads.remove(id) {
        let size = upload.bytes.len() as u64;
        let bytes = Some(upload.bytes.into());
        repository.blobs.insert(digest.clone(), Blob { size, bytes });
    }
    state.record(name, Change::Uploaded { digest: digest.clone() });
    Ok(digest)
}

/// The digest of an upload, if it is one of the caller's.
fn check(upload: &Upload, digests: &[&str]) -> Result<String, ApiError> {
    let but_last = upload.parts.split_last().map_or(&[][..], |(_, but_last)| but_last);
    if but_last.iter().any(|size| *size < SMALLEST_PART) {
        let message = "All layer parts except the last part should be at least 5MB";
        return Err(ApiError::client("LayerPartTooSmallException", message));
    }
    let digest = digest::sha256(&upload.bytes);
    if digests.contains(&digest.as_str()) {
        return Ok(digest);
    }
    let message = "None of the provided layer digests match the calculated layer digest";
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

/// An id in the form of a UUID.
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
