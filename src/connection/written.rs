//! Which cached rows a statement writes, and which hooks have announced it.

use crate::autocache::{Autocache, Region};
use crate::cascade::dependents;
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
    /// Entities that depend on what is written.
    pub(super) dependent: Vec<Arc<Region>>,
    /// What hooks have announced, and where.
    pub(super) tracked: Vec<(Arc<HookNotes>, Announced)>,
}

/// What runs a statement.
#[derive(Clone, Copy)]
pub(super) enum Site<'a> {
    /// One of our connections, outside of a transaction.
    Connection,
    /// One of our transactions.
    Transaction(&'a UnitOfWork),
    /// A plain connection that is observed, or a transaction on it.
    Plain,
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
    pub(super) fn of(autocache: &Autocache, statement: &Statement, site: Site<'_>) -> Self {
        let shape = sql::shape_of(statement);
        let mut concerned = Self::default();
        for (regions, write) in written(autocache, &shape, &statement.sql) {
            let sole = write.filter(|_| shape.sole_write().is_some());
            let is_claimed = |region: &Arc<Region>| {
                let notes = site.notes_of(region);
                let ids = sole.and_then(|write| ids_of(region, write, statement));
                ids.and_then(|ids| site.claimed(&notes, ids)).map(|announced| (notes, announced))
            };
            // The hook of one entity has done what the others of the table need, and those that depend on it.
            if let Some((notes, announced)) = regions.iter().find_map(is_claimed) {
                concerned.tracked.extend(announced.into_iter().map(|announced| (notes.clone(), announced)));
                continue;
            }
            if let Some(write) = write {
                let removes = write.verb.may_remove();
                concerned.dependent.extend(autocache.dependent_on(&write.table.table, removes));
            }
            for region in regions {
                concerned.add_untracked(autocache, &region, write, statement);
            }
        }
        for table in autocache.tables_of_routines(&statement.sql) {
            concerned.dependent.extend(autocache.dependent_on(table, true));
            for region in autocache.regions_of_table(table) {
                concerned.add_untracked(autocache, &region, None, statement);
            }
        }
        concerned
    }

    fn add_untracked(
        &mut self,
        autocache: &Autocache,
        region: &Arc<Region>,
        write: Option<&TableWrite>,
        statement: &Statement,
    ) {
        if write.is_none_or(|write| write.verb.may_remove()) {
            self.untracked
                .extend(dependents(autocache, region.keyspace.table()).into_iter().map(Untracked::Entity));
        }
        if region.keyspace.is_off() {
            return;
        }
        match write.and_then(|write| rows_of(region, write, statement)) {
            Some(rows) => self.untracked.extend(rows.into_iter().map(Untracked::Row)),
            None => self.untracked.push(Untracked::Entity(region.clone())),
        }
    }
}

impl Site<'_> {
    fn notes_of(&self, region: &Region) -> Arc<HookNotes> {
        match self {
            Self::Transaction(work) => work.notes_of(&region.keyspace),
            Self::Connection | Self::Plain => region.notes.clone(),
        }
    }

    /// What hooks have announced of these statements, which SeaORM has sent as one; `None` unless all were.
    fn claimed(&self, notes: &HookNotes, ids: Vec<StatementId>) -> Option<Vec<Announced>> {
        let own = |id: &StatementId| if matches!(self, Self::Plain) { id.on_plain() } else { *id };
        let claimed: Vec<Announced> = ids.iter().map_while(|id| notes.claim(own(id))).collect();
        (!ids.is_empty() && claimed.len() == ids.len()).then_some(claimed)
    }
}

/// Whether the statement only reads, as far as its text and what is said of its routines tell.
pub(super) fn only_reads(autocache: &Autocache, statement: &Statement) -> bool {
    sql::only_reads(statement) && !autocache.runs_routine(&statement.sql)
}

/// The cached entities of which this statement may change rows, by itself or by cascade.
pub(crate) fn touched_by(autocache: &Autocache, statement: &Statement) -> Vec<Arc<Region>> {
    let shape = sql::shape_of(statement);
    let mut touched = Vec::new();
    for (regions, write) in written(autocache, &shape, &statement.sql) {
        let removes = write.is_none_or(|write| write.verb.may_remove());
        touched
            .extend(write.map_or_else(Vec::new, |write| autocache.dependent_on(&write.table.table, removes)));
        for region in regions {
            if removes {
                touched.extend(dependents(autocache, region.keyspace.table()));
            }
            touched.push(region);
        }
    }
    for table in autocache.tables_of_routines(&statement.sql) {
        touched.extend(autocache.dependent_on(table, true));
        touched.extend(autocache.regions_of_table(table).into_iter().flat_map(|region| {
            let followers = dependents(autocache, region.keyspace.table());
            [region].into_iter().chain(followers)
        }));
    }
    touched.retain(|region| !region.keyspace.is_off());
    touched
}

/// The regions of each table that a text writes to, with what it does there, if that is known.
fn written<'s>(
    autocache: &Autocache,
    shape: &'s Shape,
    sql: &str,
) -> Vec<(Vec<Arc<Region>>, Option<&'s TableWrite>)> {
    if shape.is_opaque || shape.spreads {
        let mut regions = autocache.regions();
        regions.retain(|region| {
            let schema = &region.keyspace.schema;
            let mut tables = [schema.table].into_iter().chain(schema.depends_on.iter().copied());
            shape.spreads || tables.any(|table| sql::mentions(sql, table))
        });
        return vec![(regions, None)];
    }
    let of_table = |write: &'s TableWrite| (autocache.regions_of_table(&write.table.table), Some(write));
    shape.writes.iter().map(of_table).collect()
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
