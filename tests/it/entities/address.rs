//! An entity whose own hook writes other rows of it: only one address is the default.

use sea_orm::QueryFilter;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::signals;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "address")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub street: String,
    pub is_default: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl CachedEntity for Entity {}
impl SignalsConnected for ActiveModel {}

/// The street of a save whose hook fails after the signal.
pub const NOWHERE: &str = "nowhere";

#[async_trait::async_trait]
impl ActiveModelBehavior for ActiveModel {
    async fn before_save<C: ConnectionTrait>(self, db: &C, insert: bool) -> Result<Self, DbErr> {
        signals::pre_save(&self, db, insert).await?;
        if self.street.try_as_ref().is_some_and(|street| street == NOWHERE) {
            return Err(DbErr::Custom("the hook's own failure".to_owned()));
        }
        if self.is_default.try_as_ref() == Some(&true) {
            let others = Entity::update_many().col_expr(Column::IsDefault, Expr::value(false));
            others.filter(Column::IsDefault.eq(true)).exec(db).await?;
        }
        // As a hook that asks another service.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        Ok(self)
    }

    async fn after_save<C: ConnectionTrait>(model: Model, db: &C, insert: bool) -> Result<Model, DbErr> {
        signals::post_save(&model, db, insert).await?;
        Ok(model)
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
