//! The registry that a host or an ARN names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An account and a Region: the place of a private registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RegistryPlace {
    /// The account, 12 digits.
    pub account: String,
    /// The Region.
    pub region: String,
}

impl RegistryPlace {
    /// The registry of `123456789012.dkr.ecr.eu-west-1.amazonaws.com`, also `ecr-fips`, of another partition, or for IPv6
    /// (`123456789012.dkr-ecr.eu-west-1.on.aws`).
    pub fn of_host(host: &str) -> Option<Self> {
        const SERVICES: [&str; 4] = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."];
        let (account, rest) = host.split_once('.')?;
        let rest = SERVICES.iter().find_map(|service| rest.strip_prefix(service))?;
        let (region, _domain) = rest.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|c| c.is_ascii_digit());
        is_account.then(|| Self { account: account.to_owned(), region: region.to_owned() })
    }

    /// The registry of `arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME`, and the name with what follows it.
    pub fn of_arn(text: &str) -> Option<(Self, &str)> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':').skip(1);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let name = parts.next()?.strip_prefix("repository/")?;
        (service == "ecr").then(|| (Self { account: account.to_owned(), region: region.to_owned() }, name))
    }
}

impl fmt::Display for RegistryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}, Region {}", self.account, self.region)
    }
}
