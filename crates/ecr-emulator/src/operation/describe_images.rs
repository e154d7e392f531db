//! `DescribeImages`.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::filter::Filter;
use super::timestamp;
use crate::error::ApiError;
use crate::paging::{self, Page};
use crate::request::Request;
use crate::settings::Settings;
use crate::state::{Failure, Image, ImageId, Repository, State};

pub(super) fn describe_images(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let ids = request.list("imageIds", 1, 100)?;
    let filter = Filter::read(request)?;
    let writer = Writer { settings: &state.settings, repository: name, now: state.now() };
    if let Some(ids) = ids {
        paging::refuse_with(request, "imageIds")?;
        let ids = ImageId::read_all(ids)?;
        return named(state.repository(name)?, &ids, &filter, &writer);
    }
    let page = Page::of(request, format!("DescribeImages {name}"), 100, 1_000)?
        .no_larger_than(state.limits.largest_page);
    Ok(listed(state.repository(name)?, &page, &filter, &writer))
}

/// The images that the caller named; one that is unknown fails the call.
fn named(
    repository: &Repository,
    ids: &[ImageId],
    filter: &Filter,
    writer: &Writer<'_>,
) -> Result<Value, ApiError> {
    let mut seen = HashSet::new();
    let mut details = Vec::new();
    for id in ids {
        let image = find(repository, id, writer.repository, &writer.settings.account)?;
        if filter.takes(image, writer.now) && seen.insert(&image.digest) {
            details.push(writer.detail(image));
        }
    }
    Ok(json!({ "imageDetails": details }))
}

fn listed(repository: &Repository, page: &Page, filter: &Filter, writer: &Writer<'_>) -> Value {
    let after = page.after.as_deref().unwrap_or_default();
    let mut images = repository
        .images_from(after)
        .filter(|image| image.digest != after && filter.takes(image, writer.now));
    let taken: Vec<&Image> = images.by_ref().take(page.size).collect();
    let details: Vec<Value> = taken.iter().map(|image| writer.detail(image)).collect();
    let mut response = json!({ "imageDetails": details });
    if let (Some(last), Some(_)) = (taken.last(), images.next()) {
        response["nextToken"] = page.token(&last.digest).into();
    }
    response
}

/// The image, for an operation that fails as a whole without it.
pub(super) fn find<'a>(
    repository: &'a Repository,
    id: &ImageId,
    name: &str,
    account: &str,
) -> Result<&'a Image, ApiError> {
    let invalid = |failure: Failure| ApiError::client("InvalidParameterException", failure.reason());
    id.check().map_err(invalid)?;
    let unknown = |_| {
        let message = format!(
            "The image with imageId {} does not exist within the repository with name '{name}' in the registry with \
             id '{account}'",
            id.describe()
        );
        ApiError::client("ImageNotFoundException", message)
    };
    repository.resolve(id).map_err(unknown)
}

struct Writer<'a> {
    settings: &'a Settings,
    repository: &'a str,
    now: i64,
}

impl Writer<'_> {
    /// An `ImageDetail`: what is not known is left out.
    fn detail(&self, image: &Image) -> Value {
        let mut detail = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                detail.insert(name.to_owned(), value);
            }
        };
        let tags = (!image.tags.is_empty()).then(|| image.tags.iter().map(String::as_str).collect());
        let shown = !image.hides_media_types;
        put("registryId", Some(self.settings.account.as_str().into()));
        put("repositoryName", Some(self.repository.into()));
        put("imageDigest", Some(image.digest.as_str().into()));
        put("imageTags", tags);
        put("imageSizeInBytes", Some(image.size.into()));
        put("imagePushedAt", image.pushed_at.map(timestamp));
        put("imageStatus", Some(image.status(self.now).as_str().into()));
        put("lastRecordedPullTime", image.pulled_at.map(timestamp));
        put("lastArchivedAt", image.archived_at.map(timestamp));
        put("lastActivatedAt", image.last_activated_at(self.now).map(timestamp));
        if shown {
            put("imageManifestMediaType", Some(image.manifest.media_type.as_str().into()));
            put("artifactMediaType", image.artifact_media_type().map(Value::from));
        }
        let subject = image.manifest.subject.as_deref();
        put("subjectManifestDigest", subject.map(Value::from));
        Value::Object(detail)
    }
}
