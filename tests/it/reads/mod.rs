//! Reading through the cache.

mod drop;
mod herd;
mod many;
mod one;
mod through;
