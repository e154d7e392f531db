//! The registry over HTTP.

mod admin;
mod answer;
mod api;
mod app_state;
mod call;
mod connection;
mod delivery;
mod dispatch;
mod faults;
mod layer_download;
mod page_tokens;
mod partial;
mod principal;
mod query;
mod server;
mod signature;
mod sts;
mod v2;

pub use server::Server;
