//! The filter of the two listings of images.

use crate::error::ApiError;
use crate::request::Request;
use crate::state::{Image, Status};

/// `tagStatus` and `imageStatus`.
pub(super) struct Filter {
    tagged: Option<bool>,
    status: Option<Status>,
}

impl Filter {
    /// The filter of a listing, which shows ACTIVE images unless asked for others.
    pub(super) fn of_listing(request: &Request<'_>) -> Result<Self, ApiError> {
        Self::read(request, Some(Status::Active))
    }

    /// The filter of images named by id, which are shown whatever their status unless asked for one.
    pub(super) fn of_ids(request: &Request<'_>) -> Result<Self, ApiError> {
        Self::read(request, None)
    }

    fn read(request: &Request<'_>, status: Option<Status>) -> Result<Self, ApiError> {
        let mut filter = Self { tagged: None, status };
        let Some(members) = request.object("filter")? else {
            return Ok(filter);
        };
        filter.tagged = match members.one_of("tagStatus", &["TAGGED", "UNTAGGED", "ANY"])? {
            Some("TAGGED") => Some(true),
            Some("UNTAGGED") => Some(false),
            _ => None,
        };
        if let Some(status) = read_status(&members, "imageStatus")? {
            filter.status = status;
        }
        Ok(filter)
    }

    pub(super) fn takes(&self, image: &Image, now: i64) -> bool {
        self.tagged.is_none_or(|tagged| tagged != image.tags.is_empty())
            && self.status.is_none_or(|status| status == image.status(now))
    }
}

/// A status to filter by; the inner `None` is `ANY`, the outer one says that there is no such member.
pub(super) fn read_status(request: &Request<'_>, name: &str) -> Result<Option<Option<Status>>, ApiError> {
    let allowed = ["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"];
    Ok(request.one_of(name, &allowed)?.map(|text| match text {
        "ACTIVE" => Some(Status::Active),
        "ARCHIVED" => Some(Status::Archived),
        "ACTIVATING" => Some(Status::Activating),
        _ => None,
    }))
}
