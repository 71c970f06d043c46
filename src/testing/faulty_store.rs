use super::fault::{Fault, Injection};
use super::gate::Gate;
use super::operation::Operation;
use crate::coherence::{Slot, Step, decode_slot};
use crate::store::{Command, Found, Inspected, Reply, Store, StoreError, StoreErrorKind, Sweep};
use async_trait::async_trait;
use futures_util::future::join_all;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A store around another one that fails, stalls and forgets on command. Clones are the same store: the Autocache has
/// one, the test another.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use sea_orm_autocache::testing::{Fault, FaultyStore, Operation};
/// use sea_orm_autocache::{MemoryStore, Store, StoreErrorKind};
///
/// let store = FaultyStore::around(MemoryStore::new(100));
/// store.inject(Fault::Unreachable.on(Operation::Get).once());
/// assert_eq!(store.get("a").await.unwrap_err().kind(), StoreErrorKind::Unreachable);
/// assert!(store.get("a").await.is_ok());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FaultyStore {
    store: Arc<dyn Store>,
    injections: Arc<Mutex<Vec<Injection>>>,
    /// How often the server was replaced.
    successors: Arc<AtomicU32>,
}

impl FaultyStore {
    /// A store that does what this one does until it is told otherwise.
    pub fn around(store: impl Store) -> Self {
        Self { store: Arc::new(store), injections: Arc::default(), successors: Arc::default() }
    }

    /// From now on the calls of the injection have its fault. Of several injections for one call, the oldest counts.
    pub fn inject(&self, injection: Injection) {
        self.injections().push(injection);
    }

    /// Holds the next such operation at the gate that is returned.
    #[must_use]
    pub fn hold(&self, operation: Operation) -> Gate {
        self.hold_nth(operation, 1)
    }

    /// As [`hold`](Self::hold), the operation of this number, from 1.
    #[must_use]
    pub fn hold_nth(&self, operation: Operation, nth: usize) -> Gate {
        let gate = Gate::new();
        self.inject(Fault::Hold(gate.clone()).on(operation).after(nth.saturating_sub(1)).once());
        gate
    }

    /// Ends all injections. Calls that wait at a gate stay there.
    pub fn heal(&self) {
        self.injections().clear();
    }

    /// Removes a key, whatever it holds, as an eviction does.
    ///
    /// # Errors
    /// Those of the store within. Injections have no effect on this.
    pub async fn forget(&self, key: &str) -> Result<(), StoreError> {
        let slot = match self.store.get(key).await? {
            Found::Nothing => Slot::Empty,
            Found::Bytes(bytes) | Found::Stamped { bytes, .. } => decode_slot(&bytes, |_| ()),
            Found::Memory(_) | Found::Foreign => Slot::Entry(()),
        };
        let steps = match slot {
            Slot::Empty => Vec::new(),
            Slot::Entry(()) | Slot::Lease(_) => vec![Step::Invalidate],
            // An invalidation leaves an intent where it is. When its last writer is released, it goes.
            Slot::Intent(intents) => {
                intents.holders.iter().map(|holder| Step::Release { token: holder.token }).collect()
            }
        };
        let commands = steps.into_iter().map(|step| Command::new(key.to_owned(), step)).collect();
        self.store.run(commands).await.into_iter().try_for_each(|reply| reply.map(drop))
    }

    /// Another server answers from now on, as after a restart or a failover: the [stamp](Store::stamp) changes. What
    /// the store holds stays.
    pub fn fail_over(&self) {
        self.successors.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits where a fault says so, forgets what it names, and decides what becomes of the call.
    async fn meet(&self, operation: Operation, keys: &[String]) -> Result<Fate, StoreError> {
        self.meet_where(operation, keys, |key| keys.iter().any(|own| own == key)).await
    }

    async fn meet_where(
        &self,
        operation: Operation,
        keys: &[String],
        is_of: impl Fn(&str) -> bool,
    ) -> Result<Fate, StoreError> {
        let struck = {
            let mut injections = self.injections();
            let strikes = |injection: &mut Injection| injection.strikes(operation, &is_of);
            injections.iter_mut().find_map(|injection| strikes(injection).then(|| injection.clone()))
        };
        let Some(injection) = struck else { return Ok(Fate::Runs) };
        match &injection.fault {
            Fault::Unreachable => return Err(injected(StoreErrorKind::Unreachable)),
            Fault::Refused => return Err(injected(StoreErrorKind::Refused)),
            Fault::TimedOut => return Err(injected(StoreErrorKind::Timeout)),
            Fault::Unanswered => return Ok(Fate::RunsUnanswered),
            Fault::Hold(gate) => gate.pass().await,
            Fault::Delay(delay) => tokio::time::sleep(*delay).await,
            Fault::Forget => {
                for key in injection.keys_of(keys) {
                    self.forget(key).await?;
                }
            }
        }
        Ok(Fate::Runs)
    }

    async fn one(&self, command: Command) -> Reply {
        let fate = self.meet(Operation::of(&command.step), slice::from_ref(&command.key)).await?;
        let replies = self.store.run(vec![command]).await;
        let lost = || Err(StoreError::new(StoreErrorKind::Refused, "the store within has not answered"));
        fate.answer(replies.into_iter().next().unwrap_or_else(lost))
    }

    fn successor(&self, stamp: Option<u32>) -> Option<u32> {
        stamp.map(|stamp| stamp.wrapping_add(self.successors.load(Ordering::SeqCst)))
    }

    fn succeeded(&self, found: Found) -> Found {
        match found {
            Found::Stamped { bytes, stamp } => Found::Stamped { bytes, stamp: self.successor(stamp) },
            found => found,
        }
    }

    fn injections(&self) -> MutexGuard<'_, Vec<Injection>> {
        self.injections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a call that is made.
#[derive(Clone, Copy)]
enum Fate {
    Runs,
    RunsUnanswered,
}

impl Fate {
    fn answer<T>(self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        match self {
            Self::Runs => answer,
            Self::RunsUnanswered => Err(injected(StoreErrorKind::Timeout)),
        }
    }
}

fn injected(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, "a fault that a test has injected")
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        let fate = self.meet(Operation::Get, &[key.to_owned()]).await?;
        fate.answer(self.store.get(key).await.map(|found| self.succeeded(found)))
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        let fate = self.meet(Operation::GetMany, keys).await?;
        let found = self.store.get_many(keys).await;
        fate.answer(found.map(|found| found.into_iter().map(|found| self.succeeded(found)).collect()))
    }

    /// While there are injections, one command after the other, so that one may wait and the next see it; at once where
    /// the store within keeps no order.
    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        if self.injections().is_empty() {
            return self.store.run(commands).await;
        }
        if !self.store.keeps_order() {
            return join_all(commands.into_iter().map(|command| self.one(command))).await;
        }
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            replies.push(self.one(command).await);
        }
        replies
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        let fate = self.meet_where(Operation::Clear, &[], |key| key.starts_with(&sweep.prefix)).await?;
        fate.answer(self.store.clear(sweep).await)
    }

    /// As a read of the key: what befalls [`Operation::Get`] befalls it.
    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        let fate = self.meet(Operation::Get, &[key.to_owned()]).await?;
        fate.answer(self.store.inspect(key).await)
    }

    fn keeps_order(&self) -> bool {
        self.store.keeps_order()
    }

    async fn reconnect(&self, away: Duration) -> bool {
        self.store.reconnect(away).await
    }

    fn is_whole(&self) -> bool {
        self.store.is_whole()
    }

    fn stamp(&self, key: &str) -> Option<u32> {
        self.successor(self.store.stamp(key))
    }
}
