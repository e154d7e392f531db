//! The AWS SDK for Rust against the server.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use ecr_emulator::buildx::Build;

use crate::support::{OCI_INDEX, OCI_MANIFEST, REPO, emulator};

/// A client with the SDK's own retries.
pub(crate) fn client(url: &str) -> Client {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn the_sdk_lists_pulls_retags_and_deletes() {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let client = client(&server.url());
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();

    let mut images =
        client.describe_images().repository_name(REPO).into_paginator().page_size(2).items().send();
    let mut count = 0;
    while let Some(image) = images.next().await {
        // The SDK cuts off what a fraction of a second loses as a float: 1 ms.
        let pushed_at = image.unwrap().image_pushed_at.unwrap().to_millis().unwrap();
        assert!((emulator.now() - pushed_at).abs() <= 1, "{pushed_at}");
        count += 1;
    }
    assert_eq!(count, 3);

    let id = ImageIdentifier::builder().image_digest(&pushed.root).build();
    let got = client
        .batch_get_image()
        .repository_name(REPO)
        .image_ids(id)
        .accepted_media_types(OCI_INDEX)
        .accepted_media_types(OCI_MANIFEST)
        .send()
        .await
        .unwrap();
    let manifest = got.images()[0].image_manifest().unwrap();
    client
        .put_image()
        .repository_name(REPO)
        .image_manifest(manifest)
        .image_digest(&pushed.root)
        .image_tag("v2")
        .send()
        .await
        .unwrap();
    assert_eq!(emulator.digest_of_tag(REPO, "v2").as_deref(), Some(pushed.root.as_str()));

    let child = ImageIdentifier::builder().image_digest(&pushed.attestations[0]).build();
    let refused = client.batch_delete_image().repository_name(REPO).image_ids(child).send().await.unwrap();
    let failure = &refused.failures()[0];
    assert_eq!(failure.failure_code(), Some(&ImageFailureCode::ImageReferencedByManifestList));
}

#[tokio::test]
async fn the_sdk_reads_errors_and_uploads_layers() {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let client = client(&server.url());
    let error = client.list_images().repository_name("no/such").send().await.unwrap_err();
    assert!(error.into_service_error().is_repository_not_found_exception());

    let upload = client.initiate_layer_upload().repository_name(REPO).send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = client.upload_layer_part().repository_name(REPO).upload_id(id);
    part.part_first_byte(0).part_last_byte(1).layer_part_blob(Blob::new("{}")).send().await.unwrap();
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let complete = client.complete_layer_upload().repository_name(REPO).upload_id(id).layer_digests(digest);
    assert_eq!(complete.send().await.unwrap().layer_digest(), Some(digest));
}
