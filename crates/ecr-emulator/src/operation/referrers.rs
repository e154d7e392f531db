//! `ListImageReferrers`.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::filter::read_status;
use crate::digest;
use crate::error::ApiError;
use crate::paging::Page;
use crate::request::Request;
use crate::state::{Image, State, Status};

pub(super) fn list_image_referrers(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let subject = request.required_object("subjectId")?.required_text("imageDigest")?;
    if !digest::is_well_formed(subject) {
        let constraint = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        return Err(ApiError::invalid("imageDigest", constraint));
    }
    let filter = Filter::read(request)?;
    let page = Page::read(request, format!("ListImageReferrers {name} {subject}"), 20, 50)?;
    let now = state.now();
    let repository = state.repository(name)?;
    let after = Bound::Excluded(page.after.as_deref().unwrap_or_default());
    let mut referrers = repository
        .referrers_of(subject)
        .into_iter()
        .flat_map(|digests| digests.range::<str, _>((after, Bound::Unbounded)))
        .filter_map(|digest| repository.get(digest))
        .filter(|image| filter.takes(image, now));
    let taken: Vec<&Image> = referrers.by_ref().take(page.size).collect();
    let listed: Vec<Value> = taken.iter().map(|image| write(image, now)).collect();
    let mut response = json!({ "referrers": listed });
    if let (Some(last), Some(_)) = (taken.last(), referrers.next()) {
        response["nextToken"] = page.token(&last.digest).into();
    }
    Ok(response)
}

struct Filter<'a> {
    types: Vec<&'a str>,
    status: Option<Status>,
}

impl<'a> Filter<'a> {
    fn read(request: &Request<'a>) -> Result<Self, ApiError> {
        let mut filter = Self { types: Vec::new(), status: Some(Status::Active) };
        if let Some(members) = request.object("filter")? {
            filter.types = members.texts("artifactTypes", 0, 5)?.unwrap_or_default();
            if let Some(status) = read_status(&members, "artifactStatus")? {
                filter.status = status;
            }
        }
        Ok(filter)
    }

    fn takes(&self, image: &Image, now: i64) -> bool {
        let kind = artifact_type(image).unwrap_or_default();
        (self.types.is_empty() || self.types.contains(&kind))
            && self.status.is_none_or(|status| status == image.status(now))
    }
}

/// The artifact type; without one, a manifest has its config's type.
fn artifact_type(image: &Image) -> Option<&str> {
    image.manifest.artifact_type.as_deref().or_else(|| image.artifact_media_type())
}

fn write(image: &Image, now: i64) -> Value {
    let mut members = Map::new();
    members.insert("digest".to_owned(), image.digest.as_str().into());
    members.insert("mediaType".to_owned(), image.manifest.media_type.as_str().into());
    members.insert("size".to_owned(), image.text.len().into());
    members.insert("artifactStatus".to_owned(), image.status(now).as_str().into());
    if let Some(kind) = artifact_type(image) {
        members.insert("artifactType".to_owned(), kind.into());
    }
    // Few are listed at a time, so the annotations are not worth keeping apart.
    let mut manifest: Value = serde_json::from_str(&image.text).unwrap_or_default();
    if let Some(annotations @ Value::Object(_)) = manifest.get_mut("annotations") {
        members.insert("annotations".to_owned(), annotations.take());
    }
    Value::Object(members)
}
