//! An ECR behind the real adapter and the real SDK, whose answers are made up.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecr::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use ecr_attestation_janitor::registry::ecr::Ecr;
use serde_json::Value;

/// A status and a body.
pub struct Reply(pub u16, pub Vec<u8>);

impl From<String> for Reply {
    fn from(body: String) -> Self {
        Self(200, body.into_bytes())
    }
}

/// An ECR that answers each operation, with its request, so.
pub fn ecr<R: Into<Reply>>(answer: impl Fn(&str, &Value) -> R + Send + Sync + 'static) -> Ecr {
    let connector = SharedHttpConnector::new(Connector(Arc::new(move |operation, request| {
        answer(operation, request).into()
    })));
    let credentials = Credentials::new("nobody", "nothing", None, None, "replay");
    let settings = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://replay")
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    Ecr::new(&settings).unwrap()
}

/// Waits for something that only ever waits for a replay.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

type Answer = Arc<dyn Fn(&str, &Value) -> Reply + Send + Sync>;

#[derive(Clone)]
struct Connector(Answer);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let Reply(status, body) = (self.0)(operation, &body);
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, body.into())))
    }
}
