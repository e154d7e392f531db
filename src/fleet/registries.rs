//! The registries of a configuration: its targets with all their accounts and Regions.

use std::collections::BTreeSet;

use aws_config::SdkConfig;

use super::organization;
use crate::config::Config;
use crate::config::target::{Accounts, Registry, Role, Target, is_account_id};
use crate::memory::store::s3::S3;
use crate::memory::store::{Key, Store as _};
use crate::util::sanitize;

/// A list of accounts has no more bytes than this.
const LARGEST_LIST: u64 = 1024 * 1024;

/// Accounts that cannot be had, or registries that are named twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[target]]: {0}")]
pub struct UnknownTargets(String);

/// The registries of a configuration, none of which stands twice; none if it has no targets. Lists of accounts are asked
/// for with these settings.
pub async fn registries(config: &Config, own: &SdkConfig) -> Result<Vec<Registry>, UnknownTargets> {
    let mut all = Vec::new();
    for target in &config.targets {
        let asked;
        let accounts = match target.known_accounts() {
            Some(known) => known,
            None => {
                asked = accounts_of(target, own).await?;
                asked.as_slice()
            }
        };
        all.extend(target.registries(accounts));
    }
    let mut seen = BTreeSet::new();
    let account = |it: &Registry| it.account().map(str::to_owned);
    if let Some(twice) = all.iter().find(|it| !seen.insert((account(it), it.region.clone()))) {
        return Err(UnknownTargets(format!("{twice} is named twice")));
    }
    let partitions: BTreeSet<&str> = all.iter().filter_map(Registry::partition).collect();
    match partitions.len() {
        0 | 1 => Ok(all),
        _ => Err(UnknownTargets("the roles are of several partitions, and none can be assumed from another: one configuration for each".into())),
    }
}

async fn accounts_of(target: &Target, own: &SdkConfig) -> Result<Vec<String>, UnknownTargets> {
    match &target.role {
        Some(Role::Each { accounts: Accounts::Organization, .. }) => {
            organization::accounts(own).await.map_err(UnknownTargets)
        }
        Some(Role::Each { accounts: Accounts::Object { folder, name }, .. }) => {
            let place = format!("{folder}/{name}");
            let key = Key::new(name.as_str()).map_err(|error| UnknownTargets(error.to_string()))?;
            let stored = S3::new(folder, own).get(&key, LARGEST_LIST).await;
            let stored = stored.map_err(|error| UnknownTargets(error.with_remedy()))?;
            let missing = || UnknownTargets(format!("{place} is not there; it has one account a line"));
            listed(&stored.ok_or_else(missing)?.bytes, &place).map_err(UnknownTargets)
        }
        _ => Ok(Vec::new()),
    }
}

/// One account a line; `#` begins a comment. Anything else is an error, and so is nothing at all.
fn listed(bytes: &[u8], place: &str) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{place} is no text"))?;
    let mut accounts = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let id = line.split('#').next().unwrap_or_default().trim();
        if id.is_empty() {
            continue;
        }
        if !is_account_id(id) {
            return Err(format!("{place}, line {number}: {:?} is no account", sanitize::cut(id, 40)));
        }
        accounts.insert(id.to_owned());
    }
    match accounts.is_empty() {
        true => Err(format!("{place} names no account")),
        false => Ok(accounts.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_accounts_has_one_a_line_and_nothing_else() {
        let told = |text: &str| listed(text.as_bytes(), "s3://b/accounts.txt");
        let accounts = told("# ours\n222222222222\n\n111111111111 # shared\r\n222222222222\n");
        assert_eq!(accounts, Ok(vec!["111111111111".into(), "222222222222".into()]));
        let wrong = told("222222222222\n22222222222\n").unwrap_err();
        assert_eq!(wrong, "s3://b/accounts.txt, line 2: \"22222222222\" is no account");
        assert_eq!(told("# none\n").unwrap_err(), "s3://b/accounts.txt names no account");
    }

    #[tokio::test]
    async fn what_is_named_twice_is_refused() {
        let of = async |file: &str| {
            let config = Config::parse(file, &Default::default()).unwrap();
            registries(&config, &SdkConfig::builder().build()).await.map_err(|it| it.to_string())
        };
        let one = "[[target]]\nrole_arn = 'arn:aws:iam::{account}:role/x'\naccounts = ['111111111111', '222222222222']\nregions = ['eu-west-1', 'us-east-1']\n";
        let all = of(one).await.unwrap();
        let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 4);
        assert_eq!(shown[3], "account 222222222222, Region us-east-1");
        let two =
            "[[target]]\nrole_arn = 'arn:aws:iam::222222222222:role/another'\nregions = ['us-east-1']\n";
        let twice = of(&format!("{one}{two}")).await.unwrap_err();
        assert_eq!(twice, "[[target]]: account 222222222222, Region us-east-1 is named twice");
        let china =
            "[[target]]\nrole_arn = 'arn:aws-cn:iam::333333333333:role/x'\nregions = ['cn-north-1']\n";
        assert!(of(&format!("{one}{china}")).await.unwrap_err().contains("several partitions"));
        assert_eq!(of("").await, Ok(Vec::new()));
    }
}
