//! [`UnitOfWork`]: the rows that a transaction has touched, and what becomes of their keys.

use super::{HookNotes, IntentSet, PendingClear, RowChange};
use crate::keyspace::Keyspace;
use crate::settings::{Consistency, Settings};
use foldhash::quality::RandomState;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The touched rows of one transaction or savepoint.
#[derive(Debug)]
pub(crate) struct UnitOfWork {
    settings: Settings,
    parent: Option<Arc<UnitOfWork>>,
    /// The transaction reads one snapshot: what the cache holds may be newer.
    snapshot: bool,
    /// Whether anything was written, with hooks or without.
    wrote: AtomicBool,
    /// Whether any statement has failed. Postgres then answers COMMIT with a silent rollback.
    failed: AtomicBool,
    touched: Mutex<Touched>,
    /// Entities of which any row may have been written.
    cleared: Mutex<HashMap<usize, Arc<Keyspace>>>,
    /// What hooks leave, by keyspace. It ends with the transaction.
    notes: Mutex<HashMap<usize, Arc<HookNotes>>>,
}

/// By keyspace and key: two entities can be configured to share a key text.
type Touched = HashMap<usize, Rows, RandomState>;

#[derive(Debug)]
struct Rows {
    keyspace: Arc<Keyspace>,
    changes: HashMap<String, RowChange, RandomState>,
}

/// A transaction's keys and entities, from right before COMMIT to its end.
#[derive(Debug)]
pub(crate) struct Committing {
    intents: IntentSet,
    entities: PendingClear,
}

impl UnitOfWork {
    pub(crate) fn root(settings: Settings, snapshot: bool) -> Arc<Self> {
        Arc::new(Self::new(settings, None, snapshot))
    }

    /// The unit of work of a savepoint in this one.
    pub(crate) fn savepoint(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self::new(self.settings, Some(self.clone()), self.snapshot))
    }

    fn new(settings: Settings, parent: Option<Arc<Self>>, snapshot: bool) -> Self {
        Self {
            settings,
            parent,
            snapshot,
            wrote: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            touched: Mutex::default(),
            cleared: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// What the hooks of an entity leave in this transaction.
    pub(crate) fn notes_of(&self, keyspace: &Arc<Keyspace>) -> Arc<HookNotes> {
        let mut notes = self.root_of().notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry(keyspace.id()).or_default().clone()
    }

    pub(crate) fn consistency(&self) -> Consistency {
        self.settings.consistency
    }

    pub(crate) fn is_savepoint(&self) -> bool {
        self.parent.is_some()
    }

    fn root_of(&self) -> &Self {
        self.parent.as_deref().map_or(self, Self::root_of)
    }

    /// Whether a read in this transaction may be answered from the cache.
    pub(crate) fn may_use_cache(&self) -> bool {
        !self.snapshot && !self.root_of().wrote.load(Ordering::Acquire)
    }

    pub(crate) fn note_write(&self) {
        self.root_of().wrote.store(true, Ordering::Release);
    }

    pub(crate) fn note_failure(&self) {
        self.root_of().failed.store(true, Ordering::Release);
    }

    /// The last outcome of a row counts.
    pub(crate) fn record(&self, keyspace: &Arc<Keyspace>, key: &str, change: RowChange) {
        self.note_write();
        let mut touched = self.touched();
        let changes = &mut rows_of(&mut touched, keyspace).changes;
        match changes.get_mut(key) {
            Some(before) => *before = change,
            None => _ = changes.insert(key.to_owned(), change),
        }
    }

    /// Any row of the entity may have been written. If the writing is rolled back, an entity was cleared
    /// for nothing.
    pub(crate) fn record_entity(&self, keyspace: &Arc<Keyspace>) {
        let mut cleared = self.root_of().cleared.lock().unwrap_or_else(PoisonError::into_inner);
        cleared.insert(keyspace.id(), keyspace.clone());
    }

    fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A released savepoint: its rows become the parent's.
    pub(crate) fn merge(&self) {
        if let Some(parent) = &self.parent {
            parent.take_over(std::mem::take(&mut *self.touched()));
        }
    }

    /// A savepoint that was rolled back: its rows are as they were, in a way only the database knows.
    pub(crate) fn roll_back(&self) {
        let mut touched = std::mem::take(&mut *self.touched());
        if let Some(parent) = &self.parent {
            let changes = touched.values_mut().flat_map(|rows| rows.changes.values_mut());
            changes.for_each(|change| *change = RowChange::Unknown);
            parent.take_over(touched);
        }
    }

    fn take_over(&self, touched: Touched) {
        let mut own = self.touched();
        for Rows { keyspace, changes } in touched.into_values() {
            rows_of(&mut own, &keyspace).changes.extend(changes);
        }
    }

    fn entities(&self) -> Vec<Arc<Keyspace>> {
        std::mem::take(&mut *self.cleared.lock().unwrap_or_else(PoisonError::into_inner))
            .into_values()
            .collect()
    }

    /// Places the intents of all touched keys, right before COMMIT.
    pub(crate) fn place_intents(&self) -> BoxFuture<'_, Result<Committing, DbErr>> {
        Box::pin(async move {
            let settings = &self.settings;
            let failed = self.failed.load(Ordering::Acquire);
            let mut intents = IntentSet::new(settings.intent_ttl);
            for Rows { keyspace, changes } in std::mem::take(&mut *self.touched()).into_values() {
                for (key, change) in changes {
                    intents.add(&keyspace, key, if failed { RowChange::Unknown } else { change });
                }
            }
            let entities = PendingClear::of(self.entities());
            match intents.place(settings.consistency).await {
                Ok(()) => Ok(Committing { intents, entities }),
                Err(error) => {
                    entities.forget();
                    Err(error)
                }
            }
        })
    }
}

fn rows_of<'t>(touched: &'t mut Touched, keyspace: &Arc<Keyspace>) -> &'t mut Rows {
    touched
        .entry(keyspace.id())
        .or_insert_with(|| Rows { keyspace: keyspace.clone(), changes: HashMap::default() })
}

impl Committing {
    /// COMMIT was answered with success.
    pub(crate) fn finish(self, consistency: Consistency) -> BoxFuture<'static, Result<(), DbErr>> {
        Box::pin(async move {
            self.entities.clear().await;
            self.intents.finish(consistency).await
        })
    }

    /// The transaction was certainly rolled back.
    pub(crate) fn release(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.entities.forget();
            self.intents.release().await;
        })
    }
}
