//! The entities. Each is cached: `impl CachedEntity`, and `connect_signals!` in place of its behaviour.

pub mod post;
pub mod post_tag;
pub mod tag;
pub mod user;
