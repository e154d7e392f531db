//! The files and connections that a program may have open at once.

/// As many as the system allows: some shells start programs with 256, and each call in flight has a connection.
#[cfg(unix)]
pub(super) fn allow_as_many_as_possible() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else { return };
    // Some systems name no maximum, and refuse what is far above theirs.
    for more in limit.maximum.into_iter().chain([ENOUGH]).filter(|more| *more > current) {
        if setrlimit(Resource::Nofile, Rlimit { current: Some(more), ..limit }).is_ok() {
            return;
        }
    }
}

#[cfg(not(unix))]
pub(super) fn allow_as_many_as_possible() {}

/// For all calls in flight at once, and the files of memory and backups.
#[cfg(unix)]
const ENOUGH: u64 = 4096;
