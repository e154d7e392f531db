//! `/v2/<name>/blobs/<digest>`.

use axum::http::{StatusCode, header};

use super::OciRequest;
use super::error::OciError;
use super::ranges::{Wanted, wanted};
use super::reply::Reply;
use crate::state::{Blob, INACCESSIBLE, LayerUse, State};

const MEDIA_TYPE: &str = "application/octet-stream";

pub(super) fn head(state: &State, name: &str, digest: &str) -> Result<Reply, OciError> {
    let blob = find(state, name, digest)?;
    let reply = Reply::ok().digest(digest).header(header::ACCEPT_RANGES, "bytes");
    let reply = reply.header(header::CONTENT_TYPE, MEDIA_TYPE);
    Ok(reply.header(header::CONTENT_LENGTH, &blob.size.to_string()))
}

/// The bytes, or some of them. (ECR sends the caller to S3 for them.)
pub(super) fn get(state: &State, request: &OciRequest, name: &str, digest: &str) -> Result<Reply, OciError> {
    let blob = find(state, name, digest)?;
    if state.repository(name)?.layer_use(digest, state.now()) == LayerUse::Archived {
        return Err(OciError::blob_unknown(INACCESSIBLE));
    }
    let Some(bytes) = &blob.bytes else {
        let message = "The emulator knows this layer's digest and size, but not its bytes.";
        return Err(OciError::blob_unknown(message));
    };
    let size = bytes.len();
    let range = request.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let reply = match wanted(range, size) {
        Wanted::All => Reply::ok().body(MEDIA_TYPE, bytes.clone()),
        Wanted::Part(part) => {
            let place = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
            let reply = Reply::new(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, &place);
            reply.body(MEDIA_TYPE, bytes.slice(part))
        }
        Wanted::Nothing => {
            let reply = Reply::new(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(reply.header(header::CONTENT_RANGE, &format!("bytes */{size}")));
        }
    };
    Ok(reply.digest(digest).header(header::ACCEPT_RANGES, "bytes"))
}

fn find<'a>(state: &'a State, name: &str, digest: &str) -> Result<&'a Blob, OciError> {
    let repository = state.repository(name)?;
    OciError::check_digest(digest)?;
    repository.blobs.get(digest).ok_or_else(|| {
        OciError::blob_unknown(format!(
            "The layer with digest '{digest}' does not exist within the repository with name '{name}' in the registry \
             with id '{}'",
            state.settings.account
        ))
    })
}
