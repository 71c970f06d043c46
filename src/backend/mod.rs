//! [`Backend`]: a named store behind a circuit breaker and a journal, counted.
//!
//! The breaker keeps callers from waiting for a dead server twice. The journal holds the keys of writes that
//! the store does not know of yet. A read of such a key, or of any key while the breaker is open, answers with
//! an error at once, and the database is asked.

mod breaker;
mod delivery;
mod inspect;
mod journal;
mod outage;
mod queueing;
mod tally;

use crate::coherence::Step;
use crate::entry::Fingerprint;
use crate::pulse::Pulse;
use crate::store::{Command, Found, IdIndex, Reply, StoreError, StoreErrorKind, StoreHandle};
use crate::telemetry::{BackendMeters, BackendStats, RoundTrip, Watch};
use breaker::Breaker;
pub(crate) use journal::EntityKeys;
use journal::Journal;
use outage::Outage;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use tokio::sync::Notify;
use tokio::time::Instant;

/// No app label is empty, so no row has this key.
const PROBE_KEY: &str = ":probe";
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub(crate) struct Backend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    store: StoreHandle,
    breaker: Breaker,
    journal: Journal,
    /// That of the task which brings the store back and the journal to it.
    recovery: Pulse,
    /// Something is queued, or the breaker is open: the recovery is not to wait for what is due later.
    wake: Notify,
    outage: Outage,
    tally: Tally,
}

impl Backend {
    pub(crate) fn new(name: &str, store: StoreHandle) -> Self {
        let meters = BackendMeters::new(name, store.memory_in_use());
        let inner = Inner {
            name: name.into(),
            store,
            breaker: Breaker::new(&meters),
            journal: Journal::new(meters.queued.clone()),
            recovery: Pulse::default(),
            wake: Notify::new(),
            outage: Outage::new(&meters),
            tally: Tally::new(meters),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.inner.name
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// With the round trips that its entities have counted themselves.
    pub(crate) fn stats(&self, counted_elsewhere: u64) -> BackendStats {
        let Inner { name, store, breaker, journal, outage, tally, .. } = &*self.inner;
        let memory = store.memory_in_use();
        BackendStats {
            backend: name.to_string(),
            round_trips: counted_elsewhere + tally.round_trips(),
            failures: tally.failures(),
            trips: breaker.trips(),
            reconnects: outage.reconnects(),
            open: breaker.is_open(),
            degraded: outage.is_on(),
            queued: journal.len(),
            entries: memory.map(|(entries, _)| entries),
            bytes: memory.and_then(|(_, bytes)| bytes),
        }
    }

    /// Exports what no event tells of.
    #[cfg(feature = "metrics")]
    pub(crate) fn export(&self) {
        self.inner.tally.meters().show_memory(self.inner.store.memory_in_use());
    }

    /// A clock for a call of the store. It does not run where that takes no longer than to read the clock: for a store
    /// of this process, and while the breaker is open.
    #[inline]
    pub(crate) fn watch(&self) -> Watch {
        let is_quick = self.inner.store.is_in_process() || self.inner.breaker.is_open();
        if is_quick { Watch::idle() } else { Watch::started() }
    }

    /// See [`StoreHandle::system`].
    pub(crate) fn system(&self) -> &'static str {
        self.inner.store.system()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.inner.breaker.is_open()
    }

    /// Whether all or a part of the store has not answered and is not back yet.
    pub(crate) fn is_degraded(&self) -> bool {
        self.inner.outage.is_on()
    }

    /// Keys and entities whose invalidations are queued.
    pub(crate) fn queued(&self) -> usize {
        self.inner.journal.len()
    }

    /// How long the store takes to answer; `None` if it does not within the limit, or the breaker is open.
    pub(crate) async fn probe(&self, limit: Duration) -> Option<Duration> {
        self.check().ok()?;
        let begun = Instant::now();
        let asked = self.inner.store.get(PROBE_KEY.to_owned());
        let answer = tokio::time::timeout(limit, asked)
            .await
            .unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Timeout, "a probe was not answered")));
        // A user who may not read this key is answered, too.
        answered(self.note(answer)).is_ok().then(|| begun.elapsed())
    }

    /// See [`StoreHandle::id_index`].
    pub(crate) fn id_index(&self, fingerprint: Fingerprint) -> Option<Arc<IdIndex>> {
        self.inner.store.id_index(fingerprint)
    }

    /// Whether the store can be asked, and the journal is empty: then no key is suspect. To be asked before
    /// the store is, as the journal always is.
    #[inline]
    pub(crate) fn is_sound(&self) -> bool {
        !self.inner.breaker.is_open() && self.inner.journal.is_empty()
    }

    pub(crate) async fn get(&self, key: String) -> Result<Found, StoreError> {
        let watch = self.watch();
        let found = self.get_unless_suspect(key).await;
        self.inner.tally.count(RoundTrip::Get, watch, found.is_err());
        found
    }

    /// Reads many keys in one round trip; one key costs a plain `GET`.
    pub(crate) async fn get_many(&self, mut keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        match keys.len() {
            0 => Ok(Vec::new()),
            1 => self.get(keys.remove(0)).await.map(|found| vec![found]),
            _ => {
                let watch = self.watch();
                let found = self.get_many_unless_suspect(keys).await;
                self.inner.tally.count(RoundTrip::GetMany, watch, found.is_err());
                found
            }
        }
    }

    pub(crate) async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        let watch = self.watch();
        let replies = self.run_unless_suspect(commands).await;
        self.inner.tally.count(RoundTrip::Run, watch, replies.iter().any(Result::is_err));
        replies
    }

    pub(crate) async fn clear(&self, entity: &EntityKeys) -> Result<u64, StoreError> {
        let watch = self.watch();
        let touched = match self.check() {
            Ok(()) => self.note(delivery::clear(&self.inner.store, entity).await),
            Err(error) => Err(error),
        };
        self.inner.tally.count(RoundTrip::Clear, watch, touched.is_err());
        touched
    }

    async fn get_unless_suspect(&self, key: String) -> Result<Found, StoreError> {
        let inner = &self.inner;
        self.check()?;
        if inner.journal.suspects(&key) {
            return Err(self.suspect());
        }
        self.heard(inner.store.get(key).await)
    }

    async fn get_many_unless_suspect(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        let inner = &self.inner;
        self.check()?;
        // The journal is asked before the store: what is delivered between the two was delivered
        // before the store was read.
        if inner.journal.is_empty() {
            return self.heard(inner.store.get_many(keys).await);
        }
        let suspects: Vec<bool> = keys.iter().map(|key| inner.journal.suspects(key)).collect();
        if suspects.iter().all(|suspect| *suspect) {
            return Err(self.suspect());
        }
        let found = self.heard(inner.store.get_many(keys).await)?;
        // `Found::Nothing` is always a safe answer: the lease that follows will be refused.
        let hide = |(suspect, found)| if suspect { Found::Nothing } else { found };
        Ok(suspects.into_iter().zip(found).map(hide).collect())
    }

    async fn run_unless_suspect(&self, commands: Vec<Command>) -> Vec<Reply> {
        if let Err(error) = self.check() {
            return commands.iter().map(|_| Err(error.clone())).collect();
        }
        let journal = &self.inner.journal;
        if journal.is_empty() {
            return self.run_now(commands).await;
        }
        // Readers may neither lease nor fill a suspect key; writers go on.
        let barred: Vec<bool> =
            commands.iter().map(|c| is_reading(&c.step) && journal.suspects(&c.key)).collect();
        let kept = commands.into_iter().zip(&barred).filter(|(_, barred)| !**barred);
        let mut replies = self.run_now(kept.map(|(command, _)| command).collect()).await.into_iter();
        let mut reply = |barred: bool| if barred { None } else { replies.next() };
        barred.into_iter().map(|barred| reply(barred).unwrap_or_else(|| Err(self.suspect()))).collect()
    }

    async fn run_now(&self, commands: Vec<Command>) -> Vec<Reply> {
        if commands.is_empty() {
            return Vec::new();
        }
        let replies = self.inner.store.as_dyn().run(commands).await;
        replies.into_iter().map(|reply| self.heard(reply)).collect()
    }

    /// # Errors
    /// The breaker is open.
    fn check(&self) -> Result<(), StoreError> {
        let checked = self.inner.breaker.check();
        if checked.is_err() {
            // The runtime of the task that was to close it may have ended.
            self.recover();
        }
        checked
    }

    fn suspect(&self) -> StoreError {
        self.recover();
        StoreError::new(StoreErrorKind::Refused, "a write of this key has not reached the store yet")
    }

    /// See [`Store::keeps_order`](crate::Store::keeps_order).
    pub(crate) fn keeps_order(&self) -> bool {
        self.inner.store.as_dyn().keeps_order()
    }

    /// See [`Store::stamp`](crate::Store::stamp).
    pub(crate) fn stamp(&self, key: &str) -> Option<u32> {
        self.inner.store.as_dyn().stamp(key)
    }

    /// As [`note`](Self::note), of what the cache has asked. A refused answer is logged.
    fn heard<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.inner.outage.note_refusal(&self.inner.name, error);
        }
        self.note(result)
    }

    /// Opens the breaker on the first error that says that the store is away: the next caller must not wait as
    /// long. Not when only a part of it is: the store itself lets nobody wait for that one.
    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result
            && (error.is_away() || error.is_partial())
        {
            let is_news =
                if error.is_away() { self.inner.breaker.open() } else { !self.inner.outage.is_on() };
            if is_news {
                self.inner.outage.begin(&self.inner.name, error, self.inner.tally.failures());
                self.inner.wake.notify_one();
            }
            self.recover();
        }
        result
    }

    /// Starts the task that brings the store back, unless it is under way. It runs on the caller's runtime: when
    /// that ends or stands still, the next caller who finds the breaker open starts another.
    fn recover(&self) {
        if !self.inner.recovery.take_over() {
            return;
        }
        let recovery = Recovery(self.inner.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(recover(recovery));
        }
    }
}

/// The right to recover; given back when the recovery ends, and when its runtime is shut down.
struct Recovery(Arc<Inner>);

impl Drop for Recovery {
    fn drop(&mut self) {
        self.0.recovery.end();
    }
}

async fn recover(recovery: Recovery) {
    let inner = recovery.0.clone();
    inner.recovery.keep(pin!(bring_back(&inner))).await;
    drop(recovery);
    // What was queued between the last check and the drop has not started another recovery.
    if !inner.journal.is_empty() || inner.breaker.is_open() || !inner.store.as_dyn().is_whole() {
        Backend { inner }.recover();
    }
}

/// Probes the store and delivers the journal until the breaker is closed, the store is whole and the journal is empty.
async fn bring_back(inner: &Inner) {
    let mut pause = PAUSE_MIN;
    let mut away_since = Instant::now();
    loop {
        let reconciled = reconcile(inner).await;
        let is_whole = inner.store.as_dyn().is_whole();
        if reconciled.is_ok() && is_whole {
            inner.outage.end(&inner.name, inner.tally.failures(), inner.journal.len());
        }
        match reconciled {
            Ok(()) if is_whole && inner.journal.is_empty() => return,
            Ok(()) if is_whole => {
                until_due(inner).await;
                (pause, away_since) = (PAUSE_MIN, Instant::now());
            }
            // It answers.
            Err(error) if is_whole && !error.is_away() => away_since = Instant::now(),
            Ok(()) | Err(_) => {
                if inner.store.as_dyn().reconnect(away_since.elapsed()).await {
                    inner.outage.note_reconnect(&inner.name);
                    pause = PAUSE_MIN;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
}

/// Waits until something of the journal is due, or there is news.
async fn until_due(inner: &Inner) {
    if let Some(due) = inner.journal.next_due() {
        // What ends first does not matter.
        let _ = tokio::time::timeout_at(due, inner.wake.notified()).await;
    }
}

/// The journal is delivered before the breaker closes.
///
/// # Errors
/// The store is away; or it refuses a part of the journal, whose keys stay suspect.
async fn reconcile(inner: &Inner) -> Result<(), StoreError> {
    let delivered = answered(delivery::deliver(&inner.store, &inner.journal).await)?;
    if !inner.breaker.is_open() {
        return delivered;
    }
    // A user who may not read this key is answered, too.
    let _ = answered(inner.store.get(PROBE_KEY.to_owned()).await)?;
    if inner.breaker.close() && inner.store.as_dyn().is_whole() {
        inner.outage.end(&inner.name, inner.tally.failures(), inner.journal.len());
    }
    delivered
}

/// What a store that is there has answered, be it a refusal.
fn answered<T>(result: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match result {
        Err(error) if error.is_away() => Err(error),
        result => Ok(result),
    }
}

fn is_reading<E>(step: &Step<E>) -> bool {
    matches!(step, Step::Lease { .. } | Step::Fill { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::{Lifetime, Token};
    use crate::store::{MemoryStore, Store, Sweep};
    use async_trait::async_trait;
    use bytes::Bytes;

    /// A store whose answers to reads wait until they are let go.
    #[derive(Clone, Debug)]
    struct Slow {
        store: Arc<MemoryStore>,
        read: Arc<Notify>,
        let_go: Arc<Notify>,
    }

    #[async_trait]
    impl Store for Slow {
        async fn get(&self, key: &str) -> Result<Found, StoreError> {
            // The recovery probes a key of its own.
            if key == PROBE_KEY {
                return self.store.get(key).await;
            }
            Ok(self.get_many(&[key.to_owned()]).await?.remove(0))
        }

        async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
            let found = self.store.get_many(keys).await;
            self.read.notify_one();
            self.let_go.notified().await;
            found
        }

        async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
            self.store.run(commands).await
        }

        async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
            self.store.clear(sweep).await
        }
    }

    /// The journal is asked before the store: afterwards it may know nothing of the write any more, and the read
    /// still have seen what was there before.
    #[tokio::test]
    async fn a_read_that_began_while_its_key_was_suspect_sees_nothing_of_it() {
        let (queued, other) = ("app:book:1".to_owned(), "app:book:2".to_owned());
        let store = MemoryStore::new(10);
        let slow = Slow { store: Arc::new(store), read: Arc::default(), let_go: Arc::default() };
        let insert = |key: &String| Command {
            key: key.clone(),
            step: Step::Insert { entry: Bytes::from_static(b"an entry"), lifetime: Lifetime::Forever },
        };
        slow.store.run(vec![insert(&queued), insert(&other)]).await;
        let backend = Backend::new("default", StoreHandle::of(slow.clone()));
        let sweep = Sweep { prefix: "app:book:".to_owned(), entity: None };
        let entity = EntityKeys { sweep, fence: None };
        backend.queue(&queued, Token::from_u128(1), Duration::from_millis(30), entity);
        let reading = tokio::spawn({
            let (backend, keys) = (backend.clone(), vec![queued.clone(), other.clone()]);
            async move { backend.get_many(keys).await }
        });
        slow.read.notified().await;
        while !backend.inner.journal.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        slow.let_go.notify_one();
        let found = reading.await.expect("a task that ends well").expect("an answer");
        assert!(matches!(found[..], [Found::Nothing, Found::Bytes(_) | Found::Memory(_)]), "{found:?}");
    }
}
