//! The command line of the contract suite.

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_ecr::Client;
use clap::Parser;
use ecr_contract::{Case, CaseError, Row, Target, assumptions, cases, run, sandbox, table};
use ecr_emulator::Emulator;

/// Checks claims about Amazon ECR on the emulator or on a real account.
#[derive(Parser)]
#[command(name = "ecr-contract", version)]
struct Arguments {
    /// Run against the emulator, in this process (the default)
    #[arg(long, conflicts_with = "aws")]
    emulator: bool,
    /// Run against the account of the AWS settings in the environment
    #[arg(long, requires = "prefix", requires = "consent")]
    aws: bool,
    /// The temporary repository is PREFIX/contract-...
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Confirms that --aws may create a repository and delete it with all its images
    #[arg(long = "i-know-this-creates-a-repository")]
    consent: bool,
    /// How long a case may wait for background work of ECR, such as recording a pull
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Run only this case (repeatable)
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Print the list of cases
    #[arg(long)]
    list: bool,
    /// Print docs/ASSUMPTIONS.md
    #[arg(long)]
    assumptions: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.assumptions {
        print!("{}", assumptions::document());
        return ExitCode::SUCCESS;
    }
    if arguments.list {
        print!("{}", table::list(&cases::topics()));
        return ExitCode::SUCCESS;
    }
    let cases = match selected(&arguments.only) {
        Ok(cases) => cases,
        Err(problem) => {
            eprintln!("ecr-contract: {problem}");
            return ExitCode::from(2);
        }
    };
    let rows =
        if arguments.aws { on_aws(&arguments, cases).await } else { on_emulator(&arguments, cases).await };
    match rows {
        Ok(rows) => {
            print!("{}", table::results(&cases::topics(), &rows));
            ExitCode::from(u8::from(rows.iter().any(Row::is_alarming)))
        }
        Err(error) => {
            eprintln!("ecr-contract: {error}");
            ExitCode::FAILURE
        }
    }
}

fn selected(only: &[String]) -> Result<Vec<Case>, String> {
    let all = cases::all();
    if let Some(unknown) = only.iter().find(|id| all.iter().all(|case| case.id != id.as_str())) {
        return Err(format!("there is no case {unknown}; --list prints them"));
    }
    Ok(all.into_iter().filter(|case| only.is_empty() || only.iter().any(|id| id == case.id)).collect())
}

async fn on_aws(arguments: &Arguments, cases: Vec<Case>) -> Result<Vec<Row>, CaseError> {
    let name = sandbox::fresh_name(arguments.prefix.as_deref().unwrap_or_default());
    eprintln!("ecr-contract: the repository '{name}' is created for this run and deleted at its end");
    check(sandbox::account().await?, name, arguments.wait, cases).await
}

async fn on_emulator(arguments: &Arguments, cases: Vec<Case>) -> Result<Vec<Row>, CaseError> {
    let emulator = Emulator::new();
    // Paging over repositories needs a second one, which an account usually has.
    emulator.create_repository("bystander").map_err(CaseError::new)?;
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.map_err(CaseError::new)?;
    let name = sandbox::fresh_name(arguments.prefix.as_deref().unwrap_or("contract"));
    check(sandbox::emulator(&server.url()), name, arguments.wait, cases).await
}

async fn check(client: Client, name: String, wait: u64, cases: Vec<Case>) -> Result<Vec<Row>, CaseError> {
    let target = Target::new(client.clone(), name.clone(), Duration::from_secs(wait));
    let work = async move { run(&target, &cases, |case| eprintln!("ecr-contract: {}", case.id)).await };
    sandbox::in_repository(&client, &name, work).await
}
