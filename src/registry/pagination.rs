//! Following a listing from page to page, to its end or not at all.

use std::collections::HashSet;
use std::future::Future;

use futures::stream::{self, BoxStream, StreamExt as _};

use super::{CallError, CallErrorKind};
use crate::oci::digest::Digest;

/// A bound on pages above what ECR's largest quota would fill.
const MAX_PAGES: usize = 10_000;

/// One page of a listing, and the token of the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// The content of the page.
    pub content: T,
    /// The token of the next page; none, or empty, at the end.
    pub next: Option<String>,
}

/// The pages of a listing, in order. It ends with an error if a token comes again or the pages do not end: a
/// listing that is given up half-way would pass for a whole one.
pub(crate) fn pages<'a, T, F, Fut>(operation: &'static str, fetch: F) -> BoxStream<'a, Result<T, CallError>>
where
    T: Send + 'a,
    F: Fn(Option<String>) -> Fut + Send + Sync + 'a,
    Fut: Future<Output = Result<Page<T>, CallError>> + Send + 'a,
{
    let first = (PageTokens::default(), Some(None), fetch);
    stream::try_unfold(first, move |(mut tokens, next, fetch)| async move {
        let Some(token) = next else { return Ok(None) };
        let page = fetch(token).await?;
        let next = tokens.follow(operation, page.next)?.map(Some);
        Ok(Some((page.content, (tokens, next, fetch))))
    })
    .boxed()
}

/// The tokens that a listing has given so far.
#[derive(Debug, Default)]
struct PageTokens(HashSet<Digest>);

impl PageTokens {
    /// The token of the next page; `None` at the end.
    fn follow(&mut self, operation: &'static str, next: Option<String>) -> Result<Option<String>, CallError> {
        let Some(token) = next.filter(|token| !token.is_empty()) else { return Ok(None) };
        if self.0.len() < MAX_PAGES && self.0.insert(Digest::of(token.as_bytes())) {
            return Ok(Some(token));
        }
        let message = "its pages do not end: it gave the same page token again";
        Err(CallError::of_kind(operation, CallErrorKind::MalformedResponse, message))
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    /// The pages of a listing whose tokens lead from one to the next as given.
    async fn listed(next: impl Fn(usize) -> Option<usize> + Send + Sync) -> Result<Vec<usize>, CallError> {
        let fetch = |token: Option<String>| {
            let page = token.map_or(0, |token| token.parse().unwrap());
            let next = next(page).map(|page| page.to_string());
            async move { Ok(Page { content: page, next }) }
        };
        pages("DescribeImages", fetch).try_collect().await
    }

    #[tokio::test]
    async fn a_listing_is_followed_to_its_end() {
        assert_eq!(listed(|page| (page < 3).then_some(page + 1)).await, Ok(vec![0, 1, 2, 3]));
        let empty_token = |_: Option<String>| async { Ok(Page { content: 1, next: Some(String::new()) }) };
        assert_eq!(pages("DescribeImages", empty_token).try_collect::<Vec<_>>().await, Ok(vec![1]));
    }

    #[tokio::test]
    async fn tokens_that_come_again_are_an_error_alternating_ones_too() {
        for circle in [1, 2, 3, 7] {
            let error = listed(|page| Some(1 + page % circle)).await.unwrap_err();
            assert_eq!(error.kind, CallErrorKind::MalformedResponse, "{circle}");
        }
        assert!(listed(|page| Some(page + 1)).await.is_err(), "an endless listing");
    }
}
