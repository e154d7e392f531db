//! What Amazon Inspector sees in use on ECS and EKS.
//!
//! Inspector tells only of images that it scans. Source: Amazon Inspector API reference, ListCoverage.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::aws::{Call, Client, Kind};
use super::{Named, Reference, Source, SourceError, Use};
use crate::oci::digest::Digest;
use crate::registry::{CallError, CallErrorKind, Page, RegistryPlace, pages};

const LIST: &str = "ListCoverage";
static INSPECTOR: Kind = Kind::new("Inspector2", "inspector2", Duration::from_millis(100));
/// What was in use this lately may be again: a job, say, that runs once a month.
const LATELY: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The coverage of the caller's account and Region.
#[derive(Debug)]
pub struct Coverage(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CoveragePage {
    covered_resources: Vec<Covered>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Covered {
    resource_id: String,
    resource_metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    ecr_image: Option<ImageMetadata>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageMetadata {
    in_use_count: Option<u64>,
}

impl Coverage {
    /// The coverage that is reached with these settings. Calls nothing.
    pub fn new(settings: &SdkConfig) -> Self {
        Self(Client::new(&INSPECTOR, settings))
    }

    async fn uses(&self, now: Timestamp) -> Result<Vec<Use>, SourceError> {
        let since = now.saturating_sub(LATELY).unwrap_or(now).as_second();
        let in_use = json!({ "ecrImageInUseCount": [{ "lowerInclusive": 1 }] });
        let lately = json!({ "ecrImageLastInUseAt": [{ "startInclusive": since }] });
        let mut uses = Vec::new();
        for filter in [in_use, lately] {
            let covered: Vec<Covered> = pages(LIST, |token| self.page(&filter, 200, token))
                .try_concat()
                .await
                .map_err(|error| self.0.failed(&error))?;
            for resource in covered {
                uses.push(used(&resource).map_err(|error| self.0.failed(&error))?);
            }
        }
        if uses.is_empty() {
            self.check_coverage().await?;
        }
        Ok(uses)
    }

    async fn page(
        &self,
        filter: &Value,
        most: u64,
        token: Option<String>,
    ) -> Result<Page<Vec<Covered>>, CallError> {
        let mut criteria = filter.clone();
        criteria["resourceType"] = json!([{ "comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE" }]);
        let mut body = json!({ "maxResults": most, "filterCriteria": criteria });
        if let Some(token) = token {
            body["nextToken"] = token.into();
        }
        let path = "/coverage/list".to_owned();
        let call = Call { operation: LIST, method: "POST", path, target: None, body: Some(body) };
        let page: CoveragePage = self.0.send(call).await?;
        Ok(Page { content: page.covered_resources, next: page.next_token })
    }

    /// Where Inspector scans no image at all, it cannot know that none is in use.
    async fn check_coverage(&self) -> Result<(), SourceError> {
        let page = self.page(&json!({}), 1, None).await.map_err(|error| self.0.failed(&error))?;
        if !page.content.is_empty() {
            return Ok(());
        }
        Err(SourceError::new(
            "Amazon Inspector scans no image of ECR here, and so cannot know what is in use; switch on its enhanced scanning of ECR, or take the source out",
        ))
    }
}

/// The use of an image that is known by `arn:aws:ecr:REGION:ACCOUNT:repository/NAME/sha256:...`.
fn used(resource: &Covered) -> Result<Use, CallError> {
    let id = &resource.resource_id;
    let parsed = RegistryPlace::of_arn(id).and_then(|(place, name)| {
        let (repository, digest) = name.rsplit_once('/')?;
        Some((place, repository, digest.parse::<Digest>().ok()?))
    });
    let Some((place, repository, digest)) = parsed else {
        let message = format!("it names an image as {id}");
        return Err(CallError::of_kind(LIST, CallErrorKind::MalformedResponse, message));
    };
    let metadata = resource.resource_metadata.as_ref().and_then(|it| it.ecr_image.as_ref());
    let user: Arc<str> = match metadata.and_then(|image| image.in_use_count).unwrap_or(0) {
        0 => "ECS or EKS not long ago, as Amazon Inspector saw".into(),
        1 => "a task of ECS or a pod of EKS, as Amazon Inspector sees".into(),
        count => format!("{count} tasks of ECS or pods of EKS, as Amazon Inspector sees").into(),
    };
    let repository = Some(repository.to_owned());
    Ok(Use { image: Reference::Image { place: Some(place), repository, image: Named::Digest(digest) }, user })
}

impl Source for Coverage {
    fn name(&self) -> String {
        "inspector".to_owned()
    }

    fn read(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        self.uses(now).boxed()
    }
}
