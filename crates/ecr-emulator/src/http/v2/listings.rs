//! `/v2/_catalog` and `/v2/<name>/tags/list`, in pages.

use axum::http::header;
use serde_json::{Value, json};

use super::OciRequest;
use super::error::OciError;
use super::reply::Reply;
use crate::error::ApiError;
use crate::http::query::encode;
use crate::operation;
use crate::state::State;

/// The tags, in the order of the images that they name.
pub(super) fn tags(state: &mut State, call: &OciRequest, name: &str) -> Result<Reply, OciError> {
    let request = json!({ "repositoryName": name, "filter": { "tagStatus": "TAGGED" } });
    let page = page(state, call, "ListImages", request)?;
    let tags = each(&page["imageIds"], "imageTag");
    let reply = Reply::ok().json(&json!({ "name": name, "tags": tags }));
    Ok(link(reply, call, &page, &format!("/v2/{name}/tags/list")))
}

pub(super) fn catalog(state: &mut State, call: &OciRequest) -> Result<Reply, OciError> {
    let page = page(state, call, "DescribeRepositories", json!({}))?;
    let names = each(&page["repositories"], "repositoryName");
    let reply = Reply::ok().json(&json!({ "repositories": names }));
    Ok(link(reply, call, &page, "/v2/_catalog"))
}

/// A page of a listing. `last` is the token of the previous page's link, as in ECR: no tag or name.
fn page(
    state: &mut State,
    call: &OciRequest,
    operation: &str,
    mut request: Value,
) -> Result<Value, OciError> {
    if let Some(size) = call.query.get("n") {
        let size: i64 = size.parse().map_err(|_| ApiError::invalid("maxResults", "must be a number"))?;
        request["maxResults"] = size.into();
    }
    if let Some(token) = call.query.get("last") {
        request["nextToken"] = token.into();
    }
    Ok(operation::run(state, operation, &request)?)
}

fn each<'a>(list: &'a Value, member: &str) -> Vec<&'a Value> {
    list.as_array().into_iter().flatten().map(|entry| &entry[member]).collect()
}

/// Adds the link to the next page, if there is one.
fn link(reply: Reply, call: &OciRequest, page: &Value, path: &str) -> Reply {
    let Some(token) = page["nextToken"].as_str() else {
        return reply;
    };
    let size = call.query.get("n").map(|size| format!("&n={}", encode(size))).unwrap_or_default();
    reply.header(header::LINK, &format!("<{path}?last={}{size}>; rel=\"next\"", encode(token)))
}
