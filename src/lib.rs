#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate)]
#![warn(clippy::return_self_not_must_use, clippy::print_stdout, clippy::print_stderr)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod autocache;
mod bulk;
pub mod coherence;
mod connection;
mod controller;
mod entity;
pub mod entry;
mod error;
mod key;
mod registry;
mod relation;
mod resilience;
pub mod signals;
pub mod store;
mod telemetry;

pub use autocache::{Autocache, AutocacheBuilder, Consistency, Unannounced};
pub use bulk::{CachedScope, ExecCached};
pub use connection::{CachedConnection, CachedTransaction, InnerTransaction};
pub use controller::{BoundController, CacheController};
pub use entity::{CachedEntity, EntityCache, SignalsConnected};
pub use error::CacheError;
pub use key::{KEY_BYTES_MAX, KeyParts};
pub use relation::{CachedLoader, CachedRelated, Index};
pub use store::{MemoryStore, RedisStore, RedisStoreBuilder, Store, StoreError, StoreErrorKind};
pub use telemetry::{BackendStats, Counts, EntityStats, Stats};

pub use {fred, sea_orm};

/// What an entity module and a `main` need.
pub mod prelude {
    pub use crate::{
        Autocache, CacheController, CacheError, CachedConnection, CachedEntity, CachedLoader, CachedRelated,
        CachedTransaction, Consistency, EntityCache, ExecCached, Index, KeyParts, MemoryStore, RedisStore,
        SignalsConnected, Store, Unannounced, connect_signals,
    };
}

/// Pages of documentation. There is no code in them.
pub mod _docs {
    #[doc = include_str!("../docs/consistency.md")]
    pub mod consistency {}
}

#[doc(hidden)]
pub mod __private {
    pub use crate::registry::Registration;
    pub use async_trait;
    pub use inventory;
}
