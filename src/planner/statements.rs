//! Reads the statements of attestations. Nothing here fails a run: what cannot be read is told with the reason.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::collect::verified;
use super::one_warning;
use crate::memory::memories::Memories;
use crate::memory::repository::KnownPipeline;
use crate::oci::digest::Digest;
use crate::oci::statement::{MAX_BYTES, Pipeline, Statement, StatementLayer, statement_layers};
use crate::registry::blobs::{DOWNLOAD, ReadBlobs};
use crate::registry::{CallError, CallErrorKind, ReadRepository, StoredManifest};
use crate::report::plan::UnreadStatement;
use crate::util::deadline::Deadline;

/// A layer, and its statement or the reason why it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStatement {
    /// The layer.
    pub layer: StatementLayer,
    /// Its statement.
    pub statement: Result<Statement, Unread>,
}

/// The reason why a statement was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The reason in a sentence, with what to do.
    pub detail: String,
    /// Whether it lies with the caller's permissions or network, so that no other statement can be read either.
    pub is_general: bool,
}

impl Unread {
    fn of_this(detail: String) -> Self {
        Self { detail, is_general: false }
    }

    /// The reason behind a failed call, in this Region.
    pub fn of(error: &CallError, region: &str) -> Self {
        let is_download = error.operation == DOWNLOAD;
        let detail = match error.kind {
            CallErrorKind::NoResponse if is_download && error.code == "http-403" => format!(
                "{error}; ECR keeps layers in S3: a policy of a VPC endpoint for S3 must allow s3:GetObject on arn:aws:s3:::prod-{region}-starport-layer-bucket/*"
            ),
            CallErrorKind::NoResponse if is_download => format!(
                "{error}; ECR keeps layers in S3: in a VPC without a way to the internet, add a gateway endpoint for com.amazonaws.{region}.s3"
            ),
            _ if is_download => error.to_string(),
            _ => error.with_remedy(),
        };
        let is_general = matches!(
            error.kind,
            CallErrorKind::AccessDenied
                | CallErrorKind::NoResponse
                | CallErrorKind::NoCredentials
                | CallErrorKind::ExpiredCredentials
                | CallErrorKind::DeadlineExceeded
        );
        Self { detail, is_general }
    }
}

/// The statements to read of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// One that tells who made it: a provenance, if there is one.
    One,
}

/// Reads the statements of a manifest, whose bytes are verified.
pub async fn read(
    registry: &impl ReadBlobs,
    (repository, region): (&str, &str),
    manifest: &[u8],
    wanted: Wanted,
    deadline: &Deadline,
) -> Vec<ReadStatement> {
    let mut layers = statement_layers(manifest);
    if wanted == Wanted::One {
        layers.sort_by_key(|layer| !layer.is_provenance());
        layers.truncate(1);
    }
    let mut read: Vec<ReadStatement> = Vec::new();
    for layer in layers {
        let is_hopeless =
            |it: &ReadStatement| it.statement.as_ref().err().filter(|it| it.is_general).cloned();
        let statement = match read.last().and_then(is_hopeless) {
            Some(general) => Err(general),
            None => read_layer(registry, (repository, region), &layer, deadline).await,
        };
        read.push(ReadStatement { layer, statement });
    }
    read
}

async fn read_layer(
    registry: &impl ReadBlobs,
    (repository, region): (&str, &str),
    layer: &StatementLayer,
    deadline: &Deadline,
) -> Result<Statement, Unread> {
    let size =
        layer.size.ok_or_else(|| Unread::of_this("its manifest does not say how large it is".into()))?;
    if size > MAX_BYTES {
        let detail = format!("it has {size} bytes, and statements of more than 8 MiB are not read");
        return Err(Unread::of_this(detail));
    }
    let bytes = deadline.call(registry.blob(repository, layer.digest, size)).await;
    let bytes = bytes.map_err(|error| Unread::of(&error, region))?;
    Statement::parse(&bytes).map_err(|error| Unread::of_this(error.to_string()))
}

/// The manifest of an image, verified.
pub async fn manifest(
    registry: &impl ReadRepository,
    repository: &str,
    digest: Digest,
    deadline: &Deadline,
) -> Result<StoredManifest, CallError> {
    let mut parts = registry.manifests(repository, vec![digest]);
    let missing = || {
        let message = "ECR does not give its manifest";
        CallError::of_kind("BatchGetImage", CallErrorKind::Other, message)
    };
    while let Some(part) = deadline.call(async { Ok::<_, CallError>(parts.next().await) }).await? {
        let found = part.response?.done.into_iter().find(|stored| stored.digest == digest);
        if let Some(stored) = found {
            return verified(stored).map_err(|problem| {
                CallError::of_kind(
                    "BatchGetImage",
                    CallErrorKind::MalformedResponse,
                    problem.detail.to_string(),
                )
            });
        }
    }
    Err(missing())
}

/// Statements read at once: each may have 8 MiB.
const READS_AT_ONCE: usize = 4;

/// Reads one statement in each of these repositories, and remembers who made it. The answer is a warning.
pub async fn learn(
    registry: &(impl ReadRepository + ReadBlobs),
    region: &str,
    memories: &Memories,
    wanted: &[(String, UnreadStatement)],
    now: Timestamp,
    deadline: &Deadline,
) -> Option<String> {
    let is_hopeless = &AtomicBool::new(false);
    let learn_one = |(repository, unread): &(String, UnreadStatement)| {
        let (repository, unread) = (repository.clone(), *unread);
        async move {
            if is_hopeless.load(Ordering::Relaxed) || !deadline.may_start_work() {
                return None;
            }
            let read = read_one(registry, (&repository, region), unread.digest, deadline).await;
            let known = match read {
                Ok(known) => known,
                Err(why) => {
                    is_hopeless.fetch_or(why.is_general, Ordering::Relaxed);
                    return Some(format!("no statement of {repository} could be read: {}", why.detail));
                }
            };
            let update = memories.update(&repository, |memory| {
                memory.note_read(unread.digest, unread.pulled_at, now);
                memory.learn_source(unread.digest, &known, now);
            });
            update.await.map(|warning| warning.to_string())
        }
    };
    let warnings: Vec<Option<String>> =
        stream::iter(wanted).map(learn_one).buffer_unordered(READS_AT_ONCE).collect().await;
    one_warning(warnings.into_iter().flatten().collect())
}

/// The pipeline that made an attestation, by one statement.
async fn read_one(
    registry: &(impl ReadRepository + ReadBlobs),
    (repository, region): (&str, &str),
    digest: Digest,
    deadline: &Deadline,
) -> Result<KnownPipeline, Unread> {
    let stored = manifest(registry, repository, digest, deadline).await;
    let stored = stored.map_err(|error| Unread::of(&error, region))?;
    let read = read(registry, (repository, region), stored.bytes.as_bytes(), Wanted::One, deadline).await;
    let general = read.iter().find_map(|it| it.statement.as_ref().err().filter(|it| it.is_general).cloned());
    pipeline(&read).ok_or_else(|| general.unwrap_or_else(|| Unread::of_this("there is none".into())))
}

/// The pipeline that these statements tell of. Nothing if none could be read for a reason that may go away.
pub fn pipeline(read: &[ReadStatement]) -> Option<KnownPipeline> {
    let statements: Vec<Statement> =
        read.iter().filter_map(|it| it.statement.as_ref().ok()).cloned().collect();
    let is_settled =
        read.iter().all(|it| it.statement.as_ref().err().is_none_or(|unread| !unread.is_general));
    if statements.is_empty() && !is_settled {
        return None;
    }
    let buildkit = statements.iter().find_map(|it| it.sbom.as_ref()?.buildkit().map(str::to_owned));
    Some(KnownPipeline { pipeline: Pipeline::of(&statements), buildkit })
}
