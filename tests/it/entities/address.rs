//! An entity whose own hook writes other rows of it: only one address is the default.

use sea_orm::QueryFilter;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm_autocache::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "address")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub street: String,
    pub is_default: bool,
}

/// The street of a save whose `after_save` changes it once more, in all rows.
pub const CROSSED: &str = "crossed";

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl CachedEntity for Entity {}

/// The street of a save whose hook fails.
pub const NOWHERE: &str = "nowhere";

connect_signals! {
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C: ConnectionTrait>(self, db: &C, _: bool) -> Result<Self, DbErr> {
            if self.is_default.try_as_ref() == Some(&true) {
                let others = Entity::update_many().col_expr(Column::IsDefault, Expr::value(false));
                others.filter(Column::IsDefault.eq(true)).exec(db).await?;
            }
            if self.street.try_as_ref().is_some_and(|street| street == NOWHERE) {
                return Err(DbErr::Custom("the hook's own failure".to_owned()));
            }
            // As a hook that asks another service.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            Ok(self)
        }

        async fn after_save<C: ConnectionTrait>(model: Model, db: &C, _: bool) -> Result<Model, DbErr> {
            if model.street == CROSSED {
                let others = Entity::update_many().col_expr(Column::Street, Expr::value("over there"));
                others.filter(Column::Street.eq(CROSSED)).exec(db).await?;
            }
            Ok(model)
        }
    }
}
