//! Lambda, ECS and Inspector as far as they tell which images run, for tests: in memory, over HTTP, with faults on demand.
//!
//! The shapes are those of the service models, with a field or two beside those that clients of images need.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::oneshot;

mod ecs;
mod inspector;
mod lambda;
mod workloads;

pub use workloads::{Container, Workloads};

/// A refusal of an operation: its status and error code.
pub type Fault = (u16, &'static str);

/// A server on a port of this machine, until it is dropped.
#[derive(Debug)]
pub struct UsageServer {
    address: SocketAddr,
    state: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    workloads: Workloads,
    page: usize,
    /// Operations that are refused so often.
    faults: BTreeMap<String, (Fault, usize)>,
    calls: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<State>>);

/// An answer, or a refusal with its code.
type Answer = Result<Value, (u16, String)>;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageServer {
    /// Serves an account in which nothing runs, in a thread of its own.
    ///
    /// # Panics
    /// If this machine has no free port.
    #[allow(clippy::expect_used, reason = "a test cannot go on without it")]
    pub fn start() -> Self {
        let state = Shared::default();
        state.lock().page = 100;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a port");
        let (stop, stopped) = oneshot::channel();
        let served = state.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
                tokio::select! {
                    () = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// The value for `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL_ECS` and `AWS_ENDPOINT_URL_INSPECTOR2`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what runs.
    pub fn change(&self, change: impl FnOnce(&mut Workloads)) {
        change(&mut self.state.lock().workloads);
    }

    /// Lists so many at a time.
    pub fn set_page(&self, page: usize) {
        self.state.lock().page = page;
    }

    /// Refuses the next calls of an operation, so many of them.
    pub fn refuse(&self, operation: &str, fault: Fault, times: usize) {
        self.state.lock().faults.insert(operation.to_owned(), (fault, times));
    }

    /// The calls so far, by operation.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.state.lock().calls.clone()
    }
}

impl Drop for UsageServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server shows itself as a failed request.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, state: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let answer = move |request| {
            let state = state.clone();
            async move { Ok::<_, std::convert::Infallible>(answer(&state, request).await) }
        };
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(state: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (target, signature) = (header("x-amz-target"), header("authorization"));
    let uri = request.uri().clone();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (service, operation) = match target.rsplit_once('.') {
        Some((_, operation)) => ("ecs", operation.to_owned()),
        None if uri.path() == "/coverage/list" => ("inspector2", "ListCoverage".to_owned()),
        None => ("lambda", lambda::operation(uri.path()).to_owned()),
    };
    let answer = if signature.contains(&format!("/{service}/aws4_request")) {
        state.answer(service, &operation, uri.path(), uri.query().unwrap_or_default(), &body)
    } else {
        Err((403, "IncompleteSignatureException".to_owned()))
    };
    respond(service, answer)
}

impl Shared {
    fn answer(&self, service: &str, operation: &str, path: &str, query: &str, body: &Value) -> Answer {
        let mut state = self.lock();
        *state.calls.entry(operation.to_owned()).or_default() += 1;
        if let Some(((status, code), times)) = state.faults.get_mut(operation).filter(|(_, times)| *times > 0)
        {
            *times -= 1;
            return Err((*status, (*code).to_owned()));
        }
        let (workloads, page) = (&state.workloads, state.page);
        match service {
            "ecs" => ecs::answer(workloads, page, operation, body),
            "inspector2" => inspector::answer(workloads, page, body),
            _ => lambda::answer(workloads, page, path, query),
        }
    }
}

fn respond(service: &str, answer: Answer) -> Response<Full<Bytes>> {
    let (status, code, body) = match answer {
        Ok(body) => (200, None, body),
        Err((status, code)) if service == "ecs" => {
            (status, None, json!({ "__type": code, "message": format!("{code}, says the test") }))
        }
        Err((status, code)) => {
            let body = json!({ "message": format!("{code}, says the test") });
            (status, Some(format!("{code}:http://internal.amazon.com/coral/")), body)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    if let Some(code) = code.and_then(|code| code.parse().ok()) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

/// A page of a listing, and the token of the next: its beginning as a number.
fn page<T: Clone>(all: &[T], size: usize, token: Option<&str>) -> (Vec<T>, Option<String>) {
    let from = token.and_then(|token| token.parse().ok()).unwrap_or(0).min(all.len());
    let until = (from + size.max(1)).min(all.len());
    let next = (until < all.len()).then(|| until.to_string());
    (all[from..until].to_vec(), next)
}

/// A listing with the token of its next page, if there is one.
fn with_token(mut listing: Value, name: &str, token: Option<String>) -> Value {
    if let Some(token) = token {
        listing[name] = token.into();
    }
    listing
}
