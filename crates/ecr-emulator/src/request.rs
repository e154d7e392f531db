//! Reading the members of a request.
//!
//! Like AWS: unknown members are ignored, `null` is the same as absent, a member of the wrong JSON type is a
//! `SerializationException`, a missing or out-of-range one is an `InvalidParameterException`.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// One JSON object of a request.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    members: &'a Map<String, Value>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(value: &'a Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(members) => Ok(Self { members }),
            _ => Err(ApiError::serialization("Start of structure or map found where not expected.")),
        }
    }

    fn member(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, other, "String")),
        }
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.member(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong_type(name, other, "Boolean")),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.member(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong_type(name, value, "Integer")),
        }
    }

    pub(crate) fn required_integer(&self, name: &str) -> Result<i64, ApiError> {
        self.integer(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Request<'a>>, ApiError> {
        self.member(name).map(Request::new).transpose()
    }

    pub(crate) fn required_object(&self, name: &str) -> Result<Request<'a>, ApiError> {
        self.object(name)?.ok_or_else(|| missing(name))
    }

    /// A list with `min..=max` members; `None` when absent.
    pub(crate) fn list(&self, name: &str, min: usize, max: usize) -> Result<Option<&'a [Value]>, ApiError> {
        let list = match self.member(name) {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(wrong_type(name, other, "List")),
        };
        if list.len() < min {
            let constraint = format!("Member must have length greater than or equal to {min}");
            return Err(ApiError::invalid(name, &constraint));
        }
        if list.len() > max {
            let constraint = format!("Member must have length less than or equal to {max}");
            return Err(ApiError::invalid(name, &constraint));
        }
        Ok(Some(list))
    }

    pub(crate) fn required_list(&self, name: &str, min: usize, max: usize) -> Result<&'a [Value], ApiError> {
        self.list(name, min, max)?.ok_or_else(|| missing(name))
    }

    /// A list of texts with `min..=max` members; `None` when absent.
    pub(crate) fn texts(&self, name: &str, min: usize, max: usize) -> Result<Option<Vec<&'a str>>, ApiError> {
        let Some(list) = self.list(name, min, max)? else {
            return Ok(None);
        };
        let text = |value: &'a Value| value.as_str().ok_or_else(|| wrong_type(name, value, "String"));
        list.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn required_texts(
        &self,
        name: &str,
        min: usize,
        max: usize,
    ) -> Result<Vec<&'a str>, ApiError> {
        self.texts(name, min, max)?.ok_or_else(|| missing(name))
    }

    /// A text that must be one of `allowed`.
    pub(crate) fn one_of(&self, name: &str, allowed: &[&str]) -> Result<Option<&'a str>, ApiError> {
        match self.text(name)? {
            Some(text) if !allowed.contains(&text) => Err(ApiError::invalid(
                name,
                &format!("Member must satisfy enum value set: [{}]", allowed.join(", ")),
            )),
            text => Ok(text),
        }
    }
}

pub(crate) fn missing(name: &str) -> ApiError {
    ApiError::invalid(name, "Member must not be null")
}

pub(crate) fn wrong_type(name: &str, found: &Value, wanted: &str) -> ApiError {
    let kind = match found {
        Value::Null => "NULL",
        Value::Bool(_) => "BOOLEAN_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "ARRAY_VALUE",
        Value::Object(_) => "OBJECT_VALUE",
    };
    ApiError::serialization(format!("{kind} can not be converted to a {wanted} (at '{name}')"))
}
