use crate::coherence::Token;
use crate::resilience::{EntityKeys, Resilience};
use crate::store::{Command, Found, Held, Near, Reply, StoreError};
use crate::telemetry::{BackendStats, Spread};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A named store behind its resilience, counted.
#[derive(Debug)]
pub(crate) struct Backend {
    name: Arc<str>,
    store: Resilience,
    round_trips: Spread<AtomicU64>,
    failures: AtomicU64,
}

impl Backend {
    pub(super) fn new(name: &str, store: Held) -> Self {
        let store = Resilience::around(name, store);
        Self { name: name.into(), store, round_trips: Spread::default(), failures: AtomicU64::new(0) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// With so many round trips that its entities have counted.
    pub(super) fn stats(&self, near: u64) -> BackendStats {
        BackendStats {
            backend: self.name.to_string(),
            round_trips: near
                + self.round_trips.all().map(|count| count.load(Ordering::Relaxed)).sum::<u64>(),
            failures: self.failures.load(Ordering::Relaxed),
            trips: self.store.trips(),
            open: self.store.is_open(),
            owed: self.store.owed(),
        }
    }

    fn tally(&self, failed: bool) {
        self.round_trips.mine().fetch_add(1, Ordering::Relaxed);
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// See [`Held::near`].
    pub(super) fn near(&self) -> Option<Arc<Near>> {
        self.store.near()
    }

    /// See [`Resilience::is_sound`].
    #[inline]
    pub(crate) fn is_sound(&self) -> bool {
        self.store.is_sound()
    }

    pub(crate) async fn get(&self, key: String) -> Result<Found, StoreError> {
        let found = self.store.get(key).await;
        self.tally(found.is_err());
        found
    }

    pub(crate) async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        let found = self.store.get_many(keys).await;
        self.tally(found.is_err());
        found
    }

    /// As [`get_many`](Self::get_many); one key costs a plain `GET`.
    pub(crate) async fn get_some(&self, mut keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        match keys.len() {
            0 => Ok(Vec::new()),
            1 => self.get(keys.remove(0)).await.map(|found| vec![found]),
            _ => self.get_many(keys).await,
        }
    }

    pub(crate) async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        let replies = self.store.run(commands).await;
        self.tally(replies.iter().any(Result::is_err));
        replies
    }

    pub(crate) async fn clear(&self, entity: &EntityKeys) -> Result<u64, StoreError> {
        let touched = self.store.clear(entity).await;
        self.tally(touched.is_err());
        touched
    }

    /// See [`Resilience::owe`].
    pub(crate) fn owe(&self, key: &str, token: Token, after: Duration, entity: EntityKeys) {
        self.store.owe(key, token, after, entity);
    }

    /// See [`Resilience::owe_entity`].
    pub(crate) fn owe_entity(&self, entity: EntityKeys, after: Duration) {
        self.store.owe_entity(entity, after);
    }

    /// See [`Resilience::settle`].
    pub(crate) fn settle(&self, key: &str, token: Token) {
        self.store.settle(key, token);
    }

    /// See [`Store::keeps_order`].
    pub(crate) fn keeps_order(&self) -> bool {
        self.store.keeps_order()
    }

    pub(crate) fn stamp(&self) -> Option<u32> {
        self.store.stamp()
    }
}
