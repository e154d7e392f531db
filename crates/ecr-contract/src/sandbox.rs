//! The client and the temporary repository that the cases run in.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{Builder, Credentials, Region};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::cleanup;
use crate::error::CaseError;

/// Attempts per call: describe operations are throttled early, without a published rate.
const ATTEMPTS: u32 = 10;

/// A client for the account of the AWS settings in the environment.
pub async fn account() -> Result<Client, CaseError> {
    let shared = aws_config::load_defaults(BehaviorVersion::latest()).await;
    if shared.region().is_none() {
        return Err(CaseError::new(
            "no AWS region is configured: set AWS_REGION, or `region` in the AWS profile",
        ));
    }
    let config = Builder::from(&shared).retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    Ok(Client::from_conf(config.build()))
}

/// A client for an emulator.
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

/// A repository name below the prefix that is not in use.
pub fn fresh_name(prefix: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{prefix}/contract-{:x}-{:x}", since.as_millis(), std::process::id())
}

/// Runs work in a new repository, which is deleted with its images afterwards.
///
/// That also happens when the work fails or panics, and on SIGINT and SIGTERM.
pub async fn in_repository<T: Send + 'static>(
    client: &Client,
    name: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, CaseError> {
    // Installed before the repository exists: from here on no signal ends the process by itself.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CaseError::new)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CaseError::new)?;
    create(client, name).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    let result = tokio::select! {
        done = tasks.join_next() => match done {
            Some(Ok(value)) => Ok(value),
            Some(Err(panic)) => Err(CaseError::new(panic)),
            None => Err(CaseError::new("nothing was run")),
        },
        _ = interrupt.recv() => Err(CaseError::new("interrupted")),
        _ = terminate.recv() => Err(CaseError::new("terminated")),
    };
    tasks.shutdown().await;
    cleanup::remove(client, name).await?;
    result
}

/// Creates the repository. One that could not be created is not deleted either: it may belong to somebody else.
async fn create(client: &Client, name: &str) -> Result<(), CaseError> {
    match client.create_repository().repository_name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = CaseError::from(error);
            Err(CaseError(format!("the repository '{name}' could not be created: {why}")))
        }
    }
}
