//! Settings for behaviour that AWS leaves open.

/// How the registry behaves where AWS's answer is unknown, or differs by account.
#[derive(Clone)]
pub(crate) struct Behavior {
    /// `DescribeImages` takes `imageIds` and `filter` together.
    pub(crate) ids_with_filter: bool,
    /// `ImageNotFoundException` names every unknown image, not only the first.
    pub(crate) names_all_unknown: bool,
    /// `DescribeImages` never shows `subjectManifestDigest`.
    pub(crate) hides_subjects: bool,
}

impl Default for Behavior {
    fn default() -> Self {
        Self { ids_with_filter: true, names_all_unknown: false, hides_subjects: false }
    }
}
