//! Partial answers: some ids fail, or are missing.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fault::Fault;

/// Performs a call, partially if the fault is `Partial` or `Silent`.
pub(super) fn perform(
    fault: Option<Fault>,
    operation: &str,
    mut request: Value,
    act: impl FnOnce(&Value) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let images = match operation {
        "BatchGetImage" => "images",
        "BatchDeleteImage" => "imageIds",
        _ => return act(&request),
    };
    match fault {
        Some(Fault::Partial) => {
            let failed = halve(&mut request);
            let mut answer = act(&request)?;
            if let Some(failures) = answer["failures"].as_array_mut() {
                failures.extend(failed.into_iter().map(failure));
            }
            Ok(answer)
        }
        Some(Fault::Silent) => act(&request).map(|mut answer| {
            if let Some(entries) = answer[images].as_array_mut() {
                drop_every_other(entries);
            }
            answer
        }),
        _ => act(&request),
    }
}

/// Removes every other id from a request. One that will be refused anyway stays as it is.
fn halve(request: &mut Value) -> Vec<Value> {
    let ids = request.get_mut("imageIds").and_then(Value::as_array_mut);
    let Some(ids) = ids.filter(|ids| ids.len() <= 100 && ids.iter().all(Value::is_object)) else {
        return Vec::new();
    };
    let mut place = 0;
    let second = |_: &mut Value| {
        place += 1;
        place % 2 == 0
    };
    ids.extract_if(.., second).collect()
}

fn failure(id: Value) -> Value {
    json!({ "imageId": id, "failureCode": "KmsError", "failureReason": "The KMS key could not be used." })
}

/// Removes every other image from an answer, with all its entries.
fn drop_every_other(entries: &mut Vec<Value>) {
    let (mut heard, mut hushed) = (HashSet::new(), HashSet::new());
    entries.retain(|entry| {
        let id = entry.get("imageId").unwrap_or(entry);
        let digest = id["imageDigest"].as_str().unwrap_or_default().to_owned();
        if !heard.contains(&digest) && !hushed.contains(&digest) {
            let set = if heard.len() > hushed.len() { &mut hushed } else { &mut heard };
            set.insert(digest.clone());
        }
        heard.contains(&digest)
    });
}
