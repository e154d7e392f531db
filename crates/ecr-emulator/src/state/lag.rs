//! References of deleted indexes that still guard their children.

use super::{Image, ReferenceLag};

/// The references of indexes that were deleted a moment ago.
#[derive(Clone, Default)]
pub(crate) struct LaggingReferences {
    /// Calls of `BatchDeleteImage` so far.
    calls: u64,
    references: Vec<Reference>,
}

#[derive(Clone)]
struct Reference {
    child: String,
    index: String,
    until: Until,
}

#[derive(Clone, Copy)]
enum Until {
    Time(i64),
    Call(u64),
}

impl LaggingReferences {
    /// Counts a call, and forgets what is over.
    pub(crate) fn begin_call(&mut self, now: i64) {
        self.calls += 1;
        let calls = self.calls;
        self.references.retain(|reference| match reference.until {
            Until::Time(end) => now < end,
            Until::Call(last) => calls <= last,
        });
    }

    /// Remembers the references of an index that the running call deleted.
    pub(crate) fn remember(&mut self, index: &Image, lag: ReferenceLag, now: i64) {
        let until = match lag {
            ReferenceLag::None => return,
            ReferenceLag::Milliseconds(time) => Until::Time(now.saturating_add(i64::from(time))),
            ReferenceLag::Calls(calls) => Until::Call(self.calls.saturating_add(u64::from(calls))),
        };
        let digest = &index.digest;
        let reference = |child: &String| Reference { child: child.clone(), index: digest.clone(), until };
        self.references.extend(index.manifest.children.iter().map(reference));
    }

    /// The deleted indexes that still guard a child.
    pub(crate) fn parents_of<'a>(&'a self, child: &'a str) -> impl Iterator<Item = &'a str> {
        let of_child = self.references.iter().filter(move |reference| reference.child == child);
        of_child.map(|reference| reference.index.as_str())
    }
}
