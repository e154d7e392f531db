//! The quotas, at AWS's defaults.

/// Quotas and delays.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) repositories: usize,
    pub(crate) images_per_repository: usize,
    pub(crate) tags_per_image: usize,
    pub(crate) referrers_per_subject: usize,
    pub(crate) pull_through_rules: usize,
    pub(crate) pull_time_exclusions: usize,
    pub(crate) resource_tags: usize,
    /// Largest page of a listing, whatever is asked for.
    pub(crate) largest_page: usize,
    /// Duration of a restore from the archive, in milliseconds.
    pub(crate) activation_ms: i64,
    /// Lifetime of a layer's download URL.
    pub(crate) layer_url_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            repositories: 100_000,
            images_per_repository: 100_000,
            tags_per_image: 1_000,
            referrers_per_subject: 100,
            pull_through_rules: 50,
            pull_time_exclusions: 100,
            resource_tags: 50,
            largest_page: usize::MAX,
            activation_ms: 20 * 60 * 1_000,
            layer_url_seconds: 60 * 60,
        }
    }
}
