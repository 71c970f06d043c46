//! The signals: what `ActiveModelBehavior`'s hooks call.
//!
//! | hook | signal | on a pool connection | in a `CachedTransaction` | in a plain `DatabaseTransaction` |
//! | --- | --- | --- | --- | --- |
//! | `before_save` | [`pre_save`] | write intent | recorded | write intent, for `transaction_intent_ttl` |
//! | `after_save` | [`post_save`] | row published | recorded, published after COMMIT | |
//! | `before_delete` | [`pre_delete`] | write intent | recorded | write intent, for `transaction_intent_ttl` |
//! | `after_delete` | [`post_delete`] | tombstone published | recorded, published after COMMIT | |
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
//! #   #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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
mod route;
mod then;
mod values;
mod write;

use crate::connection::Connection;
use crate::entity::{CachedEntity, column_at, ops_of};
use futures_util::future::BoxFuture;
use sea_orm::sea_query::Value;
use sea_orm::{ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityTrait, ModelTrait};
use std::any::TypeId;
use std::future::ready;
#[doc(hidden)]
pub use then::Then;
use write::{Entity, Site};

/// Places a write intent: the row of this model is about to be inserted or updated.
///
/// # Errors
/// Under [`Consistency::Strict`](crate::Consistency::Strict), when the cache does not acknowledge the intent:
/// return the error from the hook, and the write does not happen.
///
/// # Cancel safety
/// Dropped on the way, it leaves at most a write intent, which readers bypass for the intent TTL.
pub fn pre_save<'c, A, C>(model: &A, db: &'c C, insert: bool) -> BoxFuture<'c, Result<(), DbErr>>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    before_save(entity::<A::Entity>(), db, &active_values(model), insert, false)
}

/// Publishes the saved row, now or after COMMIT.
///
/// # Errors
/// Under [`Consistency::Strict`](crate::Consistency::Strict),
/// [`CacheError::Unconfirmed`](crate::CacheError::Unconfirmed): the row is written.
///
/// # Cancel safety
/// As [`pre_save`]: readers bypass the key for the intent TTL.
pub fn post_save<'c, M, C>(model: &M, db: &'c C, insert: bool) -> BoxFuture<'c, Result<(), DbErr>>
where
    M: ModelTrait<Entity: CachedEntity + EntityTrait<Model = M>>,
    C: ConnectionTrait,
{
    let value = |column| column_at::<M::Entity>(column).map_or(Value::Int(None), |column| model.get(column));
    after_save(entity::<M::Entity>(), db, &value, insert)
}

/// Places a write intent: the row of this model is about to be deleted.
///
/// # Errors
/// As [`pre_save`].
///
/// # Cancel safety
/// As [`pre_save`].
pub fn pre_delete<'c, A, C>(model: &A, db: &'c C) -> BoxFuture<'c, Result<(), DbErr>>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    before_delete(entity::<A::Entity>(), db, &active_values(model))
}

/// Publishes the row's tombstone, now or after COMMIT.
///
/// # Errors
/// As [`post_save`].
///
/// # Cancel safety
/// As [`post_save`].
pub fn post_delete<'c, A, C>(model: &A, db: &'c C) -> BoxFuture<'c, Result<(), DbErr>>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    after_delete(entity::<A::Entity>(), db, &active_values(model))
}

/// [`pre_save`] where no other hook can change the model: one without changes is no write at all.
#[doc(hidden)]
pub fn pre_save_final<'c, A, C>(model: &A, db: &'c C, insert: bool) -> BoxFuture<'c, Result<(), DbErr>>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    before_save(entity::<A::Entity>(), db, &active_values(model), insert, true)
}

fn entity<E: CachedEntity>() -> Entity {
    Entity { id: TypeId::of::<E>(), ops: ops_of::<E>() }
}

/// An active model's values by column.
type ActiveValues<'a> = dyn Fn(usize) -> ActiveValue<Value> + 'a;

fn active_values<A>(model: &A) -> impl Fn(usize) -> ActiveValue<Value>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
{
    |column| column_at::<A::Entity>(column).map_or(ActiveValue::NotSet, |column| model.get(column))
}

fn before_save<'c>(
    entity: Entity,
    db: &'c dyn Connection,
    value: &ActiveValues<'_>,
    insert: bool,
    is_final: bool,
) -> BoxFuture<'c, Result<(), DbErr>> {
    let site = match Site::of(entity, db, false) {
        Ok(Some(site)) => site,
        Ok(None) => return Box::pin(ready(Ok(()))),
        Err(error) => return Box::pin(ready(Err(error))),
    };
    let write = site.save(value, insert);
    let write = if is_final { write } else { write.provisional() };
    Box::pin(write::begin(db, site, write))
}

fn after_save<'c>(
    entity: Entity,
    db: &'c dyn Connection,
    value: &dyn Fn(usize) -> Value,
    insert: bool,
) -> BoxFuture<'c, Result<(), DbErr>> {
    match Site::of(entity, db, false) {
        Ok(Some(site)) => {
            let outcome = site.saved(value, insert);
            Box::pin(write::end(entity, site, outcome))
        }
        Ok(None) => Box::pin(ready(Ok(()))),
        Err(error) => Box::pin(ready(Err(error))),
    }
}

fn before_delete<'c>(
    entity: Entity,
    db: &'c dyn Connection,
    value: &ActiveValues<'_>,
) -> BoxFuture<'c, Result<(), DbErr>> {
    match Site::of(entity, db, true) {
        Ok(Some(site)) => {
            let write = site.delete(value);
            Box::pin(write::begin(db, site, write))
        }
        Ok(None) => Box::pin(ready(Ok(()))),
        Err(error) => Box::pin(ready(Err(error))),
    }
}

fn after_delete<'c>(
    entity: Entity,
    db: &'c dyn Connection,
    value: &ActiveValues<'_>,
) -> BoxFuture<'c, Result<(), DbErr>> {
    match Site::of(entity, db, true) {
        Ok(Some(site)) => match site.deleted(value) {
            Some(outcome) => Box::pin(write::end(entity, site, outcome)),
            None => Box::pin(ready(Ok(()))),
        },
        Ok(None) => Box::pin(ready(Ok(()))),
        Err(error) => Box::pin(ready(Err(error))),
    }
}
