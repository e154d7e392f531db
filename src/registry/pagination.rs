//! Following a listing from page to page, to its end or not at all.

use std::collections::HashSet;

use super::CallError;
use crate::oci::digest::Digest;

/// More pages than ECR's largest quota would fill: a listing that never ends.
const MAX_PAGES: usize = 10_000;

/// The page tokens of a listing so far.
#[derive(Debug, Default)]
pub struct Tokens(HashSet<Digest>);

impl Tokens {
    /// Where to go on; `None` at the end. A token that was given before leads in circles, and a listing that is given
    /// up there would be taken for a whole one: it is an error.
    pub fn follow(
        &mut self,
        operation: &'static str,
        next: Option<String>,
    ) -> Result<Option<String>, CallError> {
        let Some(token) = next.filter(|token| !token.is_empty()) else { return Ok(None) };
        if self.0.len() < MAX_PAGES && self.0.insert(Digest::of(token.as_bytes())) {
            return Ok(Some(token));
        }
        Err(CallError {
            operation,
            code: "BadAnswer".into(),
            message: "its pages go round in circles: it gave the same page token again".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_ends_or_fails() {
        let mut tokens = Tokens::default();
        let mut follow = |token: &str| tokens.follow("DescribeImages", Some(token.into()));
        assert_eq!(
            (follow("a"), follow("b"), follow("")),
            (Ok(Some("a".into())), Ok(Some("b".into())), Ok(None))
        );
        assert_eq!(follow("a").map_err(|error| error.code), Err("BadAnswer".into()));
        assert!((0..=MAX_PAGES).any(|n| follow(&n.to_string()).is_err()), "an endless listing");
    }
}
