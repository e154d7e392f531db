//! The API's operations, one file for each family.

mod batch_delete_image;
pub(crate) mod batch_get_image;
mod describe_images;
mod filter;
mod layer_uploads;
mod layers;
mod lifecycle;
mod list_images;
mod pull_through;
mod put_image;
mod referrers;
mod registry;
mod repositories;
mod resource_tags;
mod storage_class;
mod tag_mutability;
pub(crate) mod token;
pub(crate) mod uploads;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::request::Request;
use crate::state::State;

type Operation = fn(&mut State, &Request<'_>) -> Result<Value, ApiError>;

/// Does one operation.
pub(crate) fn run(state: &mut State, name: &str, request: &Value) -> Result<Value, ApiError> {
    let Some(operation) = find(name) else {
        let message = format!("The operation {name} is not known to this registry.");
        return Err(ApiError::client("UnknownOperationException", message));
    };
    let request = Request::new(request)?;
    check_registry(state, name, &request)?;
    operation(state, &request)
}

fn find(name: &str) -> Option<Operation> {
    Some(match name {
        "BatchCheckLayerAvailability" => layers::batch_check_layer_availability,
        "BatchDeleteImage" => batch_delete_image::batch_delete_image,
        "BatchGetImage" => batch_get_image::batch_get_image,
        "CompleteLayerUpload" => layer_uploads::complete_layer_upload,
        "CreatePullThroughCacheRule" => pull_through::create_rule,
        "CreateRepository" => repositories::create_repository,
        "DeleteLifecyclePolicy" => lifecycle::delete_lifecycle_policy,
        "DeletePullThroughCacheRule" => pull_through::delete_rule,
        "DeleteRepository" => repositories::delete_repository,
        "DescribeImages" => describe_images::describe_images,
        "DescribePullThroughCacheRules" => pull_through::describe_rules,
        "DescribeRegistry" => registry::describe_registry,
        "DescribeRepositories" => repositories::describe_repositories,
        "GetAuthorizationToken" => registry::get_authorization_token,
        "GetDownloadUrlForLayer" => layers::get_download_url_for_layer,
        "GetLifecyclePolicy" => lifecycle::get_lifecycle_policy,
        "InitiateLayerUpload" => layer_uploads::initiate_layer_upload,
        "ListImageReferrers" => referrers::list_image_referrers,
        "ListImages" => list_images::list_images,
        "ListTagsForResource" => resource_tags::list_tags_for_resource,
        "PutImage" => put_image::put_image,
        "PutImageTagMutability" => tag_mutability::put_image_tag_mutability,
        "PutLifecyclePolicy" => lifecycle::put_lifecycle_policy,
        "TagResource" => resource_tags::tag_resource,
        "UntagResource" => resource_tags::untag_resource,
        "UpdateImageStorageClass" => storage_class::update_image_storage_class,
        "UploadLayerPart" => layer_uploads::upload_layer_part,
        _ => return None,
    })
}

/// Another account's registry exists, but without a policy there that lets this caller in.
fn check_registry(state: &State, operation: &str, request: &Request<'_>) -> Result<(), ApiError> {
    let Some(registry) = request.text("registryId")? else {
        return Ok(());
    };
    if registry.len() != 12 || !registry.bytes().all(|b| b.is_ascii_digit()) {
        let constraint = "must satisfy regular expression '[0-9]{12}'";
        return Err(ApiError::invalid("registryId", constraint));
    }
    if registry == state.settings.account {
        return Ok(());
    }
    let name = request.text("repositoryName")?.unwrap_or("*");
    let region = &state.settings.region;
    Err(ApiError::client(
        "AccessDeniedException",
        format!(
            "User: {} is not authorized to perform: ecr:{operation} on resource: \
             arn:aws:ecr:{region}:{registry}:repository/{name} because no resource-based policy allows the \
             ecr:{operation} action",
            state.settings.caller_arn()
        ),
    ))
}

/// A timestamp as AWS JSON 1.1 has it: seconds, with milliseconds as a fraction.
fn timestamp(milliseconds: i64) -> Value {
    json!(milliseconds as f64 / 1_000.0)
}
