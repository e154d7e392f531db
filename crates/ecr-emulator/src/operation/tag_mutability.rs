//! `PutImageTagMutability`.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{Mutability, State};

pub(super) fn put_image_tag_mutability(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    request.required_text("imageTagMutability")?;
    let mutability = Mutability::read(request)?.unwrap_or_default();
    let mut response = json!({ "registryId": state.settings.account, "repositoryName": name });
    mutability.write(&mut response);
    state.repository_mut(name)?.mutability = mutability;
    let setting = "imageTagMutability".to_owned();
    state.record(name, Change::Configured { setting });
    Ok(response)
}
