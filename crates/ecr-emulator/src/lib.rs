//! An Amazon ECR that runs on your own machine: a state machine with ECR's rules about indexes, tags and limits,
//! served over the protocol that the AWS SDKs speak and over the OCI distribution API.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = ecr_emulator::Emulator::new();
//! emulator.create_repository("shop/web")?;
//! let pushed = ecr_emulator::buildx::Build::new(&["linux/amd64"]).push(&emulator, "shop/web", Some("v1"))?;
//! let server = emulator.serve(([127, 0, 0, 1], 0).into()).await?;
//! println!("AWS_ENDPOINT_URL={} has {}", server.url(), pushed.root);
//! # Ok(()) }
//! ```

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod artifacts;
pub mod buildx;
pub mod seed;

mod digest;
mod emulator;
mod error;
mod event;
mod fault;
mod http;
mod iam;
mod journal;
mod layer_url;
mod model;
mod operation;
mod paging;
mod rate_limit;
mod request;
mod settings;
mod state;
mod traffic;

pub use emulator::{Emulator, ImageView};
pub use error::ApiError;
pub use fault::{Fault, FaultRule, When};
pub use http::Server;
pub use journal::{Change, Entry};
pub use settings::Settings;
pub use state::{ReferenceLag, Status, UnreferencedLayers};
