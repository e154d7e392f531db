//! What runs: an account with many functions and services, and the calls and the time that asking it takes.
//!
//! The calls are counted by the services' server, and the floor is reckoned from what runs and the sizes of pages and
//! batches that AWS documents. The time is that of the pace which the sources keep: the server answers at once.

use ecr_emulator::Emulator;
use serde::Serialize;
use usage_test_server::UsageServer;

use crate::Result;
use crate::floor::{Calls, Task};
use crate::janitor;
use crate::number::thousands;
use crate::world::{self, Workflow};

/// What runs in the account.
#[derive(Debug, Clone, Copy, Serialize)]
struct Account {
    /// Versions of functions that are made from images.
    functions: u64,
    /// Services, each with a task definition of its own and one running task.
    services: u64,
}

/// The account with the runs that asked it.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    #[serde(flatten)]
    account: Account,
    pub(crate) runs: Vec<Run>,
}

/// A plan that asked some sources.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) sources: &'static str,
    pub(crate) wall_ms: f64,
    pub(crate) calls: Calls,
    pub(crate) floor: Calls,
}

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const TASK: Task = Task { applies: false, superseded: false, remembers: false, backs_up: false };

/// Fills an account, and plans with its sources.
pub(crate) fn measure(quick: bool) -> Result<Measured> {
    let size = |full: u64| if quick { full / 10 } else { full };
    let account = Account { functions: size(1_000), services: size(2_000) };
    let mut measured = Measured { account, runs: Vec::new() };
    eprintln!("{} ...", measured.title());
    let registry = world::registry(1, 100, Workflow::OneJob)?;
    for sources in ["lambda", "ecs", "lambda,ecs"] {
        measured.runs.push(account.ask(&registry, sources)?);
    }
    Ok(measured)
}

impl Account {
    fn ask(self, registry: &Emulator, sources: &'static str) -> Result<Run> {
        let usage = UsageServer::start();
        self.fill(&usage);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let server = runtime.block_on(registry.serve(([127, 0, 0, 1], 0).into()))?;
        let (endpoint, state) = (usage.endpoint(), tempfile::tempdir()?);
        let variables = [
            ("AWS_ENDPOINT_URL_LAMBDA", endpoint.as_str()),
            ("AWS_ENDPOINT_URL_ECS", &endpoint),
            ("JANITOR_IN_USE_SOURCES", sources),
        ];
        let ran = janitor::plan_with(&server.url(), TASK, state.path(), &variables)?;
        runtime.block_on(server.stop());
        let wall_ms = ran.wall.as_secs_f64() * 1000.0;
        Ok(Run { sources, wall_ms, calls: usage.calls(), floor: self.floor(sources) })
    }

    fn fill(self, usage: &UsageServer) {
        let image = |number: u64| format!("{HOST}/team/service@sha256:{number:064x}");
        usage.change(|runs| {
            for number in 0..self.functions {
                runs.function(&format!("function-{number}"), "$LATEST", &image(number), &image(number));
            }
            for number in 0..self.services {
                let (name, digest) = (format!("service-{number}"), Some(format!("sha256:{number:064x}")));
                let definition = runs.task_definition(&name, &[&image(number)]);
                let containers = [(image(number), digest)];
                runs.service("prod", &name, &definition, &containers);
                runs.task("prod", &name, &definition, &containers);
            }
        });
    }

    /// Source: AWS's API references: 50 functions, 100 ARNs or families a page; 10 services, 20 revisions or 100 tasks a
    /// call; functions and task definitions one by one.
    fn floor(self, sources: &str) -> Calls {
        let Self { functions, services } = self;
        let of_lambda = [("ListFunctions", functions.div_ceil(50)), ("GetFunction", functions)];
        let of_ecs = [
            ("ListClusters", 1),
            ("ListServices", services.div_ceil(100)),
            ("DescribeServices", services.div_ceil(10)),
            ("DescribeServiceRevisions", services.div_ceil(20)),
            ("ListTasks", services.div_ceil(100)),
            ("DescribeTasks", services.div_ceil(100)),
            ("ListTaskDefinitionFamilies", services.div_ceil(100)),
            ("DescribeTaskDefinition", services),
        ];
        let of_lambda = of_lambda.into_iter().filter(|_| sources.contains("lambda"));
        let of_ecs = of_ecs.into_iter().filter(|_| sources.contains("ecs"));
        of_lambda.chain(of_ecs).map(|(operation, calls)| (operation.to_owned(), calls)).collect()
    }
}

impl Measured {
    /// The case in words.
    pub(crate) fn title(&self) -> String {
        let Account { functions, services } = self.account;
        format!("what runs: {} functions, {} services", thousands(functions), thousands(services))
    }

    /// Whether every run made just the calls that it needed.
    pub(crate) fn is_at_the_floor(&self) -> bool {
        self.runs.iter().all(Run::is_at_the_floor)
    }
}

impl Run {
    pub(crate) fn is_at_the_floor(&self) -> bool {
        self.calls == self.floor
    }
}
