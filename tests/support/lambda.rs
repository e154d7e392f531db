//! The Lambda function, invoked as Lambda does it.

use std::path::Path;
use std::time::Duration;

use ecr_attestation_janitor::cli::local_lambda::{Answer, LocalFunction};
use serde_json::Value;

use super::documents::checked;
use super::{Hold, Report, World};

/// Lambda has none; a machine on which many tests run at once needs some.
const FORBEARANCE: Duration = Duration::from_secs(1);
/// More than any test needs.
const PLENTY: Duration = Duration::from_secs(120);

/// The Lambda function, invoked as Lambda does it.
pub(crate) struct Lambda<'a> {
    world: &'a World,
    function: LocalFunction,
}

impl<'a> Lambda<'a> {
    pub(super) fn start(world: &'a World) -> Self {
        let config = world.file("janitor.toml");
        if !config.exists() {
            std::fs::write(&config, "").unwrap();
        }
        let config = ("JANITOR_CONFIG".to_owned(), config.display().to_string());
        let given = world.variables().map(|(name, value)| (name.clone(), value.clone()));
        let variables: Vec<(String, String)> = [config].into_iter().chain(given).collect();
        let binary = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
        let function = world.runtime.block_on(LocalFunction::start(binary, variables)).unwrap();
        Self { world, function }
    }

    /// Invokes the function with plenty of time.
    pub(crate) fn invoke(&mut self, event: &Value) -> Answer {
        self.invoke_for(PLENTY, event).unwrap()
    }

    /// Invokes the function with so much time, and gives up on it soon after, as Lambda does.
    pub(crate) fn invoke_for(&mut self, time: Duration, event: &Value) -> Option<Answer> {
        let patience = time + FORBEARANCE;
        let answer = async { tokio::time::timeout(patience, self.function.invoke(event, time)).await };
        self.world.runtime.block_on(answer).ok().map(Result::unwrap)
    }

    /// Invokes the function until a call is held, and kills it. An answer means that it was done before.
    pub(crate) fn kill_at(mut self, mut hold: Hold, event: &Value) -> Option<Answer> {
        let answer = self.world.runtime.block_on(async {
            tokio::select! {
                answer = self.function.invoke(event, PLENTY) => Some(answer.unwrap()),
                () = hold.reached() => None,
            }
        });
        self.world.runtime.block_on(self.function.stop());
        hold.let_go(self.world);
        answer
    }

    /// Invokes the function until a call is held, and kills it. Gives all lines of its log.
    pub(crate) fn log_until(mut self, mut hold: Hold, event: &Value) -> Vec<Value> {
        self.world.runtime.block_on(async {
            tokio::select! {
                answer = self.function.invoke(event, PLENTY) => panic!("it was done before: {:?}", answer.unwrap()),
                () = hold.reached() => {}
            }
        });
        let world = self.world;
        let log = self.stop();
        hold.let_go(world);
        log
    }

    /// Invokes the function; it must answer a report.
    pub(crate) fn report(&mut self, event: &Value) -> Report {
        Report(self.response(event))
    }

    /// Invokes the function; it must answer.
    pub(crate) fn response(&mut self, event: &Value) -> Value {
        match self.invoke(event) {
            Answer::Response(response) => checked(response),
            Answer::Error(error) => panic!("{event} failed: {error}"),
        }
    }

    /// Invokes the function; it must fail. Its message is one line.
    pub(crate) fn failure(&mut self, event: &Value) -> String {
        match self.invoke(event) {
            Answer::Error(error) => {
                let message = error["errorMessage"].as_str().unwrap().to_owned();
                assert!(!message.contains('\n'), "{message}");
                message
            }
            Answer::Response(response) => panic!("{event} was answered: {response}"),
        }
    }

    /// Ends the function, and gives all lines of its log.
    pub(crate) fn stop(self) -> Vec<Value> {
        let lines = self.stop_and_read();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// Ends the function, and gives all lines of its log as they are.
    pub(crate) fn stop_and_read(self) -> Vec<String> {
        self.world.runtime.block_on(self.function.stop())
    }
}
