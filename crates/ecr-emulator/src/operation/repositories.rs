//! `CreateRepository`, `DeleteRepository`, `DescribeRepositories`.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::{resource_tags, timestamp};
use crate::error::ApiError;
use crate::journal::Change;
use crate::paging::{self, Page};
use crate::request::Request;
use crate::settings::Settings;
use crate::state::{Mutability, Repository, State};

pub(super) fn create_repository(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let scanning = request.object("imageScanningConfiguration")?;
    let tags = match request.list("tags", 0, usize::MAX)? {
        Some(tags) => resource_tags::read(tags)?,
        None => BTreeMap::new(),
    };
    resource_tags::check_count(tags.len(), state.limits.resource_tags)?;
    let mut repository = Repository::default();
    repository.created_at = state.now();
    repository.mutability = Mutability::read(request)?.unwrap_or_default();
    repository.scan_on_push = scanning.map_or(Ok(false), |s| s.flag("scanOnPush"))?;
    repository.encryption = read_encryption(request)?;
    repository.resource_tags = tags;
    check_new(state, name)?;
    let response = json!({ "repository": write(&state.settings, name, &repository) });
    state.repositories.insert(name.to_owned(), repository);
    state.record(name, Change::RepositoryCreated);
    Ok(response)
}

fn check_new(state: &State, name: &str) -> Result<(), ApiError> {
    let account = &state.settings.account;
    match state.repository(name) {
        Ok(_) => Err(ApiError::client(
            "RepositoryAlreadyExistsException",
            format!("The repository with name '{name}' already exists in the registry with id '{account}'"),
        )),
        Err(error) if error.code != "RepositoryNotFoundException" => Err(error),
        Err(_) if state.repositories.len() >= state.limits.repositories => Err(ApiError::client(
            "LimitExceededException",
            format!(
                "The registry with id '{account}' already has the maximum allowed number of repositories which is '{}'",
                state.limits.repositories
            ),
        )),
        Err(_) => Ok(()),
    }
}

fn read_encryption(request: &Request<'_>) -> Result<Map<String, Value>, ApiError> {
    let mut kept = Map::new();
    kept.insert("encryptionType".to_owned(), "AES256".into());
    if let Some(encryption) = request.object("encryptionConfiguration")? {
        let kind = encryption.one_of("encryptionType", &["AES256", "KMS", "KMS_DSSE"])?;
        let kind = kind.map_or_else(|| encryption.required_text("encryptionType"), Ok)?;
        kept.insert("encryptionType".to_owned(), kind.into());
        if let Some(key) = encryption.text("kmsKey")? {
            kept.insert("kmsKey".to_owned(), key.into());
        }
    }
    Ok(kept)
}

pub(super) fn delete_repository(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let force = request.flag("force")?;
    let repository = state.repository(name)?;
    if repository.len() > 0 && !force {
        let message = format!(
            "The repository with name '{name}' in registry with id '{}' cannot be deleted because it still contains \
             images",
            state.settings.account
        );
        return Err(ApiError::client("RepositoryNotEmptyException", message));
    }
    let response = json!({ "repository": write(&state.settings, name, repository) });
    state.repositories.remove(name);
    state.record(name, Change::RepositoryDeleted);
    Ok(response)
}

pub(super) fn describe_repositories(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let write = |(name, repository): (&String, &Repository)| write(&state.settings, name, repository);
    if let Some(names) = request.texts("repositoryNames", 1, 100)? {
        paging::refuse_with(request, "repositoryNames")?;
        let one = |name: &str| Ok(write((&name.to_owned(), state.repository(name)?)));
        let found: Vec<Value> = names.into_iter().map(one).collect::<Result<_, ApiError>>()?;
        return Ok(json!({ "repositories": found }));
    }
    let page = Page::read(request, "DescribeRepositories".to_owned(), 100, 1_000)?
        .no_larger_than(state.limits.largest_page);
    let after = page.after.clone().unwrap_or_default();
    let range = (Bound::Excluded(after), Bound::Unbounded);
    let mut all = state.repositories.range(range);
    let taken: Vec<_> = all.by_ref().take(page.size).collect();
    let found: Vec<Value> = taken.iter().copied().map(write).collect();
    let mut response = json!({ "repositories": found });
    if let (Some((last, _)), Some(_)) = (taken.last(), all.next()) {
        response["nextToken"] = page.token(last).into();
    }
    Ok(response)
}

fn write(settings: &Settings, name: &str, repository: &Repository) -> Value {
    let mut members = json!({
        "repositoryArn": settings.repository_arn(name),
        "registryId": settings.account,
        "repositoryName": name,
        "repositoryUri": format!("{}/{name}", settings.registry_host()),
        "createdAt": timestamp(repository.created_at),
        "imageScanningConfiguration": { "scanOnPush": repository.scan_on_push },
        "encryptionConfiguration": repository.encryption,
    });
    repository.mutability.write(&mut members);
    members
}
