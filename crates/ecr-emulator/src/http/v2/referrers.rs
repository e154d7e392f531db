//! `/v2/<name>/referrers/<digest>`.

use axum::http::HeaderName;
use serde_json::{Value, json};

use super::OciRequest;
use super::error::OciError;
use super::reply::Reply;
use crate::operation;
use crate::state::State;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Lists referrers as an index, which may be empty. The subject need not be there.
pub(super) fn list(
    state: &mut State,
    call: &OciRequest,
    name: &str,
    digest: &str,
) -> Result<Reply, OciError> {
    state.repository(name)?;
    OciError::check_digest(digest)?;
    let types: Vec<&str> = call.query.all("artifactType").collect();
    let mut request = json!({
        "repositoryName": name,
        "subjectId": { "imageDigest": digest },
        "filter": { "artifactTypes": types },
        "maxResults": 50,
    });
    let mut manifests = Vec::new();
    loop {
        let page = operation::run(state, "ListImageReferrers", &request)?;
        manifests.extend(page["referrers"].as_array().into_iter().flatten().map(descriptor));
        match page.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => break,
        }
    }
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let reply = Reply::ok().body(OCI_INDEX, index.to_string());
    Ok(if types.is_empty() { reply } else { reply.header(FILTERS_APPLIED, "artifactType") })
}

/// A descriptor, without the status that only ECR's own API has.
fn descriptor(referrer: &Value) -> Value {
    let mut descriptor = referrer.clone();
    if let Some(members) = descriptor.as_object_mut() {
        members.remove("artifactStatus");
    }
    descriptor
}
