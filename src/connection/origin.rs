//! Finding out, inside a hook, what kind of connection it runs on.
//!
//! A hook sees its connection as some `C: ConnectionTrait`, without `'static`, so it cannot be
//! downcast. Our own connections are found through a slot of the current thread: the hook arms it and
//! calls `get_database_backend()`, which every wrapper forwards, and ours fills it on the way. What
//! does not answer is told apart by its type's name.

use super::UnitOfWork;
use crate::autocache::Autocache;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction};
use std::any::TypeId;
use std::cell::RefCell;
use std::sync::Arc;

/// Where a statement runs.
#[derive(Debug)]
pub(crate) enum Origin {
    /// On a `CachedConnection`, by itself.
    Cached(Autocache),
    /// In a `CachedTransaction`.
    Work(Arc<UnitOfWork>),
    /// On a plain `DatabaseConnection`, by itself.
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

/// Disarms the slot whatever happens in between.
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

/// Where statements on this connection run.
pub(crate) fn origin_of<C: ConnectionTrait>(db: &C) -> Origin {
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

/// Called by our own connections on every `get_database_backend()`. The outermost one answers.
pub(super) fn answer(origin: impl FnOnce() -> Origin) {
    SLOT.with_borrow_mut(|slot| {
        if matches!(slot, Slot::Armed) {
            *slot = Slot::Filled(origin());
        }
    });
}
