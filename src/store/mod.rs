//! Where entries live: the trait [`Store`], Redis, and memory.
//!
//! A store knows keys, bytes and the [steps](Step) of the protocol. It knows nothing of entities, models or
//! the database.

mod error;
mod handle;
mod inspected;
mod memory;
#[cfg(any(feature = "fred", feature = "redis-rs"))]
mod redis;

#[cfg(all(feature = "tls-rustls-ring", any(feature = "fred", feature = "redis-rs")))]
pub use self::redis::RedisTls;
#[cfg(any(feature = "fred", feature = "redis-rs"))]
pub use self::redis::{RedisClient, RedisStore, RedisStoreBuilder};
pub use crate::coherence::{
    Answer, Change, Holder, Intents, Lifetime, Outcome, Slot, Step, Token, Transition,
};
pub use crate::coherence::{apply, decode_slot, encode_marker};
pub use error::{StoreError, StoreErrorKind};
pub(crate) use handle::StoreHandle;
pub use inspected::Inspected;
pub(crate) use memory::{Decoded, IdIndex};
pub use memory::{MemoryEntry, MemoryStore};

use async_trait::async_trait;
use bytes::Bytes;
use std::{fmt::Debug, sync::Arc, time::Duration};

/// One step on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// The key, without a store's own prefix.
    pub key: String,
    /// What to do with it.
    pub step: Step<Bytes>,
}

impl Command {
    /// This step on this key.
    #[must_use]
    pub fn new(key: String, step: Step<Bytes>) -> Self {
        Self { key, step }
    }
}

/// What a command came to.
pub type Reply = Result<Answer<Bytes>, StoreError>;

/// What a read of a key found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Found {
    /// No such key.
    Nothing,
    /// The bytes of a slot.
    Bytes(Bytes),
    /// The same, from one of several servers, each with a stamp of its own: see [`Store::stamp`].
    #[non_exhaustive]
    Stamped {
        /// The bytes.
        bytes: Bytes,
        /// The stamp of the server that has answered. `None` while that is not known.
        stamp: Option<u32>,
    },
    /// An entry that lives in this process, with room for its decoded form.
    Memory(Arc<MemoryEntry>),
    /// The key holds something that is no string of bytes at all.
    Foreign,
}

/// Which keys [`Store::clear`] invalidates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sweep {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Of those, only markers, which do not say whose they are, and entries (`V` or `T` is their first byte) that
    /// have this as their bytes 2 to 5. `None`: all of them.
    pub entity: Option<[u8; 4]>,
}

impl Sweep {
    /// All keys that begin with this.
    #[must_use]
    pub fn of_prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), entity: None }
    }
}

/// A place that holds slots and runs the protocol's steps on them, each atomically.
///
/// Implement it to put the cache somewhere else, or to wrap a store (to count, to delay, to break).
/// Hold an implementation to [`apply`]: answers and resulting
/// slots must be the same.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Reads one key. One round trip; the whole cost of a hit.
    ///
    /// # Errors
    /// The store could not be reached, or did not answer in time.
    async fn get(&self, key: &str) -> Result<Found, StoreError>;

    /// Reads many keys in one round trip, answering in their order.
    ///
    /// # Errors
    /// As [`get`](Self::get); all or none.
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError>;

    /// Runs the commands in one round trip, each on its own: one that fails does not stop the next.
    /// Answers in their order, exactly one reply for each.
    ///
    /// # Cancel safety
    /// A command whose future was dropped may still run, at any later time.
    async fn run(&self, commands: Vec<Command>) -> Vec<Reply>;

    /// Invalidates every key of the sweep that exists from the beginning of the call to its end.
    /// Returns how many it touched.
    ///
    /// # Errors
    /// The store could not be reached; some keys may have been invalidated.
    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError>;

    /// What one key holds and until when, for people who look at the cache. Changes nothing: no entry of this process
    /// gets younger by it. One round trip.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unsupported`] unless overridden; the store could not be reached.
    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        let _ = key;
        Err(StoreError::new(StoreErrorKind::Unsupported, "this store does not implement `Store::inspect`"))
    }

    /// Whether the commands of one [`run`](Self::run) are carried out one after the other, in their order. A store of
    /// several servers cannot promise it. Where it does not, each write of an entity with indexes also places an
    /// intent on one key of the entity, and ends it with its own: in the same calls, so that no round trip is added.
    fn keeps_order(&self) -> bool {
        true
    }

    /// Whether all of the store can be reached, as far as it knows: not while one of several servers is away. As long
    /// as it is not whole, [`reconnect`](Self::reconnect) is called from time to time.
    fn is_whole(&self) -> bool {
        true
    }

    /// Called after each probe that a store which is `away` for so long has not answered, and while a part of it is
    /// away: a chance to look for servers that were replaced, and to replace connections that lead nowhere, or whose
    /// runtime has ended, by ones of the caller's runtime. Whether it has. Does nothing unless overridden.
    async fn reconnect(&self, away: Duration) -> bool {
        let _ = away;
        false
    }

    /// A stamp of the server that holds this key: it changes when another server, or the same one with another memory,
    /// takes over. `None` while that is not known. Where not all keys have one stamp, reads answer with
    /// [`Found::Stamped`].
    fn stamp(&self, key: &str) -> Option<u32> {
        let _ = key;
        Some(0)
    }
}
