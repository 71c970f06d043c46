//! Related objects of many models at once.

use super::follow::follow;
use super::related::ViaAndTo;
use crate::entity::{CachedEntity, models};
use crate::read::Target;
use sea_orm::{DbErr, EntityTrait, Linked, ModelTrait, Related, RelationDef};
use std::future::Future;

/// [`CachedRelated`](crate::CachedRelated) for a slice of models, as SeaORM's `LoaderTrait` is for its
/// queries: whatever their number, a list costs one round trip for the members and one for the rows, a
/// parent one, and what is not cached one `SELECT` for each of the two.
pub trait CachedLoader {
    /// The models' entity.
    type Entity: EntityTrait;

    /// The related rows of each model, in the order of the models: has-many, and many-to-many through the
    /// junction.
    ///
    /// # Errors
    /// As [`CachedRelated::cached_related`](crate::CachedRelated::cached_related).
    fn cached_load_many<R>(&self, _: R) -> impl Future<Output = Result<Vec<Vec<R::Model>>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>;

    /// The one related row of each model: belongs-to and has-one.
    ///
    /// # Errors
    /// As [`CachedRelated::cached_related`](crate::CachedRelated::cached_related).
    fn cached_load_one<R>(&self, _: R) -> impl Future<Output = Result<Vec<Option<R::Model>>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>;

    /// As [`cached_load_many`](Self::cached_load_many), along a given relation.
    ///
    /// # Errors
    /// As [`CachedRelated::cached_related`](crate::CachedRelated::cached_related).
    fn cached_load_many_by<R: CachedEntity>(
        &self,
        relation: RelationDef,
        _: R,
    ) -> impl Future<Output = Result<Vec<Vec<R::Model>>, DbErr>> + Send;

    /// As [`cached_load_one`](Self::cached_load_one), along a given relation.
    ///
    /// # Errors
    /// As [`CachedRelated::cached_related`](crate::CachedRelated::cached_related).
    fn cached_load_one_by<R: CachedEntity>(
        &self,
        relation: RelationDef,
        _: R,
    ) -> impl Future<Output = Result<Vec<Option<R::Model>>, DbErr>> + Send;

    /// The rows at the end of a chain of relations, for each model.
    ///
    /// # Errors
    /// As [`CachedRelated::cached_related`](crate::CachedRelated::cached_related).
    fn cached_load_linked<L>(
        &self,
        link: L,
    ) -> impl Future<Output = Result<Vec<Vec<<L::ToEntity as EntityTrait>::Model>>, DbErr>> + Send
    where
        L: Linked<FromEntity = Self::Entity, ToEntity: CachedEntity>;
}

impl<M: ModelTrait> CachedLoader for [M] {
    type Entity = M::Entity;

    fn cached_load_many<R>(&self, _: R) -> impl Future<Output = Result<Vec<Vec<R::Model>>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>,
    {
        load::<M, R>(self, M::Entity::via_and_to())
    }

    fn cached_load_one<R>(&self, _: R) -> impl Future<Output = Result<Vec<Option<R::Model>>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>,
    {
        let lists = load::<M, R>(self, M::Entity::via_and_to());
        async { lists.await.map(firsts) }
    }

    fn cached_load_many_by<R: CachedEntity>(
        &self,
        relation: RelationDef,
        _: R,
    ) -> impl Future<Output = Result<Vec<Vec<R::Model>>, DbErr>> + Send {
        load::<M, R>(self, vec![relation])
    }

    fn cached_load_one_by<R: CachedEntity>(
        &self,
        relation: RelationDef,
        _: R,
    ) -> impl Future<Output = Result<Vec<Option<R::Model>>, DbErr>> + Send {
        let lists = load::<M, R>(self, vec![relation]);
        async { lists.await.map(firsts) }
    }

    fn cached_load_linked<L>(
        &self,
        link: L,
    ) -> impl Future<Output = Result<Vec<Vec<<L::ToEntity as EntityTrait>::Model>>, DbErr>> + Send
    where
        L: Linked<FromEntity = Self::Entity, ToEntity: CachedEntity>,
    {
        load::<M, L::ToEntity>(self, link.link())
    }
}

fn load<M: ModelTrait, R: CachedEntity>(
    of: &[M],
    relations: Vec<RelationDef>,
) -> impl Future<Output = Result<Vec<Vec<R::Model>>, DbErr>> + Send + use<M, R> {
    let lists = follow(&of, Target::of::<R>(), relations);
    async move { Ok(lists.await?.into_iter().map(models::<R>).collect()) }
}

fn firsts<T>(lists: Vec<Vec<T>>) -> Vec<Option<T>> {
    lists.into_iter().map(|rows| rows.into_iter().next()).collect()
}
