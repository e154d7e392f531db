//! Where the cases run: the client, and a repository that is gone afterwards.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{Builder, Credentials, Region};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::trouble::Trouble;

/// Describe operations are throttled early and without a published rate.
const ATTEMPTS: u32 = 10;

/// The account that the environment's AWS settings are about.
pub async fn account() -> Result<Client, Trouble> {
    let shared = aws_config::load_defaults(BehaviorVersion::latest()).await;
    if shared.region().is_none() {
        return Err(Trouble::new(
            "no AWS region is configured: set AWS_REGION, or `region` in the AWS profile",
        ));
    }
    let config = Builder::from(&shared).retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    Ok(Client::from_conf(config.build()))
}

/// An emulator's client.
pub fn emulator(url: &str) -> Client {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "contract"))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

/// A name below the prefix that nothing else has.
pub fn fresh_name(prefix: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{prefix}/contract-{:x}-{:x}", since.as_millis(), std::process::id())
}

/// Does the work in a new repository, and deletes the repository with all that is in it: also when the work fails or
/// panics, and on SIGINT and SIGTERM.
pub async fn in_repository<T: Send + 'static>(
    client: &Client,
    name: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Trouble> {
    // Before the repository is there: from here on no signal ends the process by itself.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| Trouble(error.to_string()))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| Trouble(error.to_string()))?;
    create(client, name).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    let result = tokio::select! {
        done = tasks.join_next() => match done {
            Some(Ok(value)) => Ok(value),
            Some(Err(panic)) => Err(Trouble(panic.to_string())),
            None => Err(Trouble::new("nothing was run")),
        },
        _ = interrupt.recv() => Err(Trouble::new("interrupted")),
        _ = terminate.recv() => Err(Trouble::new("terminated")),
    };
    tasks.shutdown().await;
    remove(client, name).await?;
    result
}

/// What could not be created is not deleted: it might be someone else's.
async fn create(client: &Client, name: &str) -> Result<(), Trouble> {
    match client.create_repository().repository_name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = Trouble::from(error);
            Err(Trouble(format!("the repository '{name}' could not be created: {why}")))
        }
    }
}

async fn remove(client: &Client, name: &str) -> Result<(), Trouble> {
    match client.delete_repository().repository_name(name).force(true).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = Trouble::from(error);
            Err(Trouble(format!("the repository '{name}' COULD NOT BE DELETED, please delete it: {why}")))
        }
    }
}
