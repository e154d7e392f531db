//! Deadlines, text sanitizing, logging and the process itself. Nothing here knows about registries.

pub mod aws;
pub mod backoff;
pub mod clock;
pub mod deadline;
pub mod logging;
pub mod memory;
pub mod restart;
pub mod sanitize;
pub mod shell;
pub mod similar;
pub(crate) mod xml;
