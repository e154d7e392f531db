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
mod pull_time_exclusions;
mod put_image;
mod referrers;
mod registry;
mod registry_policy;
pub(crate) mod replication;
mod repositories;
mod repository_policy;
mod resource_tags;
mod scanning;
mod storage_class;
mod tag_mutability;
pub(crate) mod token;
pub(crate) mod uploads;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::model;
use crate::request::Request;
use crate::settings::Settings;
use crate::state::State;

type Operation = fn(&mut State, &Request<'_>) -> Result<Value, ApiError>;

/// Performs one operation.
pub(crate) fn run(state: &mut State, name: &str, request: &Value) -> Result<Value, ApiError> {
    let operation = find(name).ok_or_else(|| model::unknown(name))?;
    model::check(name, request)?;
    let request = Request::new(request)?;
    match other_registry(state, name, &request)? {
        Some(registry) => state.in_registry(&registry, |state| operation(state, &request)),
        None => operation(state, &request),
    }
}

fn find(name: &str) -> Option<Operation> {
    Some(match name {
        "BatchCheckLayerAvailability" => layers::batch_check_layer_availability,
        "BatchDeleteImage" => batch_delete_image::batch_delete_image,
        "BatchGetImage" => batch_get_image::batch_get_image,
        "BatchGetRepositoryScanningConfiguration" => scanning::batch_get_repository_scanning_configuration,
        "CompleteLayerUpload" => layer_uploads::complete_layer_upload,
        "CreatePullThroughCacheRule" => pull_through::create_rule,
        "CreateRepository" => repositories::create_repository,
        "DeleteLifecyclePolicy" => lifecycle::delete_lifecycle_policy,
        "DeletePullThroughCacheRule" => pull_through::delete_rule,
        "DeleteRegistryPolicy" => registry_policy::delete_registry_policy,
        "DeleteRepository" => repositories::delete_repository,
        "DeleteRepositoryPolicy" => repository_policy::delete_repository_policy,
        "DeregisterPullTimeUpdateExclusion" => pull_time_exclusions::deregister,
        "DescribeImageScanFindings" => scanning::describe_image_scan_findings,
        "DescribeImages" => describe_images::describe_images,
        "DescribePullThroughCacheRules" => pull_through::describe_rules,
        "DescribeRegistry" => registry::describe_registry,
        "DescribeRepositories" => repositories::describe_repositories,
        "GetAuthorizationToken" => registry::get_authorization_token,
        "GetDownloadUrlForLayer" => layers::get_download_url_for_layer,
        "GetLifecyclePolicy" => lifecycle::get_lifecycle_policy,
        "GetLifecyclePolicyPreview" => lifecycle::get_lifecycle_policy_preview,
        "GetRegistryPolicy" => registry_policy::get_registry_policy,
        "GetRegistryScanningConfiguration" => scanning::get_registry_scanning_configuration,
        "GetRepositoryPolicy" => repository_policy::get_repository_policy,
        "InitiateLayerUpload" => layer_uploads::initiate_layer_upload,
        "ListImageReferrers" => referrers::list_image_referrers,
        "ListImages" => list_images::list_images,
        "ListPullTimeUpdateExclusions" => pull_time_exclusions::list,
        "ListTagsForResource" => resource_tags::list_tags_for_resource,
        "PutImage" => put_image::put_image,
        "PutImageScanningConfiguration" => scanning::put_image_scanning_configuration,
        "PutImageTagMutability" => tag_mutability::put_image_tag_mutability,
        "PutLifecyclePolicy" => lifecycle::put_lifecycle_policy,
        "PutRegistryPolicy" => registry_policy::put_registry_policy,
        "PutRegistryScanningConfiguration" => scanning::put_registry_scanning_configuration,
        "PutReplicationConfiguration" => replication::put_replication_configuration,
        "RegisterPullTimeUpdateExclusion" => pull_time_exclusions::register,
        "SetRepositoryPolicy" => repository_policy::set_repository_policy,
        "StartImageScan" => scanning::start_image_scan,
        "TagResource" => resource_tags::tag_resource,
        "UntagResource" => resource_tags::untag_resource,
        "UpdateImageStorageClass" => storage_class::update_image_storage_class,
        "UpdatePullThroughCacheRule" => pull_through::update_rule,
        "UploadLayerPart" => layer_uploads::upload_layer_part,
        "ValidatePullThroughCacheRule" => pull_through::validate_rule,
        _ => return None,
    })
}

/// Another account's registry, if the caller names one. It has no policy that lets this caller in, unless all are
/// let in everywhere.
fn other_registry(
    state: &State,
    operation: &str,
    request: &Request<'_>,
) -> Result<Option<Settings>, ApiError> {
    let registry = match request.text("registryId")? {
        Some(registry) if registry != state.settings.account => registry,
        _ => return Ok(None),
    };
    if state.cross_account {
        let region = state.settings.region.clone();
        return Ok(Some(Settings { account: registry.to_owned(), region }));
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
