use crate::keyspace::Keyspace;
use crate::single_flight::Flights;
use crate::write::HookNotes;
use std::sync::Arc;

/// All that one Autocache has for one entity.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) keyspace: Arc<Keyspace>,
    pub(crate) flights: Arc<Flights>,
    /// Of writes outside of transactions.
    pub(crate) notes: Arc<HookNotes>,
}

impl Region {
    pub(super) fn of(keyspace: Keyspace) -> Arc<Self> {
        let keyspace = Arc::new(keyspace);
        Arc::new(Self { keyspace, flights: Arc::default(), notes: Arc::default() })
    }
}
