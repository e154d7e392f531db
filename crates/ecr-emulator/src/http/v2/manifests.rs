//! `/v2/<name>/manifests/<reference>`.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::json;

use super::OciRequest;
use super::error::OciError;
use super::reply::Reply;
use crate::digest;
use crate::error::ApiError;
use crate::operation::{self, batch_get_image};
use crate::state::{Image, ImageId, Manifest, State};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// Pulls a manifest, as it was pushed whatever the request accepts.
pub(super) fn get(state: &mut State, name: &str, reference: &str) -> Result<Reply, OciError> {
    let (now, records) = (state.now(), state.pull_time_updates);
    let id = image_id(reference);
    let repository = state.repository_mut(name)?;
    let image = batch_get_image::pull(repository, &id, Some(&Manifest::TYPES), now, records)?;
    Ok(show(image))
}

/// Reads a manifest's head, which is no pull.
pub(super) fn head(state: &mut State, name: &str, reference: &str) -> Result<Reply, OciError> {
    let now = state.now();
    let repository = state.repository(name)?;
    let image = batch_get_image::find(repository, &image_id(reference), Some(&Manifest::TYPES), now)?;
    Ok(show(image))
}

/// Pushes a manifest: `PutImage`, but pushing the same again is fine.
pub(super) fn put(
    state: &mut State,
    call: &OciRequest,
    name: &str,
    reference: &str,
) -> Result<Reply, OciError> {
    let Ok(text) = std::str::from_utf8(&call.body) else {
        return Err(ApiError::invalid("ImageManifest", "Invalid JSON syntax").into());
    };
    let id = image_id(reference);
    let request = json!({
        "repositoryName": name,
        "imageManifest": text,
        "imageManifestMediaType": media_type(&call.headers),
        "imageTag": id.tag,
        "imageDigest": id.digest,
    });
    match operation::run(state, "PutImage", &request) {
        Err(error) if error.code != "ImageAlreadyExistsException" => return Err(error.into()),
        _ => {}
    }
    let digest = digest::sha256(&call.body);
    let reply = Reply::new(StatusCode::CREATED)
        .header(header::LOCATION, &format!("/v2/{name}/manifests/{digest}"))
        .digest(&digest);
    let image = state.repository(name)?.get(&digest);
    Ok(match image.and_then(|image| image.manifest.subject.as_deref()) {
        Some(subject) => reply.header(OCI_SUBJECT, subject),
        None => reply,
    })
}

/// A reference: a digest if it has a colon, else a tag.
fn image_id(reference: &str) -> ImageId {
    let reference = reference.to_owned();
    if reference.contains(':') {
        ImageId { digest: Some(reference), tag: None }
    } else {
        ImageId { digest: None, tag: Some(reference) }
    }
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    text.split(';').next().map(str::trim)
}

fn show(image: &Image) -> Reply {
    Reply::ok().digest(&image.digest).body(&image.manifest.media_type, image.served_text().to_owned())
}
