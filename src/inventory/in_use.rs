//! The images of a repository that run somewhere, as far as sources of such images told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::oci::digest::Digest;

/// The users of one image that are remembered: a thousand functions may run the same image.
const MOST_USERS: usize = 10;

/// The images of a repository that are in use, and whether that is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InUse {
    users: BTreeMap<Digest, Vec<Arc<str>>>,
    unread: Vec<Arc<str>>,
}

impl InUse {
    /// Takes note of an image that is in use, and of what uses it: a function, a service, a line of a file.
    pub fn add(&mut self, image: Digest, user: Arc<str>) {
        let users = self.users.entry(image).or_default();
        if users.len() < MOST_USERS && !users.contains(&user) {
            users.push(user);
        }
    }

    /// Takes note of a source that could not be read: it might have named anything.
    pub fn add_unread(&mut self, source: Arc<str>) {
        self.unread.push(source);
    }

    /// The digests that were named.
    pub fn images(&self) -> impl Iterator<Item = Digest> + '_ {
        self.users.keys().copied()
    }

    /// Whether nothing was named.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether a source names this image.
    pub fn names(&self, image: Digest) -> bool {
        self.users.contains_key(&image)
    }

    /// What uses this image, the first few.
    pub fn users(&self, image: Digest) -> &[Arc<str>] {
        self.users.get(&image).map(Vec::as_slice).unwrap_or_default()
    }

    /// The sources that could not be read.
    pub fn unread(&self) -> &[Arc<str>] {
        &self.unread
    }

    /// Whether every source was read.
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }
}
