//! The real adapter and the SDK, connected to the emulator in this process, with a record of every HTTP attempt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_emulator::{ApiError, Emulator, ImageView};
use ecr_in_process::{Attempt, Exchange, Session};
use serde_json::{Value, json};

use crate::world::{NAME, Stage, World};

/// Longer than any run has time.
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// How the SDK deals with an attempt that fails or takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retries {
    /// As the janitor sets it up: ten attempts of 30 seconds at most.
    Usual,
    /// One attempt, which may take as long as it wants.
    Never,
}

/// The janitor's connection to a registry.
pub(crate) struct Connection {
    pub(crate) session: Session,
    pub(crate) ecr: Ecr,
    before_writes: Arc<Mutex<BTreeMap<usize, Vec<ImageView>>>>,
}

/// An HTTP attempt, as far as the invariants need it.
pub(crate) struct Call {
    pub(crate) operation: String,
    /// The images that it named, or the tags.
    pub(crate) named: Vec<String>,
    /// Of a page of the listing: the images on it.
    pub(crate) shown: Option<Vec<String>>,
    /// Its number in the registry's journal, if the registry did it.
    pub(crate) n: Option<u64>,
    /// Whether the client could read an answer, and it was a success.
    pub(crate) succeeded: bool,
    /// Before a write: the repository, with what another client did right before it.
    pub(crate) before: Option<Vec<ImageView>>,
}

impl Connection {
    pub(crate) fn new(world: &World, stage: &Stage, retries: Retries) -> Self {
        stage.emulator.set_largest_page(world.page);
        let session = Session::new(&stage.emulator);
        if world.reads_archived {
            session.change(give_archived);
        }
        let before_writes = Arc::<Mutex<BTreeMap<usize, Vec<ImageView>>>>::default();
        let seen = Arc::clone(&before_writes);
        session.watch(move |emulator, attempt| {
            if is_write(&attempt.operation) {
                seen.lock().unwrap().insert(attempt.number, emulator.images(NAME));
            }
        });
        let settings = match retries {
            Retries::Usual => session.config(),
            Retries::Never => {
                let patient = TimeoutConfig::builder().operation_attempt_timeout(A_DAY).build();
                let once = RetryConfig::standard().with_max_attempts(1);
                session.config().into_builder().retry_config(once).timeout_config(patient).build()
            }
        };
        Self { ecr: Ecr::new(&settings).unwrap(), session, before_writes }
    }

    /// All attempts, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let mut before = std::mem::take(&mut *self.before_writes.lock().unwrap());
        let call = |exchange: Exchange| Call::new(before.remove(&exchange.attempt.number), exchange);
        self.session.exchanges().into_iter().map(call).collect()
    }
}

impl Call {
    fn new(before: Option<Vec<ImageView>>, exchange: Exchange) -> Self {
        let Exchange { attempt: Attempt { operation, request, .. }, journal, answer } = exchange;
        let ids = texts(&request["imageIds"], |id| id.get("imageDigest").or(id.get("imageTag")));
        let written = request["imageDigest"].as_str().map(str::to_owned);
        let answer = answer.and_then(Result::ok);
        let is_listing = operation == "DescribeImages" && ids.is_empty();
        let page = answer.as_ref().filter(|_| is_listing);
        Self {
            shown: page.map(|page| texts(&page["imageDetails"], |image| image.get("imageDigest"))),
            named: ids.into_iter().chain(written).collect(),
            n: journal,
            succeeded: answer.is_some(),
            before,
            operation,
        }
    }
}

pub(crate) fn is_write(operation: &str) -> bool {
    ["BatchDeleteImage", "PutImage"].contains(&operation)
}

fn texts<'a>(list: &'a Value, of: impl Fn(&'a Value) -> Option<&'a Value>) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|entry| Some(of(entry)?.as_str()?.to_owned())).collect()
}

/// An ECR whose BatchGetImage gives archived images: nobody knows for certain that the real one does not.
fn give_archived(emulator: &Emulator, attempt: &Attempt, answer: &mut Result<Value, ApiError>) {
    if let ("BatchGetImage", Ok(answer)) = (attempt.operation.as_str(), answer) {
        let failures = answer["failures"].as_array_mut().unwrap();
        let is_archived = |failure: &mut Value| failure["failureCode"] == "ImageInaccessible";
        let archived = failures.extract_if(.., is_archived).filter_map(|failure| {
            let image = emulator.image(NAME, failure["imageId"]["imageDigest"].as_str()?)?;
            Some(json!({
                "imageId": {"imageDigest": image.digest},
                "imageManifest": image.manifest,
                "imageManifestMediaType": image.media_type,
            }))
        });
        let archived: Vec<Value> = archived.collect();
        answer["images"].as_array_mut().unwrap().extend(archived);
    }
}

/// Takes every other image out of an answer, successes and failures alike.
pub(crate) fn every_other(answer: &mut Value) {
    for list in ["imageDetails", "images", "imageIds", "failures"] {
        if let Some(list) = answer[list].as_array_mut() {
            let mut number = 0;
            list.retain(|_| {
                number += 1;
                number % 2 == 0
            });
        }
    }
}
