//! The AWS SDK for Rust connected to an ECR in the same process, without a socket.
//!
//! [`config`] connects the SDK to any function that answers HTTP attempts; a [`Session`] connects it to an
//! [`ecr_emulator::Emulator`], with other clients, faults and a kill at any attempt. Retries, timeouts and the reading
//! of answers are the SDK's own. On a paused tokio clock its waits take no time:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ecr_in_process::{Fault, Session};
//!
//! let emulator = ecr_emulator::Emulator::new();
//! emulator.create_repository("shop/web")?;
//! let session = Session::new(&emulator);
//! session.fault(1..=2, Fault::Throttled);
//! let ecr = aws_sdk_ecr::Client::new(&session.config());
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
//! let answer = runtime.block_on(ecr.describe_repositories().send())?;
//! assert_eq!(answer.repositories().len(), 1);
//! assert_eq!(session.exchanges().len(), 3, "two attempts were throttled");
//! # Ok(()) }
//! ```

mod connector;
mod fault;
mod session;

pub use connector::{Attempt, NoAnswer, Reply, config};
pub use fault::Fault;
pub use session::{Exchange, Session};
