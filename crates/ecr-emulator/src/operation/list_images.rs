//! `ListImages`: one entry for each tag, and one for each untagged image.

use serde_json::{Value, json};

use super::filter::Filter;
use crate::error::ApiError;
use crate::paging::Page;
use crate::request::Request;
use crate::state::{Image, ImageId, State};

pub(super) fn list_images(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let filter = Filter::of_listing(request)?;
    let page = Page::read(request, format!("ListImages {name}"), 100, 1_000)?
        .no_larger_than(state.limits.largest_page);
    let now = state.now();
    let repository = state.repository(name)?;
    let after = page.after.as_deref().unwrap_or_default();
    let (digest, tag) = after.split_once(' ').unwrap_or((after, ""));
    let mut entries = repository
        .images_from(digest)
        .filter(|image| filter.takes(image, now))
        .flat_map(entries)
        // A page may end between two tags of an image. An untagged image sorts before its tags.
        .filter(|entry| page.after.is_none() || *entry > (digest, Some(tag).filter(|t| !t.is_empty())));
    let taken: Vec<_> = entries.by_ref().take(page.size).collect();
    let ids: Vec<Value> = taken.iter().map(|(digest, tag)| ImageId::both(digest, *tag).to_json()).collect();
    let mut response = json!({ "imageIds": ids });
    if let (Some((digest, tag)), Some(_)) = (taken.last(), entries.next()) {
        response["nextToken"] = page.token(&format!("{digest} {}", tag.unwrap_or(""))).into();
    }
    Ok(response)
}

fn entries(image: &Image) -> impl Iterator<Item = (&str, Option<&str>)> {
    let untagged = image.tags.is_empty().then_some((image.digest.as_str(), None));
    let tagged = image.tags.iter();
    tagged.map(|tag| (image.digest.as_str(), Some(tag.as_str()))).chain(untagged)
}
