//! Listings that lead astray.

use serde_json::Value;

use crate::fault::Fault;
use crate::paging::to_first_page;

/// Bends the token of a page as a fault wants it.
pub(super) fn bend(fault: Option<&Fault>, asked: Option<&str>, answer: &mut Value) {
    let next = answer["nextToken"].as_str();
    let bent = match fault {
        Some(Fault::FirstPage) => next.or(asked).and_then(to_first_page),
        Some(Fault::BadToken) => next.map(|_| "no such page".to_owned()),
        _ => None,
    };
    if let Some(token) = bent {
        answer["nextToken"] = token.into();
    }
}
