//! The places of memory and backups.

use super::check::Check;
use crate::cli::session::Session;
use crate::config::Mode;
use crate::memory::store::StoreError;
use crate::util::sanitize;

const MEMORY: &str = "Memory";
const BACKUPS: &str = "Backups";

pub(super) async fn look(session: &Session) -> Vec<Check> {
    vec![memory(session).await, backups(session).await]
}

async fn memory(session: &Session) -> Check {
    match session.places.reach_memory().await {
        None => Check::warn(
            MEMORY,
            "none: without it no run knows when an image lost its tag, so nothing superseded is deleted unless superseded_since = \"push\", and the janitor's own reads look like pulls; set memory.location (JANITOR_MEMORY_LOCATION)",
        ),
        Some((place, Ok(()))) => {
            Check::ok(MEMORY, sanitize::line(&format!("{place} is readable and writable")))
        }
        Some((_, Err(error))) => Check::fail(MEMORY, remedied(&error)),
    }
}

async fn backups(session: &Session) -> Check {
    let bad = if session.config.mode == Mode::Apply { Check::fail } else { Check::warn };
    match session.places.reach_backups().await {
        // The warning says whether they are switched off or have no place.
        None => bad(BACKUPS, session.places.warning().unwrap_or_default()),
        Some((place, Ok(()))) => {
            Check::ok(BACKUPS, sanitize::line(&format!("{place} is readable and writable")))
        }
        Some((_, Err(error))) => bad(BACKUPS, remedied(&error)),
    }
}

fn remedied(error: &StoreError) -> String {
    sanitize::line(&error.with_remedy())
}
