//! Indexes and related objects: lookups by other columns than the primary key, lists of children,
//! parents, and what deletes take along.
//!
//! An index entry holds the *set of primary keys* of the rows that have a value, never rows. A list is
//! read in two steps, the set and its rows, and rows that no longer have the value are dropped: so a
//! delete, and a row that moves away, need not touch the entry. Only a write that may *add* a row to a
//! set announces itself on the set's key, as writers of rows do on theirs.

mod cascade;
mod erased;
mod hop;
mod index;
mod joins;
mod list;
mod loader;
mod lookup;
mod members;
mod order;
mod related;
mod seed;

pub(crate) use cascade::{Deleted, columns_of_row, taken_along_with};
pub(crate) use cascade::{Parent, announce_taken_along, parents_of, taken_along};
pub(crate) use erased::{AnyEntity, erased};
pub use index::Index;
pub(crate) use index::{IndexDef, compares_exactly, indexes_of, is_number, pk_columns};
pub(crate) use joins::{Joins, all_keys_of};
pub use loader::CachedLoader;
pub use related::CachedRelated;
