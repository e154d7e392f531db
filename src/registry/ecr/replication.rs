//! The registry's replication rules.
//!
//! The SDK's model does not have `deleteReplication`, so that it is read from the response itself.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_sdk_ecr::types::{ReplicationConfiguration, RepositoryFilter, RepositoryFilterType};
use serde_json::Value;

use crate::registry::ReplicationRule;

/// The body of a response, as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Body(Arc<Mutex<Option<Value>>>);

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().and_then(|body| serde_json::from_slice(body).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}

impl Body {
    /// The rules that the SDK found in this body, with what it does not know of them.
    pub(super) fn rules(&self, configuration: Option<ReplicationConfiguration>) -> Vec<ReplicationRule> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = configuration.map(|configuration| configuration.rules).unwrap_or_default();
        let shown = body.as_ref().and_then(|body| body["replicationConfiguration"]["rules"].as_array());
        rules
            .into_iter()
            .enumerate()
            .map(|(number, rule)| ReplicationRule {
                prefixes: prefixes(rule.repository_filters.unwrap_or_default()),
                deletes: shown.and_then(|shown| shown.get(number)).is_none_or(deletes),
            })
            .collect()
    }
}

/// Whether a rule carries deletions, too. What it says and cannot be understood does.
fn deletes(rule: &Value) -> bool {
    match &rule["deleteReplication"] {
        Value::Null => false,
        setting => setting["enabled"] != Value::Bool(false),
    }
}

/// The prefixes of the repositories that a rule covers; an empty one covers all, as does what is not understood.
fn prefixes(filters: Vec<RepositoryFilter>) -> Vec<String> {
    let prefix = |filter: RepositoryFilter| match filter.filter_type {
        RepositoryFilterType::PrefixMatch => filter.filter,
        _ => String::new(),
    };
    if filters.is_empty() { vec![String::new()] } else { filters.into_iter().map(prefix).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_carries_deletions_unless_it_says_that_it_does_not() {
        for (rule, expected) in [
            (json!({}), false),
            (json!({ "deleteReplication": null }), false),
            (json!({ "deleteReplication": { "enabled": false } }), false),
            (json!({ "deleteReplication": { "enabled": true } }), true),
            (json!({ "deleteReplication": {} }), true),
            (json!({ "deleteReplication": { "enabled": "no" } }), true),
            (json!({ "deleteReplication": [] }), true),
        ] {
            assert_eq!(deletes(&rule), expected, "{rule}");
        }
    }

    #[test]
    fn a_filter_that_is_not_understood_covers_everything() {
        let filter = |kind: &str| {
            RepositoryFilter::builder().filter("prod/").filter_type(kind.into()).build().unwrap()
        };
        assert_eq!(prefixes(vec![]), [""]);
        assert_eq!(prefixes(vec![filter("PREFIX_MATCH")]), ["prod/"]);
        assert_eq!(prefixes(vec![filter("PREFIX_MATCH"), filter("SUFFIX_MATCH")]), ["prod/", ""]);
    }

    #[test]
    fn a_body_that_cannot_be_read_carries_deletions() {
        let rule = aws_sdk_ecr::types::ReplicationRule::builder().set_destinations(Some(vec![])).build();
        let configuration = ReplicationConfiguration::builder().rules(rule.unwrap()).build().unwrap();
        let expected = ReplicationRule { prefixes: vec![String::new()], deletes: true };
        assert_eq!(Body::default().rules(Some(configuration)), [expected]);
        assert_eq!(Body::default().rules(None), []);
    }
}
