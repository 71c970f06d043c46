//! Connections that update the cache when a write becomes visible.

mod cached;
mod commits;
mod delegate;
mod guard;
mod observed;
mod origin;
mod pool;
mod run;
mod stream;
mod transaction;
mod written;

pub use cached::CachedConnection;
pub use commits::CommitsByItself;
pub(crate) use origin::{Connection, Origin, source_of};
pub(crate) use run::was_undone;
pub use stream::CachedStream;
pub use transaction::{CachedTransaction, InnerTransaction};
pub(crate) use written::touched_by;
