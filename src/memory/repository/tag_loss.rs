//! The images that lost every tag since the last run that could act.

use jiff::{SignedDuration, Timestamp};

use super::{RepositoryMemory, Sight};

/// Tagged images and losses up to which `max_tag_loss` does not hold: a share means nothing for a handful.
const CHECKED_ABOVE: usize = 10;

/// The images that lost every tag since the last run that could act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagLoss {
    /// The images that had a user's tag then, and are still there.
    pub tagged_before: usize,
    /// Those of them that have none now, and had one not long ago.
    pub lost: usize,
}

impl TagLoss {
    /// Whether more than this share was lost: `tags-vanished`.
    pub fn exceeds(&self, max_tag_loss: f64) -> bool {
        // Divided, not multiplied: 57 of 100 is exactly the share 0.57, and equal is allowed.
        self.tagged_before > CHECKED_ABOVE
            && self.lost > CHECKED_ABOVE
            && self.lost as f64 / self.tagged_before as f64 > max_tag_loss
    }
}

impl RepositoryMemory {
    /// Compares the tags of these images with those of the last run that could act. What lost its tags longer than
    /// `superseded_after` ago is no loss any more.
    pub fn tag_loss<'a>(
        &self,
        sights: impl IntoIterator<Item = &'a Sight>,
        superseded_after: SignedDuration,
        now: Timestamp,
    ) -> TagLoss {
        let mut loss = TagLoss { tagged_before: 0, lost: 0 };
        for sight in sights {
            let Some(entry) = self.entry(sight.digest).filter(|entry| entry.in_baseline) else { continue };
            loss.tagged_before += 1;
            let is_fresh = entry
                .untagged_since
                .is_none_or(|since| now.duration_since(since.timestamp()) < superseded_after);
            loss.lost += usize::from(!sight.has_user_tag && is_fresh);
        }
        loss
    }
}
