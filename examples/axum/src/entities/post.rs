//! Posts, in the dense form and with hooks of their own.

use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;
use serde::Serialize;
use std::time::Duration;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "posts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub author_id: i64,
    pub title: String,
    pub likes: i32,
    /// How often the post was saved.
    pub revision: i32,
    #[sea_orm(belongs_to, from = "author_id", to = "id", on_delete = "Cascade")]
    pub author: BelongsTo<super::user::Entity>,
    #[sea_orm(has_many, via = "post_tag")]
    pub tags: HasMany<super::tag::Entity>,
}

impl CachedEntity for Entity {
    const TTL: Option<Duration> = Some(Duration::from_secs(5 * 60));
    const TOMBSTONE_TTL: Option<Duration> = Some(Duration::from_secs(60));
}

connect_signals! {
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        /// Trims the title, refuses an empty one, and counts the revision.
        async fn before_save<C: ConnectionTrait>(mut self, _: &C, insert: bool) -> Result<Self, DbErr> {
            if let Set(title) = &self.title {
                let title = title.trim().to_owned();
                if title.is_empty() {
                    return Err(DbErr::Custom("a post needs a title".to_owned()));
                }
                self.title = Set(title);
            }
            let saved = if insert { None } else { self.revision.try_as_ref().copied() };
            self.revision = Set(saved.unwrap_or(0) + 1);
            Ok(self)
        }
    }
}
