//! Serves a registry with a pushed build, and reads it with the AWS SDK.
//!
//! `cargo run -p ecr-emulator --example serve`

use std::error::Error;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecr::types::ImageIdentifier;
use ecr_emulator::Emulator;
use ecr_emulator::buildx::{Build, Mode, Provenance};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::new();
    emulator.create_repository("shop/web")?;
    let provenance = Provenance::new()
        .mode(Mode::Max)
        .builder_id("https://github.com/acme/shop/actions/runs/7")
        .checkout("https://github.com/acme/shop", "c0ffee");
    let build = Build::new(&["linux/amd64", "linux/arm64"]).sbom(true).provenance(provenance);
    let pushed = build.push(&emulator, "shop/web", Some("v1"))?;

    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await?;
    println!("serving on {}", server.url());
    let client = client(&server.url());

    let listed = client.describe_images().repository_name("shop/web").send().await?;
    for image in listed.image_details() {
        println!("{} {:?}", image.image_digest().unwrap_or("?"), image.image_tags());
    }
    // ECR's only guard: a child cannot go before its index.
    let child = ImageIdentifier::builder().image_digest(&pushed.attestations[0]).build();
    let answer = client.batch_delete_image().repository_name("shop/web").image_ids(child).send().await?;
    for failure in answer.failures() {
        println!("{}", failure.failure_reason().unwrap_or("?"));
    }
    println!("HTTP requests: {:?}", emulator.calls());
    server.stop().await;
    Ok(())
}

fn client(url: &str) -> Client {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "example"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}
