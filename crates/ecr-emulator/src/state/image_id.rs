//! Image identifiers of requests: digest, tag, or both.

use serde_json::{Map, Value};

use super::{Failure, is_tag};
use crate::digest;
use crate::error::ApiError;
use crate::request::Request;

/// An `ImageIdentifier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageId {
    pub(crate) digest: Option<String>,
    pub(crate) tag: Option<String>,
}

impl ImageId {
    pub(crate) fn digest(digest: &str) -> Self {
        Self { digest: Some(digest.to_owned()), tag: None }
    }

    pub(crate) fn both(digest: &str, tag: Option<&str>) -> Self {
        Self { digest: Some(digest.to_owned()), tag: tag.map(str::to_owned) }
    }

    pub(crate) fn read(request: &Request<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            digest: request.text("imageDigest")?.map(str::to_owned),
            tag: request.text("imageTag")?.map(str::to_owned),
        })
    }

    /// The list that batches take: 1 to 100.
    pub(crate) fn read_all(list: &[Value]) -> Result<Vec<Self>, ApiError> {
        list.iter().map(|value| Self::read(&Request::new(value)?)).collect()
    }

    /// Fails for an id that could not name any image.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.digest.is_none() && self.tag.is_none() {
            let reason = "Invalid request parameters: both tag and digest cannot be null";
            return Err(Failure::new("MissingDigestAndTag", reason));
        }
        if self.digest.as_deref().is_some_and(|d| !digest::is_well_formed(d)) {
            let reason = "Invalid request parameters: image digest should satisfy the regex \
                          '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            return Err(Failure::new("InvalidImageDigest", reason));
        }
        if self.tag.as_deref().is_some_and(|t| !is_tag(t)) {
            let reason = "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'";
            return Err(Failure::new("InvalidImageTag", reason));
        }
        Ok(())
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut members = Map::new();
        if let Some(digest) = &self.digest {
            members.insert("imageDigest".to_owned(), digest.as_str().into());
        }
        if let Some(tag) = &self.tag {
            members.insert("imageTag".to_owned(), tag.as_str().into());
        }
        Value::Object(members)
    }

    /// The way error texts print it.
    pub(crate) fn describe(&self) -> String {
        let or_null = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
        format!("{{imageDigest:'{}', imageTag:'{}'}}", or_null(&self.digest), or_null(&self.tag))
    }
}
