//! Image status and storage class.

use serde::{Deserialize, Serialize};

/// An image's status, as `DescribeImages` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Can be pulled.
    Active,
    /// In the archive: cannot be pulled, listed only when asked for.
    Archived,
    /// On its way back from the archive.
    Activating,
}

impl Status {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Archived => "ARCHIVED",
            Self::Activating => "ACTIVATING",
        }
    }
}

/// The storage class, with the end of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Active,
    Archived,
    /// Active from this time on; never by itself without one.
    Activating {
        until: Option<i64>,
    },
}

impl Storage {
    pub(crate) fn status(self, now: i64) -> Status {
        match self {
            Self::Active => Status::Active,
            Self::Archived => Status::Archived,
            Self::Activating { until: Some(until) } if until <= now => Status::Active,
            Self::Activating { .. } => Status::Activating,
        }
    }
}

impl From<Status> for Storage {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Archived => Self::Archived,
            Status::Activating => Self::Activating { until: None },
        }
    }
}
