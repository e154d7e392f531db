//! The emulator as a program of its own.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use ecr_emulator::seed::{self, SeedError};
use ecr_emulator::{Emulator, Settings};
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
An Amazon ECR that runs on your own machine.

Usage: ecr-emulator [--port N] [--account ID] [--region NAME] [--seed FILE] [--layout REPO=FOLDER]

  --port N        listen on this port of 127.0.0.1; 0 is any free one [4580]
  --account ID    the registry's account, twelve digits [123456789012]
  --region NAME   the registry's Region [us-east-1]
  --seed FILE     begin with the registry that this TOML file describes; can be given more than once
  --layout REPO[:TAG]=FOLDER
                  begin with this OCI layout in that repository; can be given more than once
  --help          print this

Point a client at it with AWS_ENDPOINT_URL=http://127.0.0.1:4580; any credentials do.
Images are pushed and pulled without TLS: docker://127.0.0.1:4580/REPOSITORY:TAG
";

struct Arguments {
    port: u16,
    settings: Settings,
    seeds: Vec<Seed>,
}

/// A seed of the registry, in the order of the arguments.
enum Seed {
    World(PathBuf),
    Layout { repository: String, tag: Option<String>, folder: PathBuf },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("ecr-emulator: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("ecr-emulator: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    // Before the readiness line: whoever waits for it may send a signal at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let emulator = Emulator::with(arguments.settings);
    arguments.seeds.iter().try_for_each(|seed| seed.sow(&emulator))?;
    let server = emulator.serve(address).await?;
    let mut out = std::io::stdout();
    writeln!(out, "ecr-emulator listening on {}", server.url())?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}

/// `None` asks for the help.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut parsed = Arguments { port: 4580, settings: Settings::default(), seeds: Vec::new() };
    while let Some(flag) = arguments.next() {
        if matches!(flag.as_str(), "--help" | "-h") {
            return Ok(None);
        }
        let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
        match flag.as_str() {
            "--port" => {
                let text = value()?;
                parsed.port = text.parse().map_err(|_| format!("{text} is no port"))?;
            }
            "--account" => parsed.settings.account = account(value()?)?,
            "--region" => parsed.settings.region = value()?,
            "--seed" => parsed.seeds.push(Seed::World(value()?.into())),
            "--layout" => parsed.seeds.push(layout(&value()?)?),
            _ => return Err(format!("{flag} is not known")),
        }
    }
    Ok(Some(parsed))
}

/// `REPO[:TAG]=FOLDER`.
fn layout(text: &str) -> Result<Seed, String> {
    let (place, folder) = text.split_once('=').ok_or(format!("{text} is not REPO=FOLDER"))?;
    let (repository, tag) = match place.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag.to_owned())),
        None => (place, None),
    };
    Ok(Seed::Layout { repository: repository.to_owned(), tag, folder: folder.into() })
}

impl Seed {
    fn sow(&self, emulator: &Emulator) -> Result<(), SeedError> {
        match self {
            Self::World(path) => seed::from_toml_file(emulator, path),
            Self::Layout { repository, tag, folder } => {
                seed::oci_layout(emulator, repository, folder, tag.as_deref()).map(|_| ())
            }
        }
    }
}

fn account(text: String) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text)
    } else {
        Err(format!("{text} is no account: it has twelve digits"))
    }
}
