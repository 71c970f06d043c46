//! Which kind of connection a hook runs on.
//!
//! A hook sees its connection as some `C: ConnectionTrait`, without `'static`, so it cannot be
//! downcast. The cache's own connections are found through a slot of the current thread: the hook arms it and
//! calls `get_database_backend()`, which every wrapper forwards, and a connection of the cache fills it on the
//! way. The rest is told apart by its type.

use crate::autocache::Autocache;
use crate::executor::Executor;
use crate::read::Source;
use crate::write::UnitOfWork;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction};
use std::any::TypeId;
use std::cell::RefCell;
use std::sync::Arc;

/// Where a statement runs.
#[derive(Debug)]
pub(crate) enum Origin {
    /// On a `CachedConnection`, outside a transaction.
    Cached(Autocache),
    /// In a `CachedTransaction`.
    Work(Autocache, Arc<UnitOfWork>),
    /// On a plain `DatabaseConnection`, outside a transaction.
    Plain,
    /// In a plain `DatabaseTransaction`, or on something unknown, which may be one.
    Unseen,
}

enum Slot {
    Idle,
    Armed,
    Filled(Origin),
}

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot::Idle) };
}

/// Disarms the slot, also after a panic.
struct Armed;

impl Armed {
    fn new() -> Self {
        SLOT.replace(Slot::Armed);
        Self
    }

    fn take(self) -> Option<Origin> {
        match SLOT.replace(Slot::Idle) {
            Slot::Filled(origin) => Some(origin),
            Slot::Idle | Slot::Armed => None,
        }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        SLOT.replace(Slot::Idle);
    }
}

/// An [`Executor`] that tells where its statements run.
pub(crate) trait Connection: Executor {
    fn origin(&self) -> Origin;
}

impl<C: ConnectionTrait> Connection for C {
    fn origin(&self) -> Origin {
        origin_of(self)
    }
}

/// What may be done with reads on this connection.
pub(crate) fn source_of(autocache: &Autocache, connection: &dyn Connection) -> Source {
    match connection.origin() {
        Origin::Cached(other) if autocache.is_same(&other) => Source::Given,
        Origin::Plain if !autocache.settings().other_databases => Source::Given,
        Origin::Work(other, work) if work.may_use_cache() && autocache.is_same(&other) => Source::Transaction,
        Origin::Cached(_) | Origin::Work(..) | Origin::Plain | Origin::Unseen => Source::DatabaseOnly,
    }
}

/// Where statements on this connection run.
fn origin_of<C: ConnectionTrait>(db: &C) -> Origin {
    let armed = Armed::new();
    let _ = db.get_database_backend();
    if let Some(origin) = armed.take() {
        return origin;
    }
    let kind = typeid::of::<C>();
    if kind == TypeId::of::<DatabaseConnection>() {
        Origin::Plain
    } else {
        debug_assert!(kind != TypeId::of::<DatabaseTransaction>() || !db.is_mock_connection());
        Origin::Unseen
    }
}

/// Called by the connections of the cache on every `get_database_backend()`. The outermost one answers.
pub(super) fn answer(origin: impl FnOnce() -> Origin) {
    SLOT.with_borrow_mut(|slot| {
        if matches!(slot, Slot::Armed) {
            *slot = Slot::Filled(origin());
        }
    });
}
