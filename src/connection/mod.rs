//! Connections that tell the cache when a write becomes visible.

mod cached;
mod delegate;
mod guard;
mod origin;
mod transaction;
mod written;

pub use cached::CachedConnection;
pub(crate) use cached::was_refused;
pub(crate) use origin::{Connection, Origin, source_of};
pub use transaction::{CachedTransaction, InnerTransaction};
pub(crate) use written::touched_by;
