//! `cached`: its asynchronous Redis store and its sharded store in memory.
//!
//! The stores are used as plain types, in the order in which `#[concurrent_cached]` calls them; the macro
//! would keep them in a static, and each run has a database of its own.

use super::aside::{Cache, GetPut, through};
use crate::entities::book;
use crate::rival::{MEMORY_ENTRIES, TTL};
use crate::stage::Seat;
use cached::{AsyncRedisCache, ConcurrentCachedAsync, ShardedLruTtlCache};
use sea_orm::DatabaseConnection;

const RUNS: &str = "the store answers";

pub struct OnRedis {
    cache: AsyncRedisCache<i64, Option<book::Model>>,
}

impl OnRedis {
    pub async fn connect(seat: &Seat) -> Self {
        let builder = AsyncRedisCache::builder("bench:book").ttl(TTL);
        let builder = builder.connection_string(&seat.redis_url).connection_manager(true);
        Self { cache: builder.build().await.expect("a store") }
    }
}

impl GetPut for OnRedis {
    async fn get(&self, id: i64) -> Option<Option<book::Model>> {
        self.cache.async_cache_get(&id).await.expect(RUNS)
    }

    async fn put(&self, id: i64, row: &Option<book::Model>) {
        self.cache.async_cache_set(id, row.clone()).await.expect(RUNS);
    }

    async fn drop_keys(&self, ids: &[i64]) {
        for id in ids {
            self.cache.async_cache_delete(id).await.expect(RUNS);
        }
    }
}

impl Cache for OnRedis {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        through(self, db, id).await
    }

    async fn forget(&self, ids: &[i64]) {
        self.drop_keys(ids).await;
    }
}

pub struct InMemory {
    cache: ShardedLruTtlCache<i64, Option<book::Model>>,
}

impl InMemory {
    pub fn new() -> Self {
        let entries = usize::try_from(MEMORY_ENTRIES).unwrap_or(usize::MAX);
        // Twice the room, since each shard has its own limit and keys are not spread evenly.
        Self { cache: ShardedLruTtlCache::new(entries * 2, TTL) }
    }
}

impl GetPut for InMemory {
    async fn get(&self, id: i64) -> Option<Option<book::Model>> {
        self.cache.get(&id)
    }

    async fn put(&self, id: i64, row: &Option<book::Model>) {
        self.cache.set(id, row.clone());
    }

    async fn drop_keys(&self, ids: &[i64]) {
        for id in ids {
            self.cache.delete(id);
        }
    }
}

impl Cache for InMemory {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        through(self, db, id).await
    }

    async fn forget(&self, ids: &[i64]) {
        self.drop_keys(ids).await;
    }
}
