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
    let writer = Writer::new(state, name);
    if let Some(ids) = request.list("imageIds", 1, 100)? {
        paging::refuse_with(request, "imageIds")?;
        if !state.behavior.ids_with_filter && request.has("filter") {
            return Err(ApiError::invalid("filter", "must not be specified together with imageIds"));
        }
        let (ids, filter) = (ImageId::read_all(ids)?, Filter::of_ids(request)?);
        return named(state, &ids, &filter, &writer);
    }
    let filter = Filter::of_listing(request)?;
    let page = Page::read(request, format!("DescribeImages {name}"), 100, 1_000)?
        .no_larger_than(state.limits.largest_page);
    Ok(listed(state.repository(name)?, &page, &filter, &writer))
}

/// The images that the caller named; one that is unknown fails the call.
fn named(state: &State, ids: &[ImageId], filter: &Filter, writer: &Writer<'_>) -> Result<Value, ApiError> {
    let repository = state.repository(writer.repository)?;
    ids.iter().try_for_each(check)?;
    let unknown: Vec<&ImageId> = ids.iter().filter(|id| repository.resolve(id).is_err()).collect();
    let account = &state.settings.account;
    match unknown.as_slice() {
        [] => {}
        [first, _, ..] if !state.behavior.names_all_unknown => {
            return Err(not_found(&[first], writer.repository, account));
        }
        all => return Err(not_found(all, writer.repository, account)),
    }
    let mut seen = HashSet::new();
    let images = ids.iter().filter_map(|id| repository.resolve(id).ok());
    let shown = images.filter(|image| filter.takes(image, writer.now) && seen.insert(&image.digest));
    let details: Vec<Value> = shown.map(|image| writer.detail(image)).collect();
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
    check(id)?;
    repository.resolve(id).map_err(|_| not_found(&[id], name, account))
}

fn check(id: &ImageId) -> Result<(), ApiError> {
    let invalid = |failure: Failure| ApiError::client("InvalidParameterException", failure.reason());
    id.check().map_err(invalid)
}

/// The text for one image is ECR's; the one for several is made after it.
fn not_found(ids: &[&ImageId], name: &str, account: &str) -> ApiError {
    let described: Vec<String> = ids.iter().map(|id| id.describe()).collect();
    let subject = match described.as_slice() {
        [one] => format!("The image with imageId {one} does not exist"),
        several => format!("The images with imageIds [{}] do not exist", several.join(", ")),
    };
    let message =
        format!("{subject} within the repository with name '{name}' in the registry with id '{account}'");
    ApiError::client("ImageNotFoundException", message)
}

struct Writer<'a> {
    settings: &'a Settings,
    repository: &'a str,
    hides_subjects: bool,
    now: i64,
}

impl<'a> Writer<'a> {
    fn new(state: &'a State, repository: &'a str) -> Self {
        let hides_subjects = state.behavior.hides_subjects;
        Self { settings: &state.settings, repository, hides_subjects, now: state.now() }
    }

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
        let subject = image.manifest.subject.as_deref().filter(|_| !self.hides_subjects);
        put("subjectManifestDigest", subject.map(Value::from));
        Value::Object(detail)
    }
}
