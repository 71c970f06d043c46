//! The untyped path of a read: a `GET`; on a miss a lease, a `SELECT`, and a fill.

mod account;
mod by_key;
mod by_value;
mod decode;
mod inspection;
mod leader;
mod lease;
mod list_reader;
mod lists;
mod load;
mod order;
mod path;
mod rows;
mod select;
mod slot;

pub(crate) use inspection::inspect;
pub use inspection::{EntryState, Inspection};
pub(crate) use lists::Lists;
pub(crate) use path::{Path, Target, convert, index_for, permutation, permuted};
pub(crate) use rows::find_by_id;
pub(crate) use slot::{RowSlot, RowSlots};

use crate::autocache::{Autocache, Region};
use crate::entity::Row;
use crate::executor::Executor;
use crate::keyspace::Keyspace;
use std::sync::Arc;

/// Where misses are read, and what may be done with what is found there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The Autocache's own connection: reads are shared between tasks, and fill the cache.
    Primary,
    /// A given connection to the primary: reads fill the cache.
    Given,
    /// A transaction that has written nothing: the cache may answer, reads do not fill it.
    Transaction,
    /// A transaction that may see other rows than the cache, or an unknown connection.
    DatabaseOnly,
}

/// Rows that were found together.
pub(crate) type Rows = Arc<Vec<Row>>;

/// Reads one entity.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) autocache: &'a Autocache,
    pub(crate) region: &'a Arc<Region>,
    pub(crate) connection: &'a dyn Executor,
    pub(crate) source: Source,
}

impl<'a> Reader<'a> {
    /// A reader whose misses go to the Autocache's own connection.
    pub(crate) fn primary(autocache: &'a Autocache, region: &'a Arc<Region>) -> Self {
        Self { autocache, region, connection: autocache.database(), source: Source::Primary }
    }

    fn keyspace(&self) -> &'a Arc<Keyspace> {
        &self.region.keyspace
    }

    /// Whether the store is not even asked.
    fn ignores_cache(&self) -> bool {
        self.source == Source::DatabaseOnly || self.keyspace().is_off()
    }
}
