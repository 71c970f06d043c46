//! Rows from the database.

use crate::entity::{Row, SELECT_KEYS_MAX, Schema};
use crate::executor::Executor;
use crate::key::pk_text;
use sea_orm::DbErr;
use sea_orm::sea_query::{SelectStatement, Value, ValueTuple};
use std::collections::HashMap;

/// The rows that a `SELECT` of all columns finds.
pub(super) async fn rows(
    connection: &dyn Executor,
    schema: &Schema,
    select: &SelectStatement,
) -> Result<Vec<Row>, DbErr> {
    connection.select(select).await?.iter().map(|found| schema.ops.read(found)).collect()
}

/// The row with this primary key.
pub(super) async fn one(
    connection: &dyn Executor,
    schema: &Schema,
    pk: &ValueTuple,
) -> Result<Option<Row>, DbErr> {
    let found = connection.select_one(&schema.select_by_pk(pk)).await?;
    found.map(|found| schema.ops.read(&found)).transpose()
}

/// The rows in the order of the keys.
pub(super) async fn many(
    connection: &dyn Executor,
    schema: &Schema,
    pks: &[ValueTuple],
) -> Result<Vec<Option<Row>>, DbErr> {
    if let [pk] = pks {
        return Ok(vec![one(connection, schema, pk).await?]);
    }
    let mut rows = Vec::with_capacity(pks.len());
    for pks in pks.chunks(SELECT_KEYS_MAX) {
        rows.extend(chunk(connection, schema, pks).await?);
    }
    Ok(rows)
}

async fn chunk(
    connection: &dyn Executor,
    schema: &Schema,
    pks: &[ValueTuple],
) -> Result<Vec<Option<Row>>, DbErr> {
    let values: Vec<Vec<Value>> = pks.iter().map(|pk| pk.clone().into_iter().collect()).collect();
    let select = schema.select_by(&schema.pk, values.iter().map(Vec::as_slice));
    let found = rows(connection, schema, &select).await?;
    let by_key = |row: Row| Some((pk_text(&schema.pk_of(&*row))?, row));
    let mut found: HashMap<String, Row> = found.into_iter().filter_map(by_key).collect();
    let mut rows: Vec<Option<Row>> =
        pks.iter().map(|pk| pk_text(pk).and_then(|text| found.remove(&text))).collect();
    if !found.is_empty() {
        // The database takes two spellings for one key: only it can say which row is meant.
        for (row, pk) in rows.iter_mut().zip(pks).filter(|(row, _)| row.is_none()) {
            *row = one(connection, schema, pk).await?;
        }
    }
    Ok(rows)
}
