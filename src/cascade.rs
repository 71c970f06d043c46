//! `ON DELETE CASCADE` and `SET NULL` between cached entities: the rows that change when a row is deleted.

use crate::autocache::{Autocache, Region};
use crate::entity::{ForeignKey, Row, SELECT_KEYS_MAX, Schema, is_null};
use crate::executor::Executor;
use crate::keyspace::{IndexDef, Keyspace};
use crate::telemetry::TARGET;
use crate::write::{IntentSet, RowChange};
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{SelectStatement, Value, ValueTuple};
use sea_orm::{DbBackend, DbErr};
use std::collections::HashSet;
use std::sync::Arc;

/// Levels of dependent rows that are followed. A row is followed once, so circles end by themselves; this bounds
/// the statements of one delete. Of entities that may lie deeper every entry is dropped.
const DEPTH_MAX: usize = 32;

/// The rows that change with a delete, found level by level.
#[derive(Debug, Default)]
pub(crate) struct Cascade {
    /// Keys of rows and lists that change with it.
    pub(crate) keys: Vec<(Arc<Keyspace>, String)>,
    /// Entities of which unknown rows change: their children could not be read, or lie too deep.
    pub(crate) unproven: Vec<Arc<Keyspace>>,
    seen: HashSet<(usize, String)>,
}

/// Rows of one entity that are deleted.
#[derive(Debug)]
pub(crate) struct Deleted {
    table: &'static str,
    rows: Vec<Columns>,
}

/// The columns of a row that foreign keys may point to.
type Columns = Vec<(&'static str, Value)>;

/// A foreign key and the values in it that are about to go.
#[derive(Debug)]
struct Reference {
    child: Arc<Region>,
    key: ForeignKey,
    values: Vec<Vec<Value>>,
}

impl Deleted {
    pub(crate) fn of(schema: &Schema, rows: &[Row]) -> Self {
        Self { table: schema.table, rows: rows.iter().map(|row| columns_of(schema, row)).collect() }
    }

    /// The foreign keys that point to these rows.
    fn references(&self, autocache: &Autocache) -> Vec<Reference> {
        let mut references = Vec::new();
        for child in autocache.children_of(self.table) {
            for key in child.keyspace.schema.foreign_keys.iter().filter(|key| key.table == self.table) {
                let value = |row: &Columns, name: &String| {
                    row.iter().find(|(column, _)| column == name).map(|(_, value)| value.clone())
                };
                let values = |row: &Columns| {
                    key.columns.iter().map(|name| value(row, name)).collect::<Option<Vec<Value>>>()
                };
                // A NULL points to no row and no row points to it.
                let values = self.rows.iter().filter_map(values).filter(|v| !v.iter().any(is_null));
                let values: Vec<Vec<Value>> = values.map(|values| own_values(&child, key, values)).collect();
                if !values.is_empty() {
                    references.push(Reference { child: child.clone(), key: key.clone(), values });
                }
            }
        }
        references
    }
}

/// The values as those of the child's own columns. A value that is none of its column is left to the database.
fn own_values(child: &Region, key: &ForeignKey, values: Vec<Value>) -> Vec<Value> {
    child.keyspace.schema.convert(&key.own, values.clone()).unwrap_or(values)
}

impl Reference {
    fn keyspace(&self) -> &Arc<Keyspace> {
        &self.child.keyspace
    }

    /// Places intents on the lists of the children. A writer that adds a child does so, too: a delete that is
    /// alone on the lists has missed none.
    fn mark(&self, intents: &mut IntentSet) {
        let keyspace = self.keyspace();
        let index = keyspace.indexes.iter().find(|index| index.cached && index.is_of(&self.key.own));
        let Some(index) = index else { return intents.add_unproven(keyspace) };
        for values in &self.values {
            let place = |column: &usize| self.key.own.iter().position(|own| own == column);
            let ordered = index.columns.iter().filter_map(|column| values.get(place(column)?).cloned());
            let ordered: Vec<Value> = ordered.collect();
            let key = keyspace.index_key(index, &ordered);
            let empty = keyspace.encode_list(&key, index, &ordered, &[], intents.token());
            intents.add_witness(keyspace, key, empty);
        }
    }

    /// The children in the database.
    async fn children(&self, db: &dyn Executor, lock: bool) -> Result<Vec<Row>, DbErr> {
        let schema = &self.keyspace().schema;
        let mut children = Vec::new();
        for values in self.values.chunks(SELECT_KEYS_MAX) {
            let mut select = schema.select_by(&self.key.own, values.iter().map(Vec::as_slice));
            if lock {
                select.lock_exclusive();
            }
            children.extend(read(db, schema, &select).await?);
        }
        Ok(children)
    }

    /// The lists that a child joins when its foreign key becomes NULL.
    fn orphan_lists(&self, row: &Row) -> Vec<String> {
        let keyspace = self.keyspace();
        let nulled = |column: usize| self.key.own.contains(&column);
        let concerned =
            |index: &&IndexDef| index.cached && index.columns.iter().any(|column| nulled(*column));
        let value = |column: usize| {
            if nulled(column) { Value::Int(None) } else { keyspace.schema.get(row, column) }
        };
        let key = |index: &IndexDef| keyspace.index_key(index, &index.values(&value));
        keyspace.indexes.iter().filter(concerned).map(key).collect()
    }
}

impl Cascade {
    /// The next level: the children of these references, and those of them that are deleted in turn. Outside of a
    /// transaction children need not be known: where they cannot be read, their entities are given up.
    async fn follow(
        &mut self,
        autocache: &Autocache,
        references: &[Reference],
        db: &dyn Executor,
        lock: bool,
    ) -> Result<Vec<Deleted>, DbErr> {
        let mut deleted = Vec::new();
        for reference in references {
            let keyspace = reference.keyspace();
            let children = match reference.children(db, lock).await {
                Ok(children) => children,
                Err(error) if !lock => {
                    warn_unreadable(keyspace.model(), &error);
                    self.give_up(autocache, std::slice::from_ref(reference));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut rows = Vec::new();
            for row in children {
                let Some(key) = keyspace.key(&keyspace.schema.pk_of(&*row)) else { continue };
                if reference.key.sets_null {
                    for list in reference.orphan_lists(&row) {
                        self.add(keyspace, list);
                    }
                    self.add(keyspace, key);
                } else if self.add(keyspace, key) {
                    rows.push(row);
                }
            }
            if !rows.is_empty() {
                deleted.push(Deleted::of(&keyspace.schema, &rows));
            }
        }
        Ok(deleted)
    }

    /// The entities of these references are not followed, nor what depends on them.
    fn give_up(&mut self, autocache: &Autocache, references: &[Reference]) {
        for keyspace in references.iter().map(Reference::keyspace) {
            self.unproven.push(keyspace.clone());
            let deeper = dependents(autocache, keyspace.table());
            self.unproven.extend(deeper.iter().map(|region| region.keyspace.clone()));
        }
    }

    /// Whether the key is new.
    fn add(&mut self, keyspace: &Arc<Keyspace>, key: String) -> bool {
        let new = self.seen.insert((keyspace.id(), key.clone()));
        if new {
            self.keys.push((keyspace.clone(), key));
        }
        new
    }
}

/// The regions whose rows may follow the deletion of rows of this table, at any level.
pub(crate) fn dependents(autocache: &Autocache, table: &str) -> Vec<Arc<Region>> {
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

fn warn_unreadable(model: &str, error: &DbErr) {
    tracing::warn!(target: TARGET, entity = model, %error, "rows that a cascade may change could not be read and locked: every entry of their entities is dropped");
}

/// What changes with this row's deletion, in a transaction: it locks the row, so that no child can be added until
/// the transaction is over.
pub(crate) async fn locked_cascade(
    autocache: &Autocache,
    schema: &Schema,
    pk: &ValueTuple,
    db: &dyn Executor,
) -> Result<Cascade, DbErr> {
    if autocache.children_of(schema.table).is_empty() {
        return Ok(Cascade::default());
    }
    let found = Box::pin(async {
        let mut select = schema.select_by_pk(pk);
        select.lock_exclusive();
        let rows = read(db, schema, &select).await?;
        follow_all(autocache, Deleted::of(schema, &rows), db).await
    });
    tried(autocache, schema.table, db, found).await
}

/// As [`locked_cascade`], for rows that are locked already.
pub(crate) async fn cascade_of(
    autocache: &Autocache,
    deleted: Deleted,
    db: &dyn Executor,
) -> Result<Cascade, DbErr> {
    let table = deleted.table;
    tried(autocache, table, db, Box::pin(follow_all(autocache, deleted, db))).await
}

/// A savepoint around the search for children. Nothing else uses its name.
const SAVEPOINT: &str = "sea_orm_autocache_cascade";

/// What a search in a transaction finds. Where a table cannot be read, or the role may not lock its rows, any row of
/// what depends on this table may change. On Postgres such a failure would end the transaction, so the search runs in
/// a savepoint there. A connection that takes no text, as a `RestrictedConnection`, has none.
async fn tried(
    autocache: &Autocache,
    table: &str,
    db: &dyn Executor,
    search: BoxFuture<'_, Result<Cascade, DbErr>>,
) -> Result<Cascade, DbErr> {
    let dependents = dependents(autocache, table);
    if dependents.is_empty() {
        return Ok(Cascade::default());
    }
    let postgres = db.dialect() == DbBackend::Postgres;
    let run = async |verb: &str| db.execute_unprepared_text(&format!("{verb} {SAVEPOINT}")).await;
    let protected = postgres && run("SAVEPOINT").await.is_ok();
    let found = search.await;
    if protected {
        run(if found.is_ok() { "RELEASE SAVEPOINT" } else { "ROLLBACK TO SAVEPOINT" }).await?;
    }
    match found {
        Err(error) if protected || !postgres && is_unreadable(&error) => {
            warn_unreadable(table, &error);
            let unproven = dependents.iter().map(|region| region.keyspace.clone()).collect();
            Ok(Cascade { unproven, ..Cascade::default() })
        }
        found => found,
    }
}

/// Whether there is nothing to read or no right to. MySQL and SQLite go on with the transaction then, which they do not
/// after every error: a deadlock has ended it.
fn is_unreadable(error: &DbErr) -> bool {
    let text = error.to_string();
    ["no such table", "no such column", "doesn't exist", "Unknown column", "denied"]
        .iter()
        .any(|t| text.contains(t))
}

async fn follow_all(autocache: &Autocache, deleted: Deleted, db: &dyn Executor) -> Result<Cascade, DbErr> {
    let mut cascade = Cascade::default();
    let mut references = deleted.references(autocache);
    for _ in 0..DEPTH_MAX {
        if references.is_empty() {
            break;
        }
        let level = cascade.follow(autocache, &references, db, true).await?;
        references = next_level(autocache, &level);
    }
    cascade.give_up(autocache, &references);
    Ok(cascade)
}

/// Places intents for what changes with a row that is deleted by a statement outside of a transaction: level by
/// level, the lists first, then what is in them.
pub(crate) async fn mark_cascade(
    autocache: &Autocache,
    keyspace: &Keyspace,
    pk: &ValueTuple,
    db: &dyn Executor,
    intents: &mut IntentSet,
) -> Result<(), DbErr> {
    let schema = &keyspace.schema;
    let Some(columns) = referenced(autocache, schema, pk, db).await? else { return Ok(()) };
    let mut cascade = Cascade::default();
    let mut references = Deleted { table: schema.table, rows: vec![columns] }.references(autocache);
    for _ in 0..DEPTH_MAX {
        if references.is_empty() {
            break;
        }
        references.iter().for_each(|reference| reference.mark(intents));
        intents.place(keyspace.settings.consistency).await?;
        let known = cascade.keys.len();
        let level = cascade.follow(autocache, &references, db, false).await?;
        for (keyspace, key) in &cascade.keys[known..] {
            intents.add(keyspace, key.clone(), RowChange::Unknown);
        }
        references = next_level(autocache, &level);
    }
    cascade.give_up(autocache, &references);
    cascade.unproven.iter().for_each(|keyspace| intents.add_unproven(keyspace));
    Ok(())
}

fn next_level(autocache: &Autocache, level: &[Deleted]) -> Vec<Reference> {
    level.iter().flat_map(|deleted| deleted.references(autocache)).collect()
}

/// The row's columns that foreign keys point to: its primary key, and by a `SELECT` the others, if any does.
async fn referenced(
    autocache: &Autocache,
    schema: &Schema,
    pk: &ValueTuple,
    db: &dyn Executor,
) -> Result<Option<Columns>, DbErr> {
    let names: Vec<&'static str> = schema.pk.iter().map(|column| schema.columns[*column].name).collect();
    let children = autocache.children_of(schema.table);
    let keys = || {
        let all = children.iter().flat_map(|child| &child.keyspace.schema.foreign_keys);
        all.filter(|key| key.table == schema.table)
    };
    if keys().next().is_none() {
        return Ok(None);
    }
    if keys().flat_map(|key| &key.columns).all(|name| names.contains(&name.as_str())) {
        return Ok(Some(names.into_iter().zip(pk.clone()).collect()));
    }
    let rows = read(db, schema, &schema.select_by_pk(pk)).await?;
    Ok(rows.first().map(|row| columns_of(schema, row)))
}

async fn read(db: &dyn Executor, schema: &Schema, select: &SelectStatement) -> Result<Vec<Row>, DbErr> {
    db.select(select).await?.iter().map(|found| schema.ops.read(found)).collect()
}

/// All columns of a row by their names.
fn columns_of(schema: &Schema, row: &Row) -> Columns {
    let each = schema.columns.iter().enumerate();
    each.map(|(number, column)| (column.name, schema.get(row, number))).collect()
}
