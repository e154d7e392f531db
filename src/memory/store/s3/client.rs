//! Requests to S3, made by the runtime of the SDK: its credentials, signatures, retries, timeouts and connections.

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use bytes::Bytes;

use super::SERVICE;
use super::region::BucketRegion;
use crate::registry::requests;
use crate::util::xml;

/// A request on a bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: &'static str,
    /// The name of the object; empty for the bucket itself.
    pub(super) object: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

/// A response that is no error, with its body still to be read.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) etag: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) length: Option<u64>,
    pub(super) modified: Option<String>,
    pub(super) body: SdkBody,
}

/// The requests to one bucket at one endpoint.
#[derive(Debug, Clone)]
pub(super) struct Client(Operation<Request, Reply, ErrorMetadata>);

impl Client {
    /// Requests to this URL, which ends with the bucket if the host is not the bucket's own. Calls nothing.
    pub(super) fn new(url: &str, region: Region, settings: &SdkConfig, bucket_region: &BucketRegion) -> Self {
        let operation = requests::operation(&SERVICE, url, region, settings, signing());
        let operation = operation.interceptor(bucket_region.clone());
        Self(operation.serializer(Request::into_http).deserializer_impl(Replies).build())
    }

    pub(super) async fn send(
        &self,
        request: Request,
    ) -> Result<Reply, SdkError<ErrorMetadata, HttpResponse>> {
        self.0.invoke(request).await
    }
}

/// Signatures as S3 wants them: of the path as it is sent, and with the hash of the body in a header.
fn signing() -> SigningOptions {
    let mut options = SigningOptions::default();
    options.double_uri_encode = false;
    options.content_sha256_header = true;
    options.normalize_uri_path = false;
    options
}

impl Request {
    fn into_http(self) -> Result<HttpRequest, BoxError> {
        let length = self.body.len();
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method(self.method)?;
        let query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{name}={}", encoded(value, ""))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        request.set_uri(format!("/{}{mark}{}", encoded(&self.object, "/"), query.join("&")))?;
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        if self.method == "PUT" {
            request.headers_mut().try_insert("content-length", length.to_string())?;
        }
        Ok(request)
    }
}

/// Percent-encoded as signatures want it.
fn encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match char::from(byte) {
            plain @ ('A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' | '~') => encoded.push(plain),
            plain if kept.contains(plain) => encoded.push(plain),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Responses, of which only errors are read here.
#[derive(Debug)]
struct Replies;

impl DeserializeResponse for Replies {
    fn deserialize_streaming(
        &self,
        response: &mut HttpResponse,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        if !response.status().is_success() {
            return None;
        }
        let body = response.take_body();
        let header = |name| response.headers().get(name).map(str::to_owned);
        Some(Ok(Output::erase(Reply {
            etag: header("etag"),
            sha256: header("x-amz-checksum-sha256"),
            modified: header("last-modified"),
            length: header("content-length").and_then(|length| length.parse().ok()),
            body,
        })))
    }

    fn deserialize_nonstreaming(&self, response: &HttpResponse) -> Result<Output, OrchestratorError<Error>> {
        let error = xml::error(response.body().bytes().unwrap_or_default());
        Err(OrchestratorError::operation(Error::erase(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_they_are_signed() {
        assert_eq!(encoded("a/b=c!d*e'f(g)h~", "/"), "a/b%3Dc%21d%2Ae%27f%28g%29h~");
        assert_eq!(encoded("a/b+ä", ""), "a%2Fb%2B%C3%A4");
    }
}
