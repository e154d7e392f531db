//! The registry over HTTP.

mod admin;
mod answer;
mod api;
mod layer_download;
mod line;
mod server;

pub use server::Server;
