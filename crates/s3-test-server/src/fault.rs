//! Faults: what a server or the network between may do instead.

use std::io;

use futures::stream;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request, Response, StatusCode};
use s3s::service::S3Service;
use s3s::{Body, HttpResponse};

use crate::Bucket;

/// The operations of S3 that the bucket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// GetObject.
    Get,
    /// PutObject.
    Put,
    /// ListObjectsV2.
    List,
    /// DeleteObject.
    Delete,
}

impl Operation {
    fn of(request: &Request<Incoming>) -> Option<Self> {
        let is_list = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
        match *request.method() {
            Method::GET if is_list => Some(Self::List),
            Method::GET => Some(Self::Get),
            Method::PUT => Some(Self::Put),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

/// The fault of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with this status, code and message, and nothing is done.
    Refused(u16, &'static str, &'static str),
    /// It gets this status and this body, of a proxy say, and nothing is done.
    Foreign(u16, &'static str),
    /// It is done, and its answer is lost with the connection.
    AnswerLost,
    /// The connection breaks, and nothing is done.
    Unsent,
    /// No answer ever comes, and nothing is done.
    Silence,
    /// The answer breaks off in its body.
    BrokenOff,
    /// One byte of the answer's body is another.
    Flipped,
    /// Somebody else writes first.
    Overtaken(&'static str, Vec<u8>),
}

pub(crate) async fn answer(
    service: &S3Service,
    bucket: &Bucket,
    request: Request<Incoming>,
) -> io::Result<HttpResponse> {
    let served = |request: Request<Incoming>| async {
        let answered = service.call(request.map(Body::from)).await;
        answered.map_err(|error| io::Error::other(format!("{error:?}")))
    };
    match Operation::of(&request).and_then(|operation| bucket.called(operation)) {
        None => served(request).await,
        Some(Fault::Refused(status, code, message)) => {
            let body = format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            Ok(response(status, body))
        }
        Some(Fault::Foreign(status, body)) => Ok(response(status, body.to_owned())),
        Some(Fault::AnswerLost) => {
            served(request).await?;
            Err(io::Error::other("the answer is lost"))
        }
        Some(Fault::Unsent) => Err(io::Error::other("the connection breaks")),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::BrokenOff) => {
            let (mut head, body) = served(request).await?.into_parts();
            let bytes = bytes_of(body).await?;
            head.headers.insert(CONTENT_LENGTH, bytes.len().into());
            let half = bytes[..bytes.len() / 2].to_vec();
            let parts = [Ok(Frame::data(half.into())), Err(io::Error::other("it breaks off"))];
            Ok(Response::from_parts(head, Body::http_body(StreamBody::new(stream::iter(parts)))))
        }
        Some(Fault::Flipped) => {
            let (head, body) = served(request).await?.into_parts();
            let mut bytes = bytes_of(body).await?;
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
            Ok(Response::from_parts(head, Body::from(bytes)))
        }
        Some(Fault::Overtaken(key, bytes)) => {
            bucket.set(key, &bytes);
            served(request).await
        }
    }
}

fn response(status: u16, body: String) -> HttpResponse {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

async fn bytes_of(mut body: Body) -> io::Result<Vec<u8>> {
    let bytes = body.store_all_limited(usize::MAX).await;
    bytes.map(|bytes| bytes.to_vec()).map_err(|error| io::Error::other(error.to_string()))
}
