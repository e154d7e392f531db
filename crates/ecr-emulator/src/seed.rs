//! Worlds to begin with: images from OCI layouts, and registries written down in TOML.
//!
//! ```
//! # fn example() -> Result<(), ecr_emulator::seed::SeedError> {
//! let emulator = ecr_emulator::Emulator::new();
//! ecr_emulator::seed::world(
//!     &emulator,
//!     r#"
//!     [[repository]]
//!     name = "shop/web"
//!     tags = { team = "shop" }
//!
//!     [[repository.build]]
//!     platforms = ["linux/amd64", "linux/arm64"]
//!     days_ago = 40
//!     deleted_index = true
//!
//!     [[repository.build]]
//!     tag = "v2"
//!     run = 1
//!     "#,
//! )?;
//! # Ok(()) }
//! # example().unwrap();
//! ```

mod layout;
mod shape;
mod world;

use std::path::PathBuf;

pub use layout::oci_layout;
pub use world::{world, world_file};

use crate::error::ApiError;

/// Why a registry could not be filled. What came before the trouble stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {problem}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A world is not written as it should be.
    #[error("{0}")]
    World(String),
    /// The registry refuses it.
    #[error("{0}")]
    Refused(#[from] ApiError),
}
