//! Tag mutability.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::error::ApiError;
use crate::request::Request;

const SETTINGS: [&str; 4] = ["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"];

/// A repository's `imageTagMutability` with the filters that except tags from it.
#[derive(Debug, Clone)]
pub(crate) struct Mutability {
    setting: String,
    filters: Vec<String>,
}

impl Default for Mutability {
    fn default() -> Self {
        Self { setting: "MUTABLE".to_owned(), filters: Vec::new() }
    }
}

impl Mutability {
    /// Reads both members; `None` when the setting is absent.
    pub(crate) fn read(request: &Request<'_>) -> Result<Option<Self>, ApiError> {
        let setting = request.one_of("imageTagMutability", &SETTINGS)?;
        let filters = read_filters(request)?;
        let excludes = setting.is_some_and(|s| s.ends_with("_WITH_EXCLUSION"));
        if excludes != filters.is_some() {
            let constraint = "must be specified with, and only with, a setting that has exclusions";
            return Err(ApiError::invalid("imageTagMutabilityExclusionFilters", constraint));
        }
        Ok(setting.map(|setting| Self { setting: setting.to_owned(), filters: filters.unwrap_or_default() }))
    }

    /// Whether this tag can be moved to another image.
    pub(crate) fn is_mutable(&self, tag: &str) -> bool {
        let excluded = self.filters.iter().any(|filter| WildMatch::new(filter).matches(tag));
        self.setting.starts_with("MUTABLE") != excluded
    }

    /// Adds the members to a response.
    pub(crate) fn write(&self, members: &mut Value) {
        members["imageTagMutability"] = self.setting.as_str().into();
        if !self.filters.is_empty() {
            members["imageTagMutabilityExclusionFilters"] = self
                .filters
                .iter()
                .map(|filter| json!({ "filterType": "WILDCARD", "filter": filter }))
                .collect();
        }
    }
}

fn read_filters(request: &Request<'_>) -> Result<Option<Vec<String>>, ApiError> {
    const NAME: &str = "imageTagMutabilityExclusionFilters";
    let Some(list) = request.list(NAME, 1, 5)? else {
        return Ok(None);
    };
    let filter = |value: &Value| {
        let filter = Request::new(value)?;
        filter.one_of("filterType", &["WILDCARD"])?;
        filter.required_text("filterType")?;
        let text = filter.required_text("filter")?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._*-".contains(&b);
        if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(text.to_owned())
        } else {
            let constraint = "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'";
            Err(ApiError::invalid("filter", constraint))
        }
    };
    list.iter().map(filter).collect::<Result<_, _>>().map(Some)
}
