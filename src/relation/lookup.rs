//! Lookups by index on the cache of one entity.

use super::hop::{index_for, permutation, permuted};
use super::index::pk_columns;
use super::list::Lists;
use crate::controller::{BoundController, CacheController, Home, Reader, Source};
use crate::entity::CachedEntity;
use crate::error::CacheError;
use sea_orm::sea_query::{IntoValueTuple, Value, ValueTuple};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, IdentityOf};

impl<E: CachedEntity> CacheController<E> {
    /// The row whose columns have this value, `None` if there is none: that is remembered, too.
    ///
    /// The columns must be declared with [`Index::unique`](crate::Index::unique); several are a tuple, and so
    /// is their value. NULL names no row.
    ///
    /// ```
    /// # mod book {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
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
    /// [`CacheError::NoIndex`], which says what to declare; the database's own.
    pub async fn get_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> Result<Option<E::Model>, DbErr> {
        let (columns, values) = (names(columns), vec![value.into_value_tuple()]);
        Lookup::primary(&self.home()?)
            .unique::<E>(&columns, values)
            .await
            .map(|mut rows| rows.pop().flatten())
    }

    /// As [`get_by`](Self::get_by), for many values of one column: a row or `None` for each, in their order.
    /// One round trip for the index and one for the rows; one `SELECT` for all that is not cached.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    pub async fn get_many_by<I>(
        &self,
        columns: impl IdentityOf<E>,
        values: I,
    ) -> Result<Vec<Option<E::Model>>, DbErr>
    where
        I: IntoIterator<Item: IntoValueTuple>,
    {
        let (columns, values) = (names(columns), tuples(values));
        Lookup::primary(&self.home()?).unique::<E>(&columns, values).await
    }

    /// The rows whose columns have this value, in the order of the index. NULL is a value of its own: it
    /// lists the rows that have none.
    ///
    /// The columns must be declared with [`Index::many`](crate::Index::many), or be those of a relation
    /// of the entity's own.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    pub async fn list_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> Result<Vec<E::Model>, DbErr> {
        let (columns, values) = (names(columns), vec![value.into_value_tuple()]);
        Lookup::primary(&self.home()?)
            .lists::<E>(&columns, values)
            .await
            .map(|mut lists| lists.pop().unwrap_or_default())
    }

    /// As [`list_by`](Self::list_by), for many values: a list for each, in their order. Costs what
    /// [`get_many_by`](Self::get_many_by) costs.
    ///
    /// # Errors
    /// As [`get_by`](Self::get_by).
    pub async fn list_many_by<I>(
        &self,
        columns: impl IdentityOf<E>,
        values: I,
    ) -> Result<Vec<Vec<E::Model>>, DbErr>
    where
        I: IntoIterator<Item: IntoValueTuple>,
    {
        let (columns, values) = (names(columns), tuples(values));
        Lookup::primary(&self.home()?).lists::<E>(&columns, values).await
    }

    /// Drops what is known of the rows with this value, after an insert or a change of these columns that no
    /// signal has told of. The rows themselves are dropped by [`invalidate`](Self::invalidate).
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate) and [`get_by`](Self::get_by).
    pub async fn invalidate_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> Result<(), DbErr> {
        let (columns, values) = (names(columns), vec![value.into_value_tuple()]);
        let home = self.home()?;
        let lookup = Lookup::primary(&home);
        let values = lookup.checked(&columns, values)?;
        let (index, order) = index_for(&home, &columns, false)?;
        let key = |values| home.region.index_key(index, &permuted(values, &order));
        self.invalidate_keys(values.into_iter().map(key).collect()).await
    }
}

impl<E: CachedEntity, C: ConnectionTrait> BoundController<'_, E, C> {
    /// As [`CacheController::get_by`].
    ///
    /// # Errors
    /// As there.
    pub async fn get_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> Result<Option<E::Model>, DbErr> {
        let (columns, values) = (names(columns), vec![value.into_value_tuple()]);
        self.lookup()?.unique::<E>(&columns, values).await.map(|mut rows| rows.pop().flatten())
    }

    /// As [`CacheController::list_by`].
    ///
    /// # Errors
    /// As there.
    pub async fn list_by(
        &self,
        columns: impl IdentityOf<E>,
        value: impl IntoValueTuple,
    ) -> Result<Vec<E::Model>, DbErr> {
        let (columns, values) = (names(columns), vec![value.into_value_tuple()]);
        self.lookup()?.lists::<E>(&columns, values).await.map(|mut lists| lists.pop().unwrap_or_default())
    }

    fn lookup(&self) -> Result<Lookup<'_, C>, DbErr> {
        let (home, connection, source) = self.parts()?;
        Ok(Lookup { home, connection, source })
    }
}

/// Where a lookup reads.
struct Lookup<'a, C> {
    home: &'a Home,
    connection: &'a C,
    source: Source,
}

impl<'a> Lookup<'a, DatabaseConnection> {
    fn primary(home: &'a Home) -> Self {
        Self { home, connection: home.autocache.database(), source: Source::Primary }
    }
}

impl<C: ConnectionTrait> Lookup<'_, C> {
    async fn unique<E: CachedEntity>(
        &self,
        columns: &[String],
        values: Vec<ValueTuple>,
    ) -> Result<Vec<Option<E::Model>>, DbErr> {
        let values = self.checked(columns, values)?;
        if let Some(order) = permutation(&pk_columns::<E>(), columns) {
            let pks = values.into_iter().map(|values| ValueTuple::Many(permuted(values, &order)));
            return Reader::<E, C>::new(self.home, self.connection, self.source)
                .get_many(pks.map(simplest).collect())
                .await;
        }
        let (index, order) = index_for(self.home, columns, true)?;
        let null = |values: &Vec<Value>| values.iter().any(|value| *value == value.as_null());
        let asked = values.iter().filter(|values| !null(values)).cloned();
        let asked: Vec<Vec<Value>> = asked.map(|values| permuted(values, &order)).collect();
        let lists = if asked.is_empty() { Vec::new() } else { self.read::<E>(index, asked).await? };
        let mut lists = lists.into_iter();
        let first = |values: &Vec<Value>| {
            if null(values) { None } else { lists.next().and_then(|rows| rows.into_iter().next()) }
        };
        Ok(values.iter().map(first).collect())
    }

    async fn lists<E: CachedEntity>(
        &self,
        columns: &[String],
        values: Vec<ValueTuple>,
    ) -> Result<Vec<Vec<E::Model>>, DbErr> {
        let values = self.checked(columns, values)?;
        let (index, order) = index_for(self.home, columns, false)?;
        self.read::<E>(index, values.into_iter().map(|values| permuted(values, &order)).collect()).await
    }

    async fn read<E: CachedEntity>(
        &self,
        index: &super::IndexDef,
        values: Vec<Vec<Value>>,
    ) -> Result<Vec<Vec<E::Model>>, DbErr> {
        Lists::<E, C>::new(self.home, self.connection, self.source, index).get(values).await
    }

    /// As many values as columns.
    fn checked(&self, columns: &[String], values: Vec<ValueTuple>) -> Result<Vec<Vec<Value>>, CacheError> {
        let values: Vec<Vec<Value>> = values.into_iter().map(|value| value.into_iter().collect()).collect();
        match values.iter().find(|values| values.len() != columns.len()) {
            None => Ok(values),
            Some(values) => Err(CacheError::Values {
                entity: self.home.region.model.clone(),
                columns: columns.to_vec(),
                given: values.len(),
            }),
        }
    }
}

fn names<E: CachedEntity>(columns: impl IdentityOf<E>) -> Vec<String> {
    columns.identity_of().iter().map(ToString::to_string).collect()
}

fn tuples<I: IntoIterator<Item: IntoValueTuple>>(values: I) -> Vec<ValueTuple> {
    values.into_iter().map(IntoValueTuple::into_value_tuple).collect()
}

/// The form that a primary key of so many values has.
fn simplest(values: ValueTuple) -> ValueTuple {
    super::hop::pk_of(values.into_iter().collect())
}
