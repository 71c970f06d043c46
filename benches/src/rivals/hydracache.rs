//! hydracache: its local cache, whose `get_or_load` lets one loader run for each key.
//!
//! Its SeaORM adapter is of no use here: it is for SeaORM 1.

use super::aside::Cache;
use super::database::select;
use crate::entities::book;
use crate::rival::TTL;
use hydracache::{CacheOptions, HydraCache};
use sea_orm::DatabaseConnection;
use std::convert::Infallible;

/// Its limit is of bytes: more than all rows have.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;

pub struct Hydra {
    cache: HydraCache,
}

impl Hydra {
    pub fn new() -> Self {
        Self { cache: HydraCache::local().max_capacity(MEMORY_BYTES).default_ttl(TTL).build() }
    }
}

fn key(id: i64) -> String {
    format!("book:{id}")
}

impl Cache for Hydra {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        let db = db.clone();
        let load = move || async move { Ok::<_, Infallible>(select(&db, id).await) };
        self.cache.get_or_load(&key(id), CacheOptions::new(), load).await.expect("a row or none")
    }

    async fn forget(&self, ids: &[i64]) {
        for id in ids {
            self.cache.remove(&key(*id)).await.expect("it forgets");
        }
    }
}
