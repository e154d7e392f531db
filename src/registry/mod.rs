//! The port to the registry: listing, reading, deleting and tagging, each a trait of its own.
//!
//! A plan run holds nothing that can write.

use std::collections::BTreeMap;
use std::future::Future;

use futures::stream::BoxStream;

use crate::inventory::Image;
use crate::oci::digest::Digest;
use crate::report::ApiUsage;

pub mod assume;
pub mod blobs;
#[cfg(feature = "cli")]
pub mod caller;
pub mod ecr;
mod error;
#[cfg(feature = "cli")]
pub mod inspection;
mod pagination;
mod place;
pub mod presence;
pub(crate) mod requests;
pub mod restore;

pub(crate) use ecr::call_error;
pub use error::{CallError, CallErrorKind};
pub(crate) use pagination::{Page, pages};
pub use place::RegistryPlace;

/// The most images one call may name: DescribeImages, BatchGetImage and BatchDeleteImage.
pub const MAX_IDS: usize = 100;

/// A repository of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The registry's id: the account, 12 digits.
    pub registry: String,
}

/// A replication rule of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationRule {
    /// The prefixes of the repositories that it covers.
    pub prefixes: Vec<String>,
    /// Whether it carries deletions, too.
    pub deletes: bool,
}

/// One image's manifest, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The digest that ECR gives for it. Not checked here.
    pub digest: Digest,
    /// The bytes.
    pub bytes: String,
    /// The media type to send back with them.
    pub media_type: Option<String>,
}

/// ECR's refusal of one image of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The image.
    pub digest: Digest,
    /// What it means for the janitor.
    pub kind: RefusalKind,
    /// ECR's failure code. The list of codes is open.
    pub code: String,
    /// ECR's reason.
    pub reason: String,
}

/// The refusals that the janitor tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The image does not exist.
    NotFound,
    /// An index lists it, so that it cannot be deleted.
    Referenced,
    /// It is archived, or being restored, and cannot be read.
    Inaccessible,
    /// Anything else.
    Other,
}

impl Refusal {
    /// A refusal with ECR's failure code.
    pub fn new(digest: Digest, code: impl Into<String>, reason: impl Into<String>) -> Self {
        let code = code.into();
        let kind = match code.as_str() {
            "ImageNotFound" => RefusalKind::NotFound,
            "ImageReferencedByManifestList" => RefusalKind::Referenced,
            "ImageInaccessible" => RefusalKind::Inaccessible,
            _ => RefusalKind::Other,
        };
        Self { digest, kind, code, reason: reason.into() }
    }
}

/// The response to a batch. Images that were asked for may be in neither list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchResponse<T> {
    /// What ECR did or gave.
    pub done: Vec<T>,
    /// What it refused.
    pub refused: Vec<Refusal>,
}

/// The response to a part of the manifests that were asked for.
#[derive(Debug)]
pub struct ManifestPart {
    /// The images that this part asked for.
    pub digests: Vec<Digest>,
    /// The response.
    pub response: Result<BatchResponse<StoredManifest>, CallError>,
}

/// The result of writing a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagWritten {
    /// The image has the tag now, or had it already.
    Done,
    /// Another image has it, and the repository does not let tags move.
    InUse,
}

/// Listing the registry.
pub trait ListRegistry: Send + Sync {
    /// All repositories.
    fn repositories(&self) -> impl Future<Output = Result<Vec<Repository>, CallError>> + Send;
    /// The repository prefixes of the pull-through cache rules; `ROOT` covers everything.
    fn pull_through_prefixes(&self) -> impl Future<Output = Result<Vec<String>, CallError>> + Send;
    /// The resource tags of a repository.
    fn resource_tags(
        &self,
        arn: &str,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, CallError>> + Send;
    /// The replication rules of the registry.
    fn replication_rules(&self) -> impl Future<Output = Result<Vec<ReplicationRule>, CallError>> + Send;
}

/// Reading one repository.
pub trait ReadRepository: Send + Sync {
    /// All images, page by page: every status, tagged and untagged, in one stream.
    fn images<'a>(&'a self, repository: &'a str) -> BoxStream<'a, Result<Vec<Image>, CallError>>;
    /// These images as they are now, at most [`MAX_IDS`]. One that is gone fails the call.
    fn describe(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> impl Future<Output = Result<Vec<Image>, CallError>> + Send;
    /// The manifests of these images, at most [`MAX_IDS`], by digest. They come in parts where one response would be
    /// too large; a part that failed is in the stream too.
    fn manifests<'a>(&'a self, repository: &'a str, digests: Vec<Digest>) -> BoxStream<'a, ManifestPart>;
    /// The images that hold these tags, at most [`MAX_IDS`]; `None` for a tag that no image holds. A tag that
    /// ECR did not mention is missing.
    fn tag_holders(
        &self,
        repository: &str,
        tags: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, Option<Digest>>, CallError>> + Send;
}

/// Deleting images.
pub trait DeleteImages: Send + Sync {
    /// The right to send one deletion.
    type Turn: Send;
    /// Waits for the right to send one deletion: before the last look at the images, which is right before it.
    fn turn(&self) -> impl Future<Output = Self::Turn> + Send;
    /// How often a write may be sent, one look apart: the SDK's number of attempts.
    fn max_attempts(&self) -> u32;
    /// Deletes these images with all their tags, at most [`MAX_IDS`], by digest. The call is sent once.
    fn delete(
        &self,
        turn: Self::Turn,
        repository: &str,
        digests: &[Digest],
    ) -> impl Future<Output = Result<BatchResponse<Digest>, CallError>> + Send;
}

/// Writing tags.
pub trait TagImages: Send + Sync {
    /// Gives a stored image one more tag. The call is sent once. The bytes go back verbatim, with their digest, so that no other image
    /// can come of it.
    fn put_tag(
        &self,
        repository: &str,
        manifest: &StoredManifest,
        tag: &str,
    ) -> impl Future<Output = Result<TagWritten, CallError>> + Send;
}

/// Counting API calls.
pub trait MeterCalls: Send + Sync {
    /// The HTTP requests of the run so far, retries included.
    fn usage(&self) -> ApiUsage;
}
