//! AWS's service model of requests, and the check against it before each operation.
//!
//! Like AWS: all types first (`SerializationException`), then what is required, lengths, ranges, enums and patterns
//! (`InvalidParameterException`). Unknown members are ignored, and `null` is the same as absent.

mod check;
mod pattern;
mod shape;
mod shapes;
mod table;

use serde_json::Value;

use self::table::OPERATIONS;
use crate::error::ApiError;
use crate::request::Request;

/// Operations that Amazon ECR has and this registry does not.
const NOT_EMULATED: [&str; 16] = [
    "CreateRepositoryCreationTemplate",
    "DeleteRepositoryCreationTemplate",
    "DescribeReplicationBackfillResults",
    "GetAccountSetting",
    "ListReplicationBackfills",
    "PutAccountSetting",
    "PutSigningConfiguration",
    "StartLifecyclePolicyPreview",
    "StartReplicationBackfill",
    "StopReplicationBackfill",
    "UpdateRepositoryCreationTemplate",
    "DescribeRepositoryCreationTemplates",
    "DeleteSigningConfiguration",
    "GetSigningConfiguration",
    "DescribeImageSigningStatus",
    "DescribeImageReplicationStatus",
];

/// Fails unless the request is one that the operation can take.
pub(crate) fn check(operation: &str, request: &Value) -> Result<(), ApiError> {
    let Some((_, members)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
        return Err(unknown(operation));
    };
    Request::new(request)?;
    check::types(members, request, "")?;
    check::constraints(members, request, "")
}

/// Fails unless a repository can have this name.
pub(crate) fn check_repository_name(name: &str) -> Result<(), ApiError> {
    check::repository_name(name)
}

/// The operations that this registry has, by name.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|(name, _)| *name)
}

/// The error for an unknown operation. One that only AWS has gets a code that AWS does not have.
pub(crate) fn unknown(operation: &str) -> ApiError {
    if NOT_EMULATED.contains(&operation) {
        let message = format!("Amazon ECR has the operation {operation}, but this emulator does not.");
        return ApiError::client("NotEmulatedException", message);
    }
    ApiError::client("UnknownOperationException", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_nothing_that_is_said_to_be_missing() {
        let names: Vec<_> = operations().collect();
        assert!(names.is_sorted());
        assert!(NOT_EMULATED.iter().all(|name| !names.contains(name)));
        assert_eq!(names.len() + NOT_EMULATED.len(), 62, "the operations of AWS's model");
    }
}
