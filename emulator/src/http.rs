//! The registry over HTTP.

mod admin;
mod answer;
mod api;
mod call;
mod layer_download;
mod line;
mod server;
mod v2;

pub use server::Server;
