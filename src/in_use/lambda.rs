//! The functions of AWS Lambda that are made from images.
//!
//! Lambda keeps a copy of an image, and fetches it again weeks later. Every published version is listed, so that no alias
//! can lead to anything else. Source: AWS Lambda API reference, ListFunctions and GetFunction.

use std::time::Duration;

use aws_config::SdkConfig;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Deserialize;

use super::aws::{Call, Client, Kind, encoded};
use super::{Named, Reference, Source, SourceError, Use};
use crate::oci::digest::Digest;
use crate::registry::{CallError, CallErrorKind, Page, pages};

const LIST: &str = "ListFunctions";
const GET: &str = "GetFunction";
/// GetFunction may be called 100 times a second in an account and Region.
static LAMBDA: Kind = Kind::new("Lambda", "lambda", Duration::from_millis(25));
/// Functions that are asked for at once.
const AT_ONCE: usize = 8;

/// The functions of the caller's account and Region.
#[derive(Debug)]
pub struct Functions(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionsPage {
    functions: Vec<Function>,
    #[serde(default)]
    next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Function {
    function_name: String,
    version: String,
    #[serde(default)]
    package_type: Option<String>,
    /// Of an image its digest, in hexadecimal digits.
    #[serde(default)]
    code_sha256: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Got {
    code: Code,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    #[serde(default)]
    image_uri: Option<String>,
    #[serde(default)]
    resolved_image_uri: Option<String>,
}

impl Functions {
    /// The functions that are reached with these settings. Calls nothing.
    pub fn new(settings: &SdkConfig) -> Self {
        Self(Client::new(&LAMBDA, settings))
    }

    async fn uses(&self) -> Result<Vec<Use>, CallError> {
        let functions: Vec<Function> = pages(LIST, |marker| self.page(marker)).try_concat().await?;
        let of_images = functions.into_iter().filter(|it| it.package_type.as_deref() == Some("Image"));
        let uses = stream::iter(of_images).map(|function| self.uses_of(function)).buffer_unordered(AT_ONCE);
        uses.try_concat().await
    }

    async fn page(&self, marker: Option<String>) -> Result<Page<Vec<Function>>, CallError> {
        let marker = marker.map(|marker| format!("Marker={}&", encoded(&marker))).unwrap_or_default();
        let path = format!("/2015-03-31/functions?FunctionVersion=ALL&{marker}MaxItems=50");
        let page: FunctionsPage = self.0.send(get(LIST, path)).await?;
        Ok(Page { content: page.functions, next: page.next_marker })
    }

    /// The images of one version: the one that it was made from, and the one that Lambda took for it.
    async fn uses_of(&self, function: Function) -> Result<Vec<Use>, CallError> {
        let Function { function_name: name, version, code_sha256, .. } = function;
        let (qualifier, shown) = (encoded(&version), encoded(&name));
        let path = format!("/2015-03-31/functions/{shown}?Qualifier={qualifier}");
        let code = match self.0.send::<Got>(get(GET, path)).await {
            Ok(got) => got.code,
            // It was deleted meanwhile.
            Err(error) if error.code == "ResourceNotFoundException" => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let uris = [code.image_uri, code.resolved_image_uri].into_iter().flatten();
        let digest = code_sha256.as_deref().and_then(Digest::from_hex);
        let digest = digest.map(|digest| Reference::Image {
            place: None,
            repository: None,
            image: Named::Digest(digest),
        });
        let images: Vec<Reference> = uris.map(|uri| Reference::of_aws(&uri)).chain(digest).collect();
        if images.is_empty() {
            let message = format!("it does not say from which image {name} is made");
            return Err(CallError::of_kind(GET, CallErrorKind::MalformedResponse, message));
        }
        let user: std::sync::Arc<str> = format!("Lambda function {name}, version {version}").into();
        Ok(images.into_iter().map(|image| Use { image, user: user.clone() }).collect())
    }
}

fn get(operation: &'static str, path: String) -> Call {
    Call { operation, method: "GET", path, target: None, body: None }
}

impl Source for Functions {
    fn name(&self) -> String {
        "lambda".to_owned()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        async { self.uses().await.map_err(|error| self.0.failed(&error)) }.boxed()
    }
}
