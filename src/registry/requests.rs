//! Requests to services without a model of the SDK, made by its runtime: credentials, signatures, retries, timeouts and
//! connections.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::sigv4::{self, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_sdk_ecr::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use super::{CallError, CallErrorKind};
use crate::util::aws;

/// A service, and how it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// Its id in the SDK, which also names the user's endpoint for it: `AWS_ENDPOINT_URL_S3`.
    pub id: &'static str,
    /// Its name in signatures.
    pub signing_name: &'static str,
    /// Attempts of one call.
    pub attempts: u32,
    /// The time for an attempt.
    pub attempt_timeout: Duration,
}

/// The beginning of an operation at this URL. What it sends and gives is still to be said.
pub(crate) fn operation(
    service: &Service,
    url: &str,
    region: Region,
    settings: &SdkConfig,
    signing: SigningOptions,
) -> OperationBuilder {
    let mut operation = Operation::builder()
        .service_name(service.id)
        .operation_name(service.id)
        .endpoint_url(url)
        .standard_retry(&aws::retries(settings, service.attempts))
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .timeout_config(aws::timeouts(settings, service.attempt_timeout))
        .runtime_plugin(signatures(service, region, settings, signing));
    if let Some(version) = settings.behavior_version() {
        operation = operation.behavior_version(version);
    }
    if let Some(http) = settings.http_client() {
        operation = operation.http_client(http);
    }
    operation
}

fn signatures(
    service: &Service,
    region: Region,
    settings: &SdkConfig,
    signing_options: SigningOptions,
) -> StaticRuntimePlugin {
    let mut config = Layer::new(service.id);
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    config.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(region)),
        region_set: None,
        name: Some(SigningName::from_static(service.signing_name)),
        signing_options,
    });
    let mut components = RuntimeComponentsBuilder::new(service.id)
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]),
        )))
        .with_identity_cache(settings.identity_cache());
    if let Some(credentials) = settings.credentials_provider() {
        components.set_identity_resolver(sigv4::SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
}

/// The bytes of a body, if there are no more than this.
pub(crate) async fn body(
    service: &Service,
    operation: &'static str,
    body: SdkBody,
    limit: u64,
) -> Result<Vec<u8>, CallError> {
    let failed = |kind, message: String| CallError::of_kind(operation, kind, message);
    let read = async {
        let mut stream = ByteStream::new(body);
        let mut bytes = Vec::new();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|error| failed(CallErrorKind::MalformedResponse, error.to_string()))?;
            bytes.extend_from_slice(&part);
            if bytes.len() as u64 > limit {
                return Err(too_large(operation, limit));
            }
        }
        Ok(bytes)
    };
    let late = |_| failed(CallErrorKind::NoResponse, "it took too long".to_owned());
    tokio::time::timeout(service.attempt_timeout, read).await.map_err(late)?
}

/// The failure of a call whose response is larger than this.
pub(crate) fn too_large(operation: &'static str, limit: u64) -> CallError {
    let message = format!("it is larger than {limit} bytes");
    CallError::of_kind(operation, CallErrorKind::ResponseTooLarge, message)
}

/// The endpoint of the user's for a service: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or the profile's.
pub(crate) fn given_endpoint(service: &Service, settings: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_service = || settings.service_config()?.load_config(key.ok()?);
    let of_all = || settings.endpoint_url().map(str::to_owned);
    of_service().or_else(of_all)
}

/// The domain of a Region's partition, which the SDK for ECR knows.
pub(crate) async fn domain(region: &str) -> String {
    const COMMERCIAL: &str = "amazonaws.com";
    let Ok(params) = Params::builder().region(region).build() else { return COMMERCIAL.to_owned() };
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
    let suffix = endpoint.ok().and_then(|endpoint| {
        let (_, suffix) = endpoint.url().split_once(&format!(".{region}."))?;
        Some(suffix.trim_end_matches('/').to_owned())
    });
    suffix.unwrap_or_else(|| COMMERCIAL.to_owned())
}
