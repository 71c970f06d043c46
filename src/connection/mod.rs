//! Connections that tell the cache when a write becomes visible.

mod cached;
mod delegate;
mod guard;
mod origin;
mod run;
mod transaction;
mod written;

pub use cached::CachedConnection;
pub(crate) use origin::{Connection, Origin, source_of};
pub(crate) use run::was_refused;
pub use transaction::{CachedTransaction, InnerTransaction};
pub(crate) use written::touched_by;
