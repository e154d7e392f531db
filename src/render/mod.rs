//! Results as text for people: the same words on a terminal, in an answer and in a chat.

#[cfg(feature = "cli")]
pub mod markdown;
pub mod page;
pub mod pressure;
pub mod summary;
#[cfg(feature = "cli")]
pub mod table;
pub mod words;
