//! An HTTP connector of the SDK that calls a function.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use ecr_emulator::ApiError;
use serde_json::{Value, json};

/// One HTTP request in AWS JSON 1.1. A call that is retried makes several.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its number among all attempts of the client, from 1.
    pub number: usize,
    /// The API operation, as in `DescribeImages`.
    pub operation: String,
    /// The request's body; null if it is no JSON.
    pub request: Value,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection that closes without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer;

impl Reply {
    /// A success with this body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into() }
    }
}

impl From<&Result<Value, ApiError>> for Reply {
    /// As ECR writes it.
    fn from(answer: &Result<Value, ApiError>) -> Self {
        match answer {
            Ok(answer) => Self::ok(answer.to_string()),
            Err(ApiError { code, message, status }) => {
                let body = json!({"__type": code, "message": message}).to_string().into_bytes();
                Self { status: *status, body }
            }
        }
    }
}

/// Settings of the SDK that send each attempt to a function: with a Region, credentials and an endpoint, none of which
/// matters, and with the SDK's standard retries.
pub fn config<F>(serve: impl Fn(Attempt) -> F + Send + Sync + 'static) -> SdkConfig
where
    F: Future<Output = Result<Reply, NoAnswer>> + Send + 'static,
{
    let connector = SharedHttpConnector::new(Connector {
        serve: Arc::new(move |attempt| Box::pin(serve(attempt))),
        attempts: Arc::default(),
    });
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "nothing", None, None, "in-process");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://in-process")
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

type Answer = Pin<Box<dyn Future<Output = Result<Reply, NoAnswer>> + Send>>;

#[derive(Clone)]
struct Connector {
    serve: Arc<dyn Fn(Attempt) -> Answer + Send + Sync>,
    attempts: Arc<AtomicUsize>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let answer = (self.serve)(Attempt {
            number: 1 + self.attempts.fetch_add(1, Ordering::Relaxed),
            operation: target.rsplit('.').next().unwrap_or_default().to_owned(),
            request: serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default(),
        });
        HttpConnectorFuture::new(async { response(answer.await) })
    }
}

fn response(answer: Result<Reply, NoAnswer>) -> Result<HttpResponse, ConnectorError> {
    let closed = |_| ConnectorError::io("connection closed before message completed".into());
    let Reply { status, body } = answer.map_err(closed)?;
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::user(error.into()))?;
    let length = body.len().to_string();
    let mut response = HttpResponse::new(status, body.into());
    response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    response.headers_mut().insert("content-length", length);
    Ok(response)
}
