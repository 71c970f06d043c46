use crate::migrations::Migrator;
use crate::purge::Purge;
use crate::{note, notes};
use async_trait::async_trait;
use loco_rs::app::{AppContext, Hooks};
use loco_rs::bgworker::Queue;
use loco_rs::boot::{BootResult, StartMode, create_app};
use loco_rs::config::Config;
use loco_rs::controller::AppRoutes;
use loco_rs::environment::Environment;
use loco_rs::task::Tasks;
use loco_rs::{Error, Result};
use sea_orm::EntityTrait;
use sea_orm_autocache::prelude::*;
use std::env;
use std::path::Path;

pub struct App;

#[async_trait]
impl Hooks for App {
    fn app_name() -> &'static str {
        "notes"
    }

    async fn boot(mode: StartMode, environment: &Environment, config: Config) -> Result<BootResult> {
        create_app::<Self, Migrator>(mode, environment, config).await
    }

    /// Server, tasks and workers all pass here, so all of them have the cache.
    async fn after_context(ctx: AppContext) -> Result<AppContext> {
        let builder = Autocache::builder(ctx.db.clone()).app(Self::app_name());
        let builder = match env::var("REDIS_URL") {
            Ok(url) => builder.backend("default", RedisStore::connect(&url).await.map_err(Error::wrap)?),
            Err(_) => builder.backend("default", MemoryStore::new(10_000)),
        };
        let autocache = builder.build().map_err(Error::wrap)?;
        // The connection to write through: `ctx.db` would leave statements without hooks unseen.
        ctx.shared_store.insert(autocache.connection());
        ctx.shared_store.insert(autocache);
        Ok(ctx)
    }

    fn routes(_ctx: &AppContext) -> AppRoutes {
        AppRoutes::with_default_routes().add_route(notes::routes())
    }

    async fn connect_workers(_ctx: &AppContext, _queue: &Queue) -> Result<()> {
        Ok(())
    }

    fn register_tasks(tasks: &mut Tasks) {
        tasks.register(Purge);
    }

    async fn truncate(ctx: &AppContext) -> Result<()> {
        let db = ctx.shared_store.get::<CachedConnection>().ok_or(Error::InternalServerError)?;
        note::Entity::delete_many().exec_cached(&db).await?;
        Ok(())
    }

    async fn seed(_ctx: &AppContext, _path: &Path) -> Result<()> {
        Ok(())
    }
}
