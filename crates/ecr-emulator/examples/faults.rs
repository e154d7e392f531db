//! Loses an answer, throttles its repetition, and shows what really happened.
//!
//! `cargo run -p ecr-emulator --example faults`

use std::error::Error;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecr::types::ImageIdentifier;
use ecr_emulator::{Emulator, Fault, artifacts};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::new();
    emulator.create_repository("shop/web")?;
    let digest = artifacts::plain_image(&emulator, "shop/web", 1, Some("v1"))?;
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await?;

    // The deletion is done, but its answer is lost; the client's next attempt is throttled, and the third comes through.
    emulator.fault_script("BatchDeleteImage", None, [Some(Fault::DropAfter), Some(Fault::Throttle)]);
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "example"))
        .endpoint_url(server.url())
        .build();
    let id = ImageIdentifier::builder().image_digest(&digest).build();
    let call = Client::from_conf(config).batch_delete_image().repository_name("shop/web").image_ids(id);
    let answer = call.send().await?;

    // The client is told that the image is not there, though its own first attempt deleted it.
    println!("deleted: {:?}", answer.image_ids());
    println!("failures: {:?}", answer.failures());
    println!("HTTP requests: {:?}", emulator.calls());
    for entry in emulator.journal() {
        println!("request {} of {}: {:?}", entry.n, entry.operation, entry.kind);
    }
    server.stop().await;
    Ok(())
}
