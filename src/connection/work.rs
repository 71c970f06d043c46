//! The unit of work: which rows a transaction has touched, and what becomes of their keys.

use super::announced::{Announced, RowChange};
use super::swept::Swept;
use crate::autocache::{Autocache, Consistency, Region};
use foldhash::quality::RandomState;
use sea_orm::DbErr;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
type Touched = HashMap<usize, Rows, RandomState>;

#[derive(Debug)]
struct Rows {
    region: Arc<Region>,
    changes: HashMap<String, RowChange, RandomState>,
}

/// A transaction's keys and entities, from right before COMMIT to its end.
#[derive(Debug)]
pub(crate) struct Committing {
    announced: Announced,
    entities: Swept,
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

    pub(crate) fn note_write(&self) {
        self.root_of().wrote.store(true, Ordering::Release);
    }

    pub(crate) fn note_failure(&self) {
        self.root_of().failed.store(true, Ordering::Release);
    }

    /// The last outcome of a row counts.
    pub(crate) fn record(&self, region: &Arc<Region>, key: &str, change: RowChange) {
        self.note_write();
        let mut touched = self.touched();
        let changes = &mut rows_of(&mut touched, region).changes;
        match changes.get_mut(key) {
            Some(before) => *before = change,
            None => _ = changes.insert(key.to_owned(), change),
        }
    }

    /// Any row of the entity may have been written. If the writing is rolled back, an entity was cleared
    /// for nothing.
    pub(crate) fn record_entity(&self, region: &Arc<Region>) {
        let mut swept = self.root_of().swept.lock().unwrap_or_else(PoisonError::into_inner);
        swept.insert(region.id(), region.clone());
    }

    fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A released savepoint: its rows become the parent's.
    pub(super) fn merge(&self) {
        if let Some(parent) = &self.parent {
            parent.take_over(std::mem::take(&mut *self.touched()));
        }
    }

    /// A savepoint that was rolled back: its rows are as they were, in a way only the database knows.
    pub(super) fn roll_back(&self) {
        let mut touched = std::mem::take(&mut *self.touched());
        if let Some(parent) = &self.parent {
            let changes = touched.values_mut().flat_map(|rows| rows.changes.values_mut());
            changes.for_each(|change| *change = RowChange::Unknown);
            parent.take_over(touched);
        }
    }

    fn take_over(&self, touched: Touched) {
        let mut own = self.touched();
        for Rows { region, changes } in touched.into_values() {
            rows_of(&mut own, &region).changes.extend(changes);
        }
    }

    fn entities(&self) -> Vec<Arc<Region>> {
        std::mem::take(&mut *self.swept.lock().unwrap_or_else(PoisonError::into_inner))
            .into_values()
            .collect()
    }

    /// Places the intents of all touched keys, right before COMMIT.
    pub(super) async fn announce(&self) -> Result<Committing, DbErr> {
        let settings = *self.autocache.settings();
        let failed = self.failed.load(Ordering::Acquire);
        let mut announced = Announced::new(settings.hold);
        for Rows { region, changes } in std::mem::take(&mut *self.touched()).into_values() {
            for (key, change) in changes {
                announced.add(&region, key, if failed { RowChange::Unknown } else { change });
            }
        }
        let entities = Swept::of(self.entities());
        match announced.place(settings.consistency).await {
            Ok(()) => Ok(Committing { announced, entities }),
            Err(error) => {
                entities.forget();
                Err(error)
            }
        }
    }
}

fn rows_of<'t>(touched: &'t mut Touched, region: &Arc<Region>) -> &'t mut Rows {
    touched.entry(region.id()).or_insert_with(|| Rows { region: region.clone(), changes: HashMap::default() })
}

impl Committing {
    /// COMMIT was answered with success.
    pub(super) async fn finish(self, consistency: Consistency) -> Result<(), DbErr> {
        self.entities.clear().await;
        self.announced.finish(consistency).await
    }

    /// The transaction was certainly rolled back.
    pub(super) async fn release(self) {
        self.entities.forget();
        self.announced.release().await;
    }
}
