//! Users, in SeaORM's dense form: relations are fields.

use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;
use serde::Serialize;
use std::time::Duration;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub name: String,
    #[sea_orm(unique)]
    pub email: String,
    #[sea_orm(has_many)]
    pub posts: HasMany<super::post::Entity>,
}

impl CachedEntity for Entity {
    const TTL: Option<Duration> = Some(Duration::from_secs(10 * 60));

    // For `Entity::cache().get_by(Column::Email, email)`.
    fn indexes() -> Vec<Index<Self>> {
        vec![Index::unique([Column::Email])]
    }
}
connect_signals!(ActiveModel);
