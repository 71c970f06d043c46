//! [`CacheController`]: reading one entity through the cache.

mod bound;
mod flight;
mod lease;
mod load;
mod look;
mod read;
mod select;

pub use bound::BoundController;
pub(crate) use bound::source_of;
pub(crate) use flight::{CloseAll, Flight, Flights, Landing};
pub(crate) use lease::{LEASE, LeaseGuard, POLLS};
pub(crate) use load::{BOARDINGS_MAX, lost_flight};
use look::look_near;
pub(crate) use read::{Reader, Source};
pub(crate) use select::{SELECT_KEYS_MAX, is_one_of};

use crate::autocache::{Autocache, Region};
use crate::coherence::{Answer, Step};
use crate::entity::CachedEntity;
use crate::error::CacheError;
use crate::key::pk_text;
use crate::store::Command;
use crate::telemetry::Event;
use sea_orm::sea_query::{IntoValueTuple, ValueTuple};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, PrimaryKeyTrait};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A primary key of `E`; composite keys are tuples.
pub(crate) type Pk<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// Keys of one invalidation pipeline.
const INVALIDATE_KEYS_MAX: usize = 1_000;

/// The cache of one entity: from [`Entity::cache()`](crate::EntityCache::cache) or
/// [`Autocache::cache`].
///
/// Cheap to make and to clone. A failing cache never fails a read: it is counted, and the database
/// answers.
pub struct CacheController<E> {
    /// `None`: there is none.
    autocache: Option<Autocache>,
    entity: PhantomData<fn() -> E>,
}

/// Where an entity is at home: its Autocache and its region there.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) autocache: Autocache,
    pub(crate) region: Arc<Region>,
}

impl Home {
    /// The reader whose misses go to the Autocache's own connection.
    fn reader<E: CachedEntity>(&self) -> Reader<'_, E, DatabaseConnection> {
        Reader::new(self, self.autocache.database(), Source::Primary)
    }
}

impl<E: CachedEntity> CacheController<E> {
    pub(crate) fn current() -> Self {
        Self { autocache: Autocache::current(), entity: PhantomData }
    }

    pub(crate) fn of(autocache: &Autocache) -> Self {
        Self { autocache: Some(autocache.clone()), entity: PhantomData }
    }

    pub(crate) fn home(&self) -> Result<Home, CacheError> {
        let autocache = self.autocache.clone().ok_or(CacheError::NoAutocache)?;
        let region = autocache.region::<E>()?;
        Ok(Home { autocache, region })
    }

    /// A hit in this process' memory, before there is any future of a read.
    #[inline]
    fn near(&self, pk: &ValueTuple) -> Option<E::Model> {
        look_near::<E>(self.autocache.as_ref()?.known::<E>()?, pk)
    }

    /// The row with this primary key.
    ///
    /// ```
    /// # mod book {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    /// #     #[sea_orm(table_name = "book")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl CachedEntity for Entity {}
    /// #     connect_signals!(ActiveModel);
    /// # }
    /// use sea_orm::DbErr;
    /// use sea_orm_autocache::prelude::*;
    ///
    /// async fn title(id: i64) -> Result<Option<String>, DbErr> {
    ///     match book::Entity::cache().get(id).await {
    ///         Ok(book) => Ok(Some(book.title)),
    ///         Err(DbErr::RecordNotFound(_)) => Ok(None),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`DbErr::RecordNotFound`], naming model and key, when there is no such row, be it remembered
    /// or read. Any other error is the database's, or says that there is no Autocache or no such backend.
    ///
    /// # Cancel safety
    /// Dropped on a miss, the database read goes on and fills the cache for the next reader.
    pub async fn get(&self, pk: impl Into<Pk<E>>) -> Result<E::Model, DbErr> {
        let pk = pk.into().into_value_tuple();
        match self.near(&pk) {
            Some(row) => Ok(row),
            None => self.home()?.reader::<E>().get(&pk).await,
        }
    }

    /// The row with this primary key, `None` if there is none.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for the absent row.
    pub async fn find(&self, pk: impl Into<Pk<E>>) -> Result<Option<E::Model>, DbErr> {
        let pk = pk.into().into_value_tuple();
        match self.near(&pk) {
            Some(row) => Ok(Some(row)),
            None => self.home()?.reader::<E>().find(&pk).await,
        }
    }

    /// The rows with these primary keys, in their order, `None` for an absent one, and as often as a
    /// key is given. One round trip for the hits; one `SELECT` for all misses, or one for each 500.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn get_many<I>(&self, pks: I) -> Result<Vec<Option<E::Model>>, DbErr>
    where
        I: IntoIterator<Item: Into<Pk<E>>>,
    {
        let pks = value_tuples::<E, I>(pks);
        self.home()?.reader::<E>().get_many(pks).await
    }

    /// Reads the row from the database and replaces the entry.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn refresh(&self, pk: impl Into<Pk<E>>) -> Result<E::Model, DbErr> {
        self.home()?.reader::<E>().refresh(pk.into().into_value_tuple()).await
    }

    /// Drops the entry of this row, after a change that no signal has told of. A database read that is
    /// under way in any process cannot bring the old row back.
    ///
    /// # Errors
    /// [`CacheError::Store`] in a [`DbErr`] when the store cannot be reached: the entry may still be there.
    pub async fn invalidate(&self, pk: impl Into<Pk<E>>) -> Result<(), DbErr> {
        self.invalidate_all(vec![pk.into().into_value_tuple()]).await
    }

    /// As [`invalidate`](Self::invalidate), for many rows in one round trip.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate); all other rows are invalidated all the same.
    pub async fn invalidate_many<I>(&self, pks: I) -> Result<(), DbErr>
    where
        I: IntoIterator<Item: Into<Pk<E>>>,
    {
        self.invalidate_all(value_tuples::<E, I>(pks)).await
    }

    async fn invalidate_all(&self, pks: Vec<ValueTuple>) -> Result<(), DbErr> {
        let region = self.home()?.region;
        self.invalidate_keys(pks.iter().filter_map(|pk| region.key(pk)).collect()).await
    }

    /// Fenced like the end of a write: the fence first.
    pub(crate) async fn invalidate_keys(&self, keys: Vec<String>) -> Result<(), DbErr> {
        let region = self.home()?.region;
        let keys: Vec<String> = region.fence().map(str::to_owned).into_iter().chain(keys).collect();
        let mut first_error = None;
        for page in keys.chunks(INVALIDATE_KEYS_MAX) {
            let command = |key: &String| Command { key: key.clone(), step: Step::Invalidate };
            let replies = region.backend.run(page.iter().map(command).collect()).await;
            for (key, reply) in page.iter().zip(replies) {
                match reply {
                    Ok(Answer::Unchanged) => {}
                    Ok(_) if region.fence() == Some(key) => {}
                    Ok(_) => region.stats.count(Event::invalidations),
                    Err(error) => {
                        region.stats.count(Event::errors);
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        first_error.map_or(Ok(()), |error| Err(CacheError::Store(error).into()))
    }

    /// Drops every entry of the entity, with the same fencing as [`invalidate`](Self::invalidate).
    ///
    /// Walks the store's keys: a tool for migrations and repairs, not for the way of a request. To
    /// orphan all entries at once raise [`CACHE_VERSION`](CachedEntity::CACHE_VERSION) instead.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub async fn clear(&self) -> Result<(), DbErr> {
        let region = self.home()?.region;
        let touched = region.backend.clear(&region.entity_keys()).await.map_err(CacheError::Store)?;
        region.stats.count_many(Event::invalidations, touched);
        Ok(())
    }

    /// Whether a [`get`](Self::get) would now be answered without the database.
    ///
    /// # Errors
    /// There is no Autocache, or no such backend. An unreachable store is `false`.
    pub async fn contains(&self, pk: impl Into<Pk<E>>) -> Result<bool, DbErr> {
        self.home()?.reader::<E>().contains(&pk.into().into_value_tuple()).await
    }

    /// The key of this row in the store.
    #[must_use]
    pub fn make_key(&self, pk: impl Into<Pk<E>>) -> String {
        let pk = pk.into().into_value_tuple();
        self.home().ok().and_then(|home| home.region.key(&pk)).unwrap_or_default()
    }

    /// The same cache, reading misses through this connection.
    ///
    /// In a [`CachedTransaction`](crate::CachedTransaction) it sees the transaction's own writes, never
    /// fills the cache, and is answered by the cache only while the transaction has written nothing
    /// and reads what is committed. In any other transaction it only reads the database. A plain
    /// connection must lead to the writable primary: what it reads is cached.
    #[must_use]
    pub fn on<'c, C: ConnectionTrait>(&self, connection: &'c C) -> BoundController<'c, E, C> {
        BoundController::new(self.home(), connection)
    }
}

fn value_tuples<E: CachedEntity, I>(pks: I) -> Vec<ValueTuple>
where
    I: IntoIterator<Item: Into<Pk<E>>>,
{
    pks.into_iter().map(|pk| pk.into().into_value_tuple()).collect()
}

pub(crate) fn not_found(region: &Region, pk: &ValueTuple) -> DbErr {
    let pk = pk_text(pk).unwrap_or_else(|| "NULL".to_owned());
    DbErr::RecordNotFound(format!("no `{}` with primary key {pk}", region.model))
}

impl<E> Clone for CacheController<E> {
    fn clone(&self) -> Self {
        Self { autocache: self.autocache.clone(), entity: PhantomData }
    }
}

impl<E: CachedEntity> fmt::Debug for CacheController<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheController")
            .field("entity", &E::model_name())
            .field("error", &self.home().err())
            .finish_non_exhaustive()
    }
}
