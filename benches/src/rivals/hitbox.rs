//! hitbox: `#[cached]` functions of hitbox-fn, on its Redis and moka backends.
//!
//! With the concurrency manager that it names for production, and with Bincode, which it recommends for
//! both backends. It has no call that drops a key of a function, so the key is made as the macro makes it.

use super::aside::Cache;
use super::database::select;
use crate::entities::book;
use crate::rival::{MEMORY_ENTRIES, TTL};
use crate::stage::Seat;
use hitbox::backend::{Backend, CacheBackend};
use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox::{CacheKey, KeyPart};
use hitbox_backend::format::BincodeFormat;
use hitbox_core::DisabledOffload;
use hitbox_fn::prelude::*;
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};

type Functions<B> = hitbox_fn::Cache<B, BroadcastConcurrencyManager<Answer>, DisabledOffload>;

/// It caches no `Option`; a struct of one does.
#[derive(Clone, Serialize, Deserialize, CacheableResponse)]
pub struct Answer {
    row: Option<book::Model>,
}

#[cached(prefix = "book", skip(db))]
async fn find(db: DatabaseConnection, id: i64) -> Answer {
    Answer { row: select(&db, id).await }
}

pub struct Hitbox<B> {
    functions: Functions<B>,
}

impl Hitbox<RedisBackend> {
    pub fn on_redis(seat: &Seat) -> Self {
        let builder = RedisBackend::builder().connection(ConnectionMode::single(seat.redis_url.as_str()));
        Self::over(builder.build().expect("a backend"))
    }
}

impl Hitbox<MokaBackend<BincodeFormat>> {
    pub fn in_memory() -> Self {
        Self::over(MokaBackend::builder().max_entries(MEMORY_ENTRIES).value_format(BincodeFormat).build())
    }
}

impl<B: CacheBackend> Hitbox<B> {
    fn over(backend: B) -> Self {
        let one = ConcurrencyLimit::new(1).expect("not zero");
        let policy = PolicyConfig::builder().ttl(TTL).concurrency(one).build();
        let builder = hitbox_fn::Cache::builder().backend(backend).policy(policy);
        Self { functions: builder.concurrency_manager(BroadcastConcurrencyManager::new()).build() }
    }
}

impl<B: CacheBackend + Backend + Send + Sync + 'static> Cache for Hitbox<B> {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        find(db.clone(), id).cache(&self.functions).await.row
    }

    async fn forget(&self, ids: &[i64]) {
        for id in ids {
            let parts = vec![KeyPart::new("fn", Some("book")), KeyPart::new("id", Some(id.to_string()))];
            self.functions.backend().remove(&CacheKey::new("", 0, parts)).await.expect("it answers");
        }
    }
}
