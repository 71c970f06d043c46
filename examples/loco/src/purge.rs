use crate::note;
use async_trait::async_trait;
use loco_rs::app::AppContext;
use loco_rs::task::{Task, TaskInfo, Vars};
use loco_rs::{Error, Result};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sea_orm_autocache::prelude::*;

/// Deletes empty notes: `cargo run -- task purge`. On Redis the servers know when it has returned.
pub struct Purge;

#[async_trait]
impl Task for Purge {
    fn task(&self) -> TaskInfo {
        TaskInfo { name: "purge".to_owned(), detail: "Deletes empty notes".to_owned() }
    }

    async fn run(&self, ctx: &AppContext, _vars: &Vars) -> Result<()> {
        let db = ctx.shared_store.get::<CachedConnection>().ok_or(Error::InternalServerError)?;
        note::Entity::delete_many().filter(note::Column::Text.eq("")).exec_cached(&db).await?;
        Ok(())
    }
}
