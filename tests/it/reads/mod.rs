//! Reading through the cache.

mod crowd;
mod drop;
mod herd;
mod inside;
mod inspected;
mod many;
mod near;
mod one;
mod policies;
mod through;
