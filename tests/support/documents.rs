//! What the programs print and write, held against the schemas of this repository.

use std::sync::LazyLock;

use serde_json::Value;

use super::schema::problem;

static REPORT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../schemas/report.json")).unwrap());
static FLEET: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../schemas/fleet.json")).unwrap());
static PLAN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../schemas/plan.json")).unwrap());

/// The document, if it is as the schema of its kind says. Kinds without a schema are not looked at.
pub(super) fn checked(document: Value) -> Value {
    let has = |key: &str| document.get(key).is_some();
    let schema = match () {
        () if has("totals") && has("targets") && !has("summary") => Some(&*FLEET),
        () if has("totals") && has("mode") && !has("summary") => Some(&*REPORT),
        () if has("checksum") && has("created_at") => Some(&*PLAN),
        () => None,
    };
    if let Some(problem) = schema.and_then(|schema| problem(schema, &document)) {
        panic!("not as its schema says: {problem}\n{document:#}");
    }
    document
}
