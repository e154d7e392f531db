//! A client's session with an emulator.

use std::future::{Future, pending};
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use ecr_emulator::{ApiError, Emulator};
use serde_json::Value;
use tokio::sync::Notify;

use crate::connector::{Attempt, NoAnswer, Reply, config};
use crate::fault::Fault;

/// A client's session with an emulator in this process. Clones are the same session.
///
/// Attempts are served one after the other, each in a moment, so that everything that can come between two of them is
/// planned here.
#[derive(Clone)]
pub struct Session {
    emulator: Emulator,
    state: Arc<Mutex<State>>,
    killed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    interference: Vec<(usize, Hook)>,
    watches: Vec<Watch>,
    faults: Vec<(Attempts, Fault)>,
    changes: Vec<Change>,
    exchanges: Vec<Exchange>,
    /// How many attempts the emulator has done.
    done: u64,
}

type Hook = Box<dyn FnOnce(&Emulator) + Send>;
type Watch = Arc<dyn Fn(&Emulator, &Attempt) + Send + Sync>;
type Change = Arc<dyn Fn(&Emulator, &Attempt, &mut Result<Value, ApiError>) + Send + Sync>;
type Attempts = Box<dyn Fn(usize) -> bool + Send>;

/// An attempt, and what came of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The attempt.
    pub attempt: Attempt,
    /// Its number in the emulator's journal; `None` if the emulator did not get it.
    pub journal: Option<u64>,
    /// The answer that the client could read.
    pub answer: Option<Result<Value, ApiError>>,
}

impl Session {
    /// A session of its own: the emulator's counts and journal begin anew.
    pub fn new(emulator: &Emulator) -> Self {
        emulator.reset_calls();
        Self { emulator: emulator.clone(), state: Arc::default(), killed: Arc::default() }
    }

    /// Lets another client act right before an attempt, whatever then becomes of the attempt.
    pub fn before(&self, attempt: usize, act: impl FnOnce(&Emulator) + Send + 'static) {
        self.state().interference.push((attempt, Box::new(act)));
    }

    /// Looks at the registry before each attempt that the emulator does, after other clients have acted.
    pub fn watch(&self, look: impl Fn(&Emulator, &Attempt) + Send + Sync + 'static) {
        self.state().watches.push(Arc::new(look));
    }

    /// Lets attempts fail. Of several faults for an attempt the first counts.
    pub fn fault(&self, attempts: impl RangeBounds<usize> + Send + 'static, fault: Fault) {
        self.state().faults.push((Box::new(move |number| attempts.contains(&number)), fault));
    }

    /// Changes answers, as an ECR with another behaviour would give them.
    pub fn change(
        &self,
        change: impl Fn(&Emulator, &Attempt, &mut Result<Value, ApiError>) + Send + Sync + 'static,
    ) {
        self.state().changes.push(Arc::new(change));
    }

    /// Settings of the SDK for this session's client.
    pub fn config(&self) -> SdkConfig {
        let session = self.clone();
        config(move |attempt| session.serve(attempt))
    }

    /// Awaits a run of the client, until it is killed.
    pub async fn until_killed<T>(&self, run: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            result = run => Some(result),
            () = self.killed.notified() => None,
        }
    }

    /// All attempts so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.state().exchanges.clone()
    }

    /// All is done when the attempt is made; only the answer may take its time.
    fn serve(&self, attempt: Attempt) -> impl Future<Output = Result<Reply, NoAnswer>> + Send + use<> {
        let fault = self.begin(&attempt);
        let is_done = fault.is_none_or(Fault::is_done);
        let answer =
            if is_done { Some(self.perform(&attempt)) } else { fault.and_then(Fault::error).map(Err) };
        let outcome = self.deliver(fault, answer, attempt.number);
        async {
            match outcome {
                Some(answer) => answer,
                None => pending().await,
            }
        }
    }

    /// Notes the attempt, and lets other clients act.
    fn begin(&self, attempt: &Attempt) -> Option<Fault> {
        let (hooks, fault) = {
            let mut state = self.state();
            state.exchanges.push(Exchange { attempt: attempt.clone(), journal: None, answer: None });
            let due: Vec<_> = state.interference.extract_if(.., |(at, _)| *at == attempt.number).collect();
            let fault = state.faults.iter().find(|(hits, _)| hits(attempt.number)).map(|(_, fault)| *fault);
            (due, fault)
        };
        // Without the lock: whoever acts may plan more.
        for (_, act) in hooks {
            act(&self.emulator);
        }
        fault
    }

    fn perform(&self, attempt: &Attempt) -> Result<Value, ApiError> {
        let (watches, changes) = {
            let mut state = self.state();
            state.done += 1;
            let journal = Some(state.done);
            if let Some(exchange) = state.exchanges.get_mut(attempt.number - 1) {
                exchange.journal = journal;
            }
            (state.watches.clone(), state.changes.clone())
        };
        watches.iter().for_each(|look| look(&self.emulator, attempt));
        let mut answer = self.emulator.send(&attempt.operation, attempt.request.clone());
        changes.iter().for_each(|change| change(&self.emulator, attempt, &mut answer));
        answer
    }

    /// What the client gets; nothing if it waits for ever.
    fn deliver(
        &self,
        fault: Option<Fault>,
        answer: Option<Result<Value, ApiError>>,
        number: usize,
    ) -> Option<Result<Reply, NoAnswer>> {
        let answer = match fault {
            Some(Fault::Dropped | Fault::AnswerLost) => return Some(Err(NoAnswer)),
            Some(Fault::Hangs | Fault::HangsAfter) => return None,
            Some(Fault::Killed | Fault::KilledAfter) => {
                self.killed.notify_one();
                return None;
            }
            Some(Fault::Malformed) => {
                let mut body = answer.map(|answer| Reply::from(&answer).body).unwrap_or_default();
                body.truncate(body.len() / 2);
                return Some(Ok(Reply::ok(body)));
            }
            Some(Fault::Changed(change)) => answer.map(|answer| answer.map(|answer| changed(answer, change))),
            Some(Fault::Throttled | Fault::ServerError) | None => answer,
        }?;
        let reply = Reply::from(&answer);
        if let Some(exchange) = self.state().exchanges.get_mut(number - 1) {
            exchange.answer = Some(answer);
        }
        Some(Ok(reply))
    }

    // A test that panics in a hook has failed already.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changed(mut answer: Value, change: fn(&mut Value)) -> Value {
    change(&mut answer);
    answer
}
