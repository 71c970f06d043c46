//! From rows to their related rows: along one relation, or several in a row.

use super::lists::Lists;
use super::{Reader, Source};
use crate::autocache::{Autocache, Region};
use crate::entity::{CachedEntity, EntityOps, Row, Schema, is_null, ops_of, pk_tuple};
use crate::error::CacheError;
use crate::executor::Executor;
use crate::keyspace::Keyspace;
use sea_orm::sea_query::{TableName, TableRef, Value};
use sea_orm::{DbErr, Identity, RelationDef};
use std::any::TypeId;
use std::borrow::Cow;
use std::sync::Arc;

/// One relation of a path.
#[derive(Clone, Debug)]
struct Link {
    from_table: String,
    from: Vec<String>,
    to_schema: Option<String>,
    to_table: String,
    to: Vec<String>,
}

impl Link {
    /// # Errors
    /// The relation has a condition of its own, which only the database can judge.
    fn of(relation: &RelationDef) -> Result<Self, CacheError> {
        let link = Self {
            from_table: relation.from_tbl.sea_orm_table().to_string(),
            from: names(&relation.from_col),
            to_schema: schema_of(&relation.to_tbl),
            to_table: relation.to_tbl.sea_orm_table().to_string(),
            to: names(&relation.to_col),
        };
        if relation.on_condition.is_some() {
            return Err(CacheError::Conditional { from: link.from_table, to: link.to_table });
        }
        Ok(link)
    }

    /// The region that this link leads to, on the way to the next: of an entity of the table that has the columns
    /// of both, where there is one.
    ///
    /// # Errors
    /// The table is of no cached entity.
    fn region(&self, autocache: &Autocache, next: &Self) -> Result<Arc<Region>, CacheError> {
        let mut regions = autocache.regions_of_table(&self.to_table);
        regions.retain(|region| {
            let schema = &region.keyspace.schema;
            schema.table == self.to_table && schema.may_be_in(self.to_schema.as_deref())
        });
        let has = |region: &Arc<Region>, names: &[String]| region.keyspace.schema.columns_of(names).is_some();
        let place = regions.iter().position(|region| has(region, &self.to) && has(region, &next.from));
        let region = regions.into_iter().nth(place.unwrap_or(0));
        region.ok_or_else(|| CacheError::NotCached { table: self.to_table.clone() })
    }
}

fn schema_of(table: &TableRef) -> Option<String> {
    match table {
        TableRef::Table(TableName(Some(schema), _), _) => Some(schema.1.to_string()),
        _ => None,
    }
}

/// The entity that a path leads to.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    id: TypeId,
    ops: &'static dyn EntityOps,
    table: &'static str,
}

impl Target {
    pub(crate) fn of<E: CachedEntity>() -> Self {
        Self { id: TypeId::of::<E>(), ops: ops_of::<E>(), table: E::default().table_name() }
    }
}

/// Relations in a row, from one entity to another.
pub(crate) struct Path {
    links: Vec<Link>,
    target: Target,
}

impl Path {
    /// The path along these relations, from a table to a table.
    ///
    /// # Errors
    /// A relation has a condition of its own; or they do not lead from the one table to the other.
    pub(crate) fn new(from: &str, target: Target, relations: &[RelationDef]) -> Result<Self, CacheError> {
        let links = relations.iter().map(Link::of).collect::<Result<Vec<_>, _>>()?;
        let to = target.table;
        let tables = links.iter().map(|link| link.from_table.as_str()).chain([to]);
        let expected = [from].into_iter().chain(links.iter().map(|link| link.to_table.as_str()));
        if links.is_empty() || !tables.eq(expected) {
            return Err(CacheError::RelationMismatch { from: from.to_owned(), to: to.to_owned() });
        }
        Ok(Self { links, target })
    }

    /// The columns of the first entity that the path begins with.
    pub(crate) fn start(&self) -> &[String] {
        &self.links[0].from
    }

    /// The related rows of each start. A start with a NULL in it has none, and costs nothing.
    pub(crate) async fn follow(
        &self,
        autocache: &Autocache,
        connection: &dyn Executor,
        source: Source,
        starts: Vec<Vec<Value>>,
    ) -> Result<Vec<Vec<Row>>, DbErr> {
        let mut fronts: Vec<Vec<Vec<Value>>> = starts.into_iter().map(|start| vec![start]).collect();
        let mut rows = Vec::new();
        for (place, link) in self.links.iter().enumerate() {
            let next = self.links.get(place + 1);
            let region = match next {
                Some(next) => Cow::Owned(link.region(autocache, next)?),
                None => autocache.region(self.target.id, self.target.ops)?,
            };
            let reader = Reader { autocache, region: &region, connection, source };
            let (keys, sizes) = flattened(fronts);
            let lists = lists_by(&reader, &link.to, keys).await?;
            fronts = Vec::new();
            match next {
                Some(next) => {
                    let schema = &region.keyspace.schema;
                    let wanted = columns_of(schema, &next.from)?;
                    let values = |row: &Row| schema.values_of(&**row, &wanted);
                    let lists = lists.iter().map(|rows| rows.iter().map(values).collect()).collect();
                    fronts = grouped(lists, &sizes);
                }
                None => rows = grouped(lists, &sizes),
            }
        }
        Ok(rows)
    }
}

fn names(identity: &Identity) -> Vec<String> {
    identity.iter().map(ToString::to_string).collect()
}

/// The numbers of a relation's columns.
fn columns_of(schema: &Schema, names: &[String]) -> Result<Vec<usize>, CacheError> {
    let columns = schema.columns_of(names);
    columns
        .ok_or_else(|| CacheError::RelationMismatch { from: schema.table.to_owned(), to: names.join(", ") })
}

fn flattened<T>(groups: Vec<Vec<T>>) -> (Vec<T>, Vec<usize>) {
    let sizes = groups.iter().map(Vec::len).collect();
    (groups.into_iter().flatten().collect(), sizes)
}

/// Joins the lists of each group: as many as its size says.
fn grouped<T>(lists: Vec<Vec<T>>, sizes: &[usize]) -> Vec<Vec<T>> {
    let mut lists = lists.into_iter();
    sizes.iter().map(|size| lists.by_ref().take(*size).flatten().collect()).collect()
}

/// The rows whose columns have each of these values, as lists. Values with a NULL have none, nor do those with a
/// number that is too large for its column: a key of more bits may point to one of fewer.
///
/// # Errors
/// A value is none of its column, or there is no index on the columns.
async fn lists_by(
    reader: &Reader<'_>,
    names: &[String],
    keys: Vec<Vec<Value>>,
) -> Result<Vec<Vec<Row>>, DbErr> {
    let schema = &reader.region.keyspace.schema;
    let columns = columns_of(schema, names)?;
    let no_row_has =
        |(value, column): (&Value, &usize)| is_null(value) || schema.columns[*column].is_out_of_range(value);
    let has_none = |key: &Vec<Value>| key.iter().zip(&columns).any(no_row_has);
    let asked: Vec<Vec<Value>> = keys.iter().filter(|key| !has_none(key)).cloned().collect();
    let lists = if asked.is_empty() { Vec::new() } else { asked_lists(reader, names, asked).await? };
    let mut lists = lists.into_iter();
    let list = |key: &Vec<Value>| if has_none(key) { None } else { lists.next() };
    Ok(keys.iter().map(list).map(Option::unwrap_or_default).collect())
}

async fn asked_lists(
    reader: &Reader<'_>,
    names: &[String],
    asked: Vec<Vec<Value>>,
) -> Result<Vec<Vec<Row>>, DbErr> {
    let keyspace = &reader.region.keyspace;
    let columns = columns_of(&keyspace.schema, names)?;
    if let Some(order) = permutation(&keyspace.schema.pk, &columns) {
        let pk = |key| convert(keyspace, &keyspace.schema.pk, permuted(key, &order)).map(pk_tuple);
        let pks = asked.into_iter().map(pk).collect::<Result<Vec<_>, _>>()?;
        let rows = reader.rows(pks).await?;
        return Ok(rows.into_iter().map(|row| row.into_iter().collect()).collect());
    }
    let (place, order) = index_for(keyspace, names, false)?;
    let own = &keyspace.indexes[place].columns;
    let values = asked.into_iter().map(|key| convert(keyspace, own, permuted(key, &order)));
    Lists::new(*reader, place).get(values.collect::<Result<Vec<_>, _>>()?).await
}

/// Values as those of these columns.
///
/// # Errors
/// One of them is none of its column.
pub(crate) fn convert(
    keyspace: &Keyspace,
    columns: &[usize],
    values: Vec<Value>,
) -> Result<Vec<Value>, CacheError> {
    keyspace.schema.convert(columns, values).map_err(|wrong| CacheError::WrongType {
        entity: keyspace.model().to_owned(),
        column: wrong.column,
        wanted: wrong.wanted,
        given: wrong.given,
    })
}

/// The place of the index of these columns, and how values in their order come into the order of the index.
///
/// # Errors
/// There is none.
pub(crate) fn index_for<S: AsRef<str>>(
    keyspace: &Keyspace,
    names: &[S],
    unique: bool,
) -> Result<(usize, Vec<usize>), CacheError> {
    let columns = keyspace.schema.columns_of(names);
    let found = columns.and_then(|columns| {
        let mut indexes = keyspace.indexes.iter().enumerate();
        indexes.find_map(|(place, index)| {
            let order = permutation(&index.columns, &columns)?;
            (index.unique || !unique).then_some((place, order))
        })
    });
    found.ok_or_else(|| CacheError::NoIndex {
        entity: keyspace.model().to_owned(),
        columns: names.iter().map(|column| column.as_ref().to_owned()).collect(),
        unique,
    })
}

/// For each of the own columns its place among the given ones; `None` if they are not the same columns.
pub(crate) fn permutation(own: &[usize], given: &[usize]) -> Option<Vec<usize>> {
    let place = |column: &usize| given.iter().position(|other| other == column);
    own.iter().map(place).collect::<Option<Vec<_>>>().filter(|_| own.len() == given.len())
}

pub(crate) fn permuted(values: Vec<Value>, order: &[usize]) -> Vec<Value> {
    order.iter().filter_map(|place| values.get(*place).cloned()).collect()
}
