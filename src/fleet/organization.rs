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
