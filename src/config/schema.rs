//! The JSON Schema of the configuration file: TOML has the same values.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Concurrency;
#[cfg(test)]
use super::file::{OVERRIDE, TARGET};
use super::in_use::UsageSource;
use super::layer::{Layer, MODE, SECTIONS};
use super::location::Location;
use super::pattern::{NonEmptyPatterns, Patterns};
use super::tag_template::Template;
use super::target::{AccountSource, ExternalId, RegionName, RolePattern, TargetFile};
use super::value::{GracePeriod, Period, Share, Texts, Whole};
use crate::oci::schema::described;

described! {
    Period, "Period" = {
        "type": "string", "examples": ["48h", "30d", "2w"],
        "description": "A time span of zero or more. Minutes and months are refused: nobody knows which m is meant."
    };
    GracePeriod, "GracePeriod" = {
        "type": "string", "examples": ["48h"], "description": "A time span of one hour or more."
    };
    Whole, "Whole" = {"type": "integer", "minimum": 0};
    Share, "Share" = {"type": "number", "minimum": 0, "maximum": 1};
    Texts, "Texts" = {"type": "object", "additionalProperties": {"type": "string"}};
    Concurrency, "Concurrency" = {"anyOf": [
        {"type": "string", "const": "auto"}, {"type": "integer", "minimum": 1, "maximum": 256}
    ]};
    UsageSource, "UsageSource" = {
        "type": "string", "pattern": "^(lambda|ecs|inspector|file:.+|s3://.+/.+|command:.+)$",
        "examples": ["lambda", "file:in-use.txt", "s3://bucket/in-use.txt"],
        "description": "A service of AWS, or a list with one image a line."
    };
    Location, "Location" = {
        "type": "string", "examples": ["auto", "none", "./state", "s3://bucket/prefix"],
        "description": "A folder, or a place in a bucket."
    };
    Patterns, "Patterns" = {
        "type": "array", "items": {"type": "string", "pattern": "^[a-z0-9._/*?-]{1,256}$"},
        "description": "Names of repositories; * and ? match any characters, / included."
    };
    NonEmptyPatterns, "NonEmptyPatterns" = {
        "type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[a-z0-9._/*?-]{1,256}$"},
        "description": "Names of repositories; * and ? match any characters, / included."
    };
    RolePattern, "RolePattern" = {
        "type": "string", "pattern": "^arn:aws[a-z-]*:iam::([0-9]{12}|\\{account\\}):role/.+$",
        "examples": ["arn:aws:iam::222222222222:role/ecr-janitor"], "description": "The ARN of a role."
    };
    AccountSource, "AccountSource" = {
        "type": "string", "pattern": "^([0-9]{12}|organization|s3://.+/.+)$",
        "examples": ["222222222222", "organization"], "description": "An account, or what names accounts."
    };
    RegionName, "RegionName" = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+){2,}$", "examples": ["eu-west-1"]};
    ExternalId, "ExternalId" = {"type": "string", "minLength": 2, "maxLength": 1224};
    Template, "Template" = {"type": "string", "examples": ["attestation-{platform}-{digest}"]};
}

/// The schema: the sections of a layer, and overrides, each with patterns and keys of the policy.
pub(crate) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let patterns = generator.subschema_for::<NonEmptyPatterns>();
    let target = generator.subschema_for::<TargetFile>().to_value();
    let mut schema = generator.into_root_schema_for::<Layer>().to_value();
    schema["title"] = json!("Configuration of ecr-janitor (janitor.toml)");
    schema["description"] = json!("All keys are optional.");
    let mut over = schema["$defs"]["PolicyPatch"].clone();
    over["properties"]["repositories"] = patterns.to_value();
    over["required"] = json!(["repositories"]);
    over["description"] =
        json!("Keys of the policy for some repositories; the first override that matches wins.");
    let what = "Policies of some repositories.";
    schema["properties"]["override"] = json!({"type": "array", "items": over, "description": what});
    let what = "Registries to work on, instead of the caller's own account and Region.";
    schema["properties"]["target"] = json!({"type": "array", "items": target, "description": what});
    schema
}

#[test]
fn every_section_and_key_is_described() {
    let schema = schema();
    let sections = SECTIONS.iter().map(|section| section.name).chain([MODE, OVERRIDE, TARGET]);
    let mut names: Vec<&str> = sections.collect();
    names.sort_unstable();
    let described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(described, names);
}
