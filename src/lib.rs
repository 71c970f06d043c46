#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate)]
#![warn(clippy::return_self_not_must_use, clippy::print_stdout, clippy::print_stderr)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod autocache;
mod backend;
mod bulk;
mod cascade;
mod coherence;
mod connection;
mod controller;
mod entity;
mod entry;
mod error;
mod executor;
// Pages only: programs never compile them.
#[cfg(any(doc, doctest))]
pub mod guide;
mod key;
mod keyspace;
mod pulse;
mod read;
mod relation;
mod settings;
mod signals;
mod single_flight;
mod sql;
pub mod store;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
mod write;

pub use autocache::{Autocache, AutocacheBuilder, BackendHealth, Health};
pub use bulk::{CachedScope, ExecCached};
pub use connection::{CachedConnection, CachedStream, CachedTransaction, CommitsByItself, InnerTransaction};
pub use controller::{CacheController, EntityCache, Primary, ReadFrom, Through};
pub use entity::{CachedEntity, Index, SignalsConnected};
pub use error::{CacheError, CacheErrorKind};
pub use key::{KEY_BYTES_MAX, KeyParts};
pub use read::{EntryState, Inspection};
pub use relation::{CachedLoader, CachedRelated};
pub use settings::{Consistency, UntrackedWrites};
#[cfg(all(feature = "tls-rustls-ring", any(feature = "fred", feature = "redis-rs")))]
pub use store::RedisTls;
pub use store::{MemoryStore, Store, StoreError, StoreErrorKind};
#[cfg(any(feature = "fred", feature = "redis-rs"))]
pub use store::{RedisClient, RedisStore, RedisStoreBuilder};
pub use telemetry::{BackendStats, Counts, EntityStats, Stats};

#[cfg(feature = "fred")]
pub use fred;
pub use sea_orm;

/// What an entity module and a `main` need.
pub mod prelude {
    #[cfg(any(feature = "fred", feature = "redis-rs"))]
    pub use crate::RedisStore;
    pub use crate::{
        Autocache, CacheController, CacheError, CacheErrorKind, CachedConnection, CachedEntity, CachedLoader,
        CachedRelated, CachedTransaction, Consistency, EntityCache, ExecCached, Index, KeyParts, MemoryStore,
        SignalsConnected, Store, UntrackedWrites, connect_signals,
    };
}

/// Pages of documentation. There is no code in them.
pub mod _docs {
    #[cfg_attr(any(doc, doctest), doc = include_str!("guide/links.md"))]
    #[doc = include_str!("../docs/consistency.md")]
    pub mod consistency {}
}

#[doc(hidden)]
pub mod __private {
    pub use crate::entity::{Connected, Registration};
    pub use crate::entry::RawEntry;
    pub use crate::signals::{Chain, OwnHooks, Then, post_delete, post_save, pre_delete, pre_save};
    pub use inventory;

    /// Decodes bytes in every way that an entry is decoded: for the fuzz target.
    pub fn decode_all(bytes: &[u8]) {
        use crate::{coherence, entry};
        let fingerprint = entry::Fingerprint { entity: [0; 4], schema: [0; 4] };
        let _ = entry::read(bytes, entry::Reading { fingerprint, stamp: None });
        let _ = entry::concerns(bytes, [0; 4]);
        let _ = coherence::kind_of(bytes);
        let _ = entry::decode_members(bytes, 1);
        let _ = RawEntry::of(bytes);
        if let Ok(mut values) = entry::values::Reader::of(bytes) {
            while values.next().is_ok() {}
        }
    }

    /// What a hook answers with.
    pub type Hook<'c, T> = futures_util::future::BoxFuture<'c, Result<T, sea_orm::DbErr>>;
}
