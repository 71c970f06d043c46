//! The unit of work: which rows a transaction has touched, and what becomes of their keys.

use super::swept::Swept;
use crate::autocache::{Autocache, Consistency, Region};
use crate::coherence::{Answer, Lifetime, Outcome, Step, Token};
use crate::error::CacheError;
use crate::store::{Command, Reply, StoreError};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::DbErr;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Keys in one pipeline; a larger transaction sends several.
pub(crate) const PIPELINE_KEYS_MAX: usize = 1_000;

/// What is known of a touched row.
#[derive(Clone, Debug)]
pub(crate) enum RowChange {
    /// The entry to publish if the transaction commits.
    Known(Bytes, Lifetime),
    /// Touched, and its last state is not known for sure: its key is emptied.
    Unknown,
}

/// The touched rows of one transaction or savepoint.
#[derive(Debug)]
pub(crate) struct UnitOfWork {
    autocache: Autocache,
    parent: Option<Arc<UnitOfWork>>,
    /// The transaction reads one snapshot: what the cache holds may be newer.
    snapshot: bool,
    /// Whether anything was written, announced by a signal or not.
    wrote: AtomicBool,
    /// Whether any statement has failed. Postgres then answers COMMIT with a silent rollback.
    failed: AtomicBool,
    touched: Mutex<Touched>,
    /// Entities of which any row may have been written, by their regions.
    swept: Mutex<HashMap<usize, Arc<Region>>>,
}

/// By region and key: two entities may be told to share a key text.
type Touched = HashMap<(usize, String), (Arc<Region>, RowChange)>;

/// A committed transaction's keys, between their intents and their finishes.
#[derive(Debug)]
pub(crate) struct Announced {
    keys: Vec<AnnouncedKey>,
    entities: Swept,
    begun: Instant,
    hold: Duration,
}

#[derive(Debug)]
struct AnnouncedKey {
    region: Arc<Region>,
    key: String,
    change: RowChange,
    token: Token,
    held: bool,
    /// The stamp of the server that was to hold the intent.
    stamp: Option<u32>,
}

impl UnitOfWork {
    pub(super) fn root(autocache: Autocache, snapshot: bool) -> Arc<Self> {
        Arc::new(Self::new(autocache, None, snapshot))
    }

    /// The unit of work of a savepoint in this one.
    pub(super) fn savepoint(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self::new(self.autocache.clone(), Some(self.clone()), self.snapshot))
    }

    fn new(autocache: Autocache, parent: Option<Arc<Self>>, snapshot: bool) -> Self {
        Self {
            autocache,
            parent,
            snapshot,
            wrote: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            touched: Mutex::default(),
            swept: Mutex::default(),
        }
    }

    pub(crate) fn autocache(&self) -> &Autocache {
        &self.autocache
    }

    pub(super) fn is_savepoint(&self) -> bool {
        self.parent.is_some()
    }

    fn root_of(&self) -> &Self {
        self.parent.as_deref().map_or(self, Self::root_of)
    }

    /// Whether a read in this transaction may be answered from the cache.
    pub(crate) fn may_use_cache(&self) -> bool {
        !self.snapshot && !self.root_of().wrote.load(Ordering::Acquire)
    }

    pub(super) fn note_write(&self) {
        self.root_of().wrote.store(true, Ordering::Release);
    }

    pub(super) fn note_failure(&self) {
        self.root_of().failed.store(true, Ordering::Release);
    }

    /// The last outcome of a row counts.
    pub(crate) fn record(&self, region: &Arc<Region>, key: &str, change: RowChange) {
        self.note_write();
        self.touched().insert((region.id(), key.to_owned()), (region.clone(), change));
    }

    /// Any row of the entity may have been written. If the writing is rolled back, an entity was cleared
    /// for nothing.
    pub(super) fn record_entity(&self, region: &Arc<Region>) {
        let mut swept = self.root_of().swept.lock().unwrap_or_else(PoisonError::into_inner);
        swept.insert(region.id(), region.clone());
    }

    fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A released savepoint: its rows become the parent's.
    pub(super) fn merge(&self) {
        if let Some(parent) = &self.parent {
            let touched = std::mem::take(&mut *self.touched());
            parent.touched().extend(touched);
        }
    }

    /// A savepoint that was rolled back: its rows are as they were, in a way only the database knows.
    pub(super) fn roll_back(&self) {
        let touched = std::mem::take(&mut *self.touched());
        if let Some(parent) = &self.parent {
            let unknown = |(key, (region, _))| (key, (region, RowChange::Unknown));
            parent.touched().extend(touched.into_iter().map(unknown));
        }
    }

    fn entities(&self) -> Vec<Arc<Region>> {
        std::mem::take(&mut *self.swept.lock().unwrap_or_else(PoisonError::into_inner))
            .into_values()
            .collect()
    }

    /// Places the intents of all touched rows, right before COMMIT: one round trip for each backend
    /// and [`PIPELINE_KEYS_MAX`] keys.
    pub(super) async fn announce(&self) -> Result<Announced, DbErr> {
        let settings = *self.autocache.settings();
        let failed = self.failed.load(Ordering::Acquire);
        let keys = std::mem::take(&mut *self.touched()).into_iter().map(|((_, key), (region, change))| {
            let change = if failed { RowChange::Unknown } else { change };
            let stamp = region.backend.stamp();
            AnnouncedKey { region, key, change, token: Token::random(), held: false, stamp }
        });
        let mut announced = Announced {
            keys: keys.collect(),
            entities: Swept::of(self.entities()),
            begun: Instant::now(),
            hold: settings.hold,
        };
        let mut refused = announced.intents(false).await;
        if refused.is_none() && announced.begun.elapsed() > settings.hold / 4 {
            announced.begun = Instant::now();
            refused = announced.intents(true).await;
        }
        match refused {
            Some(error) if settings.consistency == Consistency::Strict => {
                announced.release().await;
                Err(CacheError::NotAnnounced(error).into())
            }
            _ => Ok(announced),
        }
    }
}

impl AnnouncedKey {
    /// Whether the intent was acknowledged by the server that answers still. Another one, or one that
    /// nobody knows, may not have it.
    fn is_surely_held(&self) -> bool {
        self.held && self.stamp.is_some() && self.region.backend.stamp() == self.stamp
    }
}

impl Announced {
    async fn intents(&mut self, reissued: bool) -> Option<StoreError> {
        let hold = self.hold;
        let replies = self.run(|key| Step::Intent { token: key.token, hold, reissued }).await;
        let mut refused = None;
        for (key, reply) in self.keys.iter_mut().zip(replies) {
            key.held = matches!(reply, Ok(Answer::Held { .. }));
            if let Err(error) = reply {
                // Should this future be dropped during COMMIT, nobody would tell the cache.
                key.region.backend.owe(&key.key, key.token, hold, key.region.sweep());
                refused = Some(error);
            }
        }
        refused
    }

    /// COMMIT was answered with success.
    pub(super) async fn finish(mut self, consistency: Consistency) -> Result<(), DbErr> {
        let committed = Instant::now();
        std::mem::take(&mut self.entities).clear().await;
        let outcome = |key: &AnnouncedKey| match &key.change {
            RowChange::Known(entry, lifetime) if key.held => Outcome::Publish(entry.clone(), *lifetime),
            RowChange::Known(..) | RowChange::Unknown => Outcome::Delete,
        };
        let replies = self.run(|key| Step::Finish { token: key.token, outcome: outcome(key) }).await;
        let sure = self.hold.mul_f64(0.9).saturating_sub(Duration::from_millis(50));
        let in_time = committed - self.begun < sure;
        let mut unconfirmed = None;
        for (key, reply) in self.keys.iter().zip(replies) {
            match reply {
                Ok(answer) => {
                    key.region.backend.settle(&key.key, key.token);
                    key.region.count_end(&answer);
                }
                Err(error) => {
                    key.region.backend.owe(&key.key, key.token, Duration::ZERO, key.region.sweep());
                    if !(in_time && key.is_surely_held()) {
                        unconfirmed = Some(error);
                    }
                }
            }
        }
        match unconfirmed {
            Some(error) if consistency == Consistency::Strict => Err(CacheError::Unconfirmed(error).into()),
            _ => Ok(()),
        }
    }

    /// The transaction was certainly rolled back.
    pub(super) async fn release(mut self) {
        std::mem::take(&mut self.entities).forget();
        self.run(|key| Step::Release { token: key.token }).await;
    }

    /// One step for each key, answered in the order of the keys.
    async fn run(&self, step: impl Fn(&AnnouncedKey) -> Step<Bytes>) -> Vec<Reply> {
        let mut replies: Vec<Reply> = self.keys.iter().map(|_| Ok(Answer::Unchanged)).collect();
        let mut by_backend: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, key) in self.keys.iter().enumerate() {
            by_backend.entry(key.region.backend.name()).or_default().push(index);
        }
        for indices in by_backend.values().flat_map(|indices| indices.chunks(PIPELINE_KEYS_MAX)) {
            let command = |&index: &usize| {
                let key = &self.keys[index];
                Command { key: key.key.clone(), step: step(key) }
            };
            let backend = &self.keys[indices[0]].region.backend;
            let answers = backend.run(indices.iter().map(command).collect()).await;
            for (&index, answer) in indices.iter().zip(answers) {
                if let Err(error) = &answer {
                    let region = &self.keys[index].region;
                    region.stats.count(Event::errors);
                    tracing::warn!(target: TARGET, entity = %region.model, %error, "the cache was not told of a write");
                }
                replies[index] = answer;
            }
        }
        replies
    }
}
