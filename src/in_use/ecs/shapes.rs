//! What ECS answers, as far as it tells of images.

use serde::Deserialize;

/// A resource that a call describes by the dozen.
pub(super) trait Described {
    const OPERATION: &'static str;
    /// The field of the request.
    const ASKED: &'static str;
    /// The field of the response.
    const GIVEN: &'static str;
    /// The most that one call may name.
    const MOST: usize;
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    pub(super) task_definition: Option<String>,
    #[serde(default)]
    pub(super) deployments: Vec<Deployment>,
    #[serde(default)]
    pub(super) task_sets: Vec<Deployment>,
    #[serde(default)]
    pub(super) current_service_revisions: Vec<RevisionSummary>,
}

impl Described for Service {
    const OPERATION: &'static str = "DescribeServices";
    const ASKED: &'static str = "services";
    const GIVEN: &'static str = "services";
    const MOST: usize = 10;
}

/// A deployment or a task set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    pub(super) task_definition: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RevisionSummary {
    pub(super) arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision {
    pub(super) service_arn: String,
    #[serde(default)]
    pub(super) container_images: Vec<Container>,
}

impl Described for Revision {
    const OPERATION: &'static str = "DescribeServiceRevisions";
    const ASKED: &'static str = "serviceRevisionArns";
    const GIVEN: &'static str = "serviceRevisions";
    const MOST: usize = 20;
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    pub(super) task_arn: String,
    pub(super) task_definition_arn: String,
    pub(super) containers: Vec<Container>,
}

impl Described for Task {
    const OPERATION: &'static str = "DescribeTasks";
    const ASKED: &'static str = "tasks";
    const GIVEN: &'static str = "tasks";
    const MOST: usize = 100;
}

/// A container of a task, of a task definition or of a service's revision.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) image: Option<String>,
    pub(super) image_digest: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    pub(super) task_definition_arn: String,
    pub(super) container_definitions: Vec<Container>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GotDefinition {
    pub(super) task_definition: Definition,
}

/// Something that could not be described.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) reason: Option<String>,
}
