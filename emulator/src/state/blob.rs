//! Layers and configs.

/// A blob of a repository.
pub(crate) struct Blob {
    pub(crate) size: u64,
    /// `None` for a blob that was only declared.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// A layer upload that is not complete yet.
#[derive(Default)]
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    /// The size of each part, in order.
    pub(crate) parts: Vec<usize>,
}
