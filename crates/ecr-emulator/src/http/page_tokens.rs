//! Faults in page tokens, and empty answers.

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::paging::to_first_page;

/// Corrupts the page token of an answer, or empties it. `token` is the request's.
pub(super) fn corrupt_page_token(fault: Option<&Fault>, token: Option<&str>, answer: &mut Value) {
    if fault == Some(&Fault::Empty) {
        *answer = json!({});
        return;
    }
    let next = answer["nextToken"].as_str();
    let corrupted = match fault {
        Some(Fault::FirstPage) => next.or(token).and_then(to_first_page),
        Some(Fault::BadToken) => next.map(|_| "no such page".to_owned()),
        _ => None,
    };
    if let Some(token) = corrupted {
        answer["nextToken"] = token.into();
    }
}
