//! The services and tasks of Amazon ECS.
//!
//! Named are: the images of running tasks, those that ECS resolved for the revisions in use of each service, and those in the
//! task definitions of services, deployments, task sets and tasks; and, since schedules name them, those in the newest active
//! revision of each family. Source: Amazon ECS API reference.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::aws::{Call, Client, Kind};
use super::{Reference, Source, SourceError, Use};
use crate::oci::digest::Digest;
use crate::registry::{CallError, CallErrorKind, Page, pages};

mod shapes;

use shapes::{Container, Definition, Described, Revision, Service, Task};

/// Reads of services and task definitions may come some twenty times a second for long.
static ECS: Kind = Kind::new("ECS", "ecs", Duration::from_millis(50));
/// Calls at once.
const AT_ONCE: usize = 4;

/// The clusters of the caller's account and Region.
#[derive(Debug)]
pub struct Clusters(Client);

/// What services and tasks lead to.
#[derive(Debug, Default)]
struct Found {
    uses: Vec<Use>,
    /// Task definitions, by ARN or family, each with a user.
    definitions: BTreeSet<String>,
    /// Revisions of services.
    revisions: BTreeSet<String>,
}

impl Clusters {
    /// The clusters that are reached with these settings. Calls nothing.
    pub fn new(settings: &SdkConfig) -> Self {
        Self(Client::new(&ECS, settings))
    }

    async fn uses(&self) -> Result<Vec<Use>, CallError> {
        let mut found = Found::default();
        for cluster in self.list("ListClusters", "clusterArns", json!({})).await? {
            self.find_services(&cluster, &mut found).await?;
            self.find_tasks(&cluster, &mut found).await?;
        }
        let Found { mut uses, definitions, revisions } = found;
        let revisions: Vec<String> = revisions.into_iter().collect();
        for revision in self.describe::<Revision>(&revisions).await? {
            let user = format!("ECS service {}", name(&revision.service_arn));
            uses.extend(images(&revision.container_images, &user));
        }
        let families = json!({ "status": "ACTIVE" });
        let families = self.list("ListTaskDefinitionFamilies", "families", families).await?;
        let mut known = BTreeSet::new();
        for names in [families, definitions.into_iter().collect()] {
            let unknown: Vec<String> = names.into_iter().filter(|name| !known.contains(name)).collect();
            for definition in self.definitions(unknown).await? {
                let user = format!("ECS task definition {}", name(&definition.task_definition_arn));
                uses.extend(images(&definition.container_definitions, &user));
                known.insert(definition.task_definition_arn);
            }
        }
        Ok(uses)
    }

    async fn find_services(&self, cluster: &str, found: &mut Found) -> Result<(), CallError> {
        let asked = json!({ "cluster": cluster, "maxResults": 100 });
        let services = self.list("ListServices", "serviceArns", asked).await?;
        for service in self.describe_in::<Service>(cluster, &services).await? {
            let deployments = service.deployments.into_iter().chain(service.task_sets);
            found.definitions.extend(service.task_definition);
            found.definitions.extend(deployments.filter_map(|deployment| deployment.task_definition));
            found.revisions.extend(service.current_service_revisions.into_iter().map(|it| it.arn));
        }
        Ok(())
    }

    async fn find_tasks(&self, cluster: &str, found: &mut Found) -> Result<(), CallError> {
        let asked = json!({ "cluster": cluster, "maxResults": 100 });
        let tasks = self.list("ListTasks", "taskArns", asked).await?;
        for task in self.describe_in::<Task>(cluster, &tasks).await? {
            let user = format!("ECS task {}", name(&task.task_arn));
            found.uses.extend(images(&task.containers, &user));
            found.definitions.insert(task.task_definition_arn);
        }
        Ok(())
    }

    /// A whole listing.
    async fn list(
        &self,
        operation: &'static str,
        field: &'static str,
        asked: Value,
    ) -> Result<Vec<String>, CallError> {
        let page = |token: Option<String>| {
            let mut asked = asked.clone();
            if let Some(token) = token {
                asked["nextToken"] = token.into();
            }
            async move {
                let mut page: Value = self.0.send(post(operation, asked)).await?;
                let content = serde_json::from_value(taken(&mut page, field)).map_err(|_| {
                    let message = format!("it gives no {field}");
                    CallError::of_kind(operation, CallErrorKind::MalformedResponse, message)
                })?;
                Ok(Page { content, next: page["nextToken"].as_str().map(str::to_owned) })
            }
        };
        pages(operation, page).try_concat().await
    }

    async fn describe<T: Described + DeserializeOwned>(&self, arns: &[String]) -> Result<Vec<T>, CallError> {
        self.described(arns, json!({})).await
    }

    async fn describe_in<T: Described + DeserializeOwned>(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Vec<T>, CallError> {
        self.described(arns, json!({ "cluster": cluster })).await
    }

    /// These resources; what is gone by now is left out, and what ECS does not mention is an error.
    async fn described<T: Described + DeserializeOwned>(
        &self,
        arns: &[String],
        asked: Value,
    ) -> Result<Vec<T>, CallError> {
        let batch = |batch: Vec<String>| {
            let mut asked = asked.clone();
            asked[T::ASKED] = json!(batch);
            async move {
                let mut reply: Value = self.0.send(post(T::OPERATION, asked)).await?;
                let found: Vec<T> = of_reply(T::OPERATION, taken(&mut reply, T::GIVEN))?;
                let failures: Vec<shapes::Failure> = of_reply(T::OPERATION, taken(&mut reply, "failures"))?;
                let is_other = |failure: &&shapes::Failure| failure.reason.as_deref() != Some("MISSING");
                let refused = failures.iter().find(is_other);
                if refused.is_some() || found.len() + failures.len() < batch.len() {
                    let why = refused.and_then(|it| it.reason.clone()).unwrap_or_default();
                    let message = format!("it does not tell of all that it was asked for {why}");
                    let kind = CallErrorKind::MalformedResponse;
                    return Err(CallError::of_kind(T::OPERATION, kind, message.trim_end()));
                }
                Ok(found)
            }
        };
        let batches: Vec<Vec<String>> = arns.chunks(T::MOST).map(<[String]>::to_vec).collect();
        stream::iter(batches).map(batch).buffer_unordered(AT_ONCE).try_concat().await
    }

    async fn definitions(&self, names: Vec<String>) -> Result<Vec<Definition>, CallError> {
        let one = |name: String| async move {
            let asked = post("DescribeTaskDefinition", json!({ "taskDefinition": name }));
            match self.0.send::<shapes::GotDefinition>(asked).await {
                Ok(got) => Ok(Some(got.task_definition)),
                // It was deleted, or the last of its family deregistered meanwhile.
                Err(error) if error.message.contains("Unable to describe task definition") => Ok(None),
                Err(error) => Err(error),
            }
        };
        let described = stream::iter(names).map(one).buffer_unordered(AT_ONCE);
        described.try_filter_map(|it| async { Ok(it) }).try_collect().await
    }
}

/// A field of a reply; null of one that has none, or is no object.
fn taken(reply: &mut Value, field: &str) -> Value {
    reply.get_mut(field).map(Value::take).unwrap_or_default()
}

fn of_reply<T: DeserializeOwned>(operation: &'static str, value: Value) -> Result<T, CallError> {
    serde_json::from_value(value)
        .map_err(|error| CallError::of_kind(operation, CallErrorKind::MalformedResponse, error.to_string()))
}

/// The images of containers: as they are named, and as they were resolved.
fn images(containers: &[Container], user: &str) -> Vec<Use> {
    let user: Arc<str> = user.into();
    let of_one = |container: &Container| {
        let named = container.image.as_deref().map(Reference::of_aws);
        let digest = container.image_digest.as_deref().and_then(|digest| digest.parse::<Digest>().ok());
        let resolved = digest.map(Reference::bare);
        named.into_iter().chain(resolved).collect::<Vec<_>>()
    };
    containers.iter().flat_map(of_one).map(|image| Use { image, user: user.clone() }).collect()
}

/// What follows the kind in an ARN: `prod/web` of `arn:aws:ecs:eu-west-1:123456789012:service/prod/web`.
fn name(arn: &str) -> &str {
    arn.split_once('/').map_or(arn, |(_, name)| name)
}

fn post(operation: &'static str, body: Value) -> Call {
    let target = Some(format!("AmazonEC2ContainerServiceV20141113.{operation}"));
    Call { operation, method: "POST", path: "/".to_owned(), target, body: Some(body) }
}

impl Source for Clusters {
    fn name(&self) -> String {
        "ecs".to_owned()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        async { self.uses().await.map_err(|error| self.0.failed(&error)) }.boxed()
    }
}
