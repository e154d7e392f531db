//! Pull-through cache rules.

use serde_json::{Map, Value};

/// A rule; its members are kept as they came.
#[derive(Clone)]
pub(crate) struct PullThroughRule {
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) members: Map<String, Value>,
}
