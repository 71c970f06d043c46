//! Related objects through the cache: the typed traits.
//!
//! An index entry holds the *set of primary keys* of the rows that have a value, never rows. A list is
//! read in two steps, the set and its rows, and rows that no longer have the value are dropped: so a
//! delete, and a row that moves away, need not touch the entry. Only a write that may *add* a row to a
//! set places its intent on the set's key, as writers of rows do on theirs.

mod follow;
mod loader;
mod related;

pub use loader::CachedLoader;
pub use related::CachedRelated;
