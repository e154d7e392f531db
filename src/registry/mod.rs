//! The port to the registry: what may be read, deleted and tagged, each a trait of its own, so that a plan run
//! holds nothing that could write.

use std::collections::BTreeMap;
use std::future::Future;

use crate::inventory::Image;
use crate::oci::digest::Digest;

pub mod ecr;
pub mod pagination;

/// The most images one call may name: DescribeImages, BatchGetImage and BatchDeleteImage.
pub const MAX_IDS: usize = 100;

/// The janitor's own code for an answer that was left unread.
pub const ANSWER_TOO_LARGE: &str = "AnswerTooLarge";
const CLOCK: &str = "set the clock of this machine right";

/// A call that failed as a whole, after the SDK's retries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed with {code}: {message}")]
pub struct CallError {
    /// The API operation.
    pub operation: &'static str,
    /// ECR's error code, or one of ours: `NoAnswer`, `NoCredentials`, `BadAnswer`.
    pub code: String,
    /// What ECR, or the connection, said.
    pub message: String,
}

impl CallError {
    /// The error with what to do about it, for a run that cannot even begin.
    pub fn with_remedy(&self) -> String {
        let remedy = match self.code.as_str() {
            _ if self.is_access_denied() => format!("allow ecr:{} to this role or user", self.operation),
            "NoCredentials" => "configure AWS credentials (environment, profile or role)".into(),
            "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => "renew the AWS credentials".into(),
            "RequestTimeTooSkewed" => CLOCK.into(),
            "InvalidSignatureException" if self.message.contains("xpired") => CLOCK.into(),
            "UnrecognizedClientException" | "InvalidSignatureException" | "InvalidClientTokenId" => {
                "check the AWS credentials".into()
            }
            "NoAnswer" => "check the region, the network and any AWS endpoint setting".into(),
            _ => "nothing was touched; try again later".into(),
        };
        format!("{self}; {remedy}")
    }

    /// Whether a permission is missing.
    pub fn is_access_denied(&self) -> bool {
        matches!(self.code.as_str(), "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation")
    }

    /// Whether ECR may have done it all the same: the call was sent, and no answer to be relied on came back.
    pub fn is_in_doubt(&self) -> bool {
        let no_word = ["NoAnswer", "BadAnswer", "ServerException", "ServiceUnavailable", "InternalFailure"];
        no_word.contains(&self.code.as_str()) || self.code.starts_with("Http5")
    }

    /// Whether the answer was larger than what is taken in at once.
    pub fn is_answer_too_large(&self) -> bool {
        self.code == ANSWER_TOO_LARGE
    }

    /// Whether the repository does not exist.
    pub fn is_repository_gone(&self) -> bool {
        self.code == "RepositoryNotFoundException"
    }

    /// Whether an image that was named does not exist.
    pub fn is_image_gone(&self) -> bool {
        self.code == "ImageNotFoundException"
    }
}

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

/// One page of a listing.
#[derive(Debug)]
pub struct Page {
    /// The images of the page, of every status, tagged or not.
    pub images: Vec<Image>,
    /// Where to go on.
    pub next: Option<String>,
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

/// That ECR did not do something for one image of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The image.
    pub digest: Digest,
    /// ECR's failure code. The list of codes is open.
    pub code: String,
    /// ECR's reason.
    pub reason: String,
}

/// An answer to a batch: what succeeded, and what did not. Either may lack images that were asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BatchAnswer<T> {
    /// What ECR did or gave.
    pub done: Vec<T>,
    /// What it refused.
    pub refused: Vec<Refusal>,
}

/// What came of writing a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagWritten {
    /// The image has the tag now, or had it already.
    Done,
    /// Another image has it, and the repository does not let tags move.
    InUse,
}

/// Reading the registry.
pub trait Read: Send + Sync {
    /// All repositories.
    fn repositories(&self) -> impl Future<Output = Result<Vec<Repository>, CallError>> + Send;
    /// The repository prefixes of the pull-through cache rules; `ROOT` covers everything.
    fn pull_through_prefixes(&self) -> impl Future<Output = Result<Vec<String>, CallError>> + Send;
    /// The resource tags of a repository.
    fn resource_tags(
        &self,
        arn: &str,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, CallError>> + Send;
    /// A page of up to 1,000 images, every status, tagged and untagged in one stream.
    fn image_page(
        &self,
        repository: &str,
        next: Option<String>,
    ) -> impl Future<Output = Result<Page, CallError>> + Send;
    /// These images as they are now, at most [`MAX_IDS`]. One that is gone fails the call.
    fn describe(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> impl Future<Output = Result<Vec<Image>, CallError>> + Send;
    /// The manifests of these images, at most [`MAX_IDS`], by digest. If together they are too large it is an error
    /// ([`ANSWER_TOO_LARGE`]), and they can be asked for in parts.
    fn manifests(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> impl Future<Output = Result<BatchAnswer<StoredManifest>, CallError>> + Send;
    /// Which images hold these tags, at most [`MAX_IDS`]; `None` for a tag that nobody holds. A tag of which
    /// ECR said neither is missing. Too large an answer is an error, as with [`Read::manifests`].
    fn tag_holders(
        &self,
        repository: &str,
        tags: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, Option<Digest>>, CallError>> + Send;
    /// HTTP requests so far, retries included, by operation.
    fn calls(&self) -> BTreeMap<String, u64>;
    /// How many of them were throttled.
    fn throttles(&self) -> u64;
}

/// Deleting images.
pub trait Delete: Send + Sync {
    /// Deletes these images with all their tags, at most [`MAX_IDS`], by digest.
    fn delete(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> impl Future<Output = Result<BatchAnswer<Digest>, CallError>> + Send;
}

/// Writing tags.
pub trait Tag: Send + Sync {
    /// Gives a stored image one more tag. The bytes go back verbatim, with their digest, so that no other image
    /// can come of it.
    fn put_tag(
        &self,
        repository: &str,
        manifest: &StoredManifest,
        tag: &str,
    ) -> impl Future<Output = Result<TagWritten, CallError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> CallError {
        CallError { operation: "DescribeImages", code: code.into(), message: "it says".into() }
    }

    /// The codes for which something holds.
    fn codes(holds: impl Fn(&CallError) -> bool) -> Vec<&'static str> {
        const CODES: [&str; 14] = [
            "AccessDenied",
            "AccessDeniedException",
            "AnswerTooLarge",
            "BadAnswer",
            "Http403",
            "Http503",
            "ImageNotFoundException",
            "InternalFailure",
            "NoAnswer",
            "RepositoryNotFoundException",
            "ServerException",
            "ServiceUnavailable",
            "ThrottlingException",
            "UnauthorizedOperation",
        ];
        CODES.into_iter().filter(|code| holds(&error(code))).collect()
    }

    #[test]
    fn an_errors_code_tells_what_it_means() {
        let denied = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];
        assert_eq!(codes(CallError::is_access_denied), denied);
        assert_eq!(codes(CallError::is_answer_too_large), ["AnswerTooLarge"]);
        assert_eq!(codes(CallError::is_image_gone), ["ImageNotFoundException"]);
        assert_eq!(codes(CallError::is_repository_gone), ["RepositoryNotFoundException"]);
        assert_eq!(
            codes(CallError::is_in_doubt),
            ["BadAnswer", "Http503", "InternalFailure", "NoAnswer", "ServerException", "ServiceUnavailable"],
            "the call may have been carried out"
        );
    }

    #[test]
    fn every_error_says_what_happened_and_what_to_do() {
        for (code, remedy) in [
            ("AccessDeniedException", "allow ecr:DescribeImages"),
            ("NoCredentials", "configure AWS credentials"),
            ("ExpiredTokenException", "renew"),
            ("RequestTimeTooSkewed", "set the clock"),
            ("InvalidSignatureException", "check the AWS credentials"),
            ("NoAnswer", "check the region"),
            ("ServerException", "try again later"),
        ] {
            let told = error(code).with_remedy();
            assert!(told.starts_with(&format!("DescribeImages failed with {code}: it says; ")), "{told}");
            assert!(told.contains(remedy), "{told}");
        }
        let skewed =
            CallError { message: "Signature expired: ...".into(), ..error("InvalidSignatureException") };
        assert!(skewed.with_remedy().contains("set the clock"));
    }
}
