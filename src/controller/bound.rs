use super::look::look_near;
use super::read::{Reader, Source};
use super::{Home, Pk, value_tuples};
use crate::autocache::Autocache;
use crate::connection::{Origin, origin_of};
use crate::entity::CachedEntity;
use crate::error::CacheError;
use sea_orm::sea_query::{IntoValueTuple, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr};
use std::fmt;
use std::marker::PhantomData;

/// The cache of one entity, reading through a given connection or transaction. From
/// [`CacheController::on`](crate::CacheController::on).
pub struct BoundController<'c, E, C> {
    home: Result<Home, CacheError>,
    connection: &'c C,
    source: Source,
    entity: PhantomData<fn() -> E>,
}

/// What may be done with reads on this connection.
pub(crate) fn source_of<C: ConnectionTrait>(autocache: &Autocache, connection: &C) -> Source {
    match origin_of(connection) {
        Origin::Cached(other) if autocache.is_same(&other) => Source::Given,
        Origin::Plain => Source::Given,
        Origin::Work(work) if work.may_use_cache() && autocache.is_same(work.autocache()) => {
            Source::Transaction
        }
        Origin::Cached(_) | Origin::Work(_) | Origin::Unseen => Source::DatabaseOnly,
    }
}

impl<'c, E: CachedEntity, C: ConnectionTrait> BoundController<'c, E, C> {
    pub(super) fn new(home: Result<Home, CacheError>, connection: &'c C) -> Self {
        let source = home.as_ref().map(|home| source_of(&home.autocache, connection));
        let source = source.unwrap_or(Source::DatabaseOnly);
        Self { home, connection, source, entity: PhantomData }
    }

    /// What a lookup needs.
    pub(crate) fn parts(&self) -> Result<(&Home, &'c C, Source), DbErr> {
        let home = self.home.as_ref().map_err(Clone::clone)?;
        Ok((home, self.connection, self.source))
    }

    fn reader(&self) -> Result<Reader<'_, E, C>, DbErr> {
        let home = self.home.as_ref().map_err(Clone::clone)?;
        Ok(Reader::new(home, self.connection, self.source))
    }

    /// As the controller does before all else, where the cache may answer at all.
    fn near(&self, pk: &ValueTuple) -> Option<E::Model> {
        let home = self.home.as_ref().ok().filter(|_| self.source != Source::DatabaseOnly)?;
        look_near::<E>(&home.region, pk)
    }

    /// As [`CacheController::get`](crate::CacheController::get).
    ///
    /// # Errors
    /// As there.
    pub async fn get(&self, pk: impl Into<Pk<E>>) -> Result<E::Model, DbErr> {
        let pk = pk.into().into_value_tuple();
        match self.near(&pk) {
            Some(row) => Ok(row),
            None => self.reader()?.get(&pk).await,
        }
    }

    /// As [`CacheController::find`](crate::CacheController::find).
    ///
    /// # Errors
    /// As there.
    pub async fn find(&self, pk: impl Into<Pk<E>>) -> Result<Option<E::Model>, DbErr> {
        let pk = pk.into().into_value_tuple();
        match self.near(&pk) {
            Some(row) => Ok(Some(row)),
            None => self.reader()?.find(&pk).await,
        }
    }

    /// As [`CacheController::get_many`](crate::CacheController::get_many).
    ///
    /// # Errors
    /// As there.
    pub async fn get_many<I>(&self, pks: I) -> Result<Vec<Option<E::Model>>, DbErr>
    where
        I: IntoIterator<Item: Into<Pk<E>>>,
    {
        let pks = value_tuples::<E, I>(pks);
        self.reader()?.get_many(pks).await
    }
}

impl<E: CachedEntity, C> fmt::Debug for BoundController<'_, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundController")
            .field("entity", &E::model_name())
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
