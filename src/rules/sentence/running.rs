//! What runs, in sentences.

use std::sync::Arc;

use super::Reasons;
use crate::inventory::ImageIndex;

impl Reasons<'_> {
    /// `it is in use: function web, version 3`.
    pub(super) fn in_use(&self, position: ImageIndex) -> String {
        let Some(used) = self.uses(position).into_iter().next() else {
            return "an index above it, or something that such an index holds, is in use".into();
        };
        let what = if used == position {
            "it".to_owned()
        } else if self.above(position).contains(&used) {
            format!("the index {} above it", self.short(used))
        } else {
            let holder = if self.judge.running.roots[position] { "it" } else { "an untagged index above it" };
            format!("{}, which {holder} holds,", self.short(used))
        };
        let inventory = self.judge.inventory;
        format!("{what} is in use: {}", listed(inventory.in_use.users(inventory.image(used).digest)))
    }

    /// `nobody knows whether it is in use: lambda could not be read`.
    pub(super) fn may_be_in_use(&self) -> String {
        let sources = listed(self.judge.inventory.in_use.unread());
        format!("nobody knows whether it is in use: {sources} could not be read")
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(names: &[Arc<str>]) -> String {
    match names {
        [] => "somebody".into(),
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
