//! Which cached rows a statement writes, and which hooks have announced it.

use crate::autocache::{Autocache, Region};
use crate::entity::pk_tuple;
use crate::sql::{self, Equals, Shape, TableWrite, Verb, value_of};
use crate::write::{Announced, HookNotes, StatementId, UnitOfWork};
use sea_orm::Statement;
use sea_orm::sea_query::{Value, ValueTuple};
use std::sync::Arc;

/// What a statement writes.
#[derive(Debug, Default)]
pub(super) struct Concerned {
    pub(super) untracked: Vec<Untracked>,
    /// What hooks have announced, and where.
    pub(super) tracked: Vec<(Arc<HookNotes>, Announced)>,
}

/// What a write without hooks changes.
#[derive(Debug)]
pub(super) enum Untracked {
    Row(Row),
    /// Any row.
    Entity(Arc<Region>),
}

/// A row that a statement names by its primary key.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) region: Arc<Region>,
    pub(super) pk: ValueTuple,
    pub(super) key: String,
    verb: Verb,
}

impl Untracked {
    pub(super) fn region(&self) -> &Arc<Region> {
        match self {
            Self::Row(row) => &row.region,
            Self::Entity(region) => region,
        }
    }
}

impl Row {
    /// Whether it may join lists.
    pub(super) fn is_listed(&self) -> bool {
        self.verb == Verb::Update && self.region.keyspace.indexes.iter().any(|index| index.cached)
    }
}

impl Concerned {
    pub(super) fn of(autocache: &Autocache, statement: &Statement, work: Option<&UnitOfWork>) -> Self {
        let shape = sql::shape_of(statement);
        let mut concerned = Self::default();
        for (region, write) in written(autocache, &shape, &statement.sql) {
            if region.keyspace.is_off() {
                continue;
            }
            let notes = work.map_or_else(|| region.notes.clone(), |work| work.notes_of(&region.keyspace));
            let ids = write
                .filter(|_| shape.sole_write().is_some())
                .and_then(|write| ids_of(&region, write, statement));
            if ids.is_some_and(|ids| concerned.claims(&notes, ids)) {
                continue;
            }
            if write.is_none_or(|write| write.verb.may_remove()) {
                let dependents = dependents(autocache, region.keyspace.table()).into_iter();
                concerned.untracked.extend(dependents.map(Untracked::Entity));
            }
            match write.and_then(|write| rows_of(&region, write, statement)) {
                Some(rows) => concerned.untracked.extend(rows.into_iter().map(Untracked::Row)),
                None => concerned.untracked.push(Untracked::Entity(region)),
            }
        }
        concerned
    }

    /// Whether hooks have announced all of these statements, which SeaORM has sent as one.
    fn claims(&mut self, notes: &Arc<HookNotes>, ids: Vec<StatementId>) -> bool {
        let claimed: Vec<Announced> = ids.iter().map_while(|id| notes.claim(*id)).collect();
        let all = !ids.is_empty() && claimed.len() == ids.len();
        self.tracked.extend(claimed.into_iter().filter(|_| all).map(|announced| (notes.clone(), announced)));
        all
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.untracked.is_empty() && self.tracked.is_empty()
    }
}

/// The cached entities of which this statement may change rows, by itself or by cascade.
pub(crate) fn touched_by(autocache: &Autocache, statement: &Statement) -> Vec<Arc<Region>> {
    let shape = sql::shape_of(statement);
    let mut touched = Vec::new();
    for (region, write) in written(autocache, &shape, &statement.sql) {
        if write.is_none_or(|write| write.verb.may_remove()) {
            touched.extend(dependents(autocache, region.keyspace.table()));
        }
        touched.push(region);
    }
    touched.retain(|region| !region.keyspace.is_off());
    touched
}

/// The regions of the tables that a text writes to, each with what it does there, if that is known.
fn written<'s>(
    autocache: &Autocache,
    shape: &'s Shape,
    sql: &str,
) -> Vec<(Arc<Region>, Option<&'s TableWrite>)> {
    if shape.is_opaque || shape.spreads {
        let mut regions = autocache.regions();
        regions.retain(|region| shape.spreads || sql::mentions(sql, region.keyspace.table()));
        return regions.into_iter().map(|region| (region, None)).collect();
    }
    let of_table = |write: &'s TableWrite| {
        let regions = autocache.regions_of_table(&write.table.table).into_iter();
        regions.map(move |region| (region, Some(write)))
    };
    shape.writes.iter().flat_map(of_table).collect()
}

/// What hooks would have announced, if this statement was theirs: writes of single rows, of nothing but values.
/// SeaORM writes the links between entities in one statement, after the hooks of all of them.
fn ids_of(region: &Region, write: &TableWrite, statement: &Statement) -> Option<Vec<StatementId>> {
    let schema = &region.keyspace.schema;
    if !write.is_plain || !(write.sets_values || schema.has_expressions) {
        return None;
    }
    let values: &[Value] = statement.values.as_ref().map_or(&[], |values| values.0.as_slice());
    let columns = || write.columns.iter().map(String::as_str);
    // As many as there are columns in the primary key, and those.
    let pk_of = |equals: &Equals| -> Option<Vec<&Value>> {
        let value = |column: &usize| values.get(value_of(equals, schema.columns[*column].name)?);
        (equals.len() == schema.pk.len()).then(|| schema.pk.iter().map(value).collect())?
    };
    match (write.verb, &write.named) {
        (Verb::Insert, _) if write.rows.len() <= 1 => {
            Some(vec![StatementId::of(Verb::Insert, columns(), values)])
        }
        (Verb::Insert, _) => {
            let row = |row: &Vec<Option<usize>>| {
                let values: Vec<&Value> =
                    row.iter().map(|value| values.get((*value)?)).collect::<Option<_>>()?;
                Some(StatementId::of(Verb::Insert, columns(), values))
            };
            write.rows.iter().map(row).collect()
        }
        (Verb::Update, Some(named)) => match named.as_slice() {
            [equals] if pk_of(equals).is_some() => {
                Some(vec![StatementId::of(Verb::Update, columns(), values)])
            }
            _ => None,
        },
        (Verb::Delete, Some(named)) => {
            named.iter().map(|equals| Some(StatementId::of(Verb::Delete, [], pk_of(equals)?))).collect()
        }
        _ => None,
    }
}

/// Rows beyond which a statement is taken to change any.
const ROWS_MAX: usize = 1_000;

/// The rows that the statement names by their primary keys, and leaves them. Where the database takes other values
/// for the same one, a row may have another key.
fn rows_of(region: &Arc<Region>, write: &TableWrite, statement: &Statement) -> Option<Vec<Row>> {
    let keyspace = &region.keyspace;
    let named = write.named.as_ref().filter(|named| named.len() <= ROWS_MAX)?;
    if !keyspace.exact_keys || !matches!(write.verb, Verb::Update | Verb::Delete) {
        return None;
    }
    let values = &statement.values.as_ref()?.0;
    let row = |equals: &Equals| {
        let value = |column: &usize| {
            let column = &keyspace.schema.columns[*column];
            let value = values.get(value_of(equals, column.name)?)?;
            (column.holds(value) && !write.sets(column.name)).then(|| value.clone())
        };
        let pk = pk_tuple(keyspace.schema.pk.iter().map(value).collect::<Option<_>>()?);
        let key = keyspace.key(&pk)?;
        Some(Row { region: region.clone(), pk, key, verb: write.verb })
    };
    named.iter().map(row).collect()
}

/// The regions whose rows may follow the deletion of rows of this table, at any level.
fn dependents(autocache: &Autocache, table: &str) -> Vec<Arc<Region>> {
    let mut found: Vec<Arc<Region>> = Vec::new();
    let mut tables = vec![table.to_owned()];
    while let Some(table) = tables.pop() {
        for child in autocache.children_of(&table) {
            if !found.iter().any(|other| Arc::ptr_eq(other, &child)) {
                tables.push(child.keyspace.table().to_owned());
                found.push(child);
            }
        }
    }
    found
}
