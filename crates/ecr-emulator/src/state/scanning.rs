//! Scanning configuration of a registry.

use serde_json::{Value, json};

/// A registry's scanning configuration; the rules are kept as they came.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Scanning {
    pub(crate) enhanced: bool,
    pub(crate) rules: Vec<Value>,
}

impl Scanning {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "scanType": if self.enhanced { "ENHANCED" } else { "BASIC" }, "rules": self.rules })
    }
}
