//! `emulator`: the embedded ECR as a server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ecr_emulator::{Emulator, Settings, seed};

use super::demo::world;
use super::progress::note;
use super::signals::Signals;
use super::stdout::print_text;
use super::{Common, Failure};
use crate::cli::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 4580, value_parser = port, allow_negative_numbers = true)]
    port: u16,
    /// The registry's id
    #[arg(long, default_value = "123456789012", value_name = "ID")]
    account: String,
    /// Begin with the registry that `demo` shows
    #[arg(long)]
    demo: bool,
    /// Begin with the registry that this TOML file describes (see crates/ecr-emulator/docs/SEEDS.md). May be repeated
    #[arg(long, value_name = "FILE")]
    seed: Vec<PathBuf>,
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535".to_owned())
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let region = common.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let emulator = Emulator::with(Settings { account: args.account.clone(), region: region.clone() });
    if args.demo {
        world::seed(&emulator).map_err(|error| Failure::NothingDone(error.to_string()))?;
    }
    for path in &args.seed {
        seed::from_toml_file(&emulator, path).map_err(|error| {
            Failure::Usage(format!("the seed {} cannot be used: {error}", path.display()))
        })?;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let server = emulator.serve(address).await.map_err(|error| {
        Failure::NothingDone(format!("cannot listen on {address}: {error}; give another --port"))
    })?;
    let url = server.url();
    let mut signals =
        Signals::new().map_err(|error| Failure::NothingDone(format!("cannot wait for signals: {error}")))?;
    print_text(&format!("ecr-emulator listening on {url}"))?;
    note(&format!(
        "Reach it with: export AWS_ENDPOINT_URL={url} AWS_REGION={region} AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x"
    ));
    signals.next().await;
    server.stop().await;
    Ok(ExitCode::Done)
}
