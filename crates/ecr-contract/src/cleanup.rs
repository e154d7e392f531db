//! Removal of the temporary repository and its images.

use aws_sdk_ecr::Client;

use crate::error::CaseError;
use crate::manifest::OCI_INDEX;
use crate::request::{any_status, by_digest};

/// ECR's limit on ids per `BatchDeleteImage` call.
const BATCH_LIMIT: usize = 100;

/// Deletes the repository with all its images.
pub(crate) async fn remove(client: &Client, name: &str) -> Result<(), CaseError> {
    // ECR is said to refuse even a forced deletion while images are archived. If this fails, the forced deletion shows
    // whether it mattered.
    let emptied = delete_images(client, name).await;
    match client.delete_repository().repository_name(name).force(true).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = CaseError::from(error);
            let images =
                emptied.err().map(|error| format!("; deleting its images: {error}")).unwrap_or_default();
            Err(CaseError(format!(
                "the repository '{name}' COULD NOT BE DELETED, please delete it: {why}{images}"
            )))
        }
    }
}

/// Deletes all images of any status, indexes before their children.
async fn delete_images(client: &Client, name: &str) -> Result<(), CaseError> {
    // An index listed by another one goes with a later pass, when that one is gone.
    while delete_listed(client, name, true).await? {}
    while delete_listed(client, name, false).await? {}
    Ok(())
}

/// Deletes the indexes, or the other images, that a listing shows; false if none was deleted.
async fn delete_listed(client: &Client, name: &str, indexes: bool) -> Result<bool, CaseError> {
    let mut digests = Vec::new();
    let listing = client.describe_images().repository_name(name).filter(any_status());
    let mut details = listing.into_paginator().page_size(1_000).items().send();
    while let Some(detail) = details.next().await {
        let detail = detail?;
        if (detail.image_manifest_media_type() == Some(OCI_INDEX)) == indexes {
            digests.extend(detail.image_digest);
        }
    }
    let mut deleted = false;
    for batch in digests.chunks(BATCH_LIMIT) {
        let ids = batch.iter().map(|digest| by_digest(digest)).collect();
        let call = client.batch_delete_image().repository_name(name).set_image_ids(Some(ids));
        deleted |= !call.send().await?.image_ids().is_empty();
    }
    Ok(deleted)
}
