//! Lookups by index on the cache of one entity.

use super::{CacheController, Handle, Place, ReadFrom, invalidate_keys};
use crate::entity::{CachedEntity, Row, is_null, model, models, pk_tuple};
use crate::error::CacheError;
use crate::keyspace::Keyspace;
use crate::read::{Lists, Reader, convert, index_for, permutation, permuted};
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{IntoValueTuple, Value, ValueTuple};
use sea_orm::{DbErr, Identity, IdentityOf};
use std::future::Future;

impl<E: CachedEntity, S: ReadFrom> CacheController<E, S> {
    /// The row whose columns have this value, `None` if there is none, which is cached, too.
    ///
    /// The columns must be declared with [`Index::unique`](crate::Index::unique); several are a tuple, and so
    /// is their value. NULL names no row.
    ///
    /// ```
    /// # mod book {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "book")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub isbn: String }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl CachedEntity for Entity {
    /// #         fn indexes() -> Vec<Index<Self>> { vec![Index::unique([Column::Isbn])] }
    /// #     }
    /// #     connect_signals!(ActiveModel);
    /// # }
    /// # use sea_orm::DbErr;
    /// use sea_orm_autocache::prelude::*;
    ///
    /// async fn by_isbn(isbn: &str) -> Result<Option<book::Model>, DbErr> {
    ///     book::Entity::cache().get_by(book::Column::Isbn, isbn).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`CacheError::NoIndex`], which says what to declare; [`CacheError::WrongType`] for a value that is none of
    /// its column; the database's own.
    pub fn get_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> impl Future<Output = Result<Option<E::Model>, DbErr>> + Send {
        let values = vec![value.into_value_tuple()];
        let rows = self.handle.get_by(self.source.place(), columns.identity_of(), values);
        async move { Ok(rows.await?.pop().flatten().as_ref().and_then(model::<E>)) }
    }

    /// As [`get_by`](Self::get_by), for many values of one column: a row or `None` for each, in their order.
    /// One round trip for the index and one for the rows; one `SELECT` for all that is not cached.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    pub fn get_many_by<I>(
        &self,
        columns: impl IdentityOf<E>,
        values: I,
    ) -> impl Future<Output = Result<Vec<Option<E::Model>>, DbErr>> + Send
    where
        I: IntoIterator<Item: IntoValueTuple>,
    {
        let rows = self.handle.get_by(self.source.place(), columns.identity_of(), tuples(values));
        async move { Ok(rows.await?.iter().map(|row| row.as_ref().and_then(model::<E>)).collect()) }
    }

    /// The rows whose columns have this value, in the order of the index. NULL is a value of its own: it
    /// lists the rows that have none.
    ///
    /// The columns must be declared with [`Index::many`](crate::Index::many), or be those of a relation
    /// of the entity's own.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    pub fn list_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> impl Future<Output = Result<Vec<E::Model>, DbErr>> + Send {
        let values = vec![value.into_value_tuple()];
        let lists = self.handle.list_by(self.source.place(), columns.identity_of(), values);
        async move { Ok(models::<E>(lists.await?.pop().unwrap_or_default())) }
    }

    /// As [`list_by`](Self::list_by), for many values: a list for each, in their order. Costs what
    /// [`get_many_by`](Self::get_many_by) costs.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    pub fn list_many_by<I>(
        &self,
        columns: impl IdentityOf<E>,
        values: I,
    ) -> impl Future<Output = Result<Vec<Vec<E::Model>>, DbErr>> + Send
    where
        I: IntoIterator<Item: IntoValueTuple>,
    {
        let lists = self.handle.list_by(self.source.place(), columns.identity_of(), tuples(values));
        async move { Ok(lists.await?.into_iter().map(models::<E>).collect()) }
    }

    /// Drops the list of the rows with this value, after an insert or a change of these columns that ran no
    /// hooks. The rows themselves are dropped by [`invalidate`](Self::invalidate).
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate) and [`get_by`](Self::get_by).
    pub fn invalidate_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> impl Future<Output = Result<(), DbErr>> + Send {
        self.handle.invalidate_by(columns.identity_of(), value.into_value_tuple())
    }
}

impl Handle {
    fn get_by<'a>(
        &'a self,
        place: Place<'a>,
        columns: Identity,
        values: Vec<ValueTuple>,
    ) -> BoxFuture<'a, Result<Vec<Option<Row>>, DbErr>> {
        Box::pin(async move {
            let (autocache, region) = (self.autocache()?, self.region()?);
            let (connection, source) = place.source(autocache);
            let reader = Reader { autocache, region: &region, connection, source };
            unique_rows(&reader, &names(&columns), values).await
        })
    }

    fn list_by<'a>(
        &'a self,
        place: Place<'a>,
        columns: Identity,
        values: Vec<ValueTuple>,
    ) -> BoxFuture<'a, Result<Vec<Vec<Row>>, DbErr>> {
        Box::pin(async move {
            let (autocache, region) = (self.autocache()?, self.region()?);
            let (connection, source) = place.source(autocache);
            let reader = Reader { autocache, region: &region, connection, source };
            let names = names(&columns);
            let values = checked(&region.keyspace, &names, values)?;
            let (index, order) = index_for(&region.keyspace, &names, false)?;
            Lists::new(reader, index).get(ordered(&region.keyspace, index, &order, values)?).await
        })
    }

    fn invalidate_by(&self, columns: Identity, value: ValueTuple) -> BoxFuture<'_, Result<(), DbErr>> {
        Box::pin(async move {
            let keyspace = &self.region()?.keyspace;
            let names = names(&columns);
            let values = checked(keyspace, &names, vec![value])?;
            let (index, order) = index_for(keyspace, &names, false)?;
            let values = ordered(keyspace, index, &order, values)?;
            let index = &keyspace.indexes[index];
            let keys = values.iter().map(|values| keyspace.index_key(index, values)).collect();
            invalidate_keys(keyspace, keys).await
        })
    }
}

/// The row of each value.
async fn unique_rows(
    reader: &Reader<'_>,
    names: &[String],
    values: Vec<ValueTuple>,
) -> Result<Vec<Option<Row>>, DbErr> {
    let keyspace = &reader.region.keyspace;
    let values = checked(keyspace, names, values)?;
    let columns = keyspace.schema.columns_of(names);
    if let Some(order) = columns.and_then(|columns| permutation(&keyspace.schema.pk, &columns)) {
        let pk = |values| convert(keyspace, &keyspace.schema.pk, permuted(values, &order)).map(pk_tuple);
        return reader.rows(values.into_iter().map(pk).collect::<Result<_, _>>()?).await;
    }
    let (index, order) = index_for(keyspace, names, true)?;
    let has_null = |values: &Vec<Value>| values.iter().any(is_null);
    let asked: Vec<Vec<Value>> = values.iter().filter(|values| !has_null(values)).cloned().collect();
    let lists = if asked.is_empty() {
        Vec::new()
    } else {
        Lists::new(*reader, index).get(ordered(keyspace, index, &order, asked)?).await?
    };
    let mut lists = lists.into_iter();
    let first = |values: &Vec<Value>| {
        if has_null(values) { None } else { lists.next().and_then(|rows| rows.into_iter().next()) }
    };
    Ok(values.iter().map(first).collect())
}

/// Values as those of an index's columns, in their order.
fn ordered(
    keyspace: &Keyspace,
    index: usize,
    order: &[usize],
    values: Vec<Vec<Value>>,
) -> Result<Vec<Vec<Value>>, CacheError> {
    let own = &keyspace.indexes[index].columns;
    values.into_iter().map(|values| convert(keyspace, own, permuted(values, order))).collect()
}

/// As many values as columns.
fn checked(
    keyspace: &Keyspace,
    names: &[String],
    values: Vec<ValueTuple>,
) -> Result<Vec<Vec<Value>>, CacheError> {
    let values: Vec<Vec<Value>> = values.into_iter().map(|value| value.into_iter().collect()).collect();
    match values.iter().find(|values| values.len() != names.len()) {
        None => Ok(values),
        Some(values) => Err(CacheError::WrongValueCount {
            entity: keyspace.model().to_owned(),
            columns: names.to_vec(),
            given: values.len(),
        }),
    }
}

fn names(columns: &Identity) -> Vec<String> {
    columns.iter().map(ToString::to_string).collect()
}

fn tuples<I: IntoIterator<Item: IntoValueTuple>>(values: I) -> Vec<ValueTuple> {
    values.into_iter().map(IntoValueTuple::into_value_tuple).collect()
}
