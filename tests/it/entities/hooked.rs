//! An entity with hooks of its own, which the title of a row sets off.

use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;

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

pub const REFUSED: &str = "refused";
pub const FAILS: &str = "fails after the row is written";
/// A title that a hook gives, in place of `shout`.
pub const SHOUT: &str = "shout";
/// A row that a hook does not let go.
pub const KEPT: &str = "kept";
pub const SHOUTED: &str = "shouted";

fn fail() -> DbErr {
    DbErr::Custom("the hook's own failure".to_owned())
}

connect_signals! {
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        fn new() -> Self {
            Self { title: sea_orm::Set("untitled".to_owned()), ..ActiveModelTrait::default() }
        }

        async fn before_save<C: ConnectionTrait>(self, _: &C, _: bool) -> Result<Self, DbErr> {
            match self.title.try_as_ref().map(String::as_str) {
                Some(REFUSED) => Err(fail()),
                Some(SHOUT) => Ok(Self { title: sea_orm::Set("LOUD".to_owned()), ..self }),
                _ => Ok(self),
            }
        }

        async fn after_save<C: ConnectionTrait>(model: Model, _: &C, _: bool) -> Result<Model, DbErr> {
            match model.title.as_str() {
                FAILS => Err(fail()),
                SHOUTED => Ok(Model { title: "SHOUTED".to_owned(), ..model }),
                _ => Ok(model),
            }
        }

        async fn before_delete<C>(self, _: &C) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            match self.title.try_as_ref().map(String::as_str) {
                Some(KEPT) => Err(fail()),
                _ => Ok(self),
            }
        }

        async fn after_delete<C: ConnectionTrait>(self, _: &C) -> Result<Self, DbErr> {
            match self.title.try_as_ref().map(String::as_str) {
                Some(FAILS) => Err(fail()),
                _ => Ok(self),
            }
        }
    }
}
