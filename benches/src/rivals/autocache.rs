//! This crate, on Redis and in memory, as its README says.

use crate::entities::{author, book};
use crate::rival::{MEMORY_ENTRIES, Rival};
use crate::stage::Seat;
use crate::work::Contestant;
use sea_orm::{ActiveModelTrait, TransactionTrait};
use sea_orm_autocache::RedisClient;
use sea_orm_autocache::prelude::*;
use std::sync::Arc;

const RUNS: &str = "the call succeeds";

pub struct Auto {
    autocache: Autocache,
    db: CachedConnection,
}

impl Auto {
    pub async fn on_redis(seat: &Seat, client: RedisClient) -> Self {
        let store = RedisStore::builder(&seat.redis_url).client(client).connect().await;
        Self::over(seat, store.expect("a store"))
    }

    pub fn in_memory(seat: &Seat) -> Self {
        Self::over(seat, MemoryStore::new(MEMORY_ENTRIES))
    }

    fn over(seat: &Seat, store: impl Store) -> Self {
        let builder = Autocache::builder(seat.db.clone()).app("bench").backend("default", store);
        let autocache = builder.build().expect("an Autocache");
        let db = autocache.connection();
        Self { autocache, db }
    }
}

/// As on Redis, in a process that has used a thousand entities.
pub async fn with_many_entities(seat: &Seat) -> Arc<dyn Contestant> {
    let rival = Auto::on_redis(seat, RedisClient::Fred).await;
    sea_orm_autocache_numbered::register_all(&rival.autocache);
    Arc::new(rival)
}

/// How often a save, as this crate does it, waits for Redis, by its own count.
pub async fn round_trips_of_a_save(seat: &Seat, id: i64) -> f64 {
    const SAVES: u32 = 100;
    let rival = Auto::on_redis(seat, RedisClient::Fred).await;
    rival.find(id).await;
    let before = rival.autocache.stats().round_trips();
    for version in 0..SAVES {
        rival.update(book::with_version(id, i64::from(version))).await;
    }
    (rival.autocache.stats().round_trips() - before) as f64 / f64::from(SAVES)
}

impl Rival for Auto {
    async fn find(&self, id: i64) -> Option<book::Model> {
        self.autocache.cache::<book::Entity>().find(id).await.expect(RUNS)
    }

    async fn find_many(&self, ids: &[i64]) -> Vec<Option<book::Model>> {
        self.autocache.cache::<book::Entity>().get_many(ids.iter().copied()).await.expect(RUNS)
    }

    async fn find_related(&self, authors: &[author::Model]) -> Vec<Vec<book::Model>> {
        self.autocache.scope(authors.cached_load_many(book::Entity)).await.expect(RUNS)
    }

    async fn update(&self, row: book::ActiveModel) {
        row.update(&self.db).await.expect(RUNS);
    }

    async fn update_all(&self, rows: Vec<book::ActiveModel>) {
        let transaction = self.db.begin().await.expect(RUNS);
        for row in rows {
            row.update(&transaction).await.expect(RUNS);
        }
        transaction.commit().await.expect(RUNS);
    }

    async fn insert(&self, row: book::ActiveModel) {
        row.insert(&self.db).await.expect(RUNS);
    }

    async fn delete(&self, id: i64) {
        let row = book::ActiveModel { id: sea_orm::ActiveValue::Unchanged(id), ..Default::default() };
        row.delete(&self.db).await.expect(RUNS);
    }

    async fn forget(&self, ids: &[i64]) {
        let cache = self.autocache.cache::<book::Entity>();
        cache.invalidate_many(ids.iter().copied()).await.expect(RUNS);
    }
}
