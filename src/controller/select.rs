//! Rows from the database by primary key.

use super::Pk;
use crate::entity::CachedEntity;
use crate::key::pk_text;
use sea_orm::sea_query::{Expr, ExprTrait, FromValueTuple, ValueTuple};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, Iterable, ModelTrait, PrimaryKeyArity};
use sea_orm::{PrimaryKeyToColumn, QueryFilter};
use std::collections::HashMap;

/// Keys of one `SELECT … IN`, well below every database's limit on parameters.
pub(crate) const SELECT_KEYS_MAX: usize = 500;

pub(super) async fn one<E: CachedEntity, C: ConnectionTrait>(
    connection: &C,
    pk: &ValueTuple,
) -> Result<Option<E::Model>, DbErr> {
    E::find_by_id(Pk::<E>::from_value_tuple(pk.clone())).one(connection).await
}

/// The rows in the order of the keys.
pub(super) async fn many<E: CachedEntity, C: ConnectionTrait>(
    connection: &C,
    pks: &[ValueTuple],
) -> Result<Vec<Option<E::Model>>, DbErr> {
    if let [pk] = pks {
        return Ok(vec![one::<E, C>(connection, pk).await?]);
    }
    let mut rows = Vec::with_capacity(pks.len());
    for pks in pks.chunks(SELECT_KEYS_MAX) {
        rows.extend(chunk::<E, C>(connection, pks).await?);
    }
    Ok(rows)
}

async fn chunk<E: CachedEntity, C: ConnectionTrait>(
    connection: &C,
    pks: &[ValueTuple],
) -> Result<Vec<Option<E::Model>>, DbErr> {
    let found = E::find().filter(is_one_of::<E>(pks)).all(connection).await?;
    let by_key = |row: E::Model| Some((pk_text(&row.get_primary_key_value())?, row));
    let mut found: HashMap<String, E::Model> = found.into_iter().filter_map(by_key).collect();
    let mut rows: Vec<Option<E::Model>> =
        pks.iter().map(|pk| pk_text(pk).and_then(|text| found.remove(&text))).collect();
    if !found.is_empty() {
        // The database takes two spellings for one key: only it can say which row is meant.
        for (row, pk) in rows.iter_mut().zip(pks).filter(|(row, _)| row.is_none()) {
            *row = one::<E, C>(connection, pk).await?;
        }
    }
    Ok(rows)
}

/// The condition for the rows with one of these keys.
pub(crate) fn is_one_of<E: CachedEntity>(pks: &[ValueTuple]) -> Expr {
    let mut columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    if <Pk<E> as PrimaryKeyArity>::ARITY == 1
        && let Some(column) = columns.next()
    {
        return column.is_in(pks.iter().flat_map(|pk| pk.clone().into_iter()));
    }
    let columns = columns.map(|column| Expr::col(column.as_column_ref()));
    Expr::tuple(columns).in_tuples(pks.iter().cloned())
}
