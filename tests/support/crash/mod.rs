//! A registry for runs that are cut anywhere, and what must hold after each.

pub(crate) mod scene;
pub(crate) mod verdict;

use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const FRESH: &[&str] = &["apply", "--yes", "--output", "json"];
pub(crate) const SAVED: &[&str] = &["apply", "plan.json", "--yes", "--output", "json"];
/// Runs each of these, a few at once.
pub(crate) fn each<T: Sync>(all: &[T], at_once: usize, run: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(one);
                }
            });
        }
    });
}
