//! [`App`]: what handlers get, and how the cache is set up.

use crate::database::{self, Database};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::options::{Cache, Options};
use crate::redis_server::RedisServer;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use sea_orm_autocache::prelude::*;
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;

/// Keys begin with it.
const APP: &str = "blog";
/// The backend of the tags, beside `default`.
pub const TAGS: &str = "tags";
const ROWS_MAX: u64 = 100_000;
const TAGS_MAX: u64 = 1_000;

/// The state of the service: cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    pub autocache: Autocache,
    /// The database. Writes through it keep the cache consistent.
    pub db: CachedConnection,
    pub live: Arc<Live>,
    pub metrics: Metrics,
}

impl App {
    /// # Errors
    /// The database or the Redis server cannot be had.
    pub async fn connect(options: &Options) -> Result<Self, Box<dyn Error>> {
        let metrics = Metrics::install()?;
        let database = Database::open(options.database_url.as_deref()).await?;
        database::create_tables(&database.connection).await?;
        database::seed(&database.connection).await?;

        let server = match options.cache {
            Cache::OwnRedis => Some(RedisServer::start().await?),
            Cache::Memory | Cache::Redis { .. } => None,
        };
        let builder = Autocache::builder(database.connection.clone()).app(APP).database_id(&database.id);
        let builder = match &options.cache {
            Cache::Memory => builder
                .backend("default", MemoryStore::new(ROWS_MAX))
                .backend(TAGS, MemoryStore::new(TAGS_MAX)),
            // Several processes may share this server, so nothing is in the memory of one.
            Cache::Redis { url } => builder
                .backend("default", RedisStore::connect(url).await?)
                .backend(TAGS, RedisStore::builder(url).key_prefix("tags:").connect().await?),
            // There is one process, so the few tags that every page needs can stay in its memory.
            Cache::OwnRedis => {
                let url = server.as_ref().map(RedisServer::url).unwrap_or_default();
                builder
                    .backend("default", RedisStore::connect(&url).await?)
                    .backend(TAGS, MemoryStore::new(TAGS_MAX))
            }
        };
        let autocache = builder.build()?;
        let db = autocache.connection();
        let live = Arc::new(Live::new(database, server));
        Ok(Self { autocache, db, live, metrics })
    }
}

/// Runs the request in the scope of this app's `Autocache`: it is the one of `Entity::cache()`.
///
/// A program with one `Autocache` may call `autocache.install()` in its `main` instead. The tests of this one
/// run several at once.
pub async fn scoped(State(app): State<App>, request: Request, next: Next) -> Response {
    app.autocache.scope(next.run(request)).await
}

/// Ready while the database answers. A store that is away costs speed, not answers: the body names it.
pub async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let database = app.db.inner().ping().await.is_ok();
    let cache = app.autocache.health().await;
    let is_ready = database && cache.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": is_ready, "database": database, "cache": cache })))
}
