//! Account and Region of a registry.

/// The account and Region of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Settings {
    /// Twelve digits; also the registry's id.
    pub account: String,
    /// The Region in ARNs and URIs.
    pub region: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { account: "123456789012".to_owned(), region: "us-east-1".to_owned() }
    }
}

impl Settings {
    /// The ARN of a repository of this registry.
    pub(crate) fn repository_arn(&self, name: &str) -> String {
        format!("arn:aws:ecr:{}:{}:repository/{name}", self.region, self.account)
    }

    /// The ARN of a caller who assumed no role.
    pub(crate) fn caller_arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/emulator/session", self.account)
    }

    /// The host that Docker would talk to.
    pub(crate) fn registry_host(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com", self.account, self.region)
    }
}
