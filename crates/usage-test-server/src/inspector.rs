//! ListCoverage.

use serde_json::{Value, json};

use super::workloads::Covered;
use super::{Answer, Workloads, page, with_token};

pub(crate) fn answer(workloads: &Workloads, size: usize, body: &Value) -> Answer {
    let criteria = &body["filterCriteria"];
    if criteria["resourceType"][0]["value"] != "AWS_ECR_CONTAINER_IMAGE" {
        return Err((400, "ValidationException".to_owned()));
    }
    let least = criteria["ecrImageInUseCount"][0]["lowerInclusive"].as_u64();
    let since = criteria["ecrImageLastInUseAt"][0]["startInclusive"].as_i64();
    let wanted = |it: &&Covered| {
        least.is_none_or(|least| it.in_use >= least)
            && since.is_none_or(|since| it.last_in_use.is_some_and(|at| at >= since))
    };
    let resource = |it: &Covered| {
        let mut image = json!({ "inUseCount": it.in_use, "tags": [] });
        if let Some(at) = it.last_in_use {
            image["lastInUseAt"] = at.into();
        }
        json!({
            "accountId": "123456789012",
            "resourceId": it.arn,
            "resourceType": "AWS_ECR_CONTAINER_IMAGE",
            "resourceMetadata": { "ecrImage": image },
            "scanStatus": { "reason": "SUCCESSFUL", "statusCode": "ACTIVE" },
            "scanType": "PACKAGE",
        })
    };
    let all: Vec<Value> = workloads.covered.iter().filter(wanted).map(resource).collect();
    let most = body["maxResults"].as_u64().unwrap_or(200) as usize;
    let (resources, next) = page(&all, size.min(most), body["nextToken"].as_str());
    Ok(with_token(json!({ "coveredResources": resources }), "nextToken", next))
}
