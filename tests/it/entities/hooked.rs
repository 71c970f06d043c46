//! An entity with hooks of its own, which the title of a row sets off.

use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::signals;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "hooked")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub title: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl CachedEntity for Entity {}
impl SignalsConnected for ActiveModel {}

pub const REFUSED: &str = "refused";
pub const FAILS_AFTER_SIGNAL: &str = "fails after the signal";
pub const FAILS_BEFORE_SIGNAL: &str = "fails before the signal";
pub const SHOUTED: &str = "shouted";

fn fail() -> DbErr {
    DbErr::Custom("the hook's own failure".to_owned())
}

#[async_trait::async_trait]
impl ActiveModelBehavior for ActiveModel {
    async fn before_save<C: ConnectionTrait>(self, db: &C, insert: bool) -> Result<Self, DbErr> {
        if self.title.try_as_ref().is_some_and(|title| title == REFUSED) {
            return Err(fail());
        }
        signals::pre_save(&self, db, insert).await?;
        Ok(self)
    }

    async fn after_save<C: ConnectionTrait>(model: Model, db: &C, insert: bool) -> Result<Model, DbErr> {
        if model.title == FAILS_BEFORE_SIGNAL {
            return Err(fail());
        }
        signals::post_save(&model, db, insert).await?;
        match model.title.as_str() {
            FAILS_AFTER_SIGNAL => Err(fail()),
            SHOUTED => Ok(Model { title: "SHOUTED".to_owned(), ..model }),
            _ => Ok(model),
        }
    }

    async fn before_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
        signals::pre_delete(&self, db).await?;
        Ok(self)
    }

    async fn after_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
        signals::post_delete(&self, db).await?;
        Ok(self)
    }
}
