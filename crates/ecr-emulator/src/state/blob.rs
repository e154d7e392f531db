//! Layers and configs.

use axum::body::Bytes;

use crate::error::ApiError;

/// A blob of a repository.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) size: u64,
    /// `None` for a blob that was only declared.
    pub(crate) bytes: Option<Bytes>,
}

/// A layer upload that is not complete yet.
#[derive(Clone, Default)]
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    /// The size of each part, in order.
    pub(crate) parts: Vec<usize>,
}

impl Upload {
    /// Adds a part.
    pub(crate) fn add_part(&mut self, part: &[u8]) {
        self.parts.push(part.len());
        self.bytes.extend_from_slice(part);
    }

    /// Extends the last part. The OCI API has no parts: ECR cuts uploads there by itself.
    pub(crate) fn lengthen(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.parts.last_mut() {
            Some(last) => *last += bytes.len(),
            None => self.parts.push(bytes.len()),
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Fails unless `first` continues the bytes received.
    pub(crate) fn check_first(&self, first: i64) -> Result<(), ApiError> {
        let received = self.bytes.len();
        if i64::try_from(received).is_ok_and(|received| received == first) {
            return Ok(());
        }
        let message = format!("First byte of the layer part is {first} instead of {received}");
        Err(ApiError::client("InvalidLayerPartException", message))
    }
}
