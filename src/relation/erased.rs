//! What can be done with a cached entity whose type is not known where it is done: a junction between
//! two others, or the children of a row that is deleted.

use super::hop::lists_by;
use super::index::{IndexDef, column_of};
use super::members;
use crate::autocache::Region;
use crate::coherence::{Lifetime, Token};
use crate::controller::{Home, Source};
use crate::entity::CachedEntity;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement, Value, ValueTuple};
use sea_orm::{ColumnTrait, DbErr, FromQueryResult, IdenStatic, Iterable, ModelTrait, QueryFilter};
use sea_orm::{QueryResult, QuerySelect, QueryTrait};
use std::fmt;
use std::marker::PhantomData;

pub(crate) trait AnyEntity: fmt::Debug + Send + Sync {
    /// Whether [`hop`](Self::hop) can be called.
    fn is_junction(&self) -> bool;

    /// For each key, the wanted columns of the rows that have it, through the cache.
    fn hop<'a>(
        &self,
        home: &'a Home,
        columns: &'a [String],
        keys: Vec<Vec<Value>>,
        wanted: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Vec<Vec<Value>>>, DbErr>>;

    /// The statement that reads the rows with any of these values from the database.
    fn select(&self, columns: &[String], keys: &[Vec<Value>], lock: bool) -> SelectStatement;

    /// A row that such a statement has found.
    fn row(&self, found: &QueryResult) -> Result<Box<dyn AnyRow>, DbErr>;

    /// The entry of a list without members, of this index of the entity's region.
    fn empty_list(
        &self,
        region: &Region,
        index: &IndexDef,
        values: &[Value],
        nonce: Token,
    ) -> Option<(Bytes, Lifetime)>;

    /// The row's columns by their names.
    fn columns(&self, row: &dyn AnyRow) -> Vec<(String, Value)>;
}

/// A row of any entity.
pub(crate) trait AnyRow: Send {
    fn pk(&self) -> ValueTuple;
    /// The value of the column of this name.
    fn get(&self, column: &str) -> Option<Value>;
}

/// The values of these columns; `None` if one of them is not there.
pub(crate) fn values_of<S: AsRef<str>>(row: &dyn AnyRow, columns: &[S]) -> Option<Vec<Value>> {
    columns.iter().map(|column| row.get(column.as_ref())).collect()
}

pub(crate) fn erased<E: CachedEntity>() -> &'static dyn AnyEntity {
    &Typed::<E>(PhantomData)
}

struct Typed<E>(PhantomData<fn() -> E>);

struct Row<M>(M);

impl<E: CachedEntity> AnyEntity for Typed<E> {
    fn is_junction(&self) -> bool {
        E::JUNCTION
    }

    fn hop<'a>(
        &self,
        home: &'a Home,
        columns: &'a [String],
        keys: Vec<Vec<Value>>,
        wanted: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Vec<Vec<Value>>>, DbErr>> {
        // The compiler leaves the other branch out, and with it all that reading a list takes.
        if E::JUNCTION {
            Box::pin(hop_typed::<E>(home, columns, keys, wanted))
        } else {
            Box::pin(std::future::ready(Err(DbErr::Custom(format!("`{}` is no junction", E::model_name())))))
        }
    }

    fn select(&self, columns: &[String], keys: &[Vec<Value>], lock: bool) -> SelectStatement {
        let columns: Vec<E::Column> = columns.iter().filter_map(|name| column_of::<E>(name)).collect();
        let condition = match columns.as_slice() {
            [column] => column.is_in(keys.iter().filter_map(|values| values.first().cloned())),
            columns => {
                let tuple = Expr::tuple(columns.iter().map(|column| Expr::col(column.as_column_ref())));
                tuple.in_tuples(keys.iter().map(|values| ValueTuple::Many(values.clone())))
            }
        };
        let select = E::find().filter(condition);
        if lock { select.lock_exclusive().into_query() } else { select.into_query() }
    }

    fn row(&self, found: &QueryResult) -> Result<Box<dyn AnyRow>, DbErr> {
        Ok(Box::new(Row(E::Model::from_query_result(found, "")?)))
    }

    fn empty_list(
        &self,
        region: &Region,
        index: &IndexDef,
        values: &[Value],
        nonce: Token,
    ) -> Option<(Bytes, Lifetime)> {
        members::encode::<E>(region, index, values, &[], nonce)
    }

    fn columns(&self, row: &dyn AnyRow) -> Vec<(String, Value)> {
        let names = E::Column::iter().map(|column| column.as_str());
        names.filter_map(|name| Some((name.to_owned(), row.get(name)?))).collect()
    }
}

async fn hop_typed<E: CachedEntity>(
    home: &Home,
    columns: &[String],
    keys: Vec<Vec<Value>>,
    wanted: &[String],
) -> Result<Vec<Vec<Vec<Value>>>, DbErr> {
    let connection = home.autocache.database();
    let lists = lists_by::<E, _>(home, connection, Source::Primary, columns, keys).await?;
    let values = |row: E::Model| values_of(&Row(row), wanted);
    Ok(lists.into_iter().map(|rows| rows.into_iter().filter_map(values).collect()).collect())
}

impl<M: ModelTrait<Entity: CachedEntity>> AnyRow for Row<M> {
    fn pk(&self) -> ValueTuple {
        self.0.get_primary_key_value()
    }

    fn get(&self, column: &str) -> Option<Value> {
        column_of::<M::Entity>(column).map(|column| self.0.get(column))
    }
}

impl<E: CachedEntity> fmt::Debug for Typed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", E::model_name())
    }
}
