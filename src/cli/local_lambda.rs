//! A Lambda function on this machine: the real binary behind a small Runtime API, one invocation at a time.
//!
//! Source: AWS Lambda's Runtime API, version 2018-06-01.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Lambda's limit for an answer.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// What the function answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A result.
    Response(Value),
    /// An error: `errorType` and `errorMessage`.
    Error(Value),
}

/// A running function.
#[derive(Debug)]
pub struct LocalFunction {
    child: Child,
    invocations: mpsc::Sender<Invocation>,
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
    server: JoinHandle<()>,
    count: u64,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    event: String,
    deadline_ms: i64,
    answer: oneshot::Sender<Answer>,
}

#[derive(Clone)]
struct Api {
    waiting: Arc<AsyncMutex<mpsc::Receiver<Invocation>>>,
    running: Arc<Mutex<HashMap<String, oneshot::Sender<Answer>>>>,
}

impl LocalFunction {
    /// Starts the binary, with those variables that Lambda sets, these beside and over them, and nothing else of this
    /// environment but PATH.
    pub async fn start<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        binary: &Path,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> io::Result<Self> {
        let (invocations, waiting) = mpsc::channel(1);
        let api = Api { waiting: Arc::new(AsyncMutex::new(waiting)), running: Arc::default() };
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Ends with the process; a failure shows as an invocation without an answer.
            let _ = axum::serve(listener, routes(api)).await;
        });
        let mut command = Command::new(binary);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("AWS_LAMBDA_FUNCTION_NAME", "ecr-janitor").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command.envs(variables).env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        // As in Lambda: the working directory is where the function lies.
        command.current_dir(binary.parent().unwrap_or(Path::new(".")));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("the function has no stdout"))?;
        let sink = Arc::clone(&lines);
        let reader = tokio::spawn(async move {
            let mut stdout = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = stdout.next_line().await {
                sink.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Self { child, invocations, lines, reader, server, count: 0 })
    }

    /// Invokes the function and waits for its answer, or for its end, or twice the time it was given.
    pub async fn invoke(&mut self, event: &Value, time: Duration) -> io::Result<Answer> {
        self.count += 1;
        let (answer, answered) = oneshot::channel();
        let time_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let invocation = Invocation {
            id: format!("00000000-0000-4000-8000-{:012}", self.count),
            event: event.to_string(),
            deadline_ms: Timestamp::now().as_millisecond().saturating_add(time_ms),
            answer,
        };
        self.invocations.send(invocation).await.map_err(io::Error::other)?;
        tokio::select! {
            answer = answered => answer.map_err(io::Error::other),
            status = self.child.wait() => Err(io::Error::other(format!("the function ended: {}", status?))),
            () = tokio::time::sleep(time.saturating_mul(2)) => Err(io::Error::other("the function did not answer")),
        }
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What the function has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Kills the function, as Lambda does at its deadline, and gives all it logged.
    pub async fn stop(mut self) -> Vec<String> {
        let _ = self.child.kill().await;
        let _ = (&mut self.reader).await;
        self.server.abort();
        self.log()
    }
}

fn routes(api: Api) -> Router {
    let base = "/2018-06-01/runtime";
    Router::new()
        .route(&format!("{base}/invocation/next"), get(next))
        .route(&format!("{base}/invocation/{{id}}/response"), post(response))
        .route(&format!("{base}/invocation/{{id}}/error"), post(error))
        .route(&format!("{base}/init/error"), post(|| async { StatusCode::ACCEPTED }))
        .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
        .with_state(api)
}

async fn next(State(api): State<Api>) -> Response<Body> {
    let Some(invocation) = api.waiting.lock().await.recv().await else { return empty(StatusCode::GONE) };
    api.running
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(invocation.id.clone(), invocation.answer);
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &invocation.id)
        .header("lambda-runtime-deadline-ms", invocation.deadline_ms)
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:ecr-janitor",
        )
        .header("lambda-runtime-trace-id", format!("Root=1-{}", invocation.id))
        .body(Body::from(invocation.event))
        .unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn response(State(api): State<Api>, UrlPath(id): UrlPath<String>, body: String) -> StatusCode {
    settle(&api, &id, Answer::Response(json_of(&body)))
}

async fn error(State(api): State<Api>, UrlPath(id): UrlPath<String>, body: String) -> StatusCode {
    settle(&api, &id, Answer::Error(json_of(&body)))
}

fn settle(api: &Api, id: &str, answer: Answer) -> StatusCode {
    match api.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
        Some(waiting) => {
            // Nobody may be waiting any more.
            let _ = waiting.send(answer);
            StatusCode::ACCEPTED
        }
        None => StatusCode::BAD_REQUEST,
    }
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
