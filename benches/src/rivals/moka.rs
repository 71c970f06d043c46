//! moka by hand: as its documentation recommends for asynchronous code, and bare, as the limit.

use super::aside::{Cache, GetPut, through};
use super::database::select;
use crate::entities::book;
use crate::rival::{MEMORY_ENTRIES, TTL};
use sea_orm::DatabaseConnection;
use std::convert::Infallible;

/// The limit of the way in the process: a `get`, which clones the row, from the synchronous cache.
pub struct Bare {
    cache: moka::sync::Cache<i64, Option<book::Model>>,
}

impl Bare {
    pub fn new() -> Self {
        Self { cache: moka::sync::Cache::new(MEMORY_ENTRIES) }
    }
}

impl GetPut for Bare {
    async fn get(&self, id: i64) -> Option<Option<book::Model>> {
        self.cache.get(&id)
    }

    async fn put(&self, id: i64, row: &Option<book::Model>) {
        self.cache.insert(id, row.clone());
    }

    async fn drop_keys(&self, ids: &[i64]) {
        for id in ids {
            self.cache.invalidate(id);
        }
    }
}

impl Cache for Bare {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        through(self, db, id).await
    }

    async fn forget(&self, ids: &[i64]) {
        self.drop_keys(ids).await;
    }
}

/// `try_get_with` of the asynchronous cache: one reader of a missing key loads for all.
pub struct ByHand {
    cache: moka::future::Cache<i64, Option<book::Model>>,
}

impl ByHand {
    pub fn new() -> Self {
        let builder = moka::future::Cache::builder().max_capacity(MEMORY_ENTRIES);
        Self { cache: builder.time_to_live(TTL).build() }
    }
}

impl Cache for ByHand {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        let load = async { Ok::<_, Infallible>(select(db, id).await) };
        self.cache.try_get_with(id, load).await.expect("a row or none")
    }

    async fn forget(&self, ids: &[i64]) {
        for id in ids {
            self.cache.invalidate(id).await;
        }
    }
}
