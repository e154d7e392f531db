//! Seeds: registries described in TOML, and images from OCI layouts.
//!
//! ```
//! # fn example() -> Result<(), ecr_emulator::seed::SeedError> {
//! let emulator = ecr_emulator::Emulator::new();
//! ecr_emulator::seed::from_toml(
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

mod document;
mod layout;
mod toml_file;

use std::path::PathBuf;

pub use layout::oci_layout;
pub use toml_file::{from_toml, from_toml_file};

use crate::error::ApiError;

/// Reasons why a registry could not be seeded. What was seeded before the error stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file is missing or malformed.
    #[error("{}: {problem}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// The defect.
        problem: String,
    },
    /// A TOML text does not describe a registry.
    #[error("{0}")]
    Toml(String),
    /// The registry refuses it.
    #[error("{0}")]
    Refused(#[from] ApiError),
}
