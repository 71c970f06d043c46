//! The signals: what `ActiveModelBehavior`'s hooks tell the cache.
//!
//! | hook | signal | on a pool connection | in a `CachedTransaction` | in a plain `DatabaseTransaction` |
//! | --- | --- | --- | --- | --- |
//! | `before_save` | [`pre_save`] | write intent | noted | write intent, for the transaction's hold |
//! | `after_save` | [`post_save`] | row published | noted, published after COMMIT | |
//! | `before_delete` | [`pre_delete`] | write intent | noted | write intent, for the transaction's hold |
//! | `after_delete` | [`post_delete`] | tombstone published | noted, published after COMMIT | |
//!
//! [`connect_signals!`](crate::connect_signals) writes all four hooks. With hooks of your own, call
//! the signals in them: `pre_*` first or last in the `before_*` hook, `post_*` first in the `after_*`
//! hook, on the model as the database returned it.
//!
//! ```
//! mod book {
//!     use sea_orm::entity::prelude::*;
//!     use sea_orm_autocache::prelude::*;
//!     use sea_orm_autocache::signals;
//! #   #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
//! #   #[sea_orm(table_name = "book")]
//! #   pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
//! #   #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! #   pub enum Relation {}
//!
//!     impl CachedEntity for Entity {}
//!     impl SignalsConnected for ActiveModel {}
//!
//!     #[async_trait::async_trait]
//!     impl ActiveModelBehavior for ActiveModel {
//!         async fn before_save<C: ConnectionTrait>(self, db: &C, insert: bool) -> Result<Self, DbErr> {
//!             if self.title.try_as_ref().is_some_and(|title| title.is_empty()) {
//!                 return Err(DbErr::Custom("a book needs a title".into()));
//!             }
//!             signals::pre_save(&self, db, insert).await?;
//!             Ok(self)
//!         }
//!         async fn after_save<C: ConnectionTrait>(model: Model, db: &C, insert: bool) -> Result<Model, DbErr> {
//!             signals::post_save(&model, db, insert).await?;
//!             Ok(model)
//!         }
//!         async fn before_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
//!             signals::pre_delete(&self, db).await?;
//!             Ok(self)
//!         }
//!         async fn after_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
//!             signals::post_delete(&self, db).await?;
//!             Ok(self)
//!         }
//!     }
//! }
//! ```

mod macros;
mod pending;
mod write;

pub(crate) use pending::{Claim, Pending};

use crate::entity::CachedEntity;
use crate::relation::Joins;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, ModelTrait};
use std::future::Future;
use write::{Row, Site, Write, WriteKind};

/// Announces that the row of this model is about to be inserted or updated.
///
/// # Errors
/// Under [`Consistency::Strict`](crate::Consistency::Strict), when the cache cannot be told: return
/// the error from the hook, and the write does not happen.
///
/// # Cancel safety
/// Dropped on the way, it leaves at most a write intent, which readers bypass until its hold is over.
pub fn pre_save<'c, A, C>(
    model: &A,
    db: &'c C,
    insert: bool,
) -> impl Future<Output = Result<(), DbErr>> + Send + use<'c, A, C>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    // A hook that runs after this one may still change the model, so one without changes is
    // announced too; its row, which may come from an older snapshot, is not published.
    let (site, write) = save::<A, C>(model, db, insert);
    let write = if insert || model.is_changed() { write } else { write.unpublished() };
    write::begin::<A::Entity, C>(db, site, write)
}

/// Puts the saved row into the cache, now or after COMMIT.
///
/// # Errors
/// Under [`Consistency::Strict`](crate::Consistency::Strict),
/// [`CacheError::Unconfirmed`](crate::CacheError::Unconfirmed): the row is written.
///
/// # Cancel safety
/// As [`pre_save`]: readers bypass the key until the hold is over.
pub async fn post_save<M, C>(model: &M, db: &C, insert: bool) -> Result<(), DbErr>
where
    M: ModelTrait<Entity: CachedEntity + EntityTrait<Model = M>>,
    C: ConnectionTrait,
{
    write::end::<M::Entity, C>(db, model.get_primary_key_value(), Row::Saved { model, insert }).await
}

/// Announces that the row of this model is about to be deleted.
///
/// # Errors
/// As [`pre_save`].
///
/// # Cancel safety
/// As [`pre_save`].
pub fn pre_delete<'c, A, C>(
    model: &A,
    db: &'c C,
) -> impl Future<Output = Result<(), DbErr>> + Send + use<'c, A, C>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    let site = Site::of::<A::Entity, C>(db);
    write::begin::<A::Entity, C>(db, site, Write::of(model.get_primary_key_value(), WriteKind::Delete))
}

/// Remembers that the row is gone, now or after COMMIT.
///
/// # Errors
/// As [`post_save`].
///
/// # Cancel safety
/// As [`post_save`].
pub fn post_delete<'c, A, C>(
    model: &A,
    db: &'c C,
) -> impl Future<Output = Result<(), DbErr>> + Send + use<'c, A, C>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    let pk = model.get_primary_key_value();
    async move {
        match pk {
            Some(pk) => write::end::<A::Entity, C>(db, pk, Row::Deleted).await,
            None => Ok(()),
        }
    }
}

/// [`pre_save`] where no other hook can change the model: one without changes is no write at all.
#[doc(hidden)]
pub fn pre_save_final<'c, A, C>(
    model: &A,
    db: &'c C,
    insert: bool,
) -> impl Future<Output = Result<(), DbErr>> + Send + use<'c, A, C>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    let (site, write) = save::<A, C>(model, db, insert);
    let write = if insert || model.is_changed() { write } else { write.no_write() };
    write::begin::<A::Entity, C>(db, site, write)
}

/// Where the save is at home, and what is known of it. Asked outside of any future: the answer comes
/// through a slot of this thread.
fn save<A, C>(model: &A, db: &C, insert: bool) -> (Result<Option<Site>, DbErr>, Write)
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    let site = Site::of::<A::Entity, C>(db);
    let joins = match &site {
        Ok(Some(site)) => Joins::of(site.region(), model, insert),
        _ => Joins::default(),
    };
    let kind = if insert { WriteKind::Insert } else { WriteKind::Update };
    (site, Write::of(model.get_primary_key_value(), kind).joining(joins))
}
