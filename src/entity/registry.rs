//! The cached entities of a program, known before any of them is used: a process that only deletes
//! authors must know of the books that go with them.

use super::CachedEntity;
use super::ops::{EntityOps, ops_of};
use super::schema::Schema;
use std::fmt;

/// Makes one entity known to every `Autocache`. [`connect_signals!`](crate::connect_signals) submits one.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Registration {
    ops: &'static dyn EntityOps,
}

inventory::collect!(Registration);

impl Registration {
    /// The registration of this entity.
    #[must_use]
    pub const fn of<E: CachedEntity>() -> Self {
        Self { ops: ops_of::<E>() }
    }

    pub(crate) fn schema(&self) -> Schema {
        Schema::of(self.ops)
    }

    /// All that [`connect_signals!`](crate::connect_signals) has submitted in this program.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").finish_non_exhaustive()
    }
}
