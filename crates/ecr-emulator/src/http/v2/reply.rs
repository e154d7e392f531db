//! Responses of the OCI API.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde_json::Value;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

pub(super) struct Reply(Response<Bytes>);

impl Reply {
    pub(super) fn new(status: StatusCode) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        Self(response)
    }

    pub(super) fn ok() -> Self {
        Self::new(StatusCode::OK)
    }

    /// The response for a path that is no route.
    pub(super) fn page_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND).text("404 page not found\n")
    }

    /// Adds a header, unless its value cannot be one.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    pub(super) fn digest(self, digest: &str) -> Self {
        self.header(CONTENT_DIGEST, digest)
    }

    pub(super) fn body(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        *self.0.body_mut() = bytes.into();
        self.header(header::CONTENT_TYPE, media_type)
    }

    pub(super) fn json(self, value: &Value) -> Self {
        self.body("application/json; charset=utf-8", value.to_string())
    }

    pub(super) fn text(self, text: &'static str) -> Self {
        self.body("text/plain; charset=utf-8", text)
    }

    pub(super) fn finish(self) -> Response<Body> {
        self.0.map(Body::from)
    }

    /// Like `finish`, but a HEAD gets only the length of the body.
    pub(super) fn finish_for(mut self, method: &Method) -> Response<Body> {
        if method == Method::HEAD {
            if !self.0.headers().contains_key(header::CONTENT_LENGTH) {
                let length = self.0.body().len().to_string();
                self = self.header(header::CONTENT_LENGTH, &length);
            }
            *self.0.body_mut() = Bytes::new();
        }
        self.finish()
    }
}

/// A success whose body breaks off.
pub(super) fn garbage(_: u64) -> Response<Body> {
    Reply::ok().body("application/json", "{\"schemaVersion\":2,\"mani").finish()
}
