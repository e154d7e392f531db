//! Deadlines, text sanitizing and logging. Nothing here knows about registries.

pub mod deadline;
pub mod logging;
pub mod sanitize;
