//! A minimal client of the OCI distribution API.

use ecr_emulator::{Emulator, Server};
use serde_json::{Value, json};

use crate::support::{OCI_MANIFEST, REPO, emulator, exchange, status_of};

pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An emulator with one repository, and the server that a client talks to.
pub(crate) struct Registry {
    pub(crate) emulator: Emulator,
    pub(crate) server: Server,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn registry() -> Registry {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    Registry { emulator, server }
}

impl Registry {
    /// A request for a path below `/v2/shop/web/`, or for another one if it begins with a slash.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/v2/{REPO}/{path}") };
        let (head, body) = exchange(&self.server.url(), method, &path, headers, body).await.unwrap();
        Answer { status: status_of(&head), head, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"").await
    }

    /// Pushes a manifest.
    pub(crate) async fn put(&self, reference: &str, media_type: &str, manifest: &str) -> Answer {
        let headers = format!("Content-Type: {media_type}\r\n");
        self.send("PUT", &format!("manifests/{reference}"), &headers, manifest.as_bytes()).await
    }

    /// An image manifest whose blobs are there.
    pub(crate) fn image(&self, text: &str) -> String {
        let config = self.emulator.push_blob(REPO, text.as_bytes()).unwrap();
        let config = json!({ "mediaType": OCI_CONFIG, "digest": config, "size": text.len() });
        json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [] }).to_string()
    }

    /// An artifact that refers to a subject.
    pub(crate) fn referrer(&self, subject: &str, artifact_type: &str, text: &str) -> String {
        let mut manifest: Value = serde_json::from_str(&self.image(text)).unwrap();
        manifest["artifactType"] = artifact_type.into();
        manifest["annotations"] = json!({ "note": text });
        manifest["subject"] = json!({ "mediaType": OCI_MANIFEST, "digest": subject, "size": 500 });
        manifest.to_string()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status, the code and the text of an error.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        let error = &self.json()["errors"][0];
        let text = |member: &str| error[member].as_str().unwrap().to_owned();
        (self.status, text("code"), text("message"))
    }

    pub(crate) fn code(&self) -> (u16, String) {
        let (status, code, _) = self.problem();
        (status, code)
    }
}
