//! Settings for behaviour that AWS leaves open.

use serde::Deserialize;

/// The fate of a layer that no manifest of its repository refers to any more.
///
/// AWS documents that such layers "may be cleaned up at any time", and that they cannot be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreferencedLayers {
    /// It stays, and can be downloaded like any other.
    Downloadable,
    /// It stays and a push can use it, but `GetDownloadUrlForLayer` is a `LayerInaccessibleException`.
    #[default]
    Inaccessible,
    /// It goes with the last manifest that refers to it. One that no manifest ever referred to stays.
    Dropped,
}

/// Delay until a child of a deleted index no longer counts as referenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceLag {
    /// Not at all: the next call can delete it.
    #[default]
    None,
    /// For a number of milliseconds of the registry's clock.
    Milliseconds(u32),
    /// For a number of calls of `BatchDeleteImage` on its repository.
    Calls(u32),
}

/// Choices where AWS's behaviour is not known.
#[derive(Clone)]
pub(crate) struct Behavior {
    /// `DescribeImages` takes `imageIds` and `filter` together.
    pub(crate) ids_with_filter: bool,
    /// `ImageNotFoundException` names every unknown image, not only the first.
    pub(crate) names_all_unknown: bool,
    /// `DescribeImages` never shows `subjectManifestDigest`.
    pub(crate) hides_subjects: bool,
    /// `PutImage` refuses a manifest whose layers are not in the repository.
    pub(crate) requires_layers: bool,
    pub(crate) unreferenced_layers: UnreferencedLayers,
    pub(crate) reference_lag: ReferenceLag,
}

impl Default for Behavior {
    fn default() -> Self {
        Self {
            ids_with_filter: true,
            names_all_unknown: false,
            hides_subjects: false,
            requires_layers: true,
            unreferenced_layers: UnreferencedLayers::default(),
            reference_lag: ReferenceLag::default(),
        }
    }
}
