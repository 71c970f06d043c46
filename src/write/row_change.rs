use crate::keyspace::Entry;

/// What is known of a touched key.
#[derive(Clone, Debug)]
pub(crate) enum RowChange {
    /// The entry to publish once the write is committed.
    Known(Entry),
    /// Touched, and its last state is not known for sure: its key is emptied.
    Unknown,
}
