//! The signals: what the hooks of a cached entity call. [`connect_signals!`](crate::connect_signals) writes those
//! hooks, so a program calls no signal by itself.

mod chain;
mod hooks;
mod macros;
mod route;
mod then;
mod values;
mod write;

use crate::connection::Connection;
use crate::entity::{CachedEntity, column_at, ops_of};
pub use chain::Chain;
use futures_util::future::BoxFuture;
pub use hooks::OwnHooks;
use sea_orm::sea_query::Value;
use sea_orm::{ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityTrait, ModelTrait};
use std::any::TypeId;
use std::future::ready;
pub use then::Then;
use write::{Entity, Site};

/// Places a write intent: the row of this model is about to be inserted or updated. A model without changes is no
/// write at all.
///
/// # Errors
/// Under [`Consistency::Strict`](crate::Consistency::Strict), when the cache does not acknowledge the intent:
/// the write does not happen.
///
/// # Cancel safety
/// Dropped on the way, it leaves at most a write intent, which readers bypass for the intent TTL.
pub fn pre_save<'c, A, C>(model: &A, db: &'c C, insert: bool) -> BoxFuture<'c, Result<(), DbErr>>
where
    A: ActiveModelTrait<Entity: CachedEntity>,
    C: ConnectionTrait,
{
    before_save(entity::<A::Entity>(), db, &active_values(model), insert)
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
) -> BoxFuture<'c, Result<(), DbErr>> {
    let site = match Site::of(entity, db, false) {
        Ok(Some(site)) => site,
        Ok(None) => return Box::pin(ready(Ok(()))),
        Err(error) => return Box::pin(ready(Err(error))),
    };
    let write = site.save(value, insert);
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
