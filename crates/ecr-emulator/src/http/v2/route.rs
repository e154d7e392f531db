//! Routes under `/v2`.

use axum::http::Method;

use crate::http::query::decode;

/// A route. The end of a path decides; all before that is the repository's name, slashes included.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Base,
    Catalog,
    Tags { name: String },
    Referrers { name: String, digest: String },
    Manifest { name: String, reference: String },
    Blob { name: String, digest: String },
    Uploads { name: String },
    Upload { name: String, id: String },
    Unknown,
}

impl Route {
    pub(super) fn read(path: &str) -> Self {
        let rest = path.strip_prefix("/v2").unwrap_or(path);
        let parts: Vec<String> = rest.split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let last = parts.last().map(|&last| last.to_owned()).unwrap_or_default();
        let (before, route): (_, fn(String, String) -> Self) = match parts.as_slice() {
            [] | [""] => return Self::Base,
            ["_catalog"] => return Self::Catalog,
            [name @ .., "tags", "list"] => (name, |name, _| Self::Tags { name }),
            [name @ .., "referrers", _] => (name, |name, digest| Self::Referrers { name, digest }),
            [name @ .., "manifests", _] => (name, |name, reference| Self::Manifest { name, reference }),
            [name @ .., "blobs", "uploads"] => (name, |name, _| Self::Uploads { name }),
            [name @ .., "blobs", "uploads", ""] => (name, |name, _| Self::Uploads { name }),
            [name @ .., "blobs", "uploads", _] => (name, |name, id| Self::Upload { name, id }),
            [name @ .., "blobs", _] => (name, |name, digest| Self::Blob { name, digest }),
            _ => return Self::Unknown,
        };
        if before.is_empty() { Self::Unknown } else { route(before.join("/"), last) }
    }

    pub(super) fn repository(&self) -> Option<&str> {
        match self {
            Self::Base | Self::Catalog | Self::Unknown => None,
            Self::Tags { name }
            | Self::Referrers { name, .. }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. } => Some(name),
        }
    }

    /// The path without names and digests.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Base => "/v2/",
            Self::Catalog => "/v2/_catalog",
            Self::Tags { .. } => "/v2/tags/list",
            Self::Referrers { .. } => "/v2/referrers",
            Self::Manifest { .. } => "/v2/manifests",
            Self::Blob { .. } => "/v2/blobs",
            Self::Uploads { .. } | Self::Upload { .. } => "/v2/blobs/uploads",
            Self::Unknown => "/v2/unknown",
        }
    }

    /// The IAM action that a request requires.
    pub(super) fn action(&self, method: &Method) -> &'static str {
        match (self, method.as_str()) {
            (Self::Base | Self::Unknown, _) => "GetAuthorizationToken",
            (Self::Catalog, _) => "DescribeRepositories",
            (Self::Tags { .. }, _) => "ListImages",
            (Self::Manifest { .. }, "PUT") => "PutImage",
            (Self::Manifest { .. }, "DELETE") => "BatchDeleteImage",
            (Self::Manifest { .. } | Self::Referrers { .. }, _) => "BatchGetImage",
            (Self::Blob { .. }, "HEAD") => "BatchCheckLayerAvailability",
            (Self::Blob { .. }, _) => "GetDownloadUrlForLayer",
            (Self::Uploads { .. }, _) => "InitiateLayerUpload",
            (Self::Upload { .. }, "PUT") => "CompleteLayerUpload",
            (Self::Upload { .. }, _) => "UploadLayerPart",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn names_may_have_slashes_and_look_like_routes() {
        let (name, digest) = ("blobs/tags".to_owned(), "sha256:aa".to_owned());
        assert_eq!(
            Route::read("/v2/blobs/tags/blobs/sha256%3Aaa"),
            Route::Blob { name: name.clone(), digest }
        );
        assert_eq!(Route::read("/v2/blobs/tags/blobs/uploads"), Route::Uploads { name: name.clone() });
        assert_eq!(Route::read("/v2/blobs/tags/tags/list"), Route::Tags { name });
    }

    #[test]
    fn what_is_no_route_is_unknown() {
        assert_eq!((Route::read("/v2"), Route::read("/v2/")), (Route::Base, Route::Base));
        for path in ["/v2/a", "/v2/tags/list", "/v2/manifests/v1", "/v2/blobs/uploads/", "/v2//", "/v2/a/b/c"]
        {
            assert_eq!(Route::read(path), Route::Unknown, "{path}");
        }
    }
}
