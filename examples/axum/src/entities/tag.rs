//! Tags, in the dense form. They live in a backend of their own.

use crate::app::TAGS;
use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;
use serde::Serialize;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "tags")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub word: String,
    #[sea_orm(has_many, via = "post_tag")]
    pub posts: HasMany<super::post::Entity>,
}

impl CachedEntity for Entity {
    const BACKEND: &'static str = TAGS;
}
connect_signals!(ActiveModel);
