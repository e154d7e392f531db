//! Checks of a request against its members.

use serde_json::Value;

use super::shape::{Member, Shape};
use super::shapes::REPOSITORY_NAME;
use crate::error::ApiError;
use crate::request::{missing, wrong_type};

/// Fails unless each value has its member's type.
pub(super) fn types(members: &[Member], structure: &Value, path: &str) -> Result<(), ApiError> {
    for (member, value) in present(members, structure) {
        type_of(&member.shape, value, &join(path, member.name))?;
    }
    Ok(())
}

fn type_of(shape: &Shape, value: &Value, path: &str) -> Result<(), ApiError> {
    match (shape, value) {
        (Shape::Text { .. } | Shape::OneOf(_) | Shape::Blob, Value::String(_)) => Ok(()),
        (Shape::Text { .. } | Shape::OneOf(_), other) => Err(wrong_type(path, other, "String")),
        (Shape::Blob, other) => Err(wrong_type(path, other, "Blob")),
        (Shape::Integer { .. }, number) if number.is_i64() => Ok(()),
        (Shape::Integer { .. }, other) => Err(wrong_type(path, other, "Integer")),
        (Shape::Flag, Value::Bool(_)) => Ok(()),
        (Shape::Flag, other) => Err(wrong_type(path, other, "Boolean")),
        (Shape::List { of, .. }, Value::Array(list)) => {
            each(list, path).try_for_each(|(path, value)| type_of(of, value, &path))
        }
        (Shape::List { .. }, other) => Err(wrong_type(path, other, "List")),
        (Shape::Structure(members), Value::Object(_)) => types(members, value, path),
        (Shape::Structure(_), other) => Err(wrong_type(path, other, "Structure")),
    }
}

/// Fails unless required members are there and values keep to their bounds.
pub(super) fn constraints(members: &[Member], structure: &Value, path: &str) -> Result<(), ApiError> {
    for member in members.iter().filter(|member| member.required) {
        if structure[member.name].is_null() {
            return Err(missing(&join(path, member.name)));
        }
    }
    for (member, value) in present(members, structure) {
        bounds(&member.shape, value, &join(path, member.name))?;
    }
    Ok(())
}

/// Fails unless a text keeps to the bounds of a repository's name.
pub(super) fn repository_name(name: &str) -> Result<(), ApiError> {
    bounds(&REPOSITORY_NAME, &Value::String(name.to_owned()), "repositoryName")
}

fn bounds(shape: &Shape, value: &Value, path: &str) -> Result<(), ApiError> {
    match (shape, value) {
        (Shape::Text { min, max, pattern }, Value::String(text)) => {
            within(text.chars().count(), *min, *max, path, "must have length")?;
            match pattern {
                Some(pattern) if !(pattern.matches)(text) => {
                    let constraint = format!("must satisfy regular expression '{}'", pattern.text);
                    Err(ApiError::invalid(path, &constraint))
                }
                _ => Ok(()),
            }
        }
        (Shape::OneOf(allowed), Value::String(text)) if !allowed.contains(&text.as_str()) => {
            let constraint = format!("Member must satisfy enum value set: [{}]", allowed.join(", "));
            Err(ApiError::invalid(path, &constraint))
        }
        (Shape::Integer { min, max }, number) => {
            within(number.as_i64().unwrap_or_default(), *min, *max, path, "Member must have value")
        }
        (Shape::List { min, max, of }, Value::Array(list)) => {
            within(list.len(), *min, *max, path, "Member must have length")?;
            each(list, path).try_for_each(|(path, value)| bounds(of, value, &path))
        }
        (Shape::Structure(members), _) => constraints(members, value, path),
        _ => Ok(()),
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    size: T,
    min: T,
    max: T,
    path: &str,
    what: &str,
) -> Result<(), ApiError> {
    if size < min {
        return Err(ApiError::invalid(path, &format!("{what} greater than or equal to {min}")));
    }
    if size > max {
        return Err(ApiError::invalid(path, &format!("{what} less than or equal to {max}")));
    }
    Ok(())
}

fn present<'a>(members: &'a [Member], structure: &'a Value) -> impl Iterator<Item = (&'a Member, &'a Value)> {
    members
        .iter()
        .filter_map(|member| Some((member, structure.get(member.name)?)))
        .filter(|(_, value)| !value.is_null())
}

/// The members of a list are numbered from one, as AWS's services do.
fn each<'a>(list: &'a [Value], path: &'a str) -> impl Iterator<Item = (String, &'a Value)> {
    list.iter().enumerate().map(move |(place, value)| (format!("{path}.{}.member", place + 1), value))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
