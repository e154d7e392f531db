//! Blobs from the signed URLs that ECR gives for them.
//!
//! The URL is all that the download needs: no credentials go along. What comes back is not trusted before its size
//! and its digest are right.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::byte_stream::ByteStream;

use super::error::{call_error, without_secrets};
use super::{CallError, CallErrorKind, DOWNLOAD_URLS, Ecr};
use crate::oci::digest::Digest;
use crate::registry::blobs::{DOWNLOAD, ReadBlobs};
use crate::util::sanitize;
use crate::util::xml;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// A whole download, of at most some tens of megabytes.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Downloads of one blob, each from a URL of its own.
const ATTEMPTS: u32 = 4;
const BACKOFF: Duration = Duration::from_millis(250);
/// Redirects followed in one download, on the host that ECR named.
const REDIRECTS: usize = 3;
/// The longest message of the host that goes into logs, in characters.
const LONGEST: usize = 300;

impl ReadBlobs for Ecr {
    async fn blob(&self, repository: &str, digest: Digest, size: u64) -> Result<Vec<u8>, CallError> {
        let mut wait = BACKOFF;
        for _ in 1..ATTEMPTS {
            match self.download(repository, digest, size).await {
                Err(error) if error.operation == DOWNLOAD && error.is_transient() => {}
                done => return done,
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.download(repository, digest, size).await
    }
}

impl Ecr {
    async fn download(&self, repository: &str, digest: Digest, size: u64) -> Result<Vec<u8>, CallError> {
        let turn = self.in_flight.turn(DOWNLOAD_URLS).await;
        let call = self.client.get_download_url_for_layer().repository_name(repository);
        let response = call.layer_digest(digest.to_string()).send().await;
        let response = response.map_err(|error| call_error(DOWNLOAD_URLS, error))?;
        drop(turn);
        let url = response.download_url.unwrap_or_default();
        let fetched = tokio::time::timeout(TIMEOUT, self.downloads.get(&url, size)).await;
        let late = |_| CallError::of_kind(DOWNLOAD, CallErrorKind::NoResponse, "it took too long");
        let bytes = fetched.map_err(late)??;
        if Digest::of(&bytes) != digest {
            let message = format!("the bytes that came for {digest} do not have that digest");
            return Err(CallError::of_kind(DOWNLOAD, CallErrorKind::MalformedResponse, message));
        }
        Ok(bytes)
    }
}

/// The HTTP client for downloads: the SDK's own, without its signatures. Made for the first of them, because it reads
/// the certificates of the system.
#[derive(Debug, Default)]
pub(super) struct Downloads(OnceLock<Connector>);

fn connector() -> Connector {
    let settings = HttpConnectorSettings::builder();
    let settings = settings.connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let builder = ConnectorBuilder::default().connector_settings(settings);
    let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc));
    builder.proxy_config(ProxyConfig::from_env()).build()
}

impl Downloads {
    /// The body at this URL, if it has no more than `size` bytes.
    async fn get(&self, url: &str, size: u64) -> Result<Vec<u8>, CallError> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let request = HttpRequest::get(&url).map_err(|_| malformed("ECR gave a URL that is none"))?;
            let response = self
                .0
                .get_or_init(connector)
                .call(request)
                .await
                .map_err(|error| failed(CallErrorKind::NoResponse, &error.into_source().to_string()))?;
            match redirect(&url, &response) {
                Some(next) => url = next,
                None if is_redirect(&response) => {
                    return Err(malformed("it was redirected to another host, which is not followed"));
                }
                None => return body(response, size).await,
            }
        }
        Err(malformed("it was redirected too often"))
    }
}

/// The place that a response redirects to, if it is on the same host.
fn redirect(url: &str, response: &HttpResponse) -> Option<String> {
    let location = response.headers().get("location").filter(|_| is_redirect(response))?;
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(format!("{}{location}", origin(url)?));
    }
    (origin(location)? == origin(url)?).then(|| location.to_owned())
}

fn is_redirect(response: &HttpResponse) -> bool {
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Scheme, host and port.
fn origin(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    Some(&url[..end])
}

async fn body(response: HttpResponse, size: u64) -> Result<Vec<u8>, CallError> {
    let status = response.status();
    let mut stream = ByteStream::new(response.into_body());
    let limit = if status.is_success() { size } else { 4096 };
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| failed(CallErrorKind::NoResponse, &error.to_string()))?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            if status.is_success() {
                return Err(malformed("there are more bytes than its manifest says"));
            }
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    if status.is_success() { Ok(bytes) } else { Err(refused(status.as_u16(), &bytes)) }
}

fn refused(status: u16, body: &[u8]) -> CallError {
    let kind = match status {
        429 | 503 => CallErrorKind::Throttled,
        500.. => CallErrorKind::ServerError,
        // A URL may be used when it has just run out: another one is asked for.
        403 => CallErrorKind::NoResponse,
        _ => CallErrorKind::Other,
    };
    CallError { code: format!("http-{status}"), ..failed(kind, &reason(body)) }
}

/// The reason that S3, or whatever stands before it, gives in the body of an error.
fn reason(body: &[u8]) -> String {
    let told = xml::error(body);
    let text = String::from_utf8_lossy(body);
    match (told.message().map(str::trim).filter(|message| !message.is_empty()), told.code()) {
        (Some(message), Some(code)) => format!("{message} ({code})"),
        (None, Some(code)) => code.to_owned(),
        _ if text.trim().is_empty() || text.trim_start().starts_with('<') => "no reason was given".to_owned(),
        _ => text.into_owned(),
    }
}

fn failed(kind: CallErrorKind, message: &str) -> CallError {
    CallError::of_kind(DOWNLOAD, kind, sanitize::cut(without_secrets(message).trim(), LONGEST))
}

fn malformed(message: &str) -> CallError {
    CallError::of_kind(DOWNLOAD, CallErrorKind::MalformedResponse, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirected(from: &str, to: &str) -> Option<String> {
        let status = aws_smithy_runtime_api::http::StatusCode::try_from(307).unwrap();
        let mut response = HttpResponse::new(status, aws_smithy_types::body::SdkBody::empty());
        response.headers_mut().insert("location", to.to_owned());
        redirect(from, &response)
    }

    #[test]
    fn a_redirect_is_followed_on_the_same_host_only() {
        let from = "https://host:8443/a?b";
        for (to, followed) in [
            ("/c?d", Some("https://host:8443/c?d")),
            ("https://host:8443/c", Some("https://host:8443/c")),
            ("https://host/c", None),
            ("http://host:8443/c", None),
            ("https://host:8443.example/c", None),
            ("https://user@host:8443/c", None),
            ("//other/c", None),
            ("c", None),
            ("", None),
        ] {
            assert_eq!(redirected(from, to).as_deref(), followed, "{to}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_a_sentence_and_never_as_markup() {
        let expired = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><HostId>x</HostId></Error>";
        for (body, expected) in [
            (&expired[..], "Request has expired (AccessDenied)"),
            (b"<Error><Code>SlowDown</Code></Error>", "SlowDown"),
            (b"<html><body>Bad Gateway</body></html>", "no reason was given"),
            (b" ", "no reason was given"),
            (b"upstream is gone", "upstream is gone"),
        ] {
            let error = refused(403, body);
            assert_eq!((error.code.as_str(), error.message.as_str()), ("http-403", expected));
        }
    }

    /// A server that answers each request with these bytes, and the head of the first request.
    fn serve(answer: String) -> (String, std::thread::JoinHandle<String>) {
        use std::io::{BufRead as _, BufReader, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let mut reader = BufReader::new(listener.accept().unwrap().0);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
            head
        });
        (url, served)
    }

    #[tokio::test]
    async fn nothing_is_fetched_from_another_host_and_no_credentials_are_sent() {
        let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let location = format!("http://{}/x", elsewhere.local_addr().unwrap());
        let head = "HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\nconnection: close\r\n";
        let (url, served) = serve(format!("{head}location: {location}\r\n\r\n"));
        let error = Downloads::default().get(&format!("{url}/a?b"), 10).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::MalformedResponse);
        assert!(error.message.contains("another host"), "{error}");
        assert!(elsewhere.accept().is_err(), "nobody came");
        let sent = served.join().unwrap().to_ascii_lowercase();
        assert!(sent.starts_with("get /a?b ") && !sent.contains("authorization"), "{sent}");
        assert!(!sent.contains("x-amz"), "{sent}");
    }
}
