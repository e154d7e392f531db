//! Pages: `maxResults`, and opaque `nextToken`s that say after which key to continue.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;
use crate::request::Request;

/// The page of a list that a request asks for.
pub(crate) struct Page {
    scope: String,
    /// Continue after this key.
    pub(crate) after: Option<String>,
    /// Largest number of results.
    pub(crate) size: usize,
}

impl Page {
    /// Reads `maxResults` (1 to `max`) and `nextToken`. A token is good only in the `scope` it was made in (the
    /// operation and what it lists).
    pub(crate) fn read(
        request: &Request<'_>,
        scope: String,
        default: usize,
        max: usize,
    ) -> Result<Self, ApiError> {
        let size = match request.integer("maxResults")? {
            None => default,
            Some(size) if size < 1 => {
                let constraint = "Member must have value greater than or equal to 1";
                return Err(ApiError::invalid("maxResults", constraint));
            }
            Some(size) => match usize::try_from(size) {
                Ok(size) if size <= max => size,
                _ => {
                    let constraint = format!("Member must have value less than or equal to {max}");
                    return Err(ApiError::invalid("maxResults", &constraint));
                }
            },
        };
        let after = match request.text("nextToken")? {
            None => None,
            Some(token) => Some(read_token(token, &scope)?),
        };
        Ok(Self { scope, after, size })
    }

    /// The same page with a smaller limit.
    pub(crate) fn no_larger_than(self, size: usize) -> Self {
        Self { size: self.size.min(size), ..self }
    }

    /// The token that continues after `key`.
    pub(crate) fn token(&self, key: &str) -> String {
        STANDARD.encode(format!("1\n{}\n{key}", self.scope))
    }
}

/// A token that leads to the first page of the listing that this one belongs to.
pub(crate) fn to_first_page(token: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (scope, _) = text.strip_prefix("1\n")?.split_once('\n')?;
    Some(STANDARD.encode(format!("1\n{scope}\n")))
}

/// Fails for `maxResults` or `nextToken` next to an explicit list.
pub(crate) fn refuse_with(request: &Request<'_>, list: &str) -> Result<(), ApiError> {
    for member in ["nextToken", "maxResults"] {
        if request.has(member) {
            let constraint = format!("must not be specified together with {list}");
            return Err(ApiError::invalid(member, &constraint));
        }
    }
    Ok(())
}

fn read_token(token: &str, scope: &str) -> Result<String, ApiError> {
    STANDARD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            let (seen, key) = text.strip_prefix("1\n")?.split_once('\n')?;
            (seen == scope).then(|| key.to_owned())
        })
        .ok_or_else(|| ApiError::invalid("nextToken", "Invalid pagination token"))
}
