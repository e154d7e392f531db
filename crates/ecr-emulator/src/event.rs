//! The events that ECR sends to EventBridge.
//!
//! Source: Amazon ECR user guide, events and EventBridge. That a child without a tag is pushed with the tag `""`, and that
//! pushes name media types: events of users.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::digest;
use crate::journal::Change;
use crate::settings::Settings;
use crate::state::{Image, State};

const IMAGE_ACTION: &str = "ECR Image Action";
/// What restoring a referrer is told as.
const REFERRER_ACTION: &str = "ECR Referrer Action";
const REPLICATION_ACTION: &str = "ECR Replication Action";

/// The events of the changes that one operation made to a repository.
pub(crate) fn of_changes(state: &mut State, repository: &str, changes: &[Change]) -> Vec<Value> {
    let is_tagged = |digest: &str| {
        let mut tags = changes.iter();
        tags.any(|change| matches!(change, Change::Tagged { digest: its, .. } if its == digest))
    };
    let was_tagged = |digest: &str| {
        let mut tags = changes.iter();
        tags.any(|change| matches!(change, Change::Untagged { digest: its, .. } if its == digest))
    };
    let details: Vec<(&str, Value)> = changes
        .iter()
        .filter_map(|change| {
            let (digest, detail) = match change {
                Change::Pushed { digest } if !is_tagged(digest) => (digest, action("PUSH", Some(""))),
                Change::Tagged { digest, tag, .. } => (digest, action("PUSH", Some(tag))),
                Change::Untagged { digest, tag } => (digest, action("DELETE", Some(tag))),
                Change::Deleted { digest } if !was_tagged(digest) => (digest, action("DELETE", None)),
                Change::Archived { digest } => (digest, moved_to("ARCHIVE")),
                Change::Restored { digest } => (digest, moved_to("STANDARD")),
                _ => return None,
            };
            Some(about(state, repository, digest, detail))
        })
        .collect();
    details.into_iter().map(|(kind, detail)| event(state, kind, json!([]), detail)).collect()
}

/// The event of an image that was replicated to a registry, which is the one that sends it.
pub(crate) fn of_replication(
    state: &mut State,
    repository: &str,
    (digest, tag): (&str, &str),
    from: &Settings,
) -> Value {
    let resources = json!([state.settings.repository_arn(repository)]);
    let mut detail = action("REPLICATE", Some(tag));
    detail["repository-name"] = repository.into();
    detail["image-digest"] = digest.into();
    detail["source-account"] = from.account.as_str().into();
    detail["source-region"] = from.region.as_str().into();
    event(state, REPLICATION_ACTION, resources, detail)
}

fn action(name: &str, tag: Option<&str>) -> Value {
    let mut detail = json!({ "result": "SUCCESS", "action-type": name });
    if let Some(tag) = tag {
        detail["image-tag"] = tag.into();
    }
    detail
}

fn moved_to(class: &str) -> Value {
    let mut detail = action("UPDATE_STORAGE_CLASS", None);
    detail["target-storage-class"] = class.into();
    detail
}

/// The detail with the image that it is about, as far as that is still there.
fn about(state: &State, repository: &str, digest: &str, mut detail: Value) -> (&'static str, Value) {
    detail["repository-name"] = repository.into();
    detail["image-digest"] = digest.into();
    let Some(image) = state.repositories.get(repository).and_then(|it| it.get(digest)) else {
        return (IMAGE_ACTION, detail);
    };
    detail["manifest-media-type"] = image.manifest.media_type.as_str().into();
    if let Some(artifact) = image.artifact_media_type() {
        detail["artifact-media-type"] = artifact.into();
    }
    let is_restored = detail["target-storage-class"] == "STANDARD";
    if let Some(at) = image.activated_at.filter(|_| is_restored) {
        detail["last-activated-at"] = time(at, "%Y-%m-%dT%H:%M:%S%.fZ").into();
    }
    (if is_restored && is_referrer(image) { REFERRER_ACTION } else { IMAGE_ACTION }, detail)
}

fn is_referrer(image: &Image) -> bool {
    image.manifest.subject.is_some()
}

fn event(state: &mut State, kind: &str, resources: Value, detail: Value) -> Value {
    let id = digest::sha256(format!("event {}", state.next_serial()).as_bytes());
    let hex = id.trim_start_matches("sha256:");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]];
    json!({
        "version": "0",
        "id": parts.join("-"),
        "detail-type": kind,
        "source": "aws.ecr",
        "account": state.settings.account,
        "time": time(state.now(), "%Y-%m-%dT%H:%M:%SZ"),
        "region": state.settings.region,
        "resources": resources,
        "detail": detail,
    })
}

fn time(at_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime(format).to_string()
}
