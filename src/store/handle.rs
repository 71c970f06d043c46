#[cfg(any(feature = "fred", feature = "redis-rs"))]
use super::RedisStore;
use super::{Found, IdIndex, MemoryStore, Store, StoreError};
use crate::entry::Fingerprint;
use std::any::Any;
use std::sync::Arc;

/// A store, as a backend holds it. The stores of this crate are held by their types, so that a read of them
/// needs no boxed future: Redis' is 5 KiB, and boxing it is a third of what the cache adds to a `GET`.
#[derive(Clone, Debug)]
pub(crate) enum StoreHandle {
    Memory(Arc<MemoryStore>),
    #[cfg(any(feature = "fred", feature = "redis-rs"))]
    Redis(Arc<RedisStore>),
    Other(Arc<dyn Store>),
}

impl StoreHandle {
    pub(crate) fn of(store: impl Store) -> Self {
        let store = Arc::new(store);
        let any: Arc<dyn Any + Send + Sync> = store.clone();
        if let Ok(memory) = any.clone().downcast::<MemoryStore>() {
            return Self::Memory(memory);
        }
        #[cfg(any(feature = "fred", feature = "redis-rs"))]
        if let Ok(redis) = any.downcast::<RedisStore>() {
            return Self::Redis(redis);
        }
        Self::Other(store)
    }

    pub(crate) fn as_dyn(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => store.as_ref(),
            #[cfg(any(feature = "fred", feature = "redis-rs"))]
            Self::Redis(store) => store.as_ref(),
            Self::Other(store) => store.as_ref(),
        }
    }

    /// Its name among databases, in the words of OpenTelemetry where it has one there.
    pub(crate) fn system(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            #[cfg(any(feature = "fred", feature = "redis-rs"))]
            Self::Redis(_) => "redis",
            Self::Other(_) => "other",
        }
    }

    /// Whether a call of it is no more than some memory accesses.
    #[inline]
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// The entries that a store of this process holds, and their bytes if they are what its room is measured in.
    pub(crate) fn memory_in_use(&self) -> Option<(u64, Option<u64>)> {
        match self {
            Self::Memory(store) => Some(store.in_use()),
            _ => None,
        }
    }

    /// An index of one entity's rows by their integer keys, if the store keeps one right.
    pub(crate) fn id_index(&self, fingerprint: Fingerprint) -> Option<Arc<IdIndex>> {
        matches!(self, Self::Memory(_)).then(|| Arc::new(IdIndex::new(fingerprint)))
    }

    /// See [`Store::get`].
    pub(crate) async fn get(&self, key: String) -> Result<Found, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.peek(&key)),
            #[cfg(any(feature = "fred", feature = "redis-rs"))]
            Self::Redis(store) => store.read(store.owned_key(key)).await,
            Self::Other(store) => store.get(&key).await,
        }
    }

    /// See [`Store::get_many`].
    pub(crate) async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        match self {
            Self::Memory(store) => Ok(keys.iter().map(|key| store.peek(key)).collect()),
            #[cfg(any(feature = "fred", feature = "redis-rs"))]
            Self::Redis(store) => {
                store.read_many(keys.into_iter().map(|key| store.owned_key(key)).collect()).await
            }
            Self::Other(store) => store.get_many(&keys).await,
        }
    }
}
