//! Selection of repositories.

use std::collections::BTreeMap;

use crate::config::pattern::{NonEmptyPatterns, Patterns};
use crate::config::section::section;
use crate::config::value::Texts;

section! {
    /// The selection of repositories.
    #[derive(Debug, Clone)]
    pub struct Select, SelectPatch {
        /// Patterns of names.
        repositories: Patterns = Patterns::everything(), from NonEmptyPatterns;
        /// Patterns of names that are left out all the same.
        exclude: Patterns = Patterns::default(), from Patterns;
        /// Resource tags that a repository must bear, all of them.
        require_tag: BTreeMap<String, String> = BTreeMap::new(), from Texts;
    }
}
