//! JSON calls to the services of AWS that know what runs.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::SigningOptions;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, sleep_until};

use super::SourceError;
use crate::registry::requests::{self, Service, body, domain, given_endpoint};
use crate::registry::{CallError, CallErrorKind, call_error};

/// The largest response that is read. A page has a few hundred entries.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A service that knows what runs.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(super) service: Service,
    /// The first label of its host.
    pub(super) host: &'static str,
    /// Its prefix in IAM.
    pub(super) prefix: &'static str,
    /// The time from one call to the next: what its quota takes, with room for others.
    pub(super) spacing: Duration,
}

impl Kind {
    pub(crate) const fn new(id: &'static str, name: &'static str, spacing: Duration) -> Self {
        let service =
            Service { id, signing_name: name, attempts: 8, attempt_timeout: Duration::from_secs(30) };
        Self { service, host: name, prefix: name, spacing }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) method: &'static str,
    /// With its query.
    pub(crate) path: String,
    /// Of the protocol that names the operation in a header.
    pub(crate) target: Option<String>,
    pub(crate) body: Option<Value>,
}

/// The calls to one service.
#[derive(Debug)]
pub(crate) struct Client {
    kind: &'static Kind,
    settings: SdkConfig,
    operation: OnceCell<Operation<Call, SdkBody, ErrorMetadata>>,
    /// When the next call may be sent.
    next: Mutex<Option<Instant>>,
}

impl Client {
    /// Calls with these settings. Calls nothing.
    pub(crate) fn new(kind: &'static Kind, settings: &SdkConfig) -> Self {
        Self { kind, settings: settings.clone(), operation: OnceCell::new(), next: Mutex::default() }
    }

    /// The response of a call.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let name = call.operation;
        let operation = self.operation(name).await?;
        self.wait().await;
        let sent = operation.invoke(call).await.map_err(|error| call_error(name, error))?;
        let bytes = body(&self.kind.service, name, sent, LARGEST).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| CallError::of_kind(name, CallErrorKind::MalformedResponse, error.to_string()))
    }

    /// The failure of a source whose call failed.
    pub(crate) fn failed(&self, error: &CallError) -> SourceError {
        let prefix = self.kind.prefix;
        let reason = match error.kind {
            CallErrorKind::AccessDenied => {
                format!("{error}; allow {prefix}:{} to this role or user", error.operation)
            }
            CallErrorKind::Throttled => format!("{error}, to the last attempt; the next run asks again"),
            CallErrorKind::ServerError | CallErrorKind::MalformedResponse | CallErrorKind::Other => {
                format!("{error}; the next run asks again")
            }
            _ => error.with_remedy(),
        };
        SourceError::new(reason).that_may_heal(error.is_transient())
    }

    async fn operation(
        &self,
        name: &'static str,
    ) -> Result<&Operation<Call, SdkBody, ErrorMetadata>, CallError> {
        let no_region =
            || CallError::of_kind(name, CallErrorKind::InvalidSettings, "no AWS Region is configured");
        let region = self.settings.region().cloned().ok_or_else(no_region)?;
        Ok(self.operation.get_or_init(|| self.connect(region)).await)
    }

    async fn connect(&self, region: Region) -> Operation<Call, SdkBody, ErrorMetadata> {
        let Kind { service, host, .. } = self.kind;
        let url = match given_endpoint(service, &self.settings) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => url(host, region.as_ref(), &self.settings).await,
        };
        let signing = SigningOptions::default();
        requests::operation(service, &url, region, &self.settings, signing)
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .serializer(Call::into_http)
            .deserializer_impl(Replies)
            .build()
    }

    /// Waits for the turn of a call.
    async fn wait(&self) {
        let mut next = self.next.lock().await;
        let turn = next.unwrap_or_else(Instant::now).max(Instant::now());
        *next = Some(turn + self.kind.spacing);
        drop(next);
        sleep_until(turn).await;
    }
}

/// The endpoint of a service. Source: AWS General Reference, service endpoints.
async fn url(host: &str, region: &str, settings: &SdkConfig) -> String {
    let fips = if settings.use_fips() == Some(true) { "-fips" } else { "" };
    let domain = domain(region).await;
    let domain = match (settings.use_dual_stack(), domain.as_str()) {
        (Some(true), "amazonaws.com") => "api.aws".to_owned(),
        (Some(true), "amazonaws.com.cn") => "api.amazonwebservices.com.cn".to_owned(),
        _ => domain,
    };
    format!("https://{host}{fips}.{region}.{domain}")
}

impl Call {
    fn into_http(self) -> Result<HttpRequest, BoxError> {
        let body = self.body.map(|body| body.to_string());
        let mut request = HttpRequest::new(SdkBody::from(body.clone().unwrap_or_default()));
        request.set_method(self.method)?;
        request.set_uri(self.path)?;
        let headers = request.headers_mut();
        if let Some(body) = body {
            let version = if self.target.is_some() { "x-amz-json-1.1" } else { "json" };
            headers.try_insert("content-type", format!("application/{version}"))?;
            headers.try_insert("content-length", body.len().to_string())?;
        }
        if let Some(target) = self.target {
            headers.try_insert("x-amz-target", target)?;
        }
        Ok(request)
    }
}

/// A text in a path or a query, percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    text.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Responses, of which only errors are read here.
#[derive(Debug)]
struct Replies;

impl DeserializeResponse for Replies {
    fn deserialize_streaming(
        &self,
        response: &mut HttpResponse,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        response.status().is_success().then(|| Ok(Output::erase(response.take_body())))
    }

    fn deserialize_nonstreaming(&self, response: &HttpResponse) -> Result<Output, OrchestratorError<Error>> {
        let header = response.headers().get("x-amzn-errortype");
        let error = error(header, response.body().bytes().unwrap_or_default());
        Err(OrchestratorError::operation(Error::erase(error)))
    }
}

/// Code and message of an error: `x-amzn-errortype` or `__type`, without name space and address.
fn error(header: Option<&str>, body: &[u8]) -> ErrorMetadata {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str();
    let code = header.or_else(|| text("__type")).or_else(|| text("code"));
    let bare = |code: &str| {
        let code = code.split([':', ',']).next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    };
    let message = text("message").or_else(|| text("Message")).or_else(|| text("errorMessage"));
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code.map(bare).filter(|code| !code.is_empty()) {
        error = error.code(code).message(message.unwrap_or_default());
    }
    error.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_code_of_its_service() {
        let told = |header, body: &str| {
            let error = error(header, body.as_bytes());
            (error.code().map(str::to_owned), error.message().map(str::to_owned))
        };
        let both = |code: &str, message: &str| (Some(code.to_owned()), Some(message.to_owned()));
        let denied = "AccessDeniedException";
        assert_eq!(
            told(Some("AccessDeniedException:http://internal/"), r#"{"Message":"no"}"#),
            both(denied, "no")
        );
        assert_eq!(
            told(None, r#"{"__type":"com.amazonaws.ecs#AccessDeniedException","message":"no"}"#),
            both(denied, "no")
        );
        assert_eq!(told(None, "<html>"), (None, None));
    }

    #[tokio::test]
    async fn every_partition_has_its_endpoints() {
        let plain = SdkConfig::builder().build();
        for (host, region, expected) in [
            ("lambda", "eu-west-1", "https://lambda.eu-west-1.amazonaws.com"),
            ("ecs", "cn-north-1", "https://ecs.cn-north-1.amazonaws.com.cn"),
            ("inspector2", "us-gov-west-1", "https://inspector2.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(url(host, region, &plain).await, expected);
        }
        let special = SdkConfig::builder().use_fips(true).use_dual_stack(true).build();
        assert_eq!(url("lambda", "us-east-1", &special).await, "https://lambda-fips.us-east-1.api.aws");
    }

    #[test]
    fn a_query_is_encoded_as_it_is_signed() {
        assert_eq!(encoded("$LATEST a/b+c=~"), "%24LATEST%20a%2Fb%2Bc%3D~");
    }
}
