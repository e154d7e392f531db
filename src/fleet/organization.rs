//! The accounts of the organization of AWS Organizations.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use serde::Deserialize;
use serde_json::json;

use crate::in_use::aws::{Call, Client, Kind};

const OPERATION: &str = "ListAccounts";
/// Source: AWS Organizations API reference, quotas: ListAccounts, one a second with a burst.
static ORGANIZATIONS: Kind = Kind::new("Organizations", "organizations", Duration::from_millis(250));
/// An organization of 10,000 accounts has 500 pages of 20.
const MOST_PAGES: usize = 2_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    accounts: Vec<Account>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    id: String,
    /// Takes the place of the status, which AWS retires.
    state: Option<String>,
    status: Option<String>,
}

impl Account {
    /// A suspended or closed account cannot be worked on.
    fn is_active(&self) -> bool {
        self.state.as_deref().or(self.status.as_deref()) == Some("ACTIVE")
    }
}

/// The active accounts, in order.
pub(super) async fn accounts(own: &SdkConfig) -> Result<Vec<String>, String> {
    let client = Client::new(&ORGANIZATIONS, &at_home(own));
    let (mut accounts, mut next) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let body = match &next {
            Some(token) => json!({ "NextToken": token }),
            None => json!({}),
        };
        let call = Call {
            operation: OPERATION,
            method: "POST",
            path: "/".into(),
            target: Some(format!("AWSOrganizationsV20161128.{OPERATION}")),
            body: Some(body),
        };
        let page: Page = client.send(call).await.map_err(|error| client.failed(&error).to_string())?;
        accounts.extend(page.accounts.into_iter().filter(Account::is_active).map(|account| account.id));
        match page.next_token {
            Some(token) if next.as_ref() != Some(&token) => next = Some(token),
            Some(_) => return Err(format!("{OPERATION} gave the same page token twice")),
            None => {
                accounts.sort();
                return Ok(accounts);
            }
        }
    }
    Err(format!("{OPERATION} did not end after {MOST_PAGES} pages"))
}

/// The Region in which the service is, in each partition. Source: AWS General Reference, AWS Organizations endpoints.
fn at_home(own: &SdkConfig) -> SdkConfig {
    let region = match own.region().map(Region::as_ref) {
        Some(region) if region.starts_with("cn-") => "cn-northwest-1",
        Some(region) if region.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    };
    own.to_builder().region(Region::new(region)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_active_accounts_count_by_whichever_field_says_so() {
        let page: Page = serde_json::from_value(json!({
            "Accounts": [
                {"Id": "111111111111", "State": "ACTIVE", "Status": "SUSPENDED"},
                {"Id": "222222222222", "Status": "ACTIVE", "Name": "old"},
                {"Id": "333333333333", "State": "CLOSED"},
                {"Id": "444444444444"},
            ],
            "NextToken": "more",
        }))
        .unwrap();
        let active: Vec<&str> =
            page.accounts.iter().filter(|it| it.is_active()).map(|it| it.id.as_str()).collect();
        assert_eq!(active, ["111111111111", "222222222222"]);
        assert_eq!(page.next_token.as_deref(), Some("more"));
    }

    #[test]
    fn each_partition_has_the_service_in_one_region() {
        let at = |region: &'static str| {
            let settings = SdkConfig::builder().region(Region::from_static(region)).build();
            at_home(&settings).region().map(ToString::to_string)
        };
        assert_eq!(at("eu-west-1").as_deref(), Some("us-east-1"));
        assert_eq!(at("cn-north-1").as_deref(), Some("cn-northwest-1"));
        assert_eq!(at("us-gov-east-1").as_deref(), Some("us-gov-west-1"));
    }
}
