//! Answers in AWS JSON 1.1.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fault::mix;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// The answer to call number `n`.
pub(super) fn answer(n: u64, result: Result<Value, ApiError>) -> Response<Body> {
    match result {
        Ok(value) => write(n, StatusCode::OK, value.to_string()),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            let mut body = json!({ "__type": error.code });
            if !error.message.is_empty() {
                body["message"] = error.message.into();
            }
            let mut response = write(n, status, body.to_string());
            if let Ok(value) = HeaderValue::from_str(&error.code) {
                let name = HeaderName::from_static("x-amzn-errortype");
                response.headers_mut().insert(name, value);
            }
            response
        }
    }
}

/// A success whose body breaks off.
pub(super) fn garbage(n: u64) -> Response<Body> {
    write(n, StatusCode::OK, "{\"imageDetails\":[{\"imageDigest\":\"sha2".to_owned())
}

fn write(n: u64, status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Ok(id) = HeaderValue::from_str(&request_id(n)) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

fn request_id(n: u64) -> String {
    let random = mix(n);
    format!("{:08x}-{:04x}-4000-8000-{n:012x}", random >> 32, (random >> 16) & 0xffff)
}
