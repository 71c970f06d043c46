//! Connections that tell the cache when a write becomes visible.

mod announced;
mod cached;
mod guard;
mod observed;
mod origin;
mod swept;
mod transaction;
mod wording;
mod work;

pub(crate) use announced::{Announced, InFlight, RowChange};
pub use cached::CachedConnection;
pub(crate) use cached::was_refused;
pub(crate) use guard::touched_by;
pub(crate) use origin::{Origin, origin_of};
pub use transaction::{CachedTransaction, InnerTransaction};
pub(crate) use work::UnitOfWork;
