//! Blobs in memory, with failures on demand: for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use futures::future::{BoxFuture, FutureExt as _};

use super::{Key, Listed, Operation, Store, StoreError, StoreErrorKind, Stored, Version, WriteIf};
use crate::oci::digest::Digest;

/// Blobs in memory.
#[derive(Debug, Default)]
pub(crate) struct FakeStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<String, Vec<u8>>,
    calls: Vec<(Operation, String)>,
    faults: Vec<(Operation, Fault)>,
}

/// What happens to the next access of a kind.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It fails, and nothing is done.
    Fails(StoreErrorKind),
    /// It is done, and its answer is lost.
    AnswerLost,
    /// Somebody else writes first.
    Overtaken(Vec<u8>),
}

impl FakeStore {
    pub(crate) fn state(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().blobs.clone()
    }

    pub(crate) fn set(&self, key: &str, bytes: &[u8]) {
        self.lock().blobs.insert(key.into(), bytes.to_vec());
    }

    pub(crate) fn fault(&self, operation: Operation, fault: Fault) {
        self.lock().faults.push((operation, fault));
    }

    /// The accesses of a kind so far.
    pub(crate) fn calls(&self, wanted: Operation) -> usize {
        self.lock().calls.iter().filter(|(operation, _)| *operation == wanted).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn call<T>(
        &self,
        operation: Operation,
        key: &str,
        work: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> Result<T, StoreErrorKind>,
    ) -> Result<T, StoreError> {
        let mut state = self.lock();
        state.calls.push((operation, key.to_owned()));
        let error = |kind| StoreError { operation, what: format!("fake {key}"), kind, message: "why".into() };
        let fault = state.faults.iter().position(|(hit, _)| *hit == operation);
        match fault.map(|at| state.faults.remove(at).1) {
            Some(Fault::Fails(kind)) => Err(error(kind)),
            Some(Fault::AnswerLost) => {
                let _ = work(&mut state.blobs);
                Err(error(StoreErrorKind::Unreachable))
            }
            Some(Fault::Overtaken(bytes)) => {
                state.blobs.insert(key.into(), bytes);
                work(&mut state.blobs).map_err(error)
            }
            None => work(&mut state.blobs).map_err(error),
        }
    }
}

fn version(bytes: &[u8]) -> Version {
    Version(Digest::of(bytes).hex())
}

impl Store for FakeStore {
    fn get<'a>(&'a self, key: &'a Key, limit: u64) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        let done = self.call(Operation::Get, key.as_str(), |blobs| match blobs.get(key.as_str()) {
            Some(bytes) if bytes.len() as u64 > limit => Err(StoreErrorKind::TooLarge),
            found => Ok(found.map(|bytes| Stored {
                bytes: bytes.clone(),
                version: version(bytes),
                written_at: None,
            })),
        });
        async { done }.boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        bytes: Vec<u8>,
        when: WriteIf,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let done = self.call(Operation::Put, key.as_str(), |blobs| {
            let there = blobs.get(key.as_str()).map(|bytes| version(bytes));
            if !when.holds(there.as_ref()) {
                return Err(StoreErrorKind::Conflict);
            }
            blobs.insert(key.to_string(), bytes);
            Ok(())
        });
        async { done }.boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        let done = self.call(Operation::List, prefix, |blobs| {
            let found = blobs.iter().filter(|(key, _)| key.starts_with(prefix));
            let listed = |(key, bytes): (&String, &Vec<u8>)| Listed {
                key: Key::new(key.as_str()).unwrap(),
                size: bytes.len() as u64,
                written_at: None,
            };
            Ok(found.map(listed).collect())
        });
        async { done }.boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let done = self.call(Operation::Delete, key.as_str(), |blobs| {
            blobs.remove(key.as_str());
            Ok(())
        });
        async { done }.boxed()
    }

    fn place(&self) -> String {
        "fake".into()
    }
}
