//! [`CacheController`]: the typed way to read one entity through the cache.

mod invalidation;
mod lookup;
mod place;

use invalidation::invalidate_keys;
use place::Place;
pub use place::{Primary, ReadFrom, Through};

use crate::autocache::{Autocache, Region};
use crate::entity::{CachedEntity, EntityOps, ops_of};
use crate::error::CacheError;
use crate::keyspace::Keyspace;
use crate::read::{self, Inspection, Reader, RowSlot, RowSlots, Source};
use crate::telemetry::Event;
use crate::trace::{self, Subject};
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{IntoValueTuple, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, PrimaryKeyTrait};
use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;

/// A primary key of `E`; composite keys are tuples.
pub(crate) type Pk<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// The cache of one entity: from [`Entity::cache()`](EntityCache::cache) or [`Autocache::cache`].
///
/// Cheap to make and to clone. A failing cache never fails a read: it is counted, and the database
/// answers.
///
/// `S` is where misses are read: the Autocache's own connection, or one that was given to
/// [`on`](CacheController::on).
pub struct CacheController<E, S = Primary> {
    handle: Handle,
    source: S,
    entity: PhantomData<fn() -> E>,
}

/// A controller without its types.
#[derive(Clone)]
struct Handle {
    /// `None`: there is none.
    autocache: Option<Autocache>,
    id: TypeId,
    ops: &'static dyn EntityOps,
}

/// Gives every cached entity its [`cache()`](EntityCache::cache).
pub trait EntityCache: EntityTrait {
    /// The entity's cache, in the [`Autocache`](crate::Autocache) of the current
    /// [scope](crate::Autocache::scope), else in the [installed](crate::Autocache::install) one.
    ///
    /// With neither, every call on it answers with an error that says how to provide one.
    #[must_use]
    fn cache() -> CacheController<Self>
    where
        Self: CachedEntity,
    {
        CacheController::of(Autocache::current())
    }
}

impl<E: EntityTrait> EntityCache for E {}

impl Autocache {
    /// The cache of one entity.
    #[must_use]
    pub fn cache<E: CachedEntity>(&self) -> CacheController<E> {
        CacheController::of(Some(self.clone()))
    }
}

impl<E: CachedEntity> CacheController<E> {
    fn of(autocache: Option<Autocache>) -> Self {
        let handle = Handle { autocache, id: TypeId::of::<E>(), ops: ops_of::<E>() };
        Self { handle, source: Primary::new(), entity: PhantomData }
    }
}

impl<E: CachedEntity, S: ReadFrom> CacheController<E, S> {
    /// The row with this primary key.
    ///
    /// ```
    /// # mod book {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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
    /// [`DbErr::RecordNotFound`], naming the model and not the key, which may be a secret, when there is no such row,
    /// known from a tombstone or read. Any other error is the database's, or says that there is no Autocache or no such backend.
    ///
    /// # Cancel safety
    /// Dropped on a miss, the database read goes on and fills the cache for the next reader.
    pub fn get(&self, pk: impl Into<Pk<E>>) -> impl Future<Output = Result<E::Model, DbErr>> + Send {
        let pk = pk.into().into_value_tuple();
        async move {
            let mut row: Option<E::Model> = None;
            // Before there is any future of a read.
            if !self.handle.find_by_id(self.source.place(), &pk, &mut row) {
                self.handle.find(self.source.place(), &pk, &mut row).await?;
            }
            row.ok_or_else(|| self.handle.not_found())
        }
    }

    /// The row with this primary key, `None` if there is none.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for the absent row.
    pub fn find(&self, pk: impl Into<Pk<E>>) -> impl Future<Output = Result<Option<E::Model>, DbErr>> + Send {
        let pk = pk.into().into_value_tuple();
        async move {
            let mut row: Option<E::Model> = None;
            if !self.handle.find_by_id(self.source.place(), &pk, &mut row) {
                self.handle.find(self.source.place(), &pk, &mut row).await?;
            }
            Ok(row)
        }
    }

    /// The rows with these primary keys, in their order, `None` for an absent one, and as often as a
    /// key is given. One round trip for the hits; one `SELECT` for all misses, or one for each 500.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn get_many<I>(&self, pks: I) -> impl Future<Output = Result<Vec<Option<E::Model>>, DbErr>> + Send
    where
        I: IntoIterator<Item: Into<Pk<E>>>,
    {
        let pks = value_tuples::<E, I>(pks);
        async move {
            let mut rows: Vec<Option<E::Model>> = Vec::new();
            rows.resize_with(pks.len(), || None);
            self.handle.find_many(self.source.place(), pks, &mut rows).await?;
            Ok(rows)
        }
    }

    /// Reads the row from the database and replaces the entry.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn refresh(&self, pk: impl Into<Pk<E>>) -> impl Future<Output = Result<E::Model, DbErr>> + Send {
        let pk = pk.into().into_value_tuple();
        async move {
            let mut row: Option<E::Model> = None;
            self.handle.refresh(self.source.place(), &pk, &mut row).await?;
            row.ok_or_else(|| self.handle.not_found())
        }
    }

    /// Drops the entry of this row, after a change that ran no hooks. A database read that is in flight in any
    /// process cannot bring the old row back.
    ///
    /// # Errors
    /// [`CacheError::Store`] in a [`DbErr`] when the store cannot be reached: the entry may still be there.
    pub fn invalidate(&self, pk: impl Into<Pk<E>>) -> impl Future<Output = Result<(), DbErr>> + Send {
        self.handle.invalidate(vec![pk.into().into_value_tuple()])
    }

    /// As [`invalidate`](Self::invalidate), for many rows in one round trip.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate); all other rows are invalidated all the same.
    pub fn invalidate_many<I>(&self, pks: I) -> impl Future<Output = Result<(), DbErr>> + Send
    where
        I: IntoIterator<Item: Into<Pk<E>>>,
    {
        self.handle.invalidate(value_tuples::<E, I>(pks))
    }

    /// Drops every entry of the entity, with the same fencing as [`invalidate`](Self::invalidate).
    ///
    /// Walks the store's keys: a tool for migrations and repairs, not for the request path. To
    /// orphan all entries at once raise [`CACHE_VERSION`](CachedEntity::CACHE_VERSION) instead.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub fn clear(&self) -> impl Future<Output = Result<(), DbErr>> + Send {
        self.handle.clear()
    }

    /// Whether a [`get`](Self::get) would now be answered without the database.
    ///
    /// # Errors
    /// There is no Autocache, or no such backend. An unreachable store is `false`.
    pub fn contains(&self, pk: impl Into<Pk<E>>) -> impl Future<Output = Result<bool, DbErr>> + Send {
        self.handle.contains(self.source.place(), pk.into().into_value_tuple())
    }

    /// What the store holds under this row's key: an entry, a lease, write intents; with size, TTL and columns. For
    /// people who look at the cache, not for the request path; [`Inspection`] has an example.
    ///
    /// One round trip, which is not counted. Nothing changes, neither in the store nor here.
    ///
    /// # Errors
    /// There is no Autocache, or no such backend. [`CacheError::Store`] when the store cannot be reached, or is one
    /// of your own that has no [`Store::inspect`](crate::Store::inspect).
    pub fn inspect(&self, pk: impl Into<Pk<E>>) -> impl Future<Output = Result<Inspection, DbErr>> + Send {
        self.handle.inspect(pk.into().into_value_tuple())
    }

    /// The key of this row in the store.
    ///
    /// # Errors
    /// There is no Autocache, or no such backend.
    pub fn make_key(&self, pk: impl Into<Pk<E>>) -> Result<String, CacheError> {
        self.handle.make_key(&pk.into().into_value_tuple())
    }

    /// The same cache, reading misses through this connection.
    ///
    /// In a [`CachedTransaction`](crate::CachedTransaction) it sees the transaction's own writes, never
    /// fills the cache, and is answered by the cache only while the transaction has written nothing
    /// and reads what is committed. In any other transaction it only reads the database. A plain
    /// connection must lead to the writable primary: what it reads is cached.
    #[must_use]
    pub fn on<'c, C: ConnectionTrait>(&self, connection: &'c C) -> CacheController<E, Through<'c>> {
        let source = Through::new(connection);
        CacheController { handle: self.handle.clone(), source, entity: PhantomData }
    }
}

impl Handle {
    fn autocache(&self) -> Result<&Autocache, CacheError> {
        self.autocache.as_ref().ok_or(CacheError::NoAutocache)
    }

    fn region(&self) -> Result<std::borrow::Cow<'_, Arc<Region>>, CacheError> {
        self.autocache()?.region(self.id, self.ops)
    }

    /// A hit in this process' memory.
    #[inline]
    fn find_by_id(&self, place: Place<'_>, pk: &ValueTuple, slot: &mut dyn RowSlot) -> bool {
        let Some(autocache) = &self.autocache else { return false };
        let Some(region) = autocache.known(self.id) else { return false };
        place.source(autocache).1 != Source::DatabaseOnly && read::find_by_id(region, pk, slot)
    }

    async fn find(&self, place: Place<'_>, pk: &ValueTuple, slot: &mut dyn RowSlot) -> Result<bool, DbErr> {
        let (autocache, region) = (self.autocache()?, self.region()?);
        let (connection, source) = place.source(autocache);
        let reader = Reader { autocache, region: &region, connection, source };
        // Not moved: it is large.
        let found = pin!(reader.find(pk, slot));
        trace::spanned(trace::Kind::Read, subject(&region.keyspace, "GET", 0), found).await
    }

    async fn find_many(
        &self,
        place: Place<'_>,
        pks: Vec<ValueTuple>,
        slots: &mut dyn RowSlots,
    ) -> Result<(), DbErr> {
        let (autocache, region) = (self.autocache()?, self.region()?);
        let (connection, source) = place.source(autocache);
        let reader = Reader { autocache, region: &region, connection, source };
        let subject = subject(&region.keyspace, "MGET", pks.len());
        trace::spanned(trace::Kind::ReadMany, subject, reader.find_many(pks, slots)).await
    }

    fn refresh<'a>(
        &'a self,
        place: Place<'a>,
        pk: &'a ValueTuple,
        slot: &'a mut dyn RowSlot,
    ) -> BoxFuture<'a, Result<bool, DbErr>> {
        Box::pin(async move {
            let (autocache, region) = (self.autocache()?, self.region()?);
            let (connection, source) = place.source(autocache);
            let reader = Reader { autocache, region: &region, connection, source };
            let subject = subject(&region.keyspace, "REFRESH", 0);
            trace::spanned(trace::Kind::Read, subject, reader.refresh(pk, slot)).await
        })
    }

    fn contains<'a>(&'a self, place: Place<'a>, pk: ValueTuple) -> BoxFuture<'a, Result<bool, DbErr>> {
        Box::pin(async move {
            let (autocache, region) = (self.autocache()?, self.region()?);
            let (connection, source) = place.source(autocache);
            Ok(Reader { autocache, region: &region, connection, source }.contains(&pk).await)
        })
    }

    fn invalidate(&self, pks: Vec<ValueTuple>) -> BoxFuture<'_, Result<(), DbErr>> {
        Box::pin(async move {
            let keyspace = &self.region()?.keyspace;
            let keys = pks.iter().filter_map(|pk| keyspace.key(pk)).collect();
            invalidate_keys(keyspace, keys).await
        })
    }

    fn inspect(&self, pk: ValueTuple) -> BoxFuture<'_, Result<Inspection, DbErr>> {
        Box::pin(
            async move { Ok(read::inspect(&self.region()?.keyspace, &pk).await.map_err(CacheError::Store)?) },
        )
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), DbErr>> {
        Box::pin(async move {
            let keyspace = &self.region()?.keyspace;
            let touched = keyspace.backend.clear(&keyspace.entity_keys()).await.map_err(CacheError::Store)?;
            keyspace.stats.count_many(Event::invalidations, touched);
            Ok(())
        })
    }

    /// A primary key with a NULL in it names no row, and has no key: its type has no such values.
    fn make_key(&self, pk: &ValueTuple) -> Result<String, CacheError> {
        Ok(self.region()?.keyspace.key(pk).unwrap_or_default())
    }

    /// Without the key, which may be a secret: errors are logged.
    #[cold]
    fn not_found(&self) -> DbErr {
        let model = self.region().map(|region| region.keyspace.model().to_owned()).unwrap_or_default();
        DbErr::RecordNotFound(format!("no `{model}` with this primary key"))
    }
}

/// What the span of a read is about.
fn subject<'a>(keyspace: &'a Keyspace, operation: &'a str, batch: usize) -> Subject<'a> {
    Subject { system: keyspace.backend.system(), operation, table: keyspace.table(), batch }
}

fn value_tuples<E: CachedEntity, I>(pks: I) -> Vec<ValueTuple>
where
    I: IntoIterator<Item: Into<Pk<E>>>,
{
    let mut tuples = Vec::new();
    for pk in pks {
        tuples.push(pk.into().into_value_tuple());
    }
    tuples
}

impl<E, S: Clone> Clone for CacheController<E, S> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), source: self.source.clone(), entity: PhantomData }
    }
}

impl<E: CachedEntity, S: ReadFrom> fmt::Debug for CacheController<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheController")
            .field("entity", &E::model_name())
            .field("error", &self.handle.region().err())
            .finish_non_exhaustive()
    }
}
