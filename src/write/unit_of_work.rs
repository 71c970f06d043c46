//! [`UnitOfWork`]: the rows that a transaction has touched, and what becomes of their keys.

use super::levels::{Levels, Moment};
use super::{HookNotes, IntentSet, PendingClear, RowChange};
use crate::keyspace::{Entry, Keyspace};
use crate::settings::{Consistency, Settings};
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The touched rows of one transaction, those of its savepoints among them.
#[derive(Debug)]
pub(crate) struct UnitOfWork {
    settings: Settings,
    /// The transaction reads one snapshot: what the cache holds may be newer.
    snapshot: bool,
    /// Whether anything was written, with hooks or without.
    wrote: AtomicBool,
    /// Whether any statement has failed, or was given up. Postgres then answers COMMIT with a silent rollback.
    failed: AtomicBool,
    levels: Mutex<Levels>,
    /// Entities of which any row may have been written.
    cleared: Mutex<HashMap<usize, Arc<Keyspace>>>,
    /// What hooks leave, by keyspace. It ends with the transaction.
    notes: Mutex<HashMap<usize, Arc<HookNotes>>>,
}

/// A transaction's keys and entities, from right before COMMIT to its end.
#[derive(Debug)]
pub(crate) struct Committing {
    intents: IntentSet,
    entities: PendingClear,
}

/// The beginning or the end of a savepoint while it is in flight. Dropped before it has succeeded, it may have
/// failed.
#[derive(Debug)]
pub(crate) struct Shift {
    work: Arc<UnitOfWork>,
    done: bool,
}

impl Shift {
    /// The database has answered with success.
    pub(crate) fn succeeded(&mut self) {
        self.done = true;
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        if !self.done {
            self.work.note_failure();
        }
        self.work.levels().shifted();
    }
}

/// A savepoint that begins. Dropped before it has, it leaves nothing certain.
#[derive(Debug)]
pub(crate) struct Beginning(Shift);

impl Beginning {
    /// The database has answered with success.
    pub(crate) fn succeeded(mut self) {
        self.0.succeeded();
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let mut levels = self.0.work.levels();
        if self.0.done { levels.push() } else { levels.tear() }
    }
}

impl UnitOfWork {
    pub(crate) fn new(settings: Settings, snapshot: bool) -> Arc<Self> {
        Arc::new(Self {
            settings,
            snapshot,
            wrote: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            levels: Mutex::new(Levels::new()),
            cleared: Mutex::default(),
            notes: Mutex::default(),
        })
    }

    /// What the hooks of an entity leave in this transaction.
    pub(crate) fn notes_of(&self, keyspace: &Arc<Keyspace>) -> Arc<HookNotes> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry(keyspace.id()).or_default().clone()
    }

    pub(crate) fn consistency(&self) -> Consistency {
        self.settings.consistency
    }

    /// Whether a read in this transaction may be answered from the cache.
    pub(crate) fn may_use_cache(&self) -> bool {
        !self.snapshot && !self.wrote.load(Ordering::Acquire)
    }

    pub(crate) fn note_write(&self) {
        self.wrote.store(true, Ordering::Release);
    }

    pub(crate) fn note_failure(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// To be taken before a statement. See [`publish`](Self::publish).
    pub(crate) fn moment(&self) -> Moment {
        self.levels().moment()
    }

    /// The row with this key changes.
    pub(crate) fn touch(&self, keyspace: &Arc<Keyspace>, key: &str) {
        self.note_write();
        self.levels().record(keyspace, key.to_owned(), RowChange::Unknown);
    }

    /// A statement has left this row. It is published on commit, if the statement belongs to the savepoint that
    /// was the innermost one before it and still is.
    pub(crate) fn publish(&self, keyspace: &Arc<Keyspace>, key: &str, entry: Option<Entry>, since: Moment) {
        self.note_write();
        let mut levels = self.levels();
        let entry = entry.filter(|_| levels.is_still(since));
        levels.record(keyspace, key.to_owned(), entry.map_or(RowChange::Unknown, RowChange::Known));
    }

    /// Any row of the entity may have been written. If the writing is rolled back, an entity was cleared
    /// for nothing.
    pub(crate) fn record_entity(&self, keyspace: &Arc<Keyspace>) {
        let mut cleared = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        cleared.insert(keyspace.id(), keyspace.clone());
    }

    fn levels(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An end is on its way.
    pub(crate) fn ending(self: &Arc<Self>) -> Shift {
        self.levels().shift();
        Shift { work: self.clone(), done: false }
    }

    /// A savepoint is to begin.
    pub(crate) fn beginning(self: &Arc<Self>) -> Beginning {
        Beginning(self.ending())
    }

    /// Whether a commit now is certainly the release of a savepoint.
    pub(crate) fn ends_savepoint(&self) -> bool {
        self.levels().ends_savepoint()
    }

    /// The innermost savepoint is released.
    pub(crate) fn release(&self) {
        self.levels().release();
    }

    /// The innermost savepoint, or without one the transaction, is rolled back.
    pub(crate) fn roll_back(&self) {
        self.levels().roll_back();
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
            let touched = self.levels().take();
            for (keyspace, key, change) in touched {
                intents.add(&keyspace, key, if failed { RowChange::Unknown } else { change });
            }
            let mut entities = PendingClear::of(self.entities());
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

impl Committing {
    /// COMMIT was answered with success.
    ///
    /// # Errors
    /// Under `Strict`, when the store did not acknowledge all of it.
    pub(crate) fn finish(self, consistency: Consistency) -> BoxFuture<'static, Result<(), DbErr>> {
        Box::pin(async move {
            let cleared = self.entities.clear(consistency).await;
            self.intents.finish(consistency).await.and(cleared)
        })
    }

    /// The transaction was certainly rolled back.
    pub(crate) fn release(mut self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.entities.forget();
            self.intents.release().await;
        })
    }
}
