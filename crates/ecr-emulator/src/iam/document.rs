//! Policy documents.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::pattern::{arn_matches, matches};
use crate::error::ApiError;

/// A policy that was read whole: each member of it is kept.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Policy {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    /// This or the next one.
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    /// By operator, then by key.
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, OneOrMany<String>>>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    StringEquals,
    StringLike,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn all(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The verdict of a policy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    Denied,
    NotAllowed,
}

type Tags = BTreeMap<String, String>;

impl Policy {
    pub(super) fn read(mut document: Value) -> Result<Self, ApiError> {
        // A lone statement needs no list.
        if let Some(statement) = document.get_mut("Statement").filter(|found| found.is_object()) {
            *statement = Value::Array(vec![statement.take()]);
        }
        let policy: Self = serde_json::from_value(document).map_err(|error| malformed(error.to_string()))?;
        policy.statement.iter().try_for_each(Statement::check)?;
        Ok(policy)
    }

    /// A deny wins; what nothing allows is not allowed.
    pub(super) fn judge(&self, action: &str, resource: &str, tags: Option<&Tags>) -> Verdict {
        let mut verdict = Verdict::NotAllowed;
        for statement in &self.statement {
            match statement.effect {
                _ if !statement.is_about(action, resource, tags) => {}
                Effect::Deny => return Verdict::Denied,
                Effect::Allow => verdict = Verdict::Allowed,
            }
        }
        verdict
    }
}

impl Statement {
    /// Fails for a statement that would never match as its author means it.
    fn check(&self) -> Result<(), ApiError> {
        for action in self.action.all() {
            if action != "*" && !action.contains(':') {
                return Err(malformed(format!("{action} is no action: it needs a service in front of it")));
            }
        }
        if self.resource.is_some() == self.not_resource.is_some() {
            return Err(malformed("a statement needs either Resource or NotResource"));
        }
        for resource in self.resources() {
            if resource != "*" && !(resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6) {
                return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
            }
        }
        let mut texts = self.resources().iter().chain(self.values());
        if let Some(text) = texts.find(|text| text.contains("${")) {
            return Err(malformed(format!("policy variables are not supported: {text}")));
        }
        match self.condition.values().flat_map(BTreeMap::keys).find(|key| tag_of(key).is_none()) {
            Some(key) => Err(malformed(format!("the condition key {key} is not supported"))),
            None => Ok(()),
        }
    }

    /// The ARNs under `Resource` or `NotResource`.
    fn resources(&self) -> &[String] {
        self.resource.as_ref().or(self.not_resource.as_ref()).map_or(&[], OneOrMany::all)
    }

    fn values(&self) -> impl Iterator<Item = &String> {
        self.condition.values().flat_map(BTreeMap::values).flat_map(OneOrMany::all)
    }

    fn is_about(&self, action: &str, resource: &str, tags: Option<&Tags>) -> bool {
        let action = format!("ecr:{action}").to_ascii_lowercase();
        self.action.all().iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resource.is_some()
                == self.resources().iter().any(|pattern| arn_matches(pattern, resource))
            && self.condition.iter().all(|(operator, keys)| {
                keys.iter().all(|(key, wanted)| operator.holds(value(tags, key), wanted.all()))
            })
    }
}

impl Operator {
    /// Nothing equals a tag that is not there.
    fn holds(self, found: Option<&str>, wanted: &[String]) -> bool {
        found.is_some_and(|found| {
            wanted.iter().any(|wanted| match self {
                Self::StringEquals => wanted == found,
                Self::StringLike => matches(wanted, found),
            })
        })
    }
}

/// The tag that a condition key is about.
fn tag_of(key: &str) -> Option<&str> {
    let (kind, tag) = key.split_once('/')?;
    let known = ["aws:resourcetag", "ecr:resourcetag"].contains(&kind.to_ascii_lowercase().as_str());
    known.then_some(tag)
}

/// IAM compares keys of tags without regard to case.
fn value<'a>(tags: Option<&'a Tags>, key: &str) -> Option<&'a str> {
    let tag = tag_of(key)?;
    let mut all = tags?.iter();
    all.find(|(name, _)| name.eq_ignore_ascii_case(tag)).map(|(_, value)| value.as_str())
}

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::client("MalformedPolicyDocument", message)
}
