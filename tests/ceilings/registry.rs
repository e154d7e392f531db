//! A registry whose repositories all have the same images, so that very large ones fit this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use ecr_emulator::{ApiError, Emulator};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The repository of the emulator that all others are copies of.
pub(crate) const ORIGINAL: &str = "original";

/// The images of the repositories.
pub(crate) enum Images {
    /// Those of the emulator's repository.
    Emulated(Emulator),
    /// These entries of DescribeImages, and what can be read of them.
    Listed { entries: Vec<Value>, manifests: Manifests },
}

/// Manifests by digest, each as a string of JSON, so that an answer of hundreds of megabytes is soon written.
#[derive(Default)]
pub(crate) struct Manifests(HashMap<String, String>);

impl Manifests {
    pub(crate) fn add(&mut self, digest: String, manifest: &str) {
        self.0.insert(digest, json!(manifest).to_string());
    }

    /// The answer of BatchGetImage.
    fn answer(&self, request: &Value) -> Bytes {
        let ids = request["imageIds"].as_array().unwrap();
        let digests = ids.iter().map(|id| id["imageDigest"].as_str().unwrap());
        let images = digests.map(|digest| {
            let manifest = &self.0[digest];
            format!("{{\"imageId\":{{\"imageDigest\":\"{digest}\"}},\"imageManifest\":{manifest}}}")
        });
        let images = images.collect::<Vec<_>>().join(",");
        format!("{{\"images\":[{images}],\"failures\":[]}}").into()
    }
}

struct Copies {
    images: Images,
    repositories: usize,
    answers: Mutex<HashMap<(String, String), Bytes>>,
}

/// Serves so many repositories with the same images, and gives the address.
pub(crate) async fn serve(images: Images, repositories: usize) -> String {
    let copies = Arc::new(Copies { images, repositories, answers: Mutex::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(copies);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn answer(State(copies): State<Arc<Copies>>, headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
    let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let mut request: Value = serde_json::from_slice(&body).unwrap();
    if request["repositoryName"].is_string() {
        request["repositoryName"] = json!(ORIGINAL);
    }
    if let ("BatchGetImage", Images::Listed { manifests, .. }) = (operation.as_str(), &copies.images) {
        return (StatusCode::OK, manifests.answer(&request));
    }
    let key = (operation, request.to_string());
    if let Some(known) = copies.answers.lock().unwrap().get(&key) {
        return (StatusCode::OK, known.clone());
    }
    match copies.respond(&key.0, request) {
        Ok(answer) => {
            let answer = Bytes::from(answer.to_string());
            copies.answers.lock().unwrap().insert(key, answer.clone());
            (StatusCode::OK, answer)
        }
        Err(error) => {
            let body = json!({"__type": error.code, "message": error.message}).to_string();
            (StatusCode::from_u16(error.status).unwrap(), body.into())
        }
    }
}

impl Copies {
    fn respond(&self, operation: &str, request: Value) -> Result<Value, ApiError> {
        match (operation, &self.images) {
            ("DescribeRepositories", _) => Ok(json!({"repositories": self.repositories()})),
            ("DescribeRegistry", _) => Ok(json!({"replicationConfiguration": {"rules": []}})),
            ("DescribePullThroughCacheRules", _) => Ok(json!({"pullThroughCacheRules": []})),
            (_, Images::Emulated(emulator)) => emulator.send(operation, request),
            ("DescribeImages", Images::Listed { entries, .. }) => Ok(page(entries, &request)),
            (other, Images::Listed { .. }) => panic!("{other} is not expected"),
        }
    }

    fn repositories(&self) -> Vec<Value> {
        let named = |number: usize| {
            let name = format!("team/{number:03}");
            let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{name}");
            json!({"repositoryName": name, "repositoryArn": arn, "registryId": "123456789012"})
        };
        (0..self.repositories).map(named).collect()
    }
}

fn page(entries: &[Value], request: &Value) -> Value {
    let first: usize = request["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let most = usize::try_from(request["maxResults"].as_u64().unwrap()).unwrap();
    let last = entries.len().min(first + most);
    let mut page = json!({"imageDetails": entries[first..last]});
    if last < entries.len() {
        page["nextToken"] = json!(last.to_string());
    }
    page
}
