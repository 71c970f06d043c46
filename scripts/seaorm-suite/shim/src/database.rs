use crate::audit;
use real::{ConnectOptions, DbErr};
use sea_orm_autocache::{Autocache, CachedConnection, MemoryStore, RedisStore};
use std::sync::atomic::{AtomicU32, Ordering};

/// Connects as SeaORM's does, and puts a cache over it.
pub struct Database;

impl Database {
    pub async fn connect(options: impl Into<ConnectOptions>) -> Result<CachedConnection, DbErr> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let app = format!("suite{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let builder = Autocache::builder(real::Database::connect(options.into()).await?).app(app);
        let builder = match std::env::var("SUITE_REDIS_URL") {
            Ok(url) => builder.backend("default", RedisStore::connect(&url).await.expect("a store")),
            Err(_) => builder.backend("default", MemoryStore::new(100_000)),
        };
        let autocache = builder.build()?;
        let connection = autocache.connection();
        tokio::spawn(audit::read_all_the_while(connection.clone()));
        Ok(connection)
    }
}
