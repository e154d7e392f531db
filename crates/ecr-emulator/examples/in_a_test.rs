//! A program that deletes untagged images, and its tests against the emulator.
//!
//! `cargo test -p ecr-emulator --example in_a_test`

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::BoxError;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, TagStatus};

/// Deletes the untagged images of a repository; returns how many went.
async fn delete_untagged(client: &Client, repository: &str) -> Result<usize, BoxError> {
    let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Untagged).build();
    let listed = client.describe_images().repository_name(repository).filter(filter).send().await?;
    let digests = listed.image_details().iter().filter_map(|image| image.image_digest());
    let ids: Vec<_> = digests.map(|digest| ImageIdentifier::builder().image_digest(digest).build()).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let call = client.batch_delete_image().repository_name(repository).set_image_ids(Some(ids));
    Ok(call.send().await?.image_ids().len())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let emulator = ecr_emulator::Emulator::new();
    emulator.create_repository("shop/web")?;
    ecr_emulator::artifacts::plain_image(&emulator, "shop/web", 1, None)?;
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await?;
    println!("deleted: {}", delete_untagged(&client(&server.url()), "shop/web").await?);
    Ok(())
}

/// A client of the emulator.
fn client(url: &str) -> Client {
    use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "example"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends with a panic")]
mod tests {
    use ecr_emulator::buildx::Build;
    use ecr_emulator::{Emulator, Fault, FaultRule, Server, When, artifacts};

    use super::{client, delete_untagged};

    async fn registry() -> (Emulator, Server) {
        let emulator = Emulator::new();
        emulator.create_repository("shop/web").unwrap();
        let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
        (emulator, server)
    }

    #[tokio::test]
    async fn children_of_a_tagged_index_stay() {
        let (emulator, server) = registry().await;
        Build::new(&["linux/amd64"]).push(&emulator, "shop/web", Some("v1")).unwrap();
        artifacts::plain_image(&emulator, "shop/web", 1, None).unwrap();
        // Three are untagged, and ECR guards two of them.
        assert_eq!(delete_untagged(&client(&server.url()), "shop/web").await.unwrap(), 1);
        assert_eq!(emulator.image_count("shop/web"), 3);
    }

    #[tokio::test]
    async fn a_throttled_call_is_repeated() {
        let (emulator, server) = registry().await;
        artifacts::plain_image(&emulator, "shop/web", 1, None).unwrap();
        let (operation, when) = ("BatchDeleteImage".to_owned(), When::Nth(1));
        emulator.fault(FaultRule { operation, repository: None, when, fault: Fault::Throttle });
        assert_eq!(delete_untagged(&client(&server.url()), "shop/web").await.unwrap(), 1);
        assert_eq!(emulator.calls()["BatchDeleteImage"], 2);
    }
}
