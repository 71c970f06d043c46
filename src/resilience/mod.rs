//! What stands between the cache and a store that fails: a breaker, so that nobody waits for a dead
//! server twice, and a journal of what the store has not been told, so that nobody reads what the
//! journal says may be stale.
//!
//! Wraps any [`Store`] from outside. A read of a suspect key, or of any key while the breaker is
//! open, answers with an error at once, and the database is asked.

mod breaker;
mod journal;

use crate::coherence::{Step, Token};
use crate::store::{Command, Found, Held, Near, Reply, StoreError, StoreErrorKind};
use crate::telemetry::TARGET;
use breaker::Breaker;
pub(crate) use journal::EntityKeys;
use journal::{JOURNAL_KEYS_MAX, Journal, Owed};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// No app label is empty, so no row has this key.
const PROBE_KEY: &str = ":probe";
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// So many probes in a row that were not answered in time mean a connection that leads nowhere.
const SILENT_PROBES_MAX: u32 = 3;

/// A store behind a breaker and a journal.
#[derive(Clone, Debug)]
pub(crate) struct Resilience {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    store: Held,
    breaker: Breaker,
    journal: Journal,
    /// Whether a task is on its way to bring the store back and the journal to it.
    mending: AtomicBool,
}

impl Resilience {
    pub(crate) fn around(name: &str, store: Held) -> Self {
        let inner = Inner {
            name: name.into(),
            store,
            breaker: Breaker::default(),
            journal: Journal::default(),
            mending: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// See [`Held::near`].
    pub(crate) fn near(&self) -> Option<Arc<Near>> {
        self.inner.store.near()
    }

    /// Whether the store can be asked, and nothing is owed to it: then no key is suspect. To be asked before
    /// the store is, as the journal always is.
    #[inline]
    pub(crate) fn is_sound(&self) -> bool {
        !self.inner.breaker.is_open() && self.inner.journal.is_empty()
    }

    pub(crate) async fn get(&self, key: String) -> Result<Found, StoreError> {
        let inner = &self.inner;
        inner.breaker.check()?;
        if inner.journal.suspects(&key) {
            return Err(suspect());
        }
        self.note(inner.store.get(key).await)
    }

    pub(crate) async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        let inner = &self.inner;
        inner.breaker.check()?;
        // The journal is asked before the store: what is delivered between the two was delivered
        // before the store was read.
        if inner.journal.is_empty() {
            return self.note(inner.store.get_many(keys).await);
        }
        if inner.journal.suspects_all() {
            return Err(suspect());
        }
        let suspects: Vec<bool> = keys.iter().map(|key| inner.journal.suspects(key)).collect();
        let found = self.note(inner.store.get_many(keys).await)?;
        // Nothing is what a reader may always be told; its lease will be refused.
        let hide = |(suspect, found)| if suspect { Found::Nothing } else { found };
        Ok(suspects.into_iter().zip(found).map(hide).collect())
    }

    pub(crate) async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        if let Err(error) = self.inner.breaker.check() {
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
        barred.into_iter().map(|barred| reply(barred).unwrap_or_else(|| Err(suspect()))).collect()
    }

    async fn run_now(&self, commands: Vec<Command>) -> Vec<Reply> {
        if commands.is_empty() {
            return Vec::new();
        }
        let replies = self.inner.store.as_dyn().run(commands).await;
        replies.into_iter().map(|reply| self.note(reply)).collect()
    }

    pub(crate) async fn clear(&self, entity: &EntityKeys) -> Result<u64, StoreError> {
        self.inner.breaker.check()?;
        self.note(clear(&self.inner, entity).await)
    }

    pub(crate) fn keeps_order(&self) -> bool {
        self.inner.store.as_dyn().keeps_order()
    }

    pub(crate) fn stamp(&self) -> Option<u32> {
        self.inner.store.as_dyn().stamp()
    }

    /// The store does not know of a write to this key: it is suspect from now on, and invalidated
    /// once `after` has passed and the store answers. `token` names the debt.
    pub(crate) fn owe(&self, key: &str, token: Token, after: Duration, entity: EntityKeys) {
        let due = Instant::now() + after;
        if self.inner.journal.owe(key, Owed { token, due, entity }) {
            tracing::error!(
                target: TARGET,
                backend = %self.inner.name, limit = JOURNAL_KEYS_MAX,
                "the journal of undelivered writes is full: the database answers for this backend until its \
                 entities have been cleared"
            );
        }
        self.mend();
    }

    /// The store does not know of a write to any row of an entity: every key is suspect until the entity
    /// was cleared, once `after` has passed.
    pub(crate) fn owe_entity(&self, entity: EntityKeys, after: Duration) {
        self.inner.journal.owe_entity(entity, Instant::now() + after);
        self.mend();
    }

    /// The store knows of the write after all.
    pub(crate) fn settle(&self, key: &str, token: Token) {
        self.inner.journal.settle(key, token);
    }

    /// How many keys are suspect.
    pub(crate) fn owed(&self) -> usize {
        self.inner.journal.len()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.inner.breaker.is_open()
    }

    /// How often the breaker has opened.
    pub(crate) fn trips(&self) -> u64 {
        self.inner.breaker.trips()
    }

    /// Opens the breaker on an error that says that the store is away. The first one does: whoever
    /// comes next must not wait as long.
    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result
            && matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::Timeout)
        {
            if self.inner.breaker.open() {
                tracing::warn!(
                    target: TARGET,
                    backend = %self.inner.name, %error,
                    "the cache does not answer; the database does until it is back"
                );
            }
            self.mend();
        }
        result
    }

    /// Starts the task that brings the store back, unless it is under way.
    fn mend(&self) {
        if self.inner.mending.swap(true, Ordering::AcqRel) {
            return;
        }
        let mending = Mending(self.inner.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(mend(mending));
        }
    }
}

/// The right to mend; given back when the mending ends, and when its runtime is shut down.
struct Mending(Arc<Inner>);

impl Drop for Mending {
    fn drop(&mut self) {
        self.0.mending.store(false, Ordering::Release);
    }
}

/// Probes the store and delivers the journal until the breaker is closed and nothing is owed.
async fn mend(mending: Mending) {
    let inner = mending.0.clone();
    let mut pause = PAUSE_MIN;
    let mut silent = 0;
    loop {
        match heal(&inner).await {
            Ok(()) if inner.journal.is_empty() => break,
            Ok(()) => (pause, silent) = (PAUSE_MIN, 0),
            Err(error) if error.kind() == StoreErrorKind::Timeout => silent += 1,
            Err(_) => silent = 0,
        }
        if silent >= SILENT_PROBES_MAX {
            inner.store.as_dyn().reconnect().await;
            silent = 0;
        }
        tokio::time::sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
    drop(mending);
    // What came between the last look and the drop has found somebody mending.
    if !inner.journal.is_empty() || inner.breaker.is_open() {
        Resilience { inner }.mend();
    }
}

/// The journal is delivered before the breaker closes.
async fn heal(inner: &Inner) -> Result<(), StoreError> {
    deliver(inner).await?;
    inner.store.get(PROBE_KEY.to_owned()).await?;
    if inner.breaker.close() {
        tracing::info!(target: TARGET, backend = %inner.name, "the cache answers again");
    }
    Ok(())
}

/// Invalidates what is owed and due: keys, or whole entities after an overflow.
async fn deliver(inner: &Inner) -> Result<(), StoreError> {
    let now = Instant::now();
    for page in inner.journal.due(now) {
        let keys = page.keys.iter().map(|(key, _)| key);
        let mut replies = invalidate(inner, page.fences.iter().chain(keys)).await.into_iter();
        for reply in replies.by_ref().take(page.fences.len()) {
            reply?;
        }
        for ((key, token), reply) in page.keys.into_iter().zip(replies) {
            reply?;
            inner.journal.settle(&key, token);
        }
    }
    for entity in inner.journal.due_entities(now) {
        clear(inner, &entity).await?;
        inner.journal.swept(&entity, now);
    }
    Ok(())
}

async fn clear(inner: &Inner, entity: &EntityKeys) -> Result<u64, StoreError> {
    for reply in invalidate(inner, &entity.fence).await {
        reply?;
    }
    inner.store.as_dyn().clear(&entity.sweep).await
}

async fn invalidate<'k>(inner: &Inner, keys: impl IntoIterator<Item = &'k String>) -> Vec<Reply> {
    let command = |key: &String| Command { key: key.clone(), step: Step::Invalidate };
    let commands: Vec<Command> = keys.into_iter().map(command).collect();
    if commands.is_empty() { Vec::new() } else { inner.store.as_dyn().run(commands).await }
}

fn is_reading<E>(step: &Step<E>) -> bool {
    matches!(step, Step::Lease { .. } | Step::Fill { .. })
}

fn suspect() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the store has not been told of a write of this key yet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::Lifetime;
    use crate::store::{MemoryStore, Store, Sweep};
    use async_trait::async_trait;
    use bytes::Bytes;
    use tokio::sync::Notify;

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
            // Whoever mends asks for a key of his own.
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

    /// The journal is asked before the store: afterwards it may know nothing of the debt any more, and the read
    /// still have seen what was there before.
    #[tokio::test]
    async fn a_read_that_began_while_its_key_was_suspect_sees_nothing_of_it() {
        let (owed, other) = ("app:book:1".to_owned(), "app:book:2".to_owned());
        let store = MemoryStore::new(10);
        let slow = Slow { store: Arc::new(store), read: Arc::default(), let_go: Arc::default() };
        let insert = |key: &String| Command {
            key: key.clone(),
            step: Step::Insert { entry: Bytes::from_static(b"an entry"), lifetime: Lifetime::Forever },
        };
        slow.store.run(vec![insert(&owed), insert(&other)]).await;
        let resilience = Resilience::around("default", Held::of(slow.clone()));
        let sweep = Sweep { prefix: "app:book:".to_owned(), entity: None };
        let entity = EntityKeys { sweep, fence: None };
        resilience.owe(&owed, Token::from_u128(1), Duration::from_millis(30), entity);
        let reading = tokio::spawn({
            let (resilience, keys) = (resilience.clone(), vec![owed.clone(), other.clone()]);
            async move { resilience.get_many(keys).await }
        });
        slow.read.notified().await;
        while resilience.owed() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        slow.let_go.notify_one();
        let found = reading.await.expect("a task that ends well").expect("an answer");
        assert!(matches!(found[..], [Found::Nothing, Found::Bytes(_) | Found::Resident(_)]), "{found:?}");
    }
}
