//! Scanning configuration, which is kept. Nothing is ever scanned.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use super::describe_images::find;
use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{ImageId, Scanning, State, Status};

pub(super) fn put_image_scanning_configuration(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let on = request.required_object("imageScanningConfiguration")?.flag("scanOnPush")?;
    state.repository_mut(name)?.scan_on_push = on;
    record(state, name, "imageScanningConfiguration");
    Ok(json!({
        "registryId": state.settings.account,
        "repositoryName": name,
        "imageScanningConfiguration": { "scanOnPush": on },
    }))
}

pub(super) fn get_registry_scanning_configuration(
    state: &mut State,
    _: &Request<'_>,
) -> Result<Value, ApiError> {
    let scanning = state.scanning.to_json();
    Ok(json!({ "registryId": state.settings.account, "scanningConfiguration": scanning }))
}

/// Replaces the configuration; members that are left out get their defaults.
pub(super) fn put_registry_scanning_configuration(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let enhanced = request.text("scanType")? == Some("ENHANCED");
    let rules = request.list("rules", 0, 2)?.unwrap_or_default().to_vec();
    state.scanning = Scanning { enhanced, rules };
    record(state, "", "registryScanningConfiguration");
    Ok(json!({ "registryScanningConfiguration": state.scanning.to_json() }))
}

pub(super) fn batch_get_repository_scanning_configuration(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in request.required_texts("repositoryNames", 1, 25)? {
        match state.repositories.get(name) {
            Some(repository) => found.push(effective(state, name, repository.scan_on_push)),
            None => failures.push(json!({
                "repositoryName": name,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": ApiError::repository_not_found(name, &state.settings.account).message,
            })),
        }
    }
    Ok(json!({ "scanningConfigurations": found, "failures": failures }))
}

/// The rule that holds for a repository, and which of its filters say so; without one, the repository's own setting.
fn effective(state: &State, name: &str, scan_on_push: bool) -> Value {
    let mut frequency = if scan_on_push { "SCAN_ON_PUSH" } else { "MANUAL" };
    let mut applied = Vec::new();
    for rule in &state.scanning.rules {
        let filters = rule["repositoryFilters"].as_array().into_iter().flatten();
        let matching: Vec<&Value> = filters.filter(|filter| matches_name(filter, name)).collect();
        if !matching.is_empty() {
            frequency = rule["scanFrequency"].as_str().unwrap_or_default();
            applied = matching;
            break;
        }
    }
    json!({
        "repositoryArn": state.settings.repository_arn(name),
        "repositoryName": name,
        "scanOnPush": frequency != "MANUAL",
        "scanFrequency": frequency,
        "appliedScanFilters": applied,
    })
}

/// No image of this registry is one that can be scanned, which AWS has an error for.
pub(super) fn start_image_scan(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let (name, id, status) = read(state, request)?;
    let (what, account) = (id.describe(), &state.settings.account);
    let image = format!(
        "The image with imageId {what} in the repository with name '{name}' in the registry with id '{account}'"
    );
    Err(match status {
        Status::Active => ApiError::client(
            "UnsupportedImageTypeException",
            format!("{image} cannot be scanned: this emulator scans nothing"),
        ),
        _ => ApiError::client("ImageArchivedException", format!("{image} is archived")),
    })
}

pub(super) fn describe_image_scan_findings(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let (name, id, _) = read(state, request)?;
    let message = format!(
        "Image scan does not exist for the image with '{}' in the repository with name '{name}' in the registry with \
         id '{}'",
        id.describe(),
        state.settings.account
    );
    Err(ApiError::client("ScanNotFoundException", message))
}

/// The image that a request is about: it must be there.
fn read<'a>(state: &State, request: &Request<'a>) -> Result<(&'a str, ImageId, Status), ApiError> {
    let name = request.required_text("repositoryName")?;
    let id = ImageId::read(&request.required_object("imageId")?)?;
    let image = find(state.repository(name)?, &id, name, &state.settings.account)?;
    Ok((name, id, image.status(state.now())))
}

fn record(state: &mut State, name: &str, setting: &str) {
    let setting = setting.to_owned();
    state.record(name, Change::Configured { setting });
}

fn matches_name(filter: &Value, name: &str) -> bool {
    filter["filter"].as_str().is_some_and(|pattern| WildMatch::new(pattern).matches(name))
}
