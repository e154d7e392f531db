//! Answers that do not arrive in one piece.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Response, header};
use futures::stream::{self, StreamExt as _};

const PIECES: usize = 8;
const FLUSH: Duration = Duration::from_millis(5);

/// The first half of an answer, under a head that promises all of it; then the connection closes.
pub(super) async fn half(response: Response<Body>) -> Response<Body> {
    in_parts(response, |body| {
        let first = stream::iter([Ok(body.slice(..body.len() / 2))]);
        let end = stream::once(async {
            // What was written so far is sent only when there is nothing more to write at once.
            tokio::time::sleep(FLUSH).await;
            Err(io::Error::from(io::ErrorKind::ConnectionAborted))
        });
        Body::from_stream(first.chain(end))
    })
    .await
}

/// An answer in pieces, with a pause before each.
pub(super) async fn trickle(response: Response<Body>, pause: Duration) -> Response<Body> {
    in_parts(response, |body| {
        let length = body.len().div_ceil(PIECES).max(1);
        let pieces: Vec<Bytes> = body.chunks(length).map(Bytes::copy_from_slice).collect();
        Body::from_stream(stream::iter(pieces).then(move |piece| async move {
            tokio::time::sleep(pause).await;
            io::Result::Ok(piece)
        }))
    })
    .await
}

async fn in_parts(response: Response<Body>, parts: impl FnOnce(Bytes) -> Body) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    // What the emulator answers is in memory: this cannot fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, parts(body))
}
