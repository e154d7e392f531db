//! The registry over HTTP.

mod admin;
mod answer;
mod api;
mod call;
mod delivery;
mod layer_download;
mod line;
mod pages;
mod partial;
mod principal;
mod server;
mod signature;
mod v2;

pub use server::Server;
