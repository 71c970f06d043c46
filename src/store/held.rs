use super::{Found, MemoryStore, Near, RedisStore, Store, StoreError};
use std::any::Any;
use std::sync::Arc;

/// A store, as a backend holds it. The stores of this crate are held by their types, so that a read
/// of them needs no boxed future: in Redis' case that future is 5 KiB, and boxing it was a third of
/// what the cache added to a `GET`.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    Memory(Arc<MemoryStore>),
    Redis(Arc<RedisStore>),
    Other(Arc<dyn Store>),
}

impl Held {
    pub(crate) fn of(store: impl Store) -> Self {
        let store = Arc::new(store);
        let any: Arc<dyn Any + Send + Sync> = store.clone();
        let any = match any.downcast::<MemoryStore>() {
            Ok(memory) => return Self::Memory(memory),
            Err(any) => any,
        };
        any.downcast::<RedisStore>().map_or(Self::Other(store), Self::Redis)
    }

    pub(crate) fn as_dyn(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => store.as_ref(),
            Self::Redis(store) => store.as_ref(),
            Self::Other(store) => store.as_ref(),
        }
    }

    /// A short way to the rows of one entity, if the store is one that keeps it right.
    pub(crate) fn near(&self) -> Option<Arc<Near>> {
        matches!(self, Self::Memory(_)).then(|| Arc::new(Near::new()))
    }

    /// See [`Store::get`].
    pub(crate) async fn get(&self, key: String) -> Result<Found, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.peek(&key)),
            Self::Redis(store) => store.read(store.owned_key(key)).await,
            Self::Other(store) => store.get(&key).await,
        }
    }

    /// See [`Store::get_many`].
    pub(crate) async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        match self {
            Self::Memory(store) => Ok(keys.iter().map(|key| store.peek(key)).collect()),
            Self::Redis(store) => {
                store.read_many(keys.into_iter().map(|key| store.owned_key(key)).collect()).await
            }
            Self::Other(store) => store.get_many(&keys).await,
        }
    }
}
